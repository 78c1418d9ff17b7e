#include "library/library.h"

#include <stdbool.h>
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

/* What was read so far, in any order. */
struct gathered {
	struct library *lib;
	struct conversation *c;
	struct gathered_message {
		struct message *m; /* c's */
		int64_t row;
	} * list; /* [c->n] */
	size_t capacity;
};

static bool plausible(int64_t id, int64_t parent, int role, int state)
{
	return id >= 0 && id < 2 * MESSAGE_MAX_ID && parent >= -1 &&
	       role >= ROLE_SYSTEM && role <= ROLE_TOOL &&
	       state >= MESSAGE_DONE && state <= MESSAGE_INTERRUPTED;
}

#define COLUMNS \
	"SELECT row, id, parent, role, state, text, ids, created_ms, seconds," \
	" model, extra FROM messages "

static void take_message(void *arg, sqlite3_stmt *s)
{
	struct gathered *g = arg;
	int64_t id = sqlite3_column_int64(s, 1);
	int64_t parent = sqlite3_column_int64(s, 2);
	int role = sqlite3_column_int(s, 3), state = sqlite3_column_int(s, 4);
	struct message *m;

	if (!plausible(id, parent, role, state)) {
		g->c->damaged = true;
		return;
	}
	g->list = mem_grow(g->list, g->c->n, &g->capacity, sizeof *g->list);
	m = conversation_add(g->c, -1, (enum message_role)role,
	                     sqlite3_column_blob(s, 5),
	                     (size_t)sqlite3_column_bytes(s, 5));
	g->list[g->c->n - 1] =
		(struct gathered_message){ m, sqlite3_column_int64(s, 0) };
	m->id = id;
	m->parent = parent;
	m->state = (enum message_state)state;
	read_ids(m, sqlite3_column_blob(s, 6),
	         (size_t)sqlite3_column_bytes(s, 6));
	m->created_ms = sqlite3_column_int64(s, 7);
	m->seconds = sqlite3_column_double(s, 8);
	m->model = database_column_or_null(s, 9);
	m->extra = database_column_or_null(s, 10);
	if (read_odds(g->lib, m, g->list[g->c->n - 1].row, NULL))
		g->c->damaged = true;
}

/* -1 where the file is damaged; *g may hold a part then. */
static int gather(struct gathered *g, struct error *err)
{
	sqlite3_stmt *s =
		database_ask(g->lib->db, err,
	                     COLUMNS "WHERE conversation = ? ORDER BY id", "t",
	                     g->c->id);
	int status = -1;

	while (s && (status = database_step(g->lib->db, s, err)) == 1)
		take_message(g, s);
	sqlite3_finalize(s);
	return status;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = ((const struct gathered_message *)a)->m->id;
	int64_t y = ((const struct gathered_message *)b)->m->id;

	return x < y ? -1 : x > y;
}

/* Makes it a tree.  A message whose parent is lost follows the one before it,
 * which in a conversation without branches is the nearest that is left. */
static void settle(struct gathered *g)
{
	struct conversation *c = g->c;
	struct known_conversation *k = known_find(g->lib, c->id);
	int64_t before = -1;
	size_t n = c->n;

	if (n)
		qsort(g->list, n, sizeof *g->list, by_id);
	c->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct message *m = g->list[i].m;

		/* c->messages has room for all; its beginning is in order. */
		if (m->parent >= m->id ||
		    (m->parent != -1 && !conversation_message(c, m->parent))) {
			m->parent = before;
			c->damaged = true;
		}
		if (m->id == before) {
			message_free(m);
			c->damaged = true;
			continue;
		}
		c->messages[c->n++] = m;
		known_note(k, m, g->list[i].row);
		if (m->state == MESSAGE_OPEN) /* its writer is gone */
			m->state = MESSAGE_INTERRUPTED;
		before = m->id;
	}
}

static void forget_all(struct conversation *c)
{
	for (size_t i = 0; i < c->n; i++)
		message_free(c->messages[i]);
	c->n = 0;
}

static void take_head(void *arg, sqlite3_stmt *s)
{
	struct conversation *c = arg;

	free(c->title);
	c->title = database_column(s, 1);
	c->leaf = sqlite3_column_int64(s, 2);
	c->created_ms = sqlite3_column_int64(s, 3);
	c->updated_ms = sqlite3_column_int64(s, 4);
}

#define HEAD \
	"SELECT rowid, title, leaf, created_ms, updated_ms FROM " \
	"conversations "

/* 1 it is there, 0 it is not, -1 that cannot be read. */
static int read_head(struct library *lib, struct conversation *c,
                     struct error *err)
{
	sqlite3_stmt *s =
		database_ask(lib->db, err, HEAD "WHERE id = ?", "t", c->id);
	int status = s ? database_step(lib->db, s, err) : -1;

	if (status == 1)
		take_head(c, s);
	sqlite3_finalize(s);
	if (status < 0)
		database_salvage(lib->db,
		                 HEAD "NOT INDEXED WHERE rowid > ?1"
		                      " AND id = ?2 ORDER BY rowid",
		                 c->id, take_head, c);
	return status;
}

static void read_messages(struct gathered *g)
{
	if (gather(g, NULL)) {
		forget_all(g->c);
		g->c->damaged = true;
		database_salvage(g->lib->db,
		                 COLUMNS "NOT INDEXED WHERE row > ?1"
		                         " AND conversation = ?2 ORDER BY row",
		                 g->c->id, take_message, g);
	}
	settle(g);
	free(g->list);
}

static void set_leaf(struct conversation *c, int64_t leaf)
{
	c->leaf = c->n ? c->messages[c->n - 1]->id : -1;
	if (conversation_message(c, leaf))
		c->leaf = leaf;
}

struct conversation *library_read(struct library *lib, const char *id,
                                  struct error *err)
{
	struct gathered g = { .lib = lib, .c = conversation_new() };
	struct conversation *c = g.c;
	int64_t leaf, updated_ms;
	int status;

	c->id = mem_strdup(id);
	status = read_head(lib, c, err);
	leaf = c->leaf;
	updated_ms = c->updated_ms;
	known_find(lib, id)->n = 0;
	if (status)
		read_messages(&g);
	if (!status || (status < 0 && !c->n)) {
		if (!status)
			error_set(err, "%s: no such conversation", id);
		conversation_free(c);
		return NULL;
	}
	c->damaged |= status < 0;
	lib->damaged |= c->damaged;
	c->updated_ms = updated_ms;
	set_leaf(c, leaf);
	return c;
}
