#include "library/search.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "library/database.h"
#include "library/words.h"

#define AROUND 60 /* bytes of text on each side of a hit */

void search_hits_free(struct search_hits *hits)
{
	for (size_t i = 0; i < hits->n; i++)
		free(hits->hits[i].conversation);
	free(hits->hits);
	*hits = (struct search_hits){ 0 };
}

/* The first hit of a conversation counts. */
static void add(struct search_hits *hits, const char *id, int64_t row)
{
	size_t low = 0, high = hits->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(hits->hits[middle].conversation, id);

		if (!order)
			return;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	hits->hits = mem_grow(hits->hits, hits->n, &hits->capacity,
	                      sizeof *hits->hits);
	memmove(&hits->hits[low + 1], &hits->hits[low],
	        (hits->n++ - low) * sizeof *hits->hits);
	hits->hits[low] = (struct search_hit){ mem_strdup(id), row };
}

/* ---- words ---- */

/* A letter of ASCII, whatever marks are around it: "c++" is found as "c". */
static bool is_letter(const char *word, size_t n)
{
	size_t letters = 0;

	for (size_t i = 0; i < n; i++)
		letters += isalnum((unsigned char)word[i]) ||
		           (unsigned char)word[i] >= 0x80;
	return letters == 1;
}

/* Scripts that do not part words, of which the index has whole sentences: Thai, Lao,
 * Burmese, Khmer, Chinese, Japanese. */
static bool parts_no_words(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x0e00, 0x0eff }, { 0x1000, 0x109f },   { 0x1780, 0x17ff },
		{ 0x2e80, 0x2fdf }, { 0x3005, 0x3007 },   { 0x3021, 0x3029 },
		{ 0x3040, 0x312f }, { 0x31a0, 0x31bf },   { 0x31f0, 0x31ff },
		{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff },   { 0xf900, 0xfaff },
		{ 0xff66, 0xff9f }, { 0x20000, 0x3ffff },
	};

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static bool is_in_sentence(const char *word, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;
		int length = utf8_decode(word + i, n - i, &c);

		if (length > 0 && parts_no_words(c))
			return true;
		i += length > 0 ? (size_t)length : 1;
	}
	return false;
}

/* The words that may be anywhere, which the index cannot find. */
static char *words_in_sentences(const char *words)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t n; (n = words_next(&words)); words += n) {
		if (!is_in_sentence(words, n))
			continue;
		strbuf_add(&out, words, n);
		strbuf_add_char(&out, ' ');
	}
	return strbuf_take(&out);
}

/* Every other word as a string: no operator of the query language can be typed by
 * accident.  The last is a beginning, but for a single letter: so many words
 * begin with it that they would tell nothing, and finding them takes long. */
static char *make_query(const char *words)
{
	struct strbuf query = STRBUF_INIT;
	bool beginning = false;

	for (size_t n; (n = words_next(&words)); words += n) {
		if (is_in_sentence(words, n))
			continue;
		strbuf_add_str(&query, query.len ? " \"" : "\"");
		for (size_t i = 0; i < n; i++) {
			if (words[i] == '"')
				strbuf_add_char(&query, '"');
			strbuf_add_char(&query, words[i]);
		}
		strbuf_add_char(&query, '"');
		beginning = !is_letter(words, n);
	}
	if (beginning)
		strbuf_add_char(&query, '*');
	return strbuf_take(&query);
}

/* ---- titles ---- */

int search_titles(sqlite3 *db, const char *words, size_t limit,
                  struct search_hits *hits, struct error *err)
{
	sqlite3_stmt *s = database_ask(
		db, err,
		"SELECT id, title FROM conversations ORDER BY updated_ms DESC",
		"");
	size_t found = 0;
	int status = -1;

	while (s && (status = database_step(db, s, err)) == 1) {
		const char *id = (const char *)sqlite3_column_text(s, 0);
		const char *title = (const char *)sqlite3_column_text(s, 1);

		if (!id || !title || !words_are_in(title, words))
			continue;
		add(hits, id, 0);
		if (limit && ++found == limit) {
			status = 0;
			break;
		}
	}
	sqlite3_finalize(s);
	return status;
}

/* ---- messages ---- */

#define ALL    "SELECT rowid, conversation, text FROM search "
#define NEWEST " ORDER BY rowid DESC"

/* Backwards by row: what was written last comes first, and the search need not be
 * finished. */
static sqlite3_stmt *ask_index(sqlite3 *db, const char *query,
                               struct error *err)
{
	return *query ? database_ask(db, err, ALL "WHERE search MATCH ?" NEWEST,
	                             "t", query)
	              : database_ask(db, err, ALL NEWEST, "");
}

/* The row's text is read only where it has to be. */
static bool text_has(sqlite3_stmt *row, const char *words)
{
	const char *text =
		*words ? (const char *)sqlite3_column_text(row, 2) : NULL;

	return !*words || (text && words_are_in(text, words));
}

/* anywhere: words that the text must have, too. */
static int find_messages(sqlite3 *db, const char *query, const char *anywhere,
                         size_t limit, struct search_hits *hits,
                         struct error *err)
{
	sqlite3_stmt *s = ask_index(db, query, err);
	size_t before = hits->n;
	int status = -1;

	while (s && (status = database_step(db, s, err)) == 1) {
		const char *id = (const char *)sqlite3_column_text(s, 1);

		if (id && text_has(s, anywhere))
			add(hits, id, sqlite3_column_int64(s, 0));
		if (limit && hits->n - before >= limit) {
			status = 0;
			break;
		}
	}
	sqlite3_finalize(s);
	return status;
}

int search_find(sqlite3 *db, const char *words, size_t limit,
                struct search_hits *hits, struct error *err)
{
	char *query = make_query(words), *anywhere = words_in_sentences(words);
	int status = find_messages(db, query, anywhere, limit, hits, err);

	free(query);
	free(anywhere);
	return status ? status : search_titles(db, words, limit, hits, err);
}

/* ---- snippets ---- */

static bool is_inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* A few words around a place, cut between characters. */
static char *surroundings(const char *text, size_t len, size_t at)
{
	size_t begin = at > AROUND ? at - AROUND : 0;
	size_t end = at + AROUND < len ? at + AROUND : len;
	struct strbuf out = STRBUF_INIT;

	while (begin && is_inside_character(text[begin]))
		begin--;
	while (end < len && is_inside_character(text[end]))
		end++;
	if (begin)
		strbuf_add_str(&out, "…");
	for (size_t i = begin; i < end; i++) /* on one line */
		strbuf_add_char(&out,
		                strchr(WORDS_BLANKS, text[i]) ? ' ' : text[i]);
	if (end < len)
		strbuf_add_str(&out, "…");
	return strbuf_take(&out);
}

char *search_snippet(sqlite3 *db, const struct search_hit *hit,
                     const char *words)
{
	sqlite3_stmt *s;
	char *text = NULL, *snippet;

	if (!hit->row)
		return NULL;
	s = database_ask(db, NULL, "SELECT text FROM messages WHERE row = ?",
	                 "i", hit->row);
	if (s && database_step(db, s, NULL) == 1)
		text = database_column(s, 0);
	sqlite3_finalize(s);
	if (!text)
		return NULL;
	snippet = surroundings(text, strlen(text), words_place(text, words));
	free(text);
	return snippet;
}
