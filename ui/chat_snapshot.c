#include "ui/chat_snapshot.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/ids.h"
#include "engine/engine.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/chat_prompt.h"
#include "ui/cli/options.h"
#include "ui/cli/snapshots.h"

#define IDLE_SECONDS  2.0 /* after a reply: the next prompt may be typed */
#define LEAVE_SECONDS 5.0 /* 4,000 tokens of a 4B take one, nobody waits ten */

char *chat_snapshot_path(const struct chat *chat)
{
	return snapshots_path(chat->options, chat->conversation->id);
}

void chat_snapshot_changed(struct chat *chat)
{
	chat->snapshot.stale = true;
	chat->snapshot.due = clock_seconds() + IDLE_SECONDS;
}

bool chat_snapshot_is_ours(const struct chat *chat)
{
	return chat->saving.wanted && !chat->saving.read_only;
}

static bool may_write(const struct chat *chat)
{
	return chat->model && chat->state != CHAT_LOADING &&
	       chat->snapshot.stale && !chat->snapshot.request &&
	       chat_snapshot_is_ours(chat);
}

static void write_now(struct chat *chat)
{
	char *path = may_write(chat) ? chat_snapshot_path(chat) : NULL;
	struct ids ids = { 0 };

	if (path && !chat_prompt_line(chat, &ids)) {
		chat->snapshot.stale = false;
		chat->snapshot.request =
			engine_save_line(chat->engine,
		                         &(struct engine_save_line){
						 .path = path,
						 .ids = ids.data,
						 .n_ids = ids.n,
						 .disk_budget =
							 chat->options->kv_disk,
					 });
	}
	ids_free(&ids);
	free(path);
}

double chat_snapshot_tick(struct chat *chat)
{
	double left = chat->snapshot.due - clock_seconds();

	if (!may_write(chat) || chat->request)
		return -1;
	if (left > 0)
		return left;
	write_now(chat);
	return -1;
}

bool chat_snapshot_event(struct chat *chat, const struct engine_event *event)
{
	struct chat_snapshot *s = &chat->snapshot;

	if (!s->request || event->request != s->request)
		return false;
	s->request = 0;
	if (event->type == ENGINE_FINISHED &&
	    event->finished.reason == ENGINE_CANCELLED)
		chat_snapshot_changed(
			chat); /* it gave way; there will be time */
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

bool chat_snapshot_leave(struct chat *chat)
{
	double until = clock_seconds() + LEAVE_SECONDS;

	wait_until(chat, until);
	write_now(chat);
	if (!chat->snapshot.request)
		return false;
	wait_until(chat, until);
	return !chat->snapshot.request;
}

void chat_snapshot_close(struct chat *chat)
{
	write_now(chat);
	chat->snapshot = (struct chat_snapshot){ 0 };
}

void chat_snapshot_remove(struct chat *chat)
{
	if (chat->snapshot.request)
		engine_cancel(chat->engine, chat->snapshot.request);
	chat->snapshot = (struct chat_snapshot){ 0 };
	if (chat->conversation->id)
		snapshots_remove(chat->conversation->id);
}
