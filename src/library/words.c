#include "library/words.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"

size_t words_next(const char **words)
{
	*words += strspn(*words, WORDS_BLANKS);
	return strcspn(*words, WORDS_BLANKS);
}

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

bool words_are_in(const char *text, const char *words)
{
	char *lower = lower_case(text), *wanted = lower_case(words);
	const char *word = wanted;
	bool has = true;

	for (size_t n; has && (n = words_next(&word)); word += n)
		has = memmem(lower, strlen(lower), word, n);
	free(lower);
	free(wanted);
	return has;
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

	for (size_t n; !place && (n = words_next(&words)); words += n)
		place = memmem(text, strlen(text), words, n);
	return place;
}

/* Where a word is as it was typed, but for the case of letters; else where one is without
 * its marks, as the index found it.  (It could say where, but takes as long for one text
 * as for finding all of them.) */
size_t words_place(const char *text, const char *words)
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
