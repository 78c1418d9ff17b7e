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
#include <stdint.h>

struct chat;
struct engine_event;

struct chat_snapshot {
	bool stale;       /* the file may not hold the current branch */
	double due;       /* clock_seconds() when it is to be written */
	uint64_t request; /* that writes it, or 0 */
};

/* Where it is; yours to free, or NULL. */
char *chat_snapshot_path(const struct chat *chat);

/* Else it is another confab's, or nobody's, and only read. */
bool chat_snapshot_is_ours(const struct chat *chat);

/* A reply ended, or another branch is the current one. */
void chat_snapshot_changed(struct chat *chat);

/* Writes what is due.  Seconds until something will be, or -1. */
double chat_snapshot_tick(struct chat *chat);

/* The event of the request that writes; false: it is another's. */
bool chat_snapshot_event(struct chat *chat, const struct engine_event *event);

/* Another conversation takes this one's place: writes at once, does not wait. */
void chat_snapshot_close(struct chat *chat);

/* The program ends: writes, and waits for it for some seconds at most.  true:
 * the engine has ended all that was asked of it. */
bool chat_snapshot_leave(struct chat *chat);

/* The conversation is to be deleted, and its snapshot with it. */
void chat_snapshot_remove(struct chat *chat);

#endif
