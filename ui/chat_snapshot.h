/*
 * chat_snapshot.h - the open conversation's keys and values go to the disk
 *
 * After a reply, when nobody has asked for anything for a moment, and on
 * leaving, the engine writes what it has read of the current branch; a later
 * prompt of this conversation reads it (engine_generate.snapshot).  It is a
 * cache: what goes wrong is not told, and the next reply tries again.
 */
#ifndef CONFAB_CHAT_SNAPSHOT_H
#define CONFAB_CHAT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"

struct chat;
struct engine_event;

struct chat_snapshot {
	size_t n_prompt; /* of chat->prompt, without the reply it begins with */
	struct ids line; /* the prompt and reply that were read last */
	bool stale;      /* the file does not hold them */
	double due;      /* clock_seconds() when they are to be written */
	uint64_t request; /* that writes them, or 0 */
};

void chat_snapshot_free(struct chat_snapshot *snapshot);

/* Where it is; yours to free, or NULL. */
char *chat_snapshot_path(const struct chat *chat);

/* A prompt is sent that ends with the first n_reply ids of its reply; the reply
 * ended. */
void chat_snapshot_prompt(struct chat *chat, size_t n_reply);
void chat_snapshot_reply(struct chat *chat);

/* Writes what is due.  Milliseconds until something will be, or -1. */
int chat_snapshot_tick(struct chat *chat);

/* The event of the request that writes; false: it is another's. */
bool chat_snapshot_event(struct chat *chat, const struct engine_event *event);

/* Another conversation is opened: writes at once, and does not wait. */
void chat_snapshot_now(struct chat *chat);

/* The program ends: writes, and waits for it for some seconds at most. */
void chat_snapshot_leave(struct chat *chat);

/* The conversation is deleted, and its snapshot with it. */
void chat_snapshot_remove(struct chat *chat, const char *id);

#endif
