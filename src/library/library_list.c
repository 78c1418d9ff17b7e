#include "library/library.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "library/database.h"
#include "library/known.h"

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
			.id = database_column(s, 0),
			.title = database_column(s, 1),
			.created_ms = sqlite3_column_int64(s, 2),
			.updated_ms = sqlite3_column_int64(s, 3),
			.messages = (size_t)sqlite3_column_int64(s, 4),
			.preview = database_column(s, 5),
			.snippet = database_column_or_null(s, 6),
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
