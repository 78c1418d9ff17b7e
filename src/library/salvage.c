#include "library/salvage.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "library/database.h"
#include "library/library.h"
#include "library/words.h"

#define PREVIEW 200 /* bytes, as in a whole library */

struct list {
	const char *words;
	struct found {
		struct library_entry entry;
		bool has_words;
	} * items; /* [n] */
	size_t n, capacity;
	size_t last; /* place of the one that was asked for last */
};

static struct found *find(struct list *l, const char *id)
{
	struct found *f;

	if (l->last < l->n && !strcmp(l->items[l->last].entry.id, id))
		return &l->items[l->last];
	for (l->last = 0; l->last < l->n; l->last++)
		if (!strcmp(l->items[l->last].entry.id, id))
			return &l->items[l->last];
	l->items = mem_grow(l->items, l->n, &l->capacity, sizeof *l->items);
	f = &l->items[l->n++];
	*f = (struct found){ .entry = { .id = mem_strdup(id),
		                        .title = mem_strdup(""),
		                        .preview = mem_strdup("") } };
	return f;
}

/* rowid, id, title, created_ms, updated_ms */
static void take_head(void *arg, sqlite3_stmt *s)
{
	struct list *l = arg;
	char *id = database_column(s, 1), *title = database_column(s, 2);
	struct found *f;

	if (*id) {
		f = find(l, id);
		free(f->entry.title);
		f->entry.title = title;
		f->entry.created_ms = sqlite3_column_int64(s, 3);
		f->entry.updated_ms = sqlite3_column_int64(s, 4);
		f->has_words = words_are_in(title, l->words);
	} else {
		free(title);
	}
	free(id);
}

/* row, conversation, created_ms, text */
static void take_message(void *arg, sqlite3_stmt *s)
{
	struct list *l = arg;
	char *id = database_column(s, 1), *text = database_column(s, 3);
	struct library_entry *e;
	struct found *f;

	if (*id) {
		f = find(l, id);
		e = &f->entry;
		e->messages++;
		if (e->updated_ms < sqlite3_column_int64(s, 2))
			e->updated_ms = sqlite3_column_int64(s, 2);
		f->has_words = f->has_words || words_are_in(text, l->words);
		free(e->preview);
		e->preview = mem_dup(text, strnlen(text, PREVIEW));
	}
	free(text);
	free(id);
}

void salvage_list(sqlite3 *db, const char *words,
                  struct library_entry **entries, size_t *n)
{
	struct list l = { .words = words };

	database_salvage(db,
	                 "SELECT rowid, id, title, created_ms, updated_ms"
	                 " FROM conversations NOT INDEXED"
	                 " WHERE rowid > ?1 AND ?2 IS NULL ORDER BY rowid",
	                 NULL, take_head, &l);
	database_salvage(db,
	                 "SELECT row, conversation, created_ms, text"
	                 " FROM messages NOT INDEXED"
	                 " WHERE row > ?1 AND ?2 IS NULL ORDER BY row",
	                 NULL, take_message, &l);
	*entries = mem_zalloc(l.n, sizeof **entries);
	*n = 0;
	for (size_t i = 0; i < l.n; i++) {
		if (l.items[i].has_words)
			(*entries)[(*n)++] = l.items[i].entry;
		else
			library_entries_free(mem_dup(&l.items[i].entry,
			                             sizeof l.items[i].entry),
			                     1);
	}
	free(l.items);
}
