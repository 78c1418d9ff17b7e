#include "library/library.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/database.h"
#include "library/known.h"
#include "library/odds_codec.h"

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

/* One row of the messages; -1 where it does not fit the tree read so far. */
static int read_message(struct library *lib, struct conversation *c,
                        struct known_conversation *k, sqlite3_stmt *s,
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
	m->model = database_column_or_null(s, 9);
	m->extra = database_column_or_null(s, 10);
	if (read_odds(lib, m, row, err))
		return -1;
	known_note(k, m, row);
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
		c->title = database_column(s, 0);
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
	struct known_conversation *k;
	int64_t leaf, updated_ms;
	sqlite3_stmt *s;
	int status = -1;

	if (!c)
		return NULL;
	k = known_find(lib, id);
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
