/*
 * search.h - words in titles and messages
 *
 * A message is found by whole words, the last one also by its beginning, letters
 * of either case and marks left out (SQLite's FTS5, unicode61); by any part of its text
 * where a word is of a script that does not part words, as Chinese.  A title is found
 * by any part of it, letters of either case.  All words must be there.
 */
#ifndef CONFAB_SEARCH_H
#define CONFAB_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

struct error;

struct search_hit {
	char *conversation; /* id, owned */
	int64_t row;        /* of a message that has the words; 0: the title */
};

/* Each conversation once, by id. */
struct search_hits {
	struct search_hit *hits; /* [n], owned */
	size_t n, capacity;
};

/* Adds to *hits, which starts as zeros and wants search_hits_free() also after a
 * failure.  limit: at most so many conversations by their messages, those that
 * were written last, and as many by their titles; 0: all. */
int search_find(sqlite3 *db, const char *words, size_t limit,
                struct search_hits *hits, struct error *err);
int search_titles(sqlite3 *db, const char *words, size_t limit,
                  struct search_hits *hits, struct error *err);
void search_hits_free(struct search_hits *hits);

/* The hit in its surroundings, yours to free; NULL for a title. */
char *search_snippet(sqlite3 *db, const struct search_hit *hit,
                     const char *words);

#endif
