/*
 * database.h - one SQLite file: opened, migrated, asked
 *
 * Write-ahead log, synchronous NORMAL: a killed process loses nothing that was
 * committed; a power failure may lose the last second but never the file.
 * Writers of other processes are waited for, 10 seconds at most.
 */
#ifndef CONFAB_DATABASE_H
#define CONFAB_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

struct error;

/* Opens or makes the file (0600) and brings its schema up to date.  A newer
 * schema than this program's, and a file that is no database, are errors.  What
 * may be read but not written is opened for reading, and so is a file of which the
 * end is missing: *read_only. */
sqlite3 *database_open(const char *path, bool *read_only, struct error *err);

/* Opens what is there for reading, even where there is no room for the log.  An empty
 * file is an error. */
sqlite3 *database_open_for_reading(const char *path, struct error *err);

/* Is there a log with changes that could not be opened? */
bool database_misses_log(sqlite3 *db);

/* Whether the file that could not be opened is at fault itself: no database, a
 * damaged one, or one of a later program. */
bool database_is_bad(const char *path);

/* Is another file, or none, where it was opened? */
bool database_is_gone(sqlite3 *db);

/* Prepares and binds: 'i' int64_t, 't' const char *, 'b' const void * and
 * size_t, 'd' double; one letter a parameter.  NULL with the reason.
 * Texts and blobs are borrowed until the statement is finalised. */
sqlite3_stmt *database_ask(sqlite3 *db, struct error *err, const char *sql,
                           const char *types, ...);

/* The same, run to its end: 0 or -1. */
int database_do(sqlite3 *db, struct error *err, const char *sql,
                const char *types, ...);

/* A transaction; database_end() commits it where status is 0, else undoes it, and
 * gives the status. */
int database_begin(sqlite3 *db, struct error *err);
int database_end(sqlite3 *db, int status, struct error *err);

/* A copy of a text or blob column of a row, a 0 byte behind it; yours to free.
 * NULL of the database: "", or NULL. */
char *database_column(sqlite3_stmt *statement, int column);
char *database_column_or_null(sqlite3_stmt *statement, int column);

/* Steps: 1 a row, 0 the end, -1 failed. */
int database_step(sqlite3 *db, sqlite3_stmt *statement, struct error *err);

/* Did the last call fail because the file is damaged? */
bool database_is_damaged(sqlite3 *db);

/* For a damaged file: gives every row that can be read to take(), and passes over
 * the others.  sql selects with "> ?1" on the row's number, which is its first
 * column and its order, and may use the text ?2; "NOT INDEXED", as an index may
 * be what is damaged.  1 where something was passed over, else 0. */
int database_salvage(sqlite3 *db, const char *sql, const char *text,
                     void (*take)(void *arg, sqlite3_stmt *row), void *arg);

#endif
