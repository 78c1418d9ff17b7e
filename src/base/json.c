#include "base/json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"

/* A struct json is a cJSON, seen from outside.  In a number whose spelling
 * was kept, `valuestring` has it; cJSON frees it with the node. */
static const cJSON *node(const struct json *v)
{
	return (const cJSON *)v;
}

static const struct json *value(const cJSON *v)
{
	return (const struct json *)v;
}

/* What gives the numbers of a tree their spellings back.  The text and the
 * tree have them in the same order, so counting is enough to match them. */
struct speller {
	const char *text;
	size_t len;
	const char *what;
	const struct json_spellings *spellings;
	size_t n_numbers, n_used;
};

static int spell_number(struct speller *s, cJSON *number, struct error *err)
{
	const struct json_spelling *spelling;

	if (s->n_used == s->spellings->n ||
	    s->spellings->items[s->n_used].ordinal != s->n_numbers++)
		return 0;
	spelling = &s->spellings->items[s->n_used++];
	if (!isfinite(number->valuedouble))
		return json_scan_fault(s->text, s->len, spelling->at, s->what,
		                       "a number too large for a double", err);
	number->valuestring = cJSON_malloc(spelling->len + 1);
	if (!number->valuestring)
		return error_set(err, "%s: no memory to hold it", s->what);
	memcpy(number->valuestring, s->text + spelling->at, spelling->len);
	number->valuestring[spelling->len] = '\0';
	return 0;
}

/* Recursion is bounded: json_scan() has seen the text. */
static int spell(struct speller *s, cJSON *v, struct error *err)
{
	if (cJSON_IsNumber(v))
		return spell_number(s, v, err);
	for (cJSON *c = v->child; c; c = c->next)
		if (spell(s, c, err))
			return -1;
	return 0;
}

struct json *json_parse_bounded(const char *text, size_t len, size_t max_values,
                                const char *what, struct error *err)
{
	struct json_spellings spellings;
	struct speller speller = { text, len, what, &spellings, 0, 0 };
	cJSON *root;

	if (json_scan(text, len, max_values, what, &spellings, err))
		return NULL;
	root = cJSON_ParseWithLength(text, len);
	if (!root) {
		error_set(err, "%s: no memory to hold it", what);
	} else if (spellings.n && spell(&speller, root, err)) {
		cJSON_Delete(root);
		root = NULL;
	}
	free(spellings.items);
	return (struct json *)root;
}

struct json *json_parse(const char *text, size_t len, const char *what,
                        struct error *err)
{
	return json_parse_bounded(text, len, SIZE_MAX, what, err);
}

struct json *json_read(const char *path, size_t max_bytes, struct error *err)
{
	struct strbuf text = STRBUF_INIT;
	struct json *root = NULL;

	if (!file_read_regular(&text, path, max_bytes, err))
		root = json_parse_bounded(text.bytes, text.len,
		                          JSON_FILE_VALUES, path, err);
	strbuf_free(&text);
	return root;
}

void json_free(struct json *root)
{
	cJSON_Delete((cJSON *)root);
}

bool json_is_object(const struct json *v)
{
	return cJSON_IsObject(node(v));
}

bool json_is_array(const struct json *v)
{
	return cJSON_IsArray(node(v));
}

bool json_is_string(const struct json *v)
{
	return cJSON_IsString(node(v));
}

bool json_is_number(const struct json *v)
{
	return cJSON_IsNumber(node(v));
}

bool json_is_null(const struct json *v)
{
	return cJSON_IsNull(node(v));
}

bool json_is_bool(const struct json *v)
{
	return cJSON_IsBool(node(v));
}

bool json_is_true(const struct json *v)
{
	return cJSON_IsTrue(node(v));
}

const struct json *json_get(const struct json *v, const char *key)
{
	if (!json_is_object(v))
		return NULL;
	return value(cJSON_GetObjectItemCaseSensitive(node(v), key));
}

const struct json *json_first(const struct json *v)
{
	return v ? value(node(v)->child) : NULL;
}

const struct json *json_next(const struct json *v)
{
	return v ? value(node(v)->next) : NULL;
}

const char *json_key(const struct json *v)
{
	return v ? node(v)->string : NULL;
}

size_t json_count(const struct json *v)
{
	size_t n = 0;

	for (const struct json *c = json_first(v); c; c = json_next(c))
		n++;
	return n;
}

const char *json_string(const struct json *v)
{
	return json_is_string(v) ? node(v)->valuestring : NULL;
}

bool json_number(const struct json *v, double *out)
{
	if (!json_is_number(v))
		return false;
	*out = node(v)->valuedouble;
	return true;
}

bool json_integer(const struct json *v, int64_t *out)
{
	const double limit = 9007199254740992.0; /* 2^53 */
	double number;

	if (!json_number(v, &number) || fabs(number) > limit ||
	    number != trunc(number))
		return false;
	/* 2^53 + 1 is no double and reads as 2^53. */
	if (fabs(number) == limit && node(v)->valuestring &&
	    strcmp(node(v)->valuestring, "9007199254740992") &&
	    strcmp(node(v)->valuestring, "-9007199254740992"))
		return false;
	*out = (int64_t)number;
	return true;
}

static void write_escape(struct strbuf *out, uint8_t c)
{
	static const char bytes[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *found = c ? strchr(bytes, c) : NULL;

	if (found)
		strbuf_printf(out, "\\%c", names[found - bytes]);
	else
		strbuf_printf(out, "\\u%04x", c);
}

static void write_valid_string(struct strbuf *out, const char *bytes,
                               size_t len)
{
	size_t from = 0;

	strbuf_add_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)bytes[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		strbuf_add(out, bytes + from, i - from);
		write_escape(out, c);
		from = i + 1;
	}
	strbuf_add(out, bytes + from, len - from);
	strbuf_add_char(out, '"');
}

void json_write_string(struct strbuf *out, const char *bytes, size_t len)
{
	struct strbuf repaired = STRBUF_INIT;

	if (utf8_valid(bytes, len)) {
		write_valid_string(out, bytes, len);
		return;
	}
	utf8_repair(&repaired, bytes, len);
	write_valid_string(out, repaired.bytes, repaired.len);
	strbuf_free(&repaired);
}

/* number = 0.DIGITS * 10^point, with as few digits as read back to the same
 * double.  Whatever decimal point the locale has, only digits are taken. */
static int shortest_digits(double number, char digits[32], int *point)
{
	/* 15 digits survive in every normal double, 17 tell any two apart. */
	int n = fabs(number) < 2.3e-308 ? 1 : 15, used = 0;
	char text[48], *p;

	do
		snprintf(text, sizeof text, "%.*e", n - 1, number);
	while (strtod(text, NULL) != number && n++ < 17);
	for (p = text; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[used++] = *p;
	*point = atoi(p + 1) + 1;
	while (used > 1 && digits[used - 1] == '0')
		used--;
	return used;
}

/* As Python's repr(): a plain decimal where its point lies at most 16 digits
 * to the right or 4 places to the left, else an exponent of two digits or more.
 * `tail` follows a number without a fraction. */
static void write_double(struct strbuf *out, double number, const char *tail)
{
	char digits[32];
	int point, n = shortest_digits(number, digits, &point);

	if (signbit(number))
		strbuf_add_char(out, '-');
	if (point < -3 || point > 16) {
		strbuf_add(out, digits, 1);
		if (n > 1)
			strbuf_printf(out, ".%.*s", n - 1, digits + 1);
		strbuf_printf(out, "e%+03d", point - 1);
	} else if (point <= 0) {
		strbuf_printf(out, "0.%.*s%.*s", -point, "000", n, digits);
	} else if (n <= point) {
		strbuf_printf(out, "%.*s%.*s%s", n, digits, point - n,
		              "0000000000000000", tail);
	} else {
		strbuf_printf(out, "%.*s.%.*s", point, digits, n - point,
		              digits + point);
	}
}

void json_write_number(struct strbuf *out, double number)
{
	if (isfinite(number))
		write_double(out, number, "");
	else
		strbuf_add_str(out, "null");
}

void json_write_float(struct strbuf *out, float number)
{
	if (isfinite(number))
		strbuf_printf(out, "%.9g", (double)number);
	else
		strbuf_add_str(out, "null");
}

static void write_python_number(struct strbuf *out, const cJSON *number)
{
	const char *spelling = number->valuestring;

	if (!spelling) /* an integer of at most 15 digits; Python has no -0 */
		strbuf_printf(out, "%" PRId64, (int64_t)number->valuedouble);
	else if (strpbrk(spelling, ".eE"))
		write_double(out, number->valuedouble, ".0");
	else
		strbuf_add_str(out, spelling);
}

static void write_python_items(struct strbuf *out, const cJSON *v)
{
	bool object = cJSON_IsObject(v);

	strbuf_add_char(out, object ? '{' : '[');
	for (const cJSON *c = v->child; c; c = c->next) {
		if (c != v->child)
			strbuf_add_str(out, ", ");
		if (object) {
			json_write_string(out, c->string, strlen(c->string));
			strbuf_add_str(out, ": ");
		}
		json_write_python(out, value(c));
	}
	strbuf_add_char(out, object ? '}' : ']');
}

void json_write_python(struct strbuf *out, const struct json *v)
{
	if (json_is_string(v))
		json_write_string(out, json_string(v), strlen(json_string(v)));
	else if (json_is_number(v))
		write_python_number(out, node(v));
	else if (json_is_object(v) || json_is_array(v))
		write_python_items(out, node(v));
	else if (json_is_bool(v))
		strbuf_add_str(out, json_is_true(v) ? "true" : "false");
	else
		strbuf_add_str(out, "null");
}
