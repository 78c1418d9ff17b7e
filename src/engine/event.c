#include "engine/event.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/loaded_model.h"
#include "text/tokenizer.h"

struct engine_event *event_new(enum engine_event_type type, uint64_t request)
{
	struct engine_event *event = mem_zalloc(1, sizeof *event);

	event->type = type;
	event->request = request;
	return event;
}

struct engine_event *event_new_failed(uint64_t request, const char *text,
                                      bool bad_file)
{
	struct engine_event *event = event_new(ENGINE_FAILED, request);

	event->failed.text = mem_strdup(text);
	event->failed.bad_file = bad_file;
	return event;
}

struct engine_event *event_new_notice(uint64_t request, const char *text)
{
	struct engine_event *event = event_new(ENGINE_NOTICE, request);

	event->notice.text = mem_strdup(text);
	return event;
}

struct engine_event *event_new_finished(uint64_t request,
                                        enum engine_finish reason)
{
	struct engine_event *event = event_new(ENGINE_FINISHED, request);

	event->finished.reason = reason;
	return event;
}

struct engine_event *event_new_token(uint64_t request, size_t pos,
                                     const struct sample *sample,
                                     const struct tokenizer *tokenizer)
{
	struct engine_event *event = event_new(ENGINE_TOKEN, request);
	const char *bytes = NULL;

	event->token.pos = pos;
	event->token.sample = *sample;
	if (sample->id < tokenizer_n_ids(tokenizer))
		bytes = tokenizer_bytes(tokenizer, sample->id,
		                        &event->token.len);
	if (!bytes)
		event->token.len = 0;
	event->token.bytes = mem_dup(bytes, event->token.len);
	return event;
}

void engine_event_free(struct engine_event *event)
{
	if (!event)
		return;
	switch (event->type) {
	case ENGINE_LOADED:
		loaded_model_free(event->loaded.previous);
		break;
	case ENGINE_TOKEN:
		free(event->token.bytes);
		free(event->token.logits);
		break;
	case ENGINE_NOTICE:
		free(event->notice.text);
		break;
	case ENGINE_FAILED:
		free(event->failed.text);
		break;
	case ENGINE_PROGRESS:
	case ENGINE_FINISHED:
		break;
	}
	free(event);
}
