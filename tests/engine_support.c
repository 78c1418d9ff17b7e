#include "tests/engine_support.h"

#include <poll.h>

#include "tests/support.h"

#define PATIENCE_MS 60000

const struct sampler_settings test_greedy = { .top_p = 1, .repeat_penalty = 1 };

struct engine_event *test_next_event(struct engine *engine)
{
	struct pollfd fd = { .fd = engine_fd(engine), .events = POLLIN };
	struct engine_event *event;

	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	event = engine_next_event(engine);
	assert_non_null(event);
	return event;
}
