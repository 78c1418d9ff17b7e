/*
 * library.h - conversations on disk; the one door to SQLite
 *
 * One database, conversations.db, in $XDG_DATA_HOME/confab (0700, 0600), in
 * WAL mode: a reader never waits, a crash loses at most what was not yet
 * flushed.  One writer a conversation, held by a lock file of the kernel's
 * (flock), so that a killed process leaves nothing stale.
 */
#ifndef CONFAB_LIBRARY_H
#define CONFAB_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conversation;
struct error;
struct library;
struct message;

/* Opens or makes the database below dir.  Older schemas are migrated; a newer
 * one is refused. */
struct library *library_open(const char *dir, struct error *err);
/* For reading alone, where library_open() fails: a full disk has no room for what it
 * needs beside the database.  NULL: it cannot be read either.  why: what library_open()
 * said, as changes will. */
struct library *library_open_for_reading(const char *dir,
                                         const struct error *why);
/* Why library_open() failed: the database itself is no good. */
bool library_is_bad(const char *dir);
/* Gives up all locks.  After something was removed its words leave the file, which takes
 * part of a second for a large one. */
void library_close(struct library *lib);

/* It lies where this program may not write. */
bool library_is_read_only(const struct library *lib);

/* Was something found that cannot be read?  What is whole is listed and read all
 * the same. */
bool library_is_damaged(const struct library *lib);

/* Was its file moved or removed since it was opened?  Nothing can be written any
 * more; what is at its place now has to be opened. */
bool library_is_gone(const struct library *lib);

/* Are there changes of a program that was killed, which cannot be read?  What is then to
 * be told. */
bool library_is_behind(const struct library *lib);
#define LIBRARY_BEHIND \
	"conversations.db-wal: cannot be read; this is without the changes " \
	"in it"

struct library_entry {
	char *id; /* short, unique, safe in a shell: "k3f9qz" */
	char *title;
	char *preview; /* the first words of the last message */
	char *snippet; /* a search's hit in its surroundings, or NULL */
	int64_t created_ms, updated_ms;
	size_t messages; /* on all branches */
};

/* Newest first; words: search over titles and messages (search.h), NULL or ""
 * for all; at most limit (0: all).  Free with library_entries_free(). */
int library_list(struct library *lib, const char *words, size_t limit,
                 struct library_entry **entries, size_t *n, struct error *err);
void library_entries_free(struct library_entry *entries, size_t n);

/* Finds an id by a unique beginning of it, or "last".  Yours to free. */
char *library_find(struct library *lib, const char *id, struct error *err);

/* The same, else the one conversation whose title has all the words, else the
 * one that has them in a message. */
char *library_find_any(struct library *lib, const char *name,
                       struct error *err);

/* The last n messages of the current branch, for a preview: without ids and
 * odds, numbered from 0, not to be saved. */
struct conversation *library_tail(struct library *lib, const char *id, size_t n,
                                  struct error *err);

struct conversation *library_read(struct library *lib, const char *id,
                                  struct error *err);

/* One writer: 0 ours now, 1 somebody else's (or nobody's, as the library cannot
 * be written; err says which), -1 failed.  Held until library_unlock() or the end
 * of the process. */
int library_lock(struct library *lib, const char *id, struct error *err);
void library_unlock(struct library *lib, const char *id);

/* Saves what is new since the last save: a new conversation gets its id and its
 * lock, another one must be locked; new messages, longer texts, more odds, a changed
 * title or leaf are written in one transaction.  On failure nothing is written, and
 * the next save tries all of it again. */
int library_save(struct library *lib, struct conversation *c,
                 struct error *err);

/* Saves new conversations (without ids), all of them or none, and locks none. */
int library_add(struct library *lib, struct conversation **list, size_t n,
                struct error *err);

int library_rename(struct library *lib, const char *id, const char *title,
                   struct error *err);
int library_remove(struct library *lib, const char *id, struct error *err);
int library_remove_message(struct library *lib, const char *id, int64_t message,
                           struct error *err);

#endif
