#include "library/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"

/* Step i takes user_version i to i + 1. */
static const char *const migrations[] = {
	"CREATE TABLE conversations ("
	" id TEXT PRIMARY KEY, title TEXT NOT NULL, leaf INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);"
	"CREATE INDEX by_time ON conversations (updated_ms DESC);"
	"CREATE TABLE messages ("
	" row INTEGER PRIMARY KEY, conversation TEXT NOT NULL"
	"  REFERENCES conversations (id) ON DELETE CASCADE,"
	" id INTEGER NOT NULL, parent INTEGER NOT NULL, role INTEGER NOT NULL,"
	" state INTEGER NOT NULL, text BLOB NOT NULL, ids BLOB NOT NULL,"
	" created_ms INTEGER NOT NULL, seconds REAL NOT NULL, model TEXT,"
	" extra TEXT, UNIQUE (conversation, id));"
	/* Odds come in pieces, one a flush, so that a growing reply is
	 * appended to and never rewritten. */
	"CREATE TABLE odds ("
	" message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,"
	" first INTEGER NOT NULL, tokens BLOB NOT NULL,"
	" PRIMARY KEY (message, first)) WITHOUT ROWID;"
	"CREATE VIRTUAL TABLE search USING fts5 (text, conversation UNINDEXED,"
	" tokenize = 'unicode61 remove_diacritics 2');",
	/* Titles were rows of the search, under negative numbers. */
	"DELETE FROM search WHERE rowid < 0;",
};

#define SCHEMA ((int)(sizeof migrations / sizeof *migrations))

static int failed(sqlite3 *db, struct error *err)
{
	const char *file = sqlite3_db_filename(db, "main");

	return error_set(err, "%s: %s", file && *file ? file : "conversations",
	                 sqlite3_errmsg(db));
}

static int run(sqlite3 *db, const char *sql, struct error *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return failed(db, err);
	return 0;
}

/* The schema's number, or -1: unreadable, or none that this program knows. */
static int version(sqlite3 *db, struct error *err)
{
	sqlite3_stmt *s = database_ask(db, err, "PRAGMA user_version", "");
	int v = -1;

	if (s && database_step(db, s, err) == 1) {
		v = sqlite3_column_int(s, 0);
		if (v < 0 || v > SCHEMA)
			v = error_set(err,
			              "%s: schema %d, this program knows %d",
			              sqlite3_db_filename(db, "main"), v,
			              SCHEMA);
	}
	sqlite3_finalize(s);
	return v;
}

/* Nothing is written where nothing is to be done: a full disk can be read. */
static int migrate(sqlite3 *db, struct error *err)
{
	char sql[64];
	int v = version(db, err);

	if (v < 0 || v == SCHEMA)
		return v < 0 ? -1 : 0;
	if (run(db, "BEGIN IMMEDIATE", err))
		return -1;
	v = version(db, err); /* another process may have been here */
	if (v < 0)
		goto rollback;
	for (; v < SCHEMA; v++)
		if (run(db, migrations[v], err))
			goto rollback;
	sqlite3_snprintf(sizeof sql, sql, "PRAGMA user_version = %d", SCHEMA);
	if (run(db, sql, err) || run(db, "COMMIT", err))
		goto rollback;
	return 0;
rollback:
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

static sqlite3 *open_file(const char *path, int flags, struct error *err)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK) {
		sqlite3_busy_timeout(db, 10000);
		return db;
	}
	error_set(err, "%s: %s", path,
	          db ? sqlite3_errmsg(db) : "out of memory");
	sqlite3_close(db);
	return NULL;
}

/* The file by itself, without the log that a writer keeps beside it. */
static sqlite3 *open_alone(const char *path, struct error *err)
{
	struct strbuf uri = STRBUF_INIT;
	sqlite3 *db;

	strbuf_add_str(&uri, "file:");
	for (; *path; path++)
		if (strchr("%?#", *path))
			strbuf_printf(&uri, "%%%02x", (unsigned char)*path);
		else
			strbuf_add_char(&uri, *path);
	strbuf_add_str(&uri, "?immutable=1");
	db = open_file(uri.bytes, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
	strbuf_free(&uri);
	return db;
}

/* A file that is shorter than it should be is refused but where the schema may be
 * written, which it cannot be here. */
static bool can_be_read(sqlite3 *db, struct error *err)
{
	int v = run(db, "PRAGMA writable_schema = ON", err) ? -1
	                                                    : version(db, err);

	if (!v)
		error_set(err, "%s: no conversations in it yet",
		          sqlite3_db_filename(db, "main"));
	return v > 0;
}

/* With the log, if that can be: a killed writer leaves it, and it has what was written
 * last. */
sqlite3 *database_open_for_reading(const char *path, struct error *err)
{
	sqlite3 *db = open_file(path, SQLITE_OPEN_READONLY, err);

	if (db && can_be_read(db, NULL))
		return db;
	sqlite3_close(db);
	db = open_alone(path, err);
	if (db && can_be_read(db, err))
		return db;
	sqlite3_close(db);
	return NULL;
}

bool database_misses_log(sqlite3 *db)
{
	const char *file = sqlite3_db_filename(db, "main");
	struct stat st;

	return file && sqlite3_uri_boolean(file, "immutable", 0) &&
	       !stat(sqlite3_filename_wal(file), &st) && st.st_size;
}

sqlite3 *database_open(const char *path, bool *read_only, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	sqlite3 *db;

	*read_only = fd < 0 && (errno == EROFS || errno == EACCES) &&
	             !access(path, R_OK);
	if (*read_only)
		return database_open_for_reading(path, err);
	/* SQLite gives its -wal and -shm files the mode of the database. */
	if (fd >= 0) {
		fchmod(fd, 0600);
		close(fd);
	}
	db = open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
	if (db && (run(db,
	               "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;"
	               "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
	               err) ||
	           migrate(db, err))) {
		*read_only = sqlite3_errcode(db) == SQLITE_CORRUPT;
		sqlite3_close(db);
		db = *read_only ? database_open_for_reading(path, NULL) : NULL;
		if (db && err)
			*err->text = '\0';
	}
	return db;
}

bool database_is_gone(sqlite3 *db)
{
	int moved = 0;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved;
}

bool database_is_bad(const char *path)
{
	sqlite3_stmt *s = NULL;
	bool bad = false;
	sqlite3 *db;

	if (access(path, R_OK))
		return false;
	db = open_file(path, SQLITE_OPEN_READONLY, NULL);
	if (!db)
		return false;
	if (!sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1,
	                        &s, NULL) &&
	    sqlite3_step(s) == SQLITE_ROW)
		bad = version(db, NULL) < 0;
	else
		bad = database_is_damaged(db);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return bad;
}

static sqlite3_stmt *ask(sqlite3 *db, struct error *err, const char *sql,
                         const char *types, va_list args)
{
	sqlite3_stmt *s = NULL;
	int status = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	for (int i = 1; status == SQLITE_OK && types[i - 1]; i++) {
		if (types[i - 1] == 'i') {
			status =
				sqlite3_bind_int64(s, i, va_arg(args, int64_t));
		} else if (types[i - 1] == 'd') {
			status =
				sqlite3_bind_double(s, i, va_arg(args, double));
		} else if (types[i - 1] == 't') {
			status = sqlite3_bind_text(s, i,
			                           va_arg(args, const char *),
			                           -1, SQLITE_STATIC);
		} else {
			const void *bytes = va_arg(args, const void *);
			size_t len = va_arg(args, size_t);

			status = sqlite3_bind_blob64(s, i, len ? bytes : "",
			                             len, SQLITE_STATIC);
		}
	}
	if (status == SQLITE_OK)
		return s;
	failed(db, err);
	sqlite3_finalize(s);
	return NULL;
}

sqlite3_stmt *database_ask(sqlite3 *db, struct error *err, const char *sql,
                           const char *types, ...)
{
	sqlite3_stmt *s;
	va_list args;

	va_start(args, types);
	s = ask(db, err, sql, types, args);
	va_end(args);
	return s;
}

int database_do(sqlite3 *db, struct error *err, const char *sql,
                const char *types, ...)
{
	sqlite3_stmt *s;
	va_list args;
	int status;

	va_start(args, types);
	s = ask(db, err, sql, types, args);
	va_end(args);
	if (!s)
		return -1;
	while ((status = database_step(db, s, err)) == 1)
		;
	sqlite3_finalize(s);
	return status;
}

int database_step(sqlite3 *db, sqlite3_stmt *statement, struct error *err)
{
	int status = sqlite3_step(statement);

	if (status == SQLITE_ROW)
		return 1;
	return status == SQLITE_DONE ? 0 : failed(db, err);
}

int database_begin(sqlite3 *db, struct error *err)
{
	return database_do(db, err, "BEGIN IMMEDIATE", "");
}

int database_end(sqlite3 *db, int status, struct error *err)
{
	if (!status)
		status = database_do(db, err, "COMMIT", "");
	if (status)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}

char *database_column(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	return mem_dup(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

char *database_column_or_null(sqlite3_stmt *statement, int column)
{
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return NULL;
	return database_column(statement, column);
}

bool database_is_damaged(sqlite3 *db)
{
	int status = sqlite3_errcode(db);

	return status == SQLITE_CORRUPT || status == SQLITE_NOTADB;
}

#define NEIGHBOURS 4096 /* rows that are looked for one by one */

int database_salvage(sqlite3 *db, const char *sql, const char *text,
                     void (*take)(void *arg, sqlite3_stmt *row), void *arg)
{
	int64_t above = -1, step = 1;
	int damaged = 0, status, tries = 0;

	for (;;) {
		sqlite3_stmt *s =
			database_ask(db, NULL, sql, "it", above, text);

		while ((status = s ? database_step(db, s, NULL) : -1) == 1) {
			above = sqlite3_column_int64(s, 0);
			take(arg, s);
			tries = 0;
			step = 1;
		}
		sqlite3_finalize(s);
		if (!status || !s || above > INT64_MAX / 4)
			return damaged || !s;
		damaged = 1;
		above += step;
		if (++tries > NEIGHBOURS)
			step *= 2;
	}
}
