/*
 * json.h - JSON in and out; the one door to cJSON
 *
 * Reading is stricter than cJSON 1.7.15, because what is read comes from
 * strangers: duplicate keys, anything after the value, numbers that do not fit
 * a double (1e400), ill-formed UTF-8, unescaped control characters, lone
 * surrogates and "\u0000" inside a string, nesting deeper than 200 and numbers
 * of more than 63 characters are errors.  Values are immutable and belong to
 * the root.
 */
#ifndef CONFAB_JSON_H
#define CONFAB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct strbuf;
struct json; /* a value: object, array, string, number, true, false or null */

/* `what` names the text in errors (a path, "standard input, line 3"). */
struct json *json_parse(const char *text, size_t len, const char *what,
                        struct error *err);
/* The same for a text that could be all brackets and commas: more than
 * max_values values are an error.  A value costs about 100 bytes. */
struct json *json_parse_bounded(const char *text, size_t len,
                                size_t max_values, const char *what,
                                struct error *err);
/* Values that a tokenizer.json may have, the largest file of a model: Qwen3's
 * has 0.6 million. */
#define JSON_FILE_VALUES ((size_t)2 << 20)
/* Reads a whole file of at most max_bytes and JSON_FILE_VALUES. */
struct json *json_read(const char *path, size_t max_bytes, struct error *err);
void json_free(struct json *root);

bool json_is_object(const struct json *v); /* all of these take NULL: false */
bool json_is_array(const struct json *v);
bool json_is_string(const struct json *v);
bool json_is_number(const struct json *v);
bool json_is_null(const struct json *v);
bool json_is_bool(const struct json *v);
bool json_is_true(const struct json *v);

/* The member named key of an object, or NULL (also when v is NULL or no
 * object).  Objects of many members are walked, not searched. */
const struct json *json_get(const struct json *v, const char *key);

/* Walk an array or object: for (c = json_first(v); c; c = json_next(c)). */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *v);
const char *json_key(const struct json *v); /* NULL outside an object */
size_t json_count(const struct json *v);

/* The string (NULL where v is no string), borrowed from the root. */
const char *json_string(const struct json *v);
/* False, out untouched, where v is no number (no exact integer of at most
 * 2^53 in size). */
bool json_number(const struct json *v, double *out);
bool json_integer(const struct json *v, int64_t *out);

/* Writing: text is put together in a strbuf.  json_write_string() escapes and
 * quotes; ill-formed UTF-8 becomes U+FFFD.  json_write_number() writes the
 * shortest decimal that reads back to the same double; not finite: null. */
void json_write_string(struct strbuf *out, const char *bytes, size_t len);
void json_write_number(struct strbuf *out, double number);
/* Nine digits, from which the same float is read back. */
void json_write_float(struct strbuf *out, float number);

/* As Python's json.dumps(v, ensure_ascii=False): ", " and ": ", members in
 * their order, numbers as they were spelled where Python keeps the difference
 * (1 and 1.0).  This is what Qwen3's templates do with `| tojson`. */
void json_write_python(struct strbuf *out, const struct json *v);

#endif
