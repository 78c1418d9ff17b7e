/*
 * confab tokenize: text to ids.
 */
#include "ui/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "text/tokenizer.h"
#include "ui/cli/input.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/text_model.h"

static void add_ids(struct strbuf *out, const struct ids *ids,
                    const char *separator)
{
	for (size_t i = 0; i < ids->n; i++)
		strbuf_printf(out, "%s%d", i ? separator : "", ids->data[i]);
}

static int tokenize_all(const struct tokenizer *t, enum tokenizer_mode mode,
                        struct error *err)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
	struct ids ids = { 0 };
	int result = input_read_all(&text, err);

	if (!result) {
		tokenizer_encode(t, text.bytes, text.len, mode, &ids);
		add_ids(&out, &ids, " ");
		strbuf_add_char(&out, '\n');
		output_add(out.bytes, out.len);
	}
	ids_free(&ids);
	strbuf_free(&text);
	strbuf_free(&out);
	return result;
}

/* ---- JSON lines ---- */

/*
 * A text to tokenize may hold the character U+0000, which json.h refuses
 * because a C string cannot.  So each escape "\u0000" of the line becomes that
 * of a noncharacter which the line does not use, and the noncharacter becomes a
 * 0 byte afterwards.  U+FDD0 to U+FDEF are the noncharacters whose escape is as
 * long; in UTF-8 they are EF B7 90 to EF B7 AF.
 */
static bool uses_noncharacter(const char *line, size_t len, int i)
{
	const char raw[] = { '\xef', '\xb7', (char)(0x90 + i) };
	char hex[5];

	snprintf(hex, sizeof hex, "fd%x", 0xd0 + i);
	for (size_t at = 0; at + 3 <= len; at++) {
		if (!memcmp(line + at, raw, 3))
			return true;
		if (at + 4 <= len && (line[at] | 0x20) == hex[0] &&
		    (line[at + 1] | 0x20) == hex[1] &&
		    (line[at + 2] | 0x20) == hex[2] &&
		    (line[at + 3] | 0x20) == hex[3])
			return true;
	}
	return false;
}

/* Copies the line to out with its NULs hidden.  The number of the noncharacter,
 * or -1 where the line has no NUL or no way to hide it. */
static int hide_nuls(struct strbuf *out, const char *line, size_t len)
{
	size_t at = 0, step;
	char hex[5];
	int i = 0;

	strbuf_clear(out);
	strbuf_add(out, line, len);
	if (!memmem(line, len, "\\u0000", 6))
		return -1;
	while (i < 32 && uses_noncharacter(line, len, i))
		i++;
	if (i == 32)
		return -1;
	snprintf(hex, sizeof hex, "fd%x", 0xd0 + i);
	for (; at + 6 <= len; at += step) {
		step = line[at] == '\\' ? 2 : 1;
		if (!memcmp(line + at, "\\u0000", 6)) {
			memcpy(out->bytes + at + 2, hex, 4);
			step = 6;
		}
	}
	return i;
}

/* In place. */
static void restore_nuls(struct strbuf *text, int noncharacter)
{
	const char raw[] = { '\xef', '\xb7', (char)(0x90 + noncharacter) };
	size_t out = 0;

	for (size_t in = 0; in < text->len; out++) {
		if (in + 3 <= text->len && !memcmp(text->bytes + in, raw, 3)) {
			text->bytes[out] = '\0';
			in += 3;
		} else {
			text->bytes[out] = text->bytes[in++];
		}
	}
	text->len = out;
	text->bytes[out] = '\0';
}

/* The text of a line: a string, or an object's "text". */
static int read_text(struct strbuf *text, const char *line, size_t len,
                     const char *what, struct error *err)
{
	int hidden = hide_nuls(text, line, len);
	struct json *value = json_parse(text->bytes, text->len, what, err);
	const char *string;

	if (!value)
		return -1;
	string = json_string(json_is_object(value) ? json_get(value, "text")
	                                           : value);
	strbuf_clear(text);
	if (string)
		strbuf_add_str(text, string);
	else
		error_set(err,
		          "%s: neither a string nor an object with a "
		          "string \"text\"",
		          what);
	if (hidden >= 0 && string)
		restore_nuls(text, hidden);
	json_free(value);
	return string ? 0 : -1;
}

static int tokenize_line(const struct tokenizer *t, enum tokenizer_mode mode,
                         const char *line, size_t len, size_t number,
                         struct error *err)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
	struct ids ids = { 0 };
	char what[64];
	int result;

	snprintf(what, sizeof what, "standard input, line %zu", number);
	result = read_text(&text, line, len, what, err);
	if (!result) {
		tokenizer_encode(t, text.bytes, text.len, mode, &ids);
		strbuf_add_str(&out, "{\"ids\":[");
		add_ids(&out, &ids, ",");
		strbuf_add_str(&out, "]}\n");
		output_add(out.bytes, out.len);
	}
	ids_free(&ids);
	strbuf_free(&text);
	strbuf_free(&out);
	return result;
}

static int tokenize_lines(const struct tokenizer *t, enum tokenizer_mode mode,
                          struct error *err)
{
	struct input_lines lines = INPUT_LINES_INIT;
	const char *line;
	size_t len;
	int result;

	while ((result = input_next_line(&lines, &line, &len, output_flush,
	                                 err)) > 0) {
		if (len &&
		    tokenize_line(t, mode, line, len, lines.number, err)) {
			result = -1;
			break;
		}
	}
	input_lines_free(&lines);
	return result;
}

int command_tokenize(const struct options *o, struct error *err)
{
	enum tokenizer_mode mode = o->plain ? TOKENIZER_PLAIN : TOKENIZER_ALL;
	struct text_model model;
	int result;

	if (text_model_open(&model, o, err))
		return EXIT_BAD_FILE;
	if (o->jsonl)
		result = tokenize_lines(model.tokenizer, mode, err);
	else
		result = tokenize_all(model.tokenizer, mode, err);
	text_model_close(&model);
	return result ? EXIT_FAILED : EXIT_OK;
}
