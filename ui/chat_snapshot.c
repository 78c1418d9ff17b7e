#include "ui/chat_snapshot.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/cli/options.h"
#include "ui/cli/snapshots.h"

#define IDLE_SECONDS  2.0 /* after a reply: the next prompt may be typed */
#define LEAVE_SECONDS 5.0 /* 4,000 tokens of a 4B take one, nobody waits ten */

void chat_snapshot_free(struct chat_snapshot *snapshot)
{
	ids_free(&snapshot->line);
}

char *chat_snapshot_path(const struct chat *chat)
{
	return snapshots_path(chat->options, chat->conversation->id);
}

void chat_snapshot_prompt(struct chat *chat, size_t n_reply)
{
	chat->snapshot.n_prompt = chat->prompt.n - n_reply;
}

void chat_snapshot_reply(struct chat *chat)
{
	struct chat_snapshot *s = &chat->snapshot;

	s->line.n = 0;
	ids_append(&s->line, chat->prompt.data, s->n_prompt);
	ids_append(&s->line, chat->reply->ids.data, chat->reply->ids.n);
	s->stale = true;
	s->due = clock_seconds() + IDLE_SECONDS;
}

static bool may_write(const struct chat *chat)
{
	return chat->snapshot.stale && !chat->snapshot.request &&
	       chat->saving.wanted && !chat->saving.read_only;
}

void chat_snapshot_now(struct chat *chat)
{
	struct chat_snapshot *s = &chat->snapshot;
	char *path = may_write(chat) ? chat_snapshot_path(chat) : NULL;

	if (path) {
		s->stale = false;
		s->request =
			engine_save_line(chat->engine,
		                         &(struct engine_save_line){
						 .path = path,
						 .ids = s->line.data,
						 .n_ids = s->line.n,
						 .disk_budget =
							 chat->options->kv_disk,
					 });
	}
	free(path);
}

int chat_snapshot_tick(struct chat *chat)
{
	double left = chat->snapshot.due - clock_seconds();

	if (!may_write(chat) || chat->request)
		return -1;
	if (left > 0)
		return (int)(left * 1000) + 1;
	chat_snapshot_now(chat);
	return -1;
}

bool chat_snapshot_event(struct chat *chat, const struct engine_event *event)
{
	struct chat_snapshot *s = &chat->snapshot;

	if (!s->request || event->request != s->request)
		return false;
	s->request = 0;
	if (event->type == ENGINE_FINISHED &&
	    event->finished.reason == ENGINE_CANCELLED) {
		s->stale = true; /* it gave way; there will be time */
		s->due = clock_seconds() + IDLE_SECONDS;
	}
	return true;
}

/* Waits for the end of what is under way, or for a signal: somebody is in a
 * hurry. */
static void wait_until(struct chat *chat, double until)
{
	struct pollfd fd = { .fd = engine_fd(chat->engine), .events = POLLIN };
	double left;

	while (chat->snapshot.request && (left = until - clock_seconds()) > 0 &&
	       poll(&fd, 1, (int)(left * 1000) + 1) >= 0) {
		struct engine_event *event = engine_next_event(chat->engine);

		if (event)
			chat_snapshot_event(chat, event);
		engine_event_free(event);
	}
}

void chat_snapshot_leave(struct chat *chat)
{
	double until = clock_seconds() + LEAVE_SECONDS;

	wait_until(chat, until);
	chat_snapshot_now(chat);
	wait_until(chat, until);
}

void chat_snapshot_remove(struct chat *chat, const char *id)
{
	struct chat_snapshot *s = &chat->snapshot;

	if (s->request)
		engine_cancel(chat->engine, s->request);
	snapshots_remove(id);
}
