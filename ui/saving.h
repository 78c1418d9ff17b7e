/*
 * saving.h - the conversation is kept without anybody asking for it
 *
 * A library that cannot be opened or written is no reason to stop: the chat
 * goes on in memory, the status line says why, and every later save tries
 * again.
 */
#ifndef CONFAB_SAVING_H
#define CONFAB_SAVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct conversation;
struct library;
struct options;

struct saving {
	struct library *lib;     /* NULL: none could be opened, or none wanted */
	bool wanted;
	bool read_only;          /* another confab writes this conversation */
	struct error trouble;    /* text empty while all is well */
	double saved_at;         /* clock_seconds() of the last try */
	struct conversation **deleted; /* [n_deleted], whole, the last one last */
	size_t n_deleted, deleted_capacity;
	char *undeleted;         /* id of the one brought back last */
};

void saving_open(struct saving *s, const struct options *o);
void saving_close(struct saving *s);

/* The conversation that the options ask for: resumed or new.  NULL with the
 * reason, and *status, when one that was named cannot be had.  One that another
 * confab holds is opened read-only. */
struct conversation *saving_begin(struct saving *s, const struct options *o,
                                  int *status, struct error *err);

/* Is there one that is saved by that name? */
bool saving_finds(struct saving *s, const char *id, struct error *err);

/* Opens a saved conversation by id, or by a beginning of it, in the place of one
 * that is open; that one stays locked when it fails (NULL: err). */
struct conversation *saving_open_other(struct saving *s,
                                       const struct conversation *open,
                                       const char *id, struct error *err);

/* Gives up the lock on what was open. */
void saving_leave(struct saving *s, const struct conversation *c);

/* Takes a message and all below it out of the conversation and the library. */
void saving_remove_message(struct saving *s, struct conversation *c, int64_t id);

/* The same of a message that cannot be answered, see conversation_take_back(); a
 * conversation in which nothing else was said goes with it. */
void saving_take_back(struct saving *s, struct conversation *c, int64_t id);

/* The last try failed: another one is due. */
bool saving_is_behind(const struct saving *s);

/* What a person should know of the conversation that was opened, or NULL. */
const char *saving_notice(const struct saving *s, const struct conversation *c);

/* Deletes a conversation that nobody else has open, and its KV snapshot; it can
 * be brought back until the program ends.  saving_undelete() brings back the one
 * that was deleted last and gives its id, valid until the next time, or NULL with
 * the reason. */
int saving_delete(struct saving *s, const char *id, struct error *err);
const char *saving_undelete(struct saving *s, struct error *err);

/* Writes what is new; nothing of a conversation in which nothing was said yet.  Where the
 * library was moved or removed, all of it goes into the one that is there now. */
void saving_save(struct saving *s, struct conversation *c);

#endif
