#include "library/search.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "library/database.h"

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

/* The next word of *words, without blanks around it; 0: there is none. */
static size_t next_word(const char **words)
{
	*words += strspn(*words, SEARCH_BLANKS);
	return strcspn(*words, SEARCH_BLANKS);
}

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

	for (size_t n; (n = next_word(&words)); words += n) {
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

	for (size_t n; (n = next_word(&words)); words += n) {
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

/* The bytes of the character at p, which is put in lower case where that takes as many
 * bytes.  In any locale: words and titles are UTF-8 also where it is "C". */
static size_t to_lower(char *p, size_t len)
{
	char lower[4];
	uint32_t c;
	int n;

	if ((unsigned char)*p < 0x80) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		return 1;
	}
	n = utf8_decode(p, len, &c);
	c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
	if (utf8_encode(c, lower) == n)
		memcpy(p, lower, (size_t)n);
	return (size_t)n;
}

/* Every byte keeps its place. */
static char *lower_case(const char *text)
{
	char *lower = mem_strdup(text);
	size_t len = strlen(lower);

	for (size_t i = 0; i < len;)
		i += to_lower(lower + i, len - i);
	return lower;
}

bool search_text_has(const char *text, const char *words)
{
	char *lower = lower_case(text), *wanted = lower_case(words);
	const char *word = wanted;
	bool has = true;

	for (size_t n; has && (n = next_word(&word)); word += n)
		has = memmem(lower, strlen(lower), word, n);
	free(lower);
	free(wanted);
	return has;
}

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

		if (!id || !title || !search_text_has(title, words))
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

	return !*words || (text && search_text_has(text, words));
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
		                strchr(SEARCH_BLANKS, text[i]) ? ' ' : text[i]);
	if (end < len)
		strbuf_add_str(&out, "…");
	return strbuf_take(&out);
}

/* Appends the character at p as the index has it: in lower case, without its marks, and
 * what parts words as a blank.  Gives its bytes in the text. */
static size_t fold(struct strbuf *out, const char *p, size_t len)
{
	utf8proc_int32_t folded[8];
	utf8proc_ssize_t n;
	char bytes[4];
	uint32_t c;
	int used = utf8_decode(p, len, &c);

	if (c < 0x80) {
		strbuf_add_char(out,
		                isalnum((int)c) ? (char)tolower((int)c) : ' ');
		return 1;
	}
	n = utf8proc_decompose_char((utf8proc_int32_t)c, folded, 8,
	                            UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
	                                    UTF8PROC_STRIPMARK,
	                            NULL);
	for (utf8proc_ssize_t i = 0; i < n && i < 8; i++)
		strbuf_add(out, bytes,
		           (size_t)utf8_encode((uint32_t)folded[i], bytes));
	return (size_t)used;
}

/* The first at + 1 bytes of the folded text, or all of it; gives the place in the text
 * that the last of them comes from. */
static size_t fold_up_to(struct strbuf *out, const char *text, size_t at)
{
	size_t len = strlen(text), begin = 0;

	for (size_t i = 0; i < len && out->len <= at;) {
		begin = i;
		i += fold(out, text + i, len - i);
	}
	return begin;
}

/* The first of the words that is in the text; NULL: none is. */
static const char *first_place(const char *text, const char *words)
{
	const char *place = NULL;

	for (size_t n; !place && (n = next_word(&words)); words += n)
		place = memmem(text, strlen(text), words, n);
	return place;
}

/* Where a word is as it was typed, but for the case of letters; else where one is without
 * its marks, as the index found it.  (It could say where, but takes as long for one text
 * as for finding all of them.) */
static size_t place_of(const char *text, const char *words)
{
	char *lower = lower_case(text), *wanted = lower_case(words);
	struct strbuf folded = STRBUF_INIT, parts = STRBUF_INIT;
	const char *found = first_place(lower, wanted);
	size_t place = found ? (size_t)(found - lower) : 0;

	if (!found) {
		fold_up_to(&parts, words, SIZE_MAX);
		fold_up_to(&folded, text, SIZE_MAX);
		found = first_place(folded.bytes, parts.bytes);
		place = found ? (size_t)(found - folded.bytes) : 0;
		strbuf_clear(&folded);
		place = fold_up_to(&folded, text, place);
	}
	strbuf_free(&folded);
	strbuf_free(&parts);
	free(lower);
	free(wanted);
	return place;
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
	snippet = surroundings(text, strlen(text), place_of(text, words));
	free(text);
	return snippet;
}
