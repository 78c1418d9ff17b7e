#include "library/import.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/import_parts.h"
#include "library/import_tree.h"

/* Of one text of JSON: about 100 bytes of memory each. */
#define MAX_VALUES ((size_t)16 << 20)

struct import {
	const char *what;
	struct conversation **list; /* [n] */
	size_t n, capacity;
	size_t line;             /* of the value at hand, from 1; 0: no lines */
	struct import_tree open; /* lines that are one conversation */
	bool is_open;
	size_t open_line; /* where it began */
};

void import_free(struct conversation **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		conversation_free(list[i]);
	free(list);
}

static int keep(struct import *im, struct conversation *c)
{
	if (!c)
		return -1;
	if (!c->n) {
		conversation_free(c);
		return 0;
	}
	conversation_auto_title(c);
	im->list = mem_grow(im->list, im->n, &im->capacity, sizeof *im->list);
	im->list[im->n++] = c;
	return 0;
}

/* ---- by shape ---- */

static bool is_type(const struct json *v, const char *type)
{
	const char *name = json_string(json_get(v, "type"));

	return name && !strcmp(name, type);
}

static bool is_message(const struct json *v)
{
	return json_get(v, "role") && !json_get(v, "messages");
}

static bool is_turn(const struct json *v)
{
	return json_get(v, "from") && json_get(v, "value");
}

static int take_object(struct import *im, const struct json *v,
                       struct error *err)
{
	if (json_is_object(json_get(v, "conv")) &&
	    json_is_array(json_get(v, "messages")))
		return keep(im, import_conv(v, err));
	if (json_is_array(json_get(v, "messages")))
		return keep(im, import_openai(v, err));
	if (json_is_array(json_get(v, "conversations")))
		return keep(im, import_sharegpt(v, err));
	return error_set(err, "no conversation: neither \"messages\" nor "
	                      "\"conversations\" is there");
}

static int take_array(struct import *im, const struct json *v,
                      struct error *err)
{
	const struct json *first = json_first(v);
	size_t i = 0;

	if (is_message(first))
		return keep(im, import_openai(v, err));
	if (is_turn(first))
		return keep(im, import_sharegpt(v, err));
	for (const struct json *c = first; c; c = json_next(c)) {
		/* A list of lists of messages, too. */
		int status = json_is_array(c) && json_is_object(json_first(c))
		                     ? take_array(im, c, err)
		                     : take_object(im, c, err);

		if (status) {
			error_prefix(err, "[%zu]", i);
			return -1;
		}
		i++;
	}
	return 0;
}

/* ---- lines ---- */

static int close_open(struct import *im, struct error *err)
{
	if (!im->is_open)
		return 0;
	im->is_open = false;
	if (!keep(im, import_tree_take(&im->open, err)))
		return 0;
	im->line = im->open_line;
	return -1;
}

static void open_tree(struct import *im)
{
	if (im->is_open)
		return;
	import_tree_init(&im->open);
	im->open_line = im->line;
	im->is_open = true;
}

static int take_line(struct import *im, const struct json *v, struct error *err)
{
	if (is_type(v, "session")) {
		if (close_open(im, err) ||
		    import_session_begin(&im->open, v, err))
			return -1;
		im->is_open = true;
		im->open_line = im->line;
		return 0;
	}
	if (is_type(v, "message") && json_get(v, "message")) {
		if (!im->is_open)
			return error_set(err, "a message before any session");
		return import_session_message(&im->open, v, err);
	}
	if (is_message(v)) {
		open_tree(im);
		return import_message(&im->open, v, err) ? 0 : -1;
	}
	if (is_turn(v)) {
		open_tree(im);
		return import_turn(&im->open, v, err);
	}
	if (close_open(im, err))
		return -1;
	return json_is_array(v) ? take_array(im, v, err)
	                        : take_object(im, v, err);
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	return true;
}

static int parse_line(struct import *im, const char *text, size_t len,
                      struct error *err)
{
	struct strbuf what = STRBUF_INIT;
	struct json *v;
	int status = -1;

	strbuf_printf(&what, "%s: record %zu", im->what, im->line);
	v = json_parse_bounded(text, len, MAX_VALUES, what.bytes, err);
	if (v) {
		status = take_line(im, v, err);
		if (status)
			error_prefix(err, "%s: line %zu", im->what, im->line);
	}
	json_free(v);
	strbuf_free(&what);
	return status;
}

static int take_lines(struct import *im, const char *text, size_t len,
                      struct error *err)
{
	for (const char *p = text, *end = text + len; p < end;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((newline ? newline : end) - p);

		im->line++;
		if (!is_blank(p, n) && parse_line(im, p, n, err))
			return -1;
		p += n + 1;
	}
	if (!close_open(im, err))
		return 0;
	error_prefix(err, "%s: line %zu", im->what, im->line);
	return -1;
}

/* Is the first line a value of its own, with more below it? */
static bool has_lines(const char *text, size_t len)
{
	const char *newline;
	struct json *v;
	bool is_value;
	size_t n;

	while (len && memchr(" \t\r\n", *text, 4)) {
		text++;
		len--;
	}
	newline = memchr(text, '\n', len);
	n = newline ? (size_t)(newline - text) : len;
	if (is_blank(text + n, len - n))
		return false;
	v = json_parse_bounded(text, n, MAX_VALUES, "", NULL);
	is_value = v != NULL;
	json_free(v);
	return is_value;
}

static int take_whole(struct import *im, const char *text, size_t len,
                      struct error *err)
{
	struct json *v =
		json_parse_bounded(text, len, MAX_VALUES, im->what, err);
	int status;

	if (!v)
		return -1;
	if (json_is_object(v) || json_is_array(v))
		status = take_line(im, v, err);
	else
		status = error_set(err, "holds no conversation");
	if (!status)
		status = close_open(im, err);
	json_free(v);
	if (status)
		error_prefix(err, "%s", im->what);
	return status;
}

/* ---- the whole ---- */

/* Where a file does not say when, its last conversation is the newest: so the
 * list, newest first, has them in their order. */
static void keep_order(struct conversation **list, size_t n, int64_t began_ms)
{
	for (size_t i = n; i-- > 1;) {
		struct conversation *c = list[i - 1];

		if (c->updated_ms < began_ms ||
		    c->updated_ms < list[i]->updated_ms)
			continue;
		c->updated_ms = list[i]->updated_ms - 1;
		if (c->created_ms > c->updated_ms)
			c->created_ms = c->updated_ms;
	}
}

int import_text(const char *text, size_t len, const char *what,
                struct conversation ***list, size_t *n, struct error *err)
{
	struct import im = { .what = what };
	int64_t began_ms = conversation_now_ms();
	int status;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3; /* a byte order mark */
		len -= 3;
	}
	status = has_lines(text, len) ? take_lines(&im, text, len, err)
	                              : take_whole(&im, text, len, err);
	if (!status && !im.n)
		status = error_set(err, "%s: holds no conversation", what);
	if (im.is_open)
		import_tree_free(&im.open);
	if (status) {
		import_free(im.list, im.n);
		return -1;
	}
	keep_order(im.list, im.n, began_ms);
	*list = im.list;
	*n = im.n;
	return 0;
}

int import_file(const char *path, struct conversation ***list, size_t *n,
                struct error *err)
{
	bool is_stdin = !strcmp(path, "-");
	const char *what = is_stdin ? "standard input" : path;
	struct strbuf text = STRBUF_INIT;
	int status = is_stdin ? file_read_open(&text, STDIN_FILENO, what,
	                                       IMPORT_MAX_BYTES, err)
	                      : file_read(&text, path, IMPORT_MAX_BYTES, err);

	if (!status)
		status = import_text(text.bytes, text.len, what, list, n, err);
	strbuf_free(&text);
	return status;
}
