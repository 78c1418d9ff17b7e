#include "text/nfc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"

/*
 * Characters that form C leaves alone wherever they stand: combining class 0,
 * equal to their own form C, and never the second half of a composed one.
 * Text may be cut in front of them.  Not all there are, only the long ranges
 * that much text is made of; the test holds every one to utf8proc.
 *
 * U+11A7 is here because utf8proc up to 2.8 at least takes it for the first
 * trailing jamo, which is U+11A8, and swallows it behind a syllable.
 */
static const struct {
	uint32_t first, last;
} stable[] = {
	{ 0x0000, 0x02ff },   /* ASCII, Latin */
	{ 0x0388, 0x0482 },   /* Greek, Cyrillic */
	{ 0x048a, 0x052f },   /* Cyrillic */
	{ 0x0620, 0x064a },   /* Arabic */
	{ 0x11a7, 0x11a7 },   /* see above */
	{ 0x2010, 0x2027 },   /* dashes, quotation marks */
	{ 0x2030, 0x205e },   /* more punctuation */
	{ 0x2500, 0x2adb },   /* boxes, symbols, arrows, mathematics */
	{ 0x3000, 0x3029 },   /* CJK punctuation */
	{ 0x3041, 0x3096 },   /* hiragana */
	{ 0x30a1, 0x30fe },   /* katakana */
	{ 0x4e00, 0x9fff },   /* CJK ideographs */
	{ 0xac00, 0xd7a3 },   /* hangul syllables */
	{ 0xff01, 0xff9d },   /* full-width forms */
	{ 0x1f300, 0x1faff }, /* emoji */
};

static bool is_stable(uint32_t code_point)
{
	size_t i;

	for (i = 0; i < sizeof(stable) / sizeof(stable[0]); i++)
		if (code_point <= stable[i].last)
			return code_point >= stable[i].first;
	return false;
}

/* The length of the run of ASCII at the beginning of text. */
static size_t ascii_run(const char *text, size_t len)
{
	size_t i = 0;
	uint64_t eight;

	for (; len - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, text + i, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < len && !(text[i] & 0x80))
		i++;
	return i;
}

/* The length of the run of stable characters at the beginning of text; *last
 * is where its last one begins. */
static size_t stable_run(const char *text, size_t len, size_t *last)
{
	size_t i = 0, ascii;
	uint32_t code_point;
	int n;

	*last = 0;
	while (i < len) {
		ascii = ascii_run(text + i, len - i);
		if (ascii) {
			i += ascii;
			*last = i - 1;
			continue;
		}
		n = utf8_decode(text + i, len - i, &code_point);
		if (!is_stable(code_point))
			break;
		*last = i;
		i += (size_t)n;
	}
	return i;
}

static size_t unstable_run(const char *text, size_t len)
{
	size_t i = 0;
	uint32_t code_point;
	int n;

	while (i < len) {
		n = utf8_decode(text + i, len - i, &code_point);
		if (is_stable(code_point))
			break;
		i += (size_t)n;
	}
	return i;
}

static unsigned combining_class(utf8proc_int32_t code_point)
{
	return (unsigned)utf8proc_get_property(code_point)->combining_class;
}

/* A stable sort by combining class, by counting. */
static void order_marks(utf8proc_int32_t *marks, size_t n)
{
	size_t start[257] = { 0 }, i, c;
	utf8proc_int32_t *copy = mem_dup(marks, n * sizeof(*marks));

	for (i = 0; i < n; i++)
		start[combining_class(marks[i]) + 1]++;
	for (c = 1; c < 257; c++)
		start[c] += start[c - 1];
	for (i = 0; i < n; i++)
		marks[start[combining_class(copy[i])]++] = copy[i];
	free(copy);
}

static void order_all_marks(utf8proc_int32_t *points, size_t n)
{
	size_t i, begin;
	unsigned class, previous;
	bool sorted;

	for (i = 0; i < n; i++) {
		begin = i;
		previous = 0;
		sorted = true;
		for (; i < n && (class = combining_class(points[i])); i++) {
			sorted = sorted && class >= previous;
			previous = class;
		}
		if (!sorted)
			order_marks(points + begin, i - begin);
	}
}

/* No canonical decomposition is longer than this many code points. */
#define MAX_PARTS 4

static void normalise(struct strbuf *out, const char *text, size_t len)
{
	const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
	/* len bytes are at most len characters. */
	utf8proc_int32_t *points =
		mem_realloc(NULL, len, MAX_PARTS * sizeof(*points));
	utf8proc_ssize_t parts, i, n = 0;
	uint32_t code_point;
	size_t pos = 0;
	int bound = 0;
	char bytes[4];

	while (pos < len) {
		pos += (size_t)utf8_decode(text + pos, len - pos, &code_point);
		parts = utf8proc_decompose_char((utf8proc_int32_t)code_point,
		                                points + n, MAX_PARTS, options,
		                                &bound);
		if (parts < 0 || parts > MAX_PARTS) { /* no such character */
			points[n] = (utf8proc_int32_t)code_point;
			parts = 1;
		}
		n += parts;
	}
	order_all_marks(points, (size_t)n);
	n = utf8proc_normalize_utf32(points, n, options);
	for (i = 0; i < n; i++)
		strbuf_add(out, bytes,
		           (size_t)utf8_encode((uint32_t)points[i], bytes));
	free(points);
}

bool nfc_quick(const char *text, size_t len)
{
	size_t last;

	return stable_run(text, len, &last) == len;
}

void nfc_append(struct strbuf *out, const char *text, size_t len)
{
	size_t run, last;

	while (len) {
		run = stable_run(text, len, &last);
		if (run == len) {
			strbuf_add(out, text, len);
			return;
		}
		/* The last stable character may be one with what follows. */
		strbuf_add(out, text, last);
		run += unstable_run(text + run, len - run);
		normalise(out, text + last, run - last);
		text += run;
		len -= run;
	}
}
