/*
 * snapshots.h - where a conversation's KV snapshot is, and when it goes
 *
 *	$XDG_CACHE_HOME/confab/kv/ID.kv
 *
 * The engine writes and reads it (engine_save_line()); which one belongs to a
 * conversation is known here.
 */
#ifndef CONFAB_SNAPSHOTS_H
#define CONFAB_SNAPSHOTS_H

#include <stdbool.h>

struct conversation;
struct error;
struct library;
struct options;

/* The snapshot of a conversation, yours to free.  NULL where there is none: it
 * is not saved (id NULL), snapshots are turned off, nobody knows where. */
char *snapshots_path(const struct options *o, const char *id);

/* The conversation is deleted. */
void snapshots_remove(const char *id);

/* As library_open() and library_save().  Conversations come first: where these
 * fail and the disk is full, all snapshots on it are removed. */
/* at_least_read: for reading alone, where nothing else helps; err says why. */
struct library *snapshots_yield_open(const char *dir, bool at_least_read,
                                     struct error *err);
int snapshots_yield_save(struct library *lib, struct conversation *c,
                         struct error *err);

#endif
