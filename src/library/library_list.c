#include "library/library.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/database.h"
#include "library/known.h"
#include "library/salvage.h"
#include "library/search.h"
#include "library/words.h"

#define ENTRY \
	"SELECT c.id, c.title, c.created_ms, c.updated_ms," \
	" (SELECT count(*) FROM messages m WHERE m.conversation = c.id)," \
	" (SELECT substr(CAST(m.text AS TEXT), 1, 200) FROM messages m" \
	"  WHERE m.conversation = c.id AND m.id = c.leaf)" \
	" FROM conversations c "

static struct library_entry entry_of(sqlite3_stmt *s)
{
	return (struct library_entry){
		.id = database_column(s, 0),
		.title = database_column(s, 1),
		.created_ms = sqlite3_column_int64(s, 2),
		.updated_ms = sqlite3_column_int64(s, 3),
		.messages = (size_t)sqlite3_column_int64(s, 4),
		.preview = database_column(s, 5),
	};
}

static int list_all(struct library *lib, size_t limit,
                    struct library_entry **entries, size_t *n,
                    struct error *err)
{
	int64_t most = limit && limit < INT64_MAX ? (int64_t)limit : -1;
	size_t capacity = 0;
	sqlite3_stmt *s;
	int status = -1;

	s = database_ask(lib->db, err,
	                 ENTRY "ORDER BY c.updated_ms DESC, c.id LIMIT ?", "i",
	                 most);
	while (s && (status = database_step(lib->db, s, err)) == 1) {
		*entries = mem_grow(*entries, *n, &capacity, sizeof **entries);
		(*entries)[(*n)++] = entry_of(s);
	}
	sqlite3_finalize(s);
	return status;
}

static void free_entries(struct library_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(entries[i].id);
		free(entries[i].title);
		free(entries[i].preview);
		free(entries[i].snippet);
	}
}

static int newest_first(const void *a, const void *b)
{
	const struct library_entry *x = a, *y = b;

	if (x->updated_ms != y->updated_ms)
		return x->updated_ms > y->updated_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int list_found(struct library *lib, const struct search_hits *hits,
                      const char *words, struct library_entry **entries,
                      size_t *n, struct error *err)
{
	sqlite3_stmt *s =
		database_ask(lib->db, err, ENTRY "WHERE c.id = ?", "t", "");
	int status = s ? 0 : -1;

	*entries = mem_zalloc(hits->n, sizeof **entries);
	for (size_t i = 0; i < hits->n && status >= 0; i++) {
		const struct search_hit *hit = &hits->hits[i];

		sqlite3_reset(s);
		sqlite3_bind_text(s, 1, hit->conversation, -1, SQLITE_STATIC);
		status = database_step(lib->db, s, err);
		if (status != 1)
			continue;
		(*entries)[*n] = entry_of(s);
		(*entries)[(*n)++].snippet =
			search_snippet(lib->db, hit, words);
	}
	sqlite3_finalize(s);
	qsort(*entries, *n, sizeof **entries, newest_first);
	return status < 0 ? -1 : 0;
}

int library_list(struct library *lib, const char *words, size_t limit,
                 struct library_entry **entries, size_t *n, struct error *err)
{
	struct search_hits hits = { 0 };
	int status;

	words = words ? words : "";
	*entries = NULL;
	*n = 0;
	if (!words[strspn(words, WORDS_BLANKS)]) {
		status = list_all(lib, limit, entries, n, err);
	} else {
		status = search_find(lib->db, words, limit, &hits, err);
		if (!status)
			status = list_found(lib, &hits, words, entries, n, err);
		search_hits_free(&hits);
	}
	if (status && database_is_damaged(lib->db)) {
		lib->damaged = true;
		library_entries_free(*entries, *n);
		salvage_list(lib->db, words, entries, n);
		if (*n)
			qsort(*entries, *n, sizeof **entries,
			      newest_first);
		status = 0;
	}
	if (limit && *n > limit) {
		free_entries(*entries + limit, *n - limit);
		*n = limit;
	}
	if (status) {
		library_entries_free(*entries, *n);
		*entries = NULL;
		*n = 0;
	}
	return status;
}

void library_entries_free(struct library_entry *entries, size_t n)
{
	free_entries(entries, n);
	free(entries);
}

struct conversation *library_tail(struct library *lib, const char *id, size_t n,
                                  struct error *err)
{
	struct conversation *c = conversation_new();
	sqlite3_stmt *s = database_ask(
		lib->db, err,
		"WITH RECURSIVE up (row, parent, n) AS ("
		" SELECT m.row, m.parent, 1 FROM messages m, conversations c"
		"  WHERE c.id = ?1 AND m.conversation = ?1 AND m.id = c.leaf"
		" UNION ALL SELECT m.row, m.parent, up.n + 1 FROM messages m, "
		"up"
		"  WHERE m.conversation = ?1 AND m.id = up.parent AND up.n < "
		"?2)"
		" SELECT m.role, m.state, m.text, m.model FROM up, messages m"
		" WHERE m.row = up.row ORDER BY up.n DESC",
		"ti", id, (int64_t)n);
	int status = -1;

	while (s && (status = database_step(lib->db, s, err)) == 1) {
		int role = sqlite3_column_int(s, 0) & 3;
		struct message *m =
			conversation_add(c, c->leaf, (enum message_role)role,
		                         sqlite3_column_blob(s, 2),
		                         (size_t)sqlite3_column_bytes(s, 2));

		m->state = (enum message_state)(sqlite3_column_int(s, 1) & 3);
		m->model = database_column_or_null(s, 3);
	}
	sqlite3_finalize(s);
	if (!status)
		return c;
	conversation_free(c);
	return NULL;
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
		found = database_column(s, 0);
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

/* The one conversation that the words find, or NULL with the reason. */
static char *find_one(struct library *lib, const char *words, struct error *err)
{
	struct search_hits hits = { 0 };
	char *id = NULL;

	if (search_titles(lib->db, words, 2, &hits, err) ||
	    (!hits.n && search_find(lib->db, words, 2, &hits, err))) {
		search_hits_free(&hits);
		return NULL;
	}
	if (hits.n == 1)
		id = mem_strdup(hits.hits[0].conversation);
	else if (hits.n)
		error_set(err, "%s: more than one conversation: %s, %s", words,
		          hits.hits[0].conversation, hits.hits[1].conversation);
	else
		error_set(err, "%s: no such conversation", words);
	search_hits_free(&hits);
	return id;
}

char *library_find_any(struct library *lib, const char *name, struct error *err)
{
	char *id = library_find(lib, name, NULL);

	if (id || !name[strspn(name, WORDS_BLANKS)] || !strcmp(name, "last"))
		return id ? id : library_find(lib, name, err);
	return find_one(lib, name, err);
}
