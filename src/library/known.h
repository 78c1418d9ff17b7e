/*
 * known.h - the library's memory of what the database holds already
 *
 * A save writes only what is new: for every message of every conversation that
 * was read or saved, its row and how much of it was written.  Also the state
 * that the files of the library share; nobody else includes this.
 */
#ifndef CONFAB_KNOWN_H
#define CONFAB_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "library/conversation.h"

struct error;

/* What is in the database of one message: what is more is new. */
struct known_message {
	int64_t id, row;
	size_t text_len, n_ids, n_odds;
	unsigned odds_renewed;
	enum message_state state;
};

struct known_conversation {
	char *id;
	int lock;                       /* file descriptor, -1: not ours */
	struct known_message *messages; /* [n], ascending id */
	size_t n, capacity;
};

struct library {
	char *dir;
	sqlite3 *db;
	bool read_only;
	char *why_read_only;              /* NULL: it lies where that is so */
	bool damaged;                     /* something could not be read */
	bool removed;                     /* something, since it was opened */
	struct known_conversation *known; /* [n_known] */
	size_t n_known, capacity;
};

/* A change of the database, as database_begin() and database_end() say; notes damage. */
int library_begin(struct library *lib, struct error *err);
int library_end(struct library *lib, int status, struct error *err);

/* Is the conversation locked, as it must be for what adds to it or takes from it? */
bool library_writes(struct library *lib, const char *id, struct error *err);

/* The conversation's entry, made where there is none.  Valid until the next
 * call. */
struct known_conversation *known_find(struct library *lib, const char *id);

/* Forgets it and gives up its lock. */
void known_drop(struct library *lib, const char *id);
void known_free_all(struct library *lib);

/* The message is in the database as it is now. */
void known_note(struct known_conversation *k, const struct message *m,
                int64_t row);

/* Messages whose row fails the test are forgotten. */
void known_keep(struct known_conversation *k,
                int (*keep)(void *arg, int64_t row), void *arg);

#endif
