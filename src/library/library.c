#include "library/library.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "library/database.h"
#include "library/known.h"

#define SHORT_MS 200 /* to wait for another writer before the program ends */

static struct library *new_library(const char *dir, sqlite3 *db, bool read_only)
{
	struct library *lib = mem_zalloc(1, sizeof *lib);

	lib->dir = mem_strdup(dir);
	lib->db = db;
	lib->read_only = read_only;
	return lib;
}

struct library *library_open(const char *dir, struct error *err)
{
	char *path, *locks;
	sqlite3 *db = NULL;
	bool read_only = false;

	path = paths_join(dir, "conversations.db");
	locks = paths_join(dir, "locks");
	if (!file_make_dirs(locks, err))
		db = database_open(path, &read_only, err);
	free(path);
	free(locks);
	return db ? new_library(dir, db, read_only) : NULL;
}

struct library *library_open_for_reading(const char *dir,
                                         const struct error *why)
{
	char *path = paths_join(dir, "conversations.db");
	sqlite3 *db = database_open_for_reading(path, NULL);
	struct library *lib = db ? new_library(dir, db, true) : NULL;

	free(path);
	if (lib)
		lib->why_read_only = mem_strdup(why->text);
	return lib;
}

bool library_is_bad(const char *dir)
{
	char *path = paths_join(dir, "conversations.db");
	bool bad = database_is_bad(path);

	free(path);
	return bad;
}

bool library_is_read_only(const struct library *lib)
{
	return lib->read_only;
}

bool library_is_damaged(const struct library *lib)
{
	return lib->damaged;
}

bool library_is_gone(const struct library *lib)
{
	return !lib->read_only && database_is_gone(lib->db);
}

bool library_is_behind(const struct library *lib)
{
	return database_misses_log(lib->db);
}

/* The words of what was removed stay in the index until its parts are joined; where
 * another program writes, until something is removed the next time. */
static void forget_words(struct library *lib)
{
	sqlite3_busy_timeout(lib->db, SHORT_MS);
	database_do(lib->db, NULL,
	            "INSERT INTO search (search) VALUES ('optimize')", "");
}

void library_close(struct library *lib)
{
	if (!lib)
		return;
	if (lib->removed)
		forget_words(lib);
	known_free_all(lib);
	sqlite3_close(lib->db);
	free(lib->why_read_only);
	free(lib->dir);
	free(lib);
}

/* ---- locking ---- */

/* Nothing is changed where nothing can be written. */
static bool refused(const struct library *lib, struct error *err)
{
	if (!lib->read_only)
		return false;
	if (lib->why_read_only)
		error_set(err, "%s", lib->why_read_only);
	else
		error_set(err, "%s/conversations.db: cannot be written",
		          lib->dir);
	return true;
}

static char *lock_path(const struct library *lib, const char *id)
{
	struct strbuf path = STRBUF_INIT;

	strbuf_printf(&path, "%s/locks/%s", lib->dir, id);
	return strbuf_take(&path);
}

int library_lock(struct library *lib, const char *id, struct error *err)
{
	struct known_conversation *k = known_find(lib, id);
	char *path;
	int status;

	if (k->lock >= 0)
		return 0;
	if (refused(lib, err))
		return 1;
	path = lock_path(lib, id);
	status = file_lock_take(&k->lock, path, err);
	if (status == 1)
		error_set(err, "conversation %s: open in another confab", id);
	free(path);
	return status;
}

void library_unlock(struct library *lib, const char *id)
{
	struct known_conversation *k = known_find(lib, id);

	if (k->lock >= 0)
		close(k->lock);
	k->lock = -1;
}

/* ---- changing what is there ---- */

int library_begin(struct library *lib, struct error *err)
{
	if (refused(lib, err))
		return -1;
	/* It would be written all the same, and be gone with this process. */
	if (library_is_gone(lib))
		return error_set(err,
		                 "%s/conversations.db: was moved or removed "
		                 "while it was open",
		                 lib->dir);
	if (!database_begin(lib->db, err))
		return 0;
	lib->damaged |= database_is_damaged(lib->db);
	return -1;
}

int library_end(struct library *lib, int status, struct error *err)
{
	if (status)
		lib->damaged |= database_is_damaged(lib->db);
	return database_end(lib->db, status, err);
}

int library_rename(struct library *lib, const char *id, const char *title,
                   struct error *err)
{
	int status = library_begin(lib, err);

	if (status)
		return -1;
	status = database_do(lib->db, err,
	                     "UPDATE conversations SET title = ? WHERE id = ?",
	                     "tt", title, id);
	if (!status && !sqlite3_changes(lib->db))
		status = error_set(err, "%s: no such conversation", id);
	return library_end(lib, status, err);
}

int library_remove(struct library *lib, const char *id, struct error *err)
{
	char *path;
	int status = library_begin(lib, err);

	if (status)
		return -1;
	status = database_do(lib->db, err,
	                     "DELETE FROM search WHERE rowid IN"
	                     " (SELECT row FROM messages"
	                     "  WHERE conversation = ?)",
	                     "t", id);
	lib->removed |= sqlite3_changes(lib->db) > 0;
	if (!status)
		status = database_do(lib->db, err,
		                     "DELETE FROM conversations WHERE id = ?",
		                     "t", id);
	if (!status && !sqlite3_changes(lib->db))
		status = error_set(err, "%s: no such conversation", id);
	if (library_end(lib, status, err))
		return -1;
	path = lock_path(lib, id);
	unlink(path);
	free(path);
	known_drop(lib, id);
	return 0;
}

bool library_writes(struct library *lib, const char *id, struct error *err)
{
	if (refused(lib, err))
		return false;
	if (known_find(lib, id)->lock >= 0)
		return true;
	error_set(err, "conversation %s: not locked by this confab", id);
	return false;
}

static int row_is_there(void *arg, int64_t row)
{
	struct library *lib = arg;
	sqlite3_stmt *s =
		database_ask(lib->db, NULL,
	                     "SELECT 1 FROM messages WHERE row = ?", "i", row);
	int found = s && database_step(lib->db, s, NULL) == 1;

	sqlite3_finalize(s);
	return found;
}

#define BRANCH \
	"WITH RECURSIVE below (row, id) AS (SELECT row, id FROM messages" \
	" WHERE conversation = ?1 AND id = ?2 UNION ALL SELECT m.row, m.id" \
	" FROM messages m, below b WHERE m.conversation = ?1" \
	" AND m.parent = b.id) "

int library_remove_message(struct library *lib, const char *id, int64_t message,
                           struct error *err)
{
	int status =
		library_writes(lib, id, err) ? library_begin(lib, err) : -1;

	if (status)
		return -1;
	status = database_do(lib->db, err,
	                     BRANCH "DELETE FROM search WHERE rowid IN"
	                            " (SELECT row FROM below)",
	                     "ti", id, message);
	lib->removed |= sqlite3_changes(lib->db) > 0;
	if (!status)
		status = database_do(lib->db, err,
		                     BRANCH "DELETE FROM messages WHERE row IN"
		                            " (SELECT row FROM below)",
		                     "ti", id, message);
	if (library_end(lib, status, err))
		return -1;
	/* Ids are given anew after the newest is removed: what was noted of a
	 * removed message must not pass for the next one's. */
	known_keep(known_find(lib, id), row_is_there, lib);
	return 0;
}
