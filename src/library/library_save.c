#include "library/library.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/database.h"
#include "library/known.h"
#include "library/odds_codec.h"

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

static char *unused_id(struct library *lib, struct error *err)
{
	for (;;) {
		char *id = new_id();
		sqlite3_stmt *s =
			database_ask(lib->db, err,
		                     "SELECT 1 FROM conversations WHERE id = ?",
		                     "t", id);
		int status = s ? database_step(lib->db, s, err) : -1;

		sqlite3_finalize(s);
		if (!status)
			return id;
		free(id);
		if (status < 0)
			return NULL;
	}
}

/* A new one replaces nothing, even if its name should be taken meanwhile. */
static int save_head(struct library *lib, struct conversation *c, bool is_new,
                     struct error *err)
{
	static const char insert[] =
		"INSERT INTO conversations VALUES (?1, ?2, ?3, ?4, ?5)";
	static const char upsert[] =
		"INSERT INTO conversations VALUES (?1, ?2, ?3, ?4, ?5)"
		" ON CONFLICT (id) DO UPDATE SET title = ?2, leaf = ?3,"
		" updated_ms = ?5 WHERE title <> ?2 OR leaf <> ?3"
		" OR updated_ms < ?5";

	return database_do(lib->db, err, is_new ? insert : upsert, "ttiii",
	                   c->id, c->title, c->leaf, c->created_ms,
	                   c->updated_ms);
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

static int save_odds(struct library *lib, const struct message *m,
                     const struct known_message *saved, struct error *err)
{
	struct strbuf bytes = STRBUF_INIT;
	size_t first = saved->n_odds;
	int64_t row = saved->row;
	int status;

	if (first > m->n_odds || saved->odds_renewed != m->odds_renewed) {
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
                        const struct message *m, struct known_message *saved,
                        struct error *err)
{
	struct strbuf ids = STRBUF_INIT;
	int status;

	if (saved->row && saved->text_len == m->text.len &&
	    saved->n_ids == m->ids.n && saved->n_odds == m->n_odds &&
	    saved->odds_renewed == m->odds_renewed && saved->state == m->state)
		return 0;
	ids_bytes(&ids, &m->ids);
	status = database_do(
		lib->db, err,
		"INSERT INTO messages (conversation, id, parent, role, state,"
		" text, ids, created_ms, seconds, model, extra)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
		" ON CONFLICT (conversation, id) DO UPDATE SET parent = ?3,"
		" role = ?4, state = ?5, text = ?6, ids = ?7, created_ms = ?8,"
		" seconds = ?9, model = ?10, extra = ?11",
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
	return save_odds(lib, m, saved, err);
}

/* Rows written by this save, noted as saved only when it is committed. */
static int save_messages(struct library *lib, struct conversation *c,
                         struct known_conversation *k,
                         struct known_message *now, struct error *err)
{
	size_t at = 0;

	for (size_t i = 0; i < c->n; i++) {
		while (at < k->n && k->messages[at].id < c->messages[i]->id)
			at++;
		now[i] = (struct known_message){ 0 };
		if (at < k->n && k->messages[at].id == c->messages[i]->id)
			now[i] = k->messages[at];
		if (save_message(lib, c, c->messages[i], &now[i], err))
			return -1;
	}
	return 0;
}

static int save_all_of(struct library *lib, struct conversation *c, bool is_new,
                       struct known_conversation *k, struct known_message *now,
                       struct error *err)
{
	if (save_head(lib, c, is_new, err))
		return -1;
	return save_messages(lib, c, k, now, err);
}

/* A name for a new conversation, locked; NULL with the reason. */
static char *take_id(struct library *lib, struct error *err)
{
	char *id = unused_id(lib, err);

	if (id && library_lock(lib, id, err)) {
		known_drop(lib, id);
		free(id);
		return NULL;
	}
	return id;
}

static void give_up_id(struct library *lib, struct conversation *c)
{
	known_drop(lib, c->id);
	free(c->id);
	c->id = NULL;
}

int library_save(struct library *lib, struct conversation *c, struct error *err)
{
	struct known_conversation *k;
	struct known_message *now;
	bool is_new = !c->id;
	int status;

	if (is_new && !(c->id = take_id(lib, err)))
		return -1;
	if (!library_writes(lib, c->id, err))
		return -1;
	k = known_find(lib, c->id);
	now = mem_zalloc(c->n, sizeof *now);
	status = library_begin(lib, err);
	if (!status) {
		status = save_all_of(lib, c, is_new, k, now, err);
		status = library_end(lib, status, err);
	}
	for (size_t i = 0; i < c->n && !status; i++)
		known_note(k, c->messages[i], now[i].row);
	if (status && is_new)
		give_up_id(lib, c);
	free(now);
	return status;
}

/* One of many: nothing is known of it afterwards, and nothing locked. */
static int add_one(struct library *lib, struct conversation *c,
                   struct error *err)
{
	struct known_conversation nothing = { .lock = -1 };
	struct known_message *now = mem_zalloc(c->n, sizeof *now);
	int status = -1;

	c->id = unused_id(lib, err);
	if (c->id)
		status = save_all_of(lib, c, true, &nothing, now, err);
	free(now);
	return status;
}

int library_add(struct library *lib, struct conversation **list, size_t n,
                struct error *err)
{
	int status = library_begin(lib, err);

	if (status)
		return -1;
	for (size_t i = 0; i < n && !status; i++)
		status = add_one(lib, list[i], err);
	status = library_end(lib, status, err);
	for (size_t i = 0; i < n && status; i++) {
		free(list[i]->id);
		list[i]->id = NULL;
	}
	return status;
}
