#include "library/library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/database.h"
#include "library/odds_codec.h"

/* What the database holds of one message: what is more is new. */
struct saved_message {
	int64_t id, row;
	size_t text_len, n_ids, n_odds;
	enum message_state state;
};

struct saved_conversation {
	char *id;
	int lock;                       /* file descriptor, -1: not ours */
	struct saved_message *messages; /* [n], ascending id */
	size_t n, capacity;
};

struct library {
	char *dir;
	sqlite3 *db;
	struct saved_conversation *known; /* [n_known] */
	size_t n_known, capacity;
};

struct library *library_open(const char *dir, struct error *err)
{
	struct library *lib;
	char *path, *locks;
	sqlite3 *db = NULL;

	path = paths_join(dir, "conversations.db");
	locks = paths_join(dir, "locks");
	if (!file_make_dirs(locks, err))
		db = database_open(path, err);
	free(path);
	free(locks);
	if (!db)
		return NULL;
	lib = mem_zalloc(1, sizeof *lib);
	lib->dir = mem_strdup(dir);
	lib->db = db;
	return lib;
}

static void forget(struct saved_conversation *known)
{
	if (known->lock >= 0)
		close(known->lock);
	free(known->messages);
	free(known->id);
}

void library_close(struct library *lib)
{
	if (!lib)
		return;
	for (size_t i = 0; i < lib->n_known; i++)
		forget(&lib->known[i]);
	free(lib->known);
	sqlite3_close(lib->db);
	free(lib->dir);
	free(lib);
}

static struct saved_conversation *known(struct library *lib, const char *id)
{
	struct saved_conversation *k;

	for (size_t i = 0; i < lib->n_known; i++)
		if (!strcmp(lib->known[i].id, id))
			return &lib->known[i];
	lib->known = mem_grow(lib->known, lib->n_known, &lib->capacity,
	                      sizeof *lib->known);
	k = &lib->known[lib->n_known++];
	*k = (struct saved_conversation){ .id = mem_strdup(id), .lock = -1 };
	return k;
}

static void drop_known(struct library *lib, const char *id)
{
	struct saved_conversation *k = known(lib, id);

	forget(k);
	*k = lib->known[--lib->n_known];
}

static int begin(struct library *lib, struct error *err)
{
	return database_do(lib->db, err, "BEGIN IMMEDIATE", "");
}

/* Commits where all went well, else undoes. */
static int end(struct library *lib, int status, struct error *err)
{
	if (!status)
		status = database_do(lib->db, err, "COMMIT", "");
	if (status)
		sqlite3_exec(lib->db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}

/* ---- reading ---- */

/* A copy of a text or blob column, never NULL; a 0 byte follows. */
static char *column(sqlite3_stmt *s, int i)
{
	const void *bytes = sqlite3_column_blob(s, i);

	return mem_dup(bytes, (size_t)sqlite3_column_bytes(s, i));
}

static char *column_or_null(sqlite3_stmt *s, int i)
{
	if (sqlite3_column_type(s, i) == SQLITE_NULL)
		return NULL;
	return column(s, i);
}

static char *quoted_words(const char *words)
{
	struct strbuf query = STRBUF_INIT;

	/* Every word as a string, the last as a beginning: no operator of the
	 * query language can be typed by accident. */
	while (*words) {
		size_t n = strcspn(words, " \t\n");

		if (n) {
			strbuf_add_str(&query, query.len ? " \"" : "\"");
			for (size_t i = 0; i < n; i++) {
				if (words[i] == '"')
					strbuf_add_char(&query, '"');
				strbuf_add_char(&query, words[i]);
			}
			strbuf_add_char(&query, '"');
		}
		words += n;
		words += strspn(words, " \t\n");
	}
	if (query.len)
		strbuf_add_char(&query, '*');
	return strbuf_take(&query);
}

#define ENTRY \
	"SELECT c.id, c.title, c.created_ms, c.updated_ms," \
	" (SELECT count(*) FROM messages m WHERE m.conversation = c.id)," \
	" (SELECT substr(CAST(m.text AS TEXT), 1, 200) FROM messages m" \
	"  WHERE m.conversation = c.id AND m.id = c.leaf)"

static const char list_all[] = ENTRY
	", NULL FROM conversations c ORDER BY c.updated_ms DESC, c.id LIMIT ?";
/* snippet() works on the search itself only, hence the two steps; the bare
 * column beside min() is the best hit's. */
static const char list_found[] =
	"WITH hits AS MATERIALIZED (SELECT conversation,"
	"  snippet(search, 0, '', '', '…', 12) AS hit, rank AS score"
	"  FROM search WHERE search MATCH ?),"
	" best AS (SELECT conversation, hit, min(score) FROM hits"
	"  GROUP BY conversation) " ENTRY
	", h.hit FROM conversations c JOIN best h ON h.conversation = c.id"
	" ORDER BY c.updated_ms DESC, c.id LIMIT ?";

int library_list(struct library *lib, const char *words, size_t limit,
                 struct library_entry **entries, size_t *n, struct error *err)
{
	char *query = quoted_words(words ? words : "");
	int64_t most = limit && limit < INT64_MAX ? (int64_t)limit : -1;
	sqlite3_stmt *s;
	size_t capacity = 0;
	int status = -1;

	*entries = NULL;
	*n = 0;
	s = *query ? database_ask(lib->db, err, list_found, "ti", query, most)
	           : database_ask(lib->db, err, list_all, "i", most);
	while (s && (status = database_step(lib->db, s, err)) == 1) {
		*entries = mem_grow(*entries, *n, &capacity, sizeof **entries);
		(*entries)[(*n)++] = (struct library_entry){
			.id = column(s, 0),
			.title = column(s, 1),
			.created_ms = sqlite3_column_int64(s, 2),
			.updated_ms = sqlite3_column_int64(s, 3),
			.messages = (size_t)sqlite3_column_int64(s, 4),
			.preview = column(s, 5),
			.snippet = column_or_null(s, 6),
		};
	}
	sqlite3_finalize(s);
	free(query);
	if (status) {
		library_entries_free(*entries, *n);
		*entries = NULL;
		*n = 0;
	}
	return status;
}

void library_entries_free(struct library_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(entries[i].id);
		free(entries[i].title);
		free(entries[i].preview);
		free(entries[i].snippet);
	}
	free(entries);
}

char *library_find(struct library *lib, const char *id, struct error *err)
{
	static const char newest[] = "SELECT id FROM conversations"
				     " ORDER BY updated_ms DESC, id LIMIT 1";
	/* An exact id sorts before longer ones that begin with it. */
	static const char beginning[] = "SELECT id FROM conversations"
					" WHERE substr(id, 1, length(?1)) = ?1"
					" ORDER BY id LIMIT 2";
	bool last = !strcmp(id, "last");
	char *found = NULL;
	sqlite3_stmt *s;

	s = last ? database_ask(lib->db, err, newest, "")
	         : database_ask(lib->db, err, beginning, "t", id);
	if (!s)
		return NULL;
	switch (*id ? database_step(lib->db, s, err) : 0) {
	case 0:
		if (last)
			error_set(err, "no conversation is saved yet");
		else
			error_set(err, "%s: no such conversation", id);
		break;
	case 1:
		found = column(s, 0);
		if (strcmp(found, id) && database_step(lib->db, s, NULL) == 1) {
			error_set(err, "%s: more than one conversation: %s, %s",
			          id, found, sqlite3_column_text(s, 0));
			free(found);
			found = NULL;
		}
		break;
	}
	sqlite3_finalize(s);
	return found;
}

static int read_odds(struct library *lib, struct message *m, int64_t row,
                     struct error *err)
{
	sqlite3_stmt *s = database_ask(
		lib->db, err,
		"SELECT tokens FROM odds WHERE message = ? ORDER BY first", "i",
		row);
	int status = -1;

	while (s && (status = database_step(lib->db, s, err)) == 1)
		if (odds_decode(m, sqlite3_column_blob(s, 0),
		                (size_t)sqlite3_column_bytes(s, 0)))
			break; /* the rest is damaged: the text is not */
	sqlite3_finalize(s);
	return status == 1 ? 0 : status;
}

static void read_ids(struct message *m, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i + 4 <= len; i += 4)
		ids_add(&m->ids,
		        (int)((uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
		              (uint32_t)bytes[i + 2] << 16 |
		              (uint32_t)bytes[i + 3] << 24));
}

static void note(struct saved_conversation *k, const struct message *m,
                 int64_t row)
{
	struct saved_message *saved = NULL;

	for (size_t i = k->n; i-- && !saved;)
		if (k->messages[i].id == m->id)
			saved = &k->messages[i];
	if (!saved) {
		k->messages = mem_grow(k->messages, k->n, &k->capacity,
		                       sizeof *k->messages);
		saved = &k->messages[k->n++];
	}
	*saved = (struct saved_message){ m->id,    row,       m->text.len,
		                         m->ids.n, m->n_odds, m->state };
}

/* One row of the messages; -1 where it does not fit the tree read so far. */
static int read_message(struct library *lib, struct conversation *c,
                        struct saved_conversation *k, sqlite3_stmt *s,
                        struct error *err)
{
	int64_t row = sqlite3_column_int64(s, 0),
		id = sqlite3_column_int64(s, 1);
	int64_t parent = sqlite3_column_int64(s, 2);
	int role = sqlite3_column_int(s, 3), state = sqlite3_column_int(s, 4);
	struct message *m;

	if (role < ROLE_SYSTEM || role > ROLE_TOOL || state < MESSAGE_DONE ||
	    state > MESSAGE_INTERRUPTED || id < 0 || parent >= id ||
	    (parent != -1 && !conversation_message(c, parent)))
		return error_set(err,
		                 "conversation %s: message %lld is damaged",
		                 c->id, (long long)id);
	m = conversation_add(c, parent, (enum message_role)role,
	                     sqlite3_column_blob(s, 5),
	                     (size_t)sqlite3_column_bytes(s, 5));
	m->id = id;
	m->state = (enum message_state)state;
	read_ids(m, sqlite3_column_blob(s, 6),
	         (size_t)sqlite3_column_bytes(s, 6));
	m->created_ms = sqlite3_column_int64(s, 7);
	m->seconds = sqlite3_column_double(s, 8);
	m->model = column_or_null(s, 9);
	m->extra = column_or_null(s, 10);
	if (read_odds(lib, m, row, err))
		return -1;
	note(k, m, row);
	if (m->state == MESSAGE_OPEN) /* its writer is gone */
		m->state = MESSAGE_INTERRUPTED;
	return 0;
}

static struct conversation *read_head(struct library *lib, const char *id,
                                      struct error *err)
{
	struct conversation *c = NULL;
	sqlite3_stmt *s = database_ask(
		lib->db, err,
		"SELECT title, leaf, created_ms, updated_ms FROM conversations"
		" WHERE id = ?",
		"t", id);
	int status = s ? database_step(lib->db, s, err) : -1;

	if (status == 0)
		error_set(err, "%s: no such conversation", id);
	if (status == 1) {
		c = conversation_new();
		c->id = mem_strdup(id);
		free(c->title);
		c->title = column(s, 0);
		c->leaf = sqlite3_column_int64(s, 1);
		c->created_ms = sqlite3_column_int64(s, 2);
		c->updated_ms = sqlite3_column_int64(s, 3);
	}
	sqlite3_finalize(s);
	return c;
}

struct conversation *library_read(struct library *lib, const char *id,
                                  struct error *err)
{
	struct conversation *c = read_head(lib, id, err);
	struct saved_conversation *k;
	int64_t leaf, updated_ms;
	sqlite3_stmt *s;
	int status = -1;

	if (!c)
		return NULL;
	k = known(lib, id);
	k->n = 0;
	leaf = c->leaf;
	updated_ms = c->updated_ms;
	s = database_ask(lib->db, err,
	                 "SELECT row, id, parent, role, state, text, ids,"
	                 " created_ms, seconds, model, extra FROM messages"
	                 " WHERE conversation = ? ORDER BY id",
	                 "t", id);
	while (s && (status = database_step(lib->db, s, err)) == 1)
		if (read_message(lib, c, k, s, err)) {
			status = -1;
			break;
		}
	sqlite3_finalize(s);
	if (status) {
		conversation_free(c);
		return NULL;
	}
	c->updated_ms = updated_ms;
	c->leaf = c->n ? c->messages[c->n - 1]->id : -1;
	if (conversation_message(c, leaf))
		c->leaf = leaf;
	return c;
}

/* ---- locking ---- */

static char *lock_path(const struct library *lib, const char *id)
{
	struct strbuf path = STRBUF_INIT;

	strbuf_printf(&path, "%s/locks/%s", lib->dir, id);
	return strbuf_take(&path);
}

int library_lock(struct library *lib, const char *id, struct error *err)
{
	struct saved_conversation *k = known(lib, id);
	char *path;
	int fd, status = 0;

	if (k->lock >= 0)
		return 0;
	path = lock_path(lib, id);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		status = error_set(err, "%s: %s", path, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		status = errno == EWOULDBLOCK ? 1 : -1;
		error_set(err, "conversation %s: %s", id,
		          status == 1 ? "open in another confab"
		                      : strerror(errno));
		close(fd);
	} else {
		k->lock = fd;
	}
	free(path);
	return status;
}

void library_unlock(struct library *lib, const char *id)
{
	struct saved_conversation *k = known(lib, id);

	if (k->lock >= 0)
		close(k->lock);
	k->lock = -1;
}

/* ---- writing ---- */

/* Six characters that are hard to misread: 2^30 names. */
static char *new_id(void)
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz023456789";
	unsigned char bytes[6];
	char id[7] = "";

	while (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		;
	for (int i = 0; i < 6; i++)
		id[i] = letters[bytes[i] & 31];
	return mem_strdup(id);
}

static int save_head(struct library *lib, struct conversation *c,
                     struct error *err)
{
	if (database_do(lib->db, err,
	                "INSERT INTO conversations VALUES (?1, ?2, ?3, ?4, ?5)"
	                " ON CONFLICT (id) DO UPDATE SET title = ?2, leaf = ?3,"
	                " updated_ms = ?5 WHERE title <> ?2 OR leaf <> ?3"
	                " OR updated_ms < ?5",
	                "ttiii", c->id, c->title, c->leaf, c->created_ms,
	                c->updated_ms))
		return -1;
	/* A title is a row of the search under its table's rowid, negative. */
	if (database_do(lib->db, err,
	                "DELETE FROM search WHERE rowid ="
	                " -(SELECT rowid FROM conversations WHERE id = ?)",
	                "t", c->id))
		return -1;
	return database_do(lib->db, err,
	                   "INSERT INTO search (rowid, text, conversation)"
	                   " SELECT -rowid, title, id FROM conversations"
	                   " WHERE id = ?",
	                   "t", c->id);
}

static void ids_bytes(struct strbuf *out, const struct ids *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		for (int b = 0; b < 4; b++)
			strbuf_add_char(out, (char)((uint32_t)ids->data[i] >>
			                            8 * b));
}

static int index_text(struct library *lib, const struct conversation *c,
                      const struct message *m, int64_t row, struct error *err)
{
	if (m->state == MESSAGE_OPEN)
		return 0; /* once, when it is whole */
	if (database_do(lib->db, err, "DELETE FROM search WHERE rowid = ?", "i",
	                row))
		return -1;
	return database_do(lib->db, err,
	                   "INSERT INTO search (rowid, text, conversation)"
	                   " VALUES (?, CAST(? AS TEXT), ?)",
	                   "ibt", row, m->text.bytes, m->text.len, c->id);
}

static int save_odds(struct library *lib, const struct message *m, int64_t row,
                     size_t first, struct error *err)
{
	struct strbuf bytes = STRBUF_INIT;
	int status;

	if (first > m->n_odds) { /* it was written anew */
		first = 0;
		if (database_do(lib->db, err,
		                "DELETE FROM odds WHERE message = ?", "i", row))
			return -1;
	}
	if (first == m->n_odds)
		return 0;
	odds_encode(&bytes, m->odds + first, m->n_odds - first);
	status =
		database_do(lib->db, err,
	                    "INSERT OR REPLACE INTO odds VALUES (?, ?, ?)",
	                    "iib", row, (int64_t)first, bytes.bytes, bytes.len);
	strbuf_free(&bytes);
	return status;
}

static int save_message(struct library *lib, struct conversation *c,
                        const struct message *m, struct saved_message *saved,
                        struct error *err)
{
	struct strbuf ids = STRBUF_INIT;
	int status;

	if (saved->row && saved->text_len == m->text.len &&
	    saved->n_ids == m->ids.n && saved->n_odds == m->n_odds &&
	    saved->state == m->state)
		return 0;
	ids_bytes(&ids, &m->ids);
	status = database_do(
		lib->db, err,
		"INSERT INTO messages (conversation, id, parent, role, state,"
		" text, ids, created_ms, seconds, model, extra)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
		" ON CONFLICT (conversation, id) DO UPDATE SET state = ?5,"
		" text = ?6, ids = ?7, seconds = ?9, model = ?10, extra = ?11",
		"tiiiibbidtt", c->id, m->id, m->parent, (int64_t)m->role,
		(int64_t)m->state, m->text.bytes, m->text.len, ids.bytes,
		ids.len, m->created_ms, m->seconds, m->model, m->extra);
	strbuf_free(&ids);
	if (status)
		return -1;
	if (!saved->row)
		saved->row = sqlite3_last_insert_rowid(lib->db);
	if (index_text(lib, c, m, saved->row, err))
		return -1;
	return save_odds(lib, m, saved->row, saved->n_odds, err);
}

/* Rows written by this save, noted as saved only when it is committed. */
static int save_messages(struct library *lib, struct conversation *c,
                         struct saved_conversation *k,
                         struct saved_message *now, struct error *err)
{
	size_t at = 0;

	for (size_t i = 0; i < c->n; i++) {
		while (at < k->n && k->messages[at].id < c->messages[i]->id)
			at++;
		now[i] = (struct saved_message){ 0 };
		if (at < k->n && k->messages[at].id == c->messages[i]->id)
			now[i] = k->messages[at];
		if (save_message(lib, c, c->messages[i], &now[i], err))
			return -1;
	}
	return 0;
}

int library_save(struct library *lib, struct conversation *c, struct error *err)
{
	struct saved_conversation *k;
	struct saved_message *now;
	bool is_new = !c->id;
	int status;

	if (is_new)
		c->id = new_id();
	k = known(lib, c->id);
	if (is_new && library_lock(lib, c->id, err)) {
		drop_known(lib, c->id);
		free(c->id);
		c->id = NULL;
		return -1;
	}
	now = mem_zalloc(c->n, sizeof *now);
	status = begin(lib, err);
	if (!status) {
		status = save_head(lib, c, err);
		if (!status)
			status = save_messages(lib, c, k, now, err);
		status = end(lib, status, err);
	}
	if (!status) {
		for (size_t i = 0; i < c->n; i++)
			note(k, c->messages[i], now[i].row);
	} else if (is_new) {
		drop_known(lib, c->id);
		free(c->id);
		c->id = NULL;
	}
	free(now);
	return status;
}

int library_rename(struct library *lib, const char *id, const char *title,
                   struct error *err)
{
	int status = begin(lib, err);

	if (status)
		return -1;
	status = database_do(lib->db, err,
	                     "UPDATE conversations SET title = ? WHERE id = ?",
	                     "tt", title, id);
	if (!status && !sqlite3_changes(lib->db))
		status = error_set(err, "%s: no such conversation", id);
	if (!status)
		status = database_do(lib->db, err,
		                     "UPDATE search SET text = ? WHERE rowid ="
		                     " -(SELECT rowid FROM conversations"
		                     " WHERE id = ?)",
		                     "tt", title, id);
	return end(lib, status, err);
}

int library_remove(struct library *lib, const char *id, struct error *err)
{
	char *path;
	int status = begin(lib, err);

	if (status)
		return -1;
	status = database_do(lib->db, err,
	                     "DELETE FROM search WHERE conversation = ?", "t",
	                     id);
	if (!status)
		status = database_do(lib->db, err,
		                     "DELETE FROM conversations WHERE id = ?",
		                     "t", id);
	if (!status && !sqlite3_changes(lib->db))
		status = error_set(err, "%s: no such conversation", id);
	if (end(lib, status, err))
		return -1;
	path = lock_path(lib, id);
	unlink(path);
	free(path);
	drop_known(lib, id);
	return 0;
}

#define BRANCH \
	"WITH RECURSIVE below (row, id) AS (SELECT row, id FROM messages" \
	" WHERE conversation = ?1 AND id = ?2 UNION ALL SELECT m.row, m.id" \
	" FROM messages m, below b WHERE m.conversation = ?1" \
	" AND m.parent = b.id) "

int library_remove_message(struct library *lib, const char *id, int64_t message,
                           struct error *err)
{
	struct saved_conversation *k;
	int status = begin(lib, err);

	if (status)
		return -1;
	status = database_do(lib->db, err,
	                     BRANCH "DELETE FROM search WHERE rowid IN"
	                            " (SELECT row FROM below)",
	                     "ti", id, message);
	if (!status)
		status = database_do(lib->db, err,
		                     BRANCH "DELETE FROM messages WHERE row IN"
		                            " (SELECT row FROM below)",
		                     "ti", id, message);
	if (end(lib, status, err))
		return -1;
	/* Ids are given anew after the newest is removed: what was noted of a
	 * removed message must not pass for the next one's. */
	k = known(lib, id);
	for (size_t i = 0; i < k->n; i++) {
		sqlite3_stmt *s =
			database_ask(lib->db, NULL,
		                     "SELECT 1 FROM messages WHERE row = ?",
		                     "i", k->messages[i].row);

		if (!s || database_step(lib->db, s, NULL) != 1)
			k->messages[i].row = 0;
		sqlite3_finalize(s);
	}
	for (size_t i = 0; i < k->n;)
		if (k->messages[i].row)
			i++;
		else
			memmove(&k->messages[i], &k->messages[i + 1],
			        (--k->n - i) * sizeof *k->messages);
	return 0;
}
