#include "base/json_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#define MAX_DEPTH  200
#define MAX_NUMBER 63 /* characters: cJSON's buffer for one */
#define MAX_DIGITS 15 /* every integer this long is exact in a double */

/* Keys of all objects share one table: an entry is a key of one object. */
struct key {
	uint64_t hash;
	size_t object;  /* serial number, from 1; 0: a free place */
	size_t at, len; /* in scan.key_bytes */
};

struct scan {
	const char *text;
	size_t len, pos;
	const char *what;
	struct error *err;

	size_t n_values, max_values, n_numbers, n_objects;
	struct json_spellings *spellings;

	int depth;
	size_t open[MAX_DEPTH]; /* serial of an open object, 0: an array */

	struct key *keys;        /* [n_places], open addressing */
	size_t n_keys, n_places; /* a power of two, at least 2 * n_keys */
	struct strbuf key_bytes; /* the keys without their escapes */
	uint64_t seed;           /* not to be guessed by who wrote the text */
};

int json_scan_fault(const char *text, size_t len, size_t at, const char *what,
                    const char *fault, struct error *err)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	if (line == 1 && !memchr(text, '\n', len))
		return error_set(err, "%s: column %zu: %s", what, column,
		                 fault);
	return error_set(err, "%s: line %zu, column %zu: %s", what, line,
	                 column, fault);
}

static int fault(const struct scan *s, const char *text)
{
	return json_scan_fault(s->text, s->len, s->pos, s->what, text, s->err);
}

/* The next byte, or -1 at the end (a NUL is a byte like others). */
static int peek(const struct scan *s)
{
	return s->pos < s->len ? (uint8_t)s->text[s->pos] : -1;
}

static int unexpected(const struct scan *s, const char *wanted)
{
	char text[96];
	int c = peek(s);

	if (c < 0)
		snprintf(text, sizeof text, "the text ends where %s should be",
		         wanted);
	else if (c > 0x20 && c < 0x7f)
		snprintf(text, sizeof text, "'%c' where %s should be", c,
		         wanted);
	else
		snprintf(text, sizeof text, "byte 0x%02x where %s should be",
		         (unsigned)c, wanted);
	return fault(s, text);
}

static void skip_space(struct scan *s)
{
	size_t i = s->pos;

	while (i < s->len && (s->text[i] == ' ' || s->text[i] == '\n' ||
	                      s->text[i] == '\r' || s->text[i] == '\t'))
		i++;
	s->pos = i;
}

/* The bytes of a string that mean themselves. */
static void skip_plain(struct scan *s)
{
	size_t i = s->pos;

	while (i < s->len && (uint8_t)s->text[i] >= 0x20 && s->text[i] != '"' &&
	       s->text[i] != '\\')
		i++;
	s->pos = i;
}

/* Four hexadecimal digits at pos, which moves past them; -1: no such. */
static long hex4(struct scan *s)
{
	long value = 0;

	if (s->len - s->pos < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = s->text[s->pos + (size_t)i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	s->pos += 4;
	return value;
}

/* What follows "\u".  A character past U+FFFF is two of them, a high and a low
 * surrogate; neither means anything alone. */
static int scan_unicode(struct scan *s, struct strbuf *decoded)
{
	char bytes[4];
	long c = hex4(s), low;

	if (c < 0)
		return fault(s, "no four hexadecimal digits after \\u");
	if (c == 0)
		return fault(s, "\\u0000 in a string");
	if (c >= 0xd800 && c <= 0xdfff) {
		if (c >= 0xdc00 || s->len - s->pos < 6 ||
		    memcmp(s->text + s->pos, "\\u", 2))
			return fault(s, "a lone surrogate");
		s->pos += 2;
		low = hex4(s);
		if (low < 0xdc00 || low > 0xdfff)
			return fault(s, "a lone surrogate");
		c = 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00);
	}
	if (decoded)
		strbuf_add(decoded, bytes,
		           (size_t)utf8_encode((uint32_t)c, bytes));
	return 0;
}

/* At the backslash. */
static int scan_escape(struct scan *s, struct strbuf *decoded)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *name;
	int c;

	s->pos++;
	c = peek(s);
	if (c == 'u') {
		s->pos++;
		return scan_unicode(s, decoded);
	}
	name = c > 0 ? strchr(names, c) : NULL;
	if (!name)
		return unexpected(s, "an escape");
	if (decoded)
		strbuf_add_char(decoded, bytes[name - names]);
	s->pos++;
	return 0;
}

/* At the opening quote.  Appends the string without its escapes to decoded
 * (NULL: nobody asks).  The text is known to be UTF-8. */
static int scan_string(struct scan *s, struct strbuf *decoded)
{
	s->pos++;
	for (;;) {
		size_t from = s->pos;
		int c;

		skip_plain(s);
		c = peek(s);
		if (decoded)
			strbuf_add(decoded, s->text + from, s->pos - from);
		if (c == '"') {
			s->pos++;
			return 0;
		}
		if (c < 0)
			return fault(s, "the text ends inside a string");
		if (c != '\\')
			return fault(s, "a control character in a string");
		if (scan_escape(s, decoded))
			return -1;
	}
}

static size_t scan_digits(struct scan *s)
{
	size_t from = s->pos;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->pos++;
	return s->pos - from;
}

static void keep_spelling(struct scan *s, size_t from)
{
	struct json_spellings *all = s->spellings;

	all->items = mem_grow(all->items, all->n, &all->capacity,
	                      sizeof *all->items);
	all->items[all->n++] = (struct json_spelling){
		.ordinal = s->n_numbers,
		.at = from,
		.len = s->pos - from,
	};
}

static int scan_number(struct scan *s)
{
	size_t from = s->pos, first, digits;
	bool integer = true;

	if (peek(s) == '-')
		s->pos++;
	first = s->pos;
	digits = scan_digits(s);
	if (!digits)
		return unexpected(s, "a digit");
	if (digits > 1 && s->text[first] == '0')
		return fault(s, "a number that begins with 0");
	if (peek(s) == '.') {
		integer = false;
		s->pos++;
		if (!scan_digits(s))
			return unexpected(s, "a digit");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		integer = false;
		s->pos++;
		if (peek(s) == '+' || peek(s) == '-')
			s->pos++;
		if (!scan_digits(s))
			return unexpected(s, "a digit");
	}
	if (s->pos - from > MAX_NUMBER)
		return fault(s, "a number of more than 63 characters");
	if (!integer || digits > MAX_DIGITS)
		keep_spelling(s, from);
	s->n_numbers++;
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if (s->len - s->pos < len || memcmp(s->text + s->pos, word, len))
		return unexpected(s, "a value");
	s->pos += len;
	return 0;
}

/* Where the key is, or the free place for it. */
static struct key *place_of(const struct scan *s, const struct key *key)
{
	size_t i = (size_t)key->hash;

	for (;; i++) {
		struct key *place = &s->keys[i & (s->n_places - 1)];

		if (!place->object ||
		    (place->hash == key->hash && place->object == key->object &&
		     place->len == key->len &&
		     !memcmp(s->key_bytes.bytes + place->at,
		             s->key_bytes.bytes + key->at, key->len)))
			return place;
	}
}

static void double_places(struct scan *s)
{
	struct key *old = s->keys;
	size_t n = s->n_places;

	s->n_places = n ? 2 * n : 64;
	s->keys = mem_zalloc(s->n_places, sizeof *s->keys);
	for (size_t i = 0; i < n; i++)
		if (old[i].object)
			*place_of(s, &old[i]) = old[i];
	free(old);
}

/* At the opening quote of a key of the innermost object. */
static int scan_key(struct scan *s)
{
	size_t quote = s->pos;
	struct key key = { .object = s->open[s->depth - 1],
		           .at = s->key_bytes.len };
	struct key *place;

	if (peek(s) != '"')
		return unexpected(s, "a key");
	if (scan_string(s, &s->key_bytes))
		return -1;
	key.len = s->key_bytes.len - key.at;
	key.hash = hash64_with(s->key_bytes.bytes + key.at, key.len,
	                       s->seed + key.object);
	if (2 * (s->n_keys + 1) > s->n_places)
		double_places(s);
	place = place_of(s, &key);
	if (place->object) {
		char text[128];

		snprintf(text, sizeof text, "the key \"%.80s\" a second time",
		         s->key_bytes.bytes + key.at);
		s->pos = quote;
		return fault(s, text);
	}
	*place = key;
	s->n_keys++;
	skip_space(s);
	if (peek(s) != ':')
		return unexpected(s, "':'");
	s->pos++;
	return 0;
}

/* At '{' or '['.  Steps past it, and in an object past the first key too;
 * *inside is false where the end stands there already. */
static int scan_open(struct scan *s, bool *inside)
{
	bool object = peek(s) == '{';

	if (s->depth == MAX_DEPTH)
		return fault(s, "nested deeper than 200");
	s->open[s->depth++] = object ? ++s->n_objects : 0;
	s->pos++;
	skip_space(s);
	*inside = peek(s) != (object ? '}' : ']');
	return *inside && object ? scan_key(s) : 0;
}

/* A value, or the beginning of one that holds others: then *inside is true
 * and the next value is its first. */
static int scan_value(struct scan *s, bool *inside)
{
	int c;

	*inside = false;
	skip_space(s);
	if (++s->n_values > s->max_values)
		return fault(s, "more values than are allowed here");
	c = peek(s);
	if (c == '{' || c == '[')
		return scan_open(s, inside);
	if (c == '"')
		return scan_string(s, NULL);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(s);
	if (c == 't')
		return scan_word(s, "true");
	if (c == 'f')
		return scan_word(s, "false");
	if (c == 'n')
		return scan_word(s, "null");
	return unexpected(s, "a value");
}

/* After a value: closes what ends here, up to the comma before the next. */
static int scan_after(struct scan *s)
{
	while (s->depth) {
		bool object = s->open[s->depth - 1] != 0;

		skip_space(s);
		if (peek(s) == ',') {
			s->pos++;
			skip_space(s);
			return object ? scan_key(s) : 0;
		}
		if (peek(s) != (object ? '}' : ']'))
			return unexpected(s,
			                  object ? "',' or '}'" : "',' or ']'");
		s->pos++;
		s->depth--;
	}
	return 0;
}

static int scan_document(struct scan *s)
{
	do {
		bool inside;

		if (scan_value(s, &inside))
			return -1;
		if (!inside && scan_after(s))
			return -1;
	} while (s->depth);
	skip_space(s);
	if (s->pos < s->len)
		return unexpected(s, "the end");
	return 0;
}

/* Sixteen random bytes that the kernel gave this process: with them, nobody
 * can write keys that all fall on one place. */
static uint64_t random_seed(void)
{
	const void *bytes = (const void *)getauxval(AT_RANDOM);

	return bytes ? hash64(bytes, 16) : 0;
}

int json_scan(const char *text, size_t len, size_t max_values, const char *what,
              struct json_spellings *spellings, struct error *err)
{
	struct scan s = {
		.text = text,
		.len = len,
		.what = what,
		.err = err,
		.max_values = max_values,
		.spellings = spellings,
		.key_bytes = STRBUF_INIT,
		.seed = random_seed(),
	};
	int result;

	*spellings = (struct json_spellings){ 0 };
	s.pos = utf8_valid_run(text, len);
	if (s.pos < len)
		return fault(&s, "not UTF-8");
	s.pos = 0;
	result = scan_document(&s);
	free(s.keys);
	strbuf_free(&s.key_bytes);
	if (result) {
		free(spellings->items);
		*spellings = (struct json_spellings){ 0 };
	}
	return result;
}
