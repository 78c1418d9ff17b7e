/*
 * confab render: conversations to text and ids, as the model's template has it.
 */
#include "ui/cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "text/chat_template.h"
#include "ui/cli/input.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/text_model.h"

struct renderer {
	const struct text_model *model;
	enum chat_thinking think; /* where the object does not say */
	size_t conversations, refused;
};

static int read_message(struct chat_message *to, const struct json *from,
                        size_t i, struct error *err)
{
	if (!json_is_object(from))
		return error_set(err, "messages[%zu] is not an object", i);
	*to = (struct chat_message){
		.role = json_string(json_get(from, "role")),
		.content = json_string(json_get(from, "content")),
		.reasoning_content =
			json_string(json_get(from, "reasoning_content")),
		.tool_calls = json_get(from, "tool_calls"),
	};
	if (!to->role)
		return error_set(err, "messages[%zu] has no role", i);
	if (to->content)
		to->content_len = strlen(to->content);
	return 0;
}

/* Yours to free; its strings are the JSON's. */
static struct chat_message *read_messages(const struct json *list, size_t *n,
                                          struct error *err)
{
	struct chat_message *messages;
	size_t i = 0;

	if (!json_is_array(list)) {
		error_set(err, "\"messages\" is not an array");
		return NULL;
	}
	*n = json_count(list);
	messages = mem_zalloc(*n + 1, sizeof *messages);
	for (const struct json *m = json_first(list); m; m = json_next(m)) {
		if (read_message(&messages[i], m, i, err)) {
			free(messages);
			return NULL;
		}
		i++;
	}
	return messages;
}

/* A member that is true or false; null and none leave *on as it is. */
static int read_switch(const struct json *object, const char *name, bool *on,
                       bool *is_there, struct error *err)
{
	const struct json *value = json_get(object, name);

	*is_there = json_is_bool(value);
	if (*is_there)
		*on = json_is_true(value);
	else if (value && !json_is_null(value))
		return error_set(err, "\"%s\" is neither true nor false", name);
	return 0;
}

static int read_options(const struct renderer *r, const struct json *object,
                        struct chat_options *options, struct error *err)
{
	const struct json *tools = json_get(object, "tools");
	bool think = false, is_there;

	*options = (struct chat_options){ .enable_thinking = r->think };
	if (json_is_array(tools))
		options->tools = tools;
	else if (tools && !json_is_null(tools))
		return error_set(err, "\"tools\" is not an array");
	if (read_switch(object, "add_generation_prompt",
	                &options->add_generation_prompt, &is_there, err) ||
	    read_switch(object, "enable_thinking", &think, &is_there, err))
		return -1;
	if (is_there)
		options->enable_thinking =
			think ? CHAT_THINK_ON : CHAT_THINK_OFF;
	return 0;
}

static int render(const struct renderer *r, const struct json *object,
                  struct strbuf *text, struct ids *ids, struct error *err)
{
	struct chat_options options;
	struct chat_message *messages;
	size_t n;
	int result;

	if (read_options(r, object, &options, err))
		return -1;
	messages = read_messages(json_get(object, "messages"), &n, err);
	if (!messages)
		return -1;
	result = chat_template_render(r->model->family, messages, n, &options,
	                              r->model->tokenizer, text, ids, err);
	free(messages);
	return result;
}

static void write_result(const struct strbuf *text, const struct ids *ids)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_add_str(&out, "{\"text\":");
	json_write_string(&out, text->bytes, text->len);
	strbuf_add_str(&out, ",\"ids\":[");
	for (size_t i = 0; i < ids->n; i++)
		strbuf_printf(&out, "%s%d", i ? "," : "", ids->data[i]);
	strbuf_add_str(&out, "]}\n");
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

static void write_refusal(const struct error *reason)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_add_str(&out, "{\"error\":");
	json_write_string(&out, reason->text, strlen(reason->text));
	strbuf_add_str(&out, "}\n");
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

/* One conversation.  What the template refuses is answered in its place; what
 * is no JSON ends it all. */
static int render_text(struct renderer *r, const char *json, size_t len,
                       const char *what, struct error *err)
{
	struct json *object = json_parse(json, len, what, err);
	struct strbuf text = STRBUF_INIT;
	struct ids ids = { 0 };
	struct error reason = { "" };

	if (!object)
		return -1;
	r->conversations++;
	if (render(r, object, &text, &ids, &reason)) {
		r->refused++;
		write_refusal(&reason);
		error_set(err, "%s: %s", what, reason.text);
	} else {
		write_result(&text, &ids);
	}
	ids_free(&ids);
	strbuf_free(&text);
	json_free(object);
	return 0;
}

static int render_all(struct renderer *r, struct error *err)
{
	struct strbuf json = STRBUF_INIT;
	int result = input_read_all(&json, err);

	if (!result)
		result = render_text(r, json.bytes, json.len, "standard input",
		                     err);
	strbuf_free(&json);
	return result;
}

static int render_lines(struct renderer *r, struct error *err)
{
	struct input_lines lines = INPUT_LINES_INIT;
	const char *line;
	char what[64];
	size_t len;
	int result;

	while ((result = input_next_line(&lines, &line, &len, output_flush,
	                                 err)) > 0) {
		snprintf(what, sizeof what, "standard input, line %zu",
		         lines.number);
		if (len && render_text(r, line, len, what, err)) {
			result = -1;
			break;
		}
	}
	input_lines_free(&lines);
	if (!result && r->refused)
		error_set(err,
		          "render: %zu of %zu conversations refused, the "
		          "last one at %s",
		          r->refused, r->conversations, err->text);
	return result;
}

int command_render(const struct options *o, struct error *err)
{
	struct text_model model;
	struct renderer r = { .model = &model, .think = o->think };
	int result;

	if (text_model_open(&model, o, err))
		return EXIT_BAD_FILE;
	result = o->jsonl ? render_lines(&r, err) : render_all(&r, err);
	text_model_close(&model);
	return result || r.refused ? EXIT_FAILED : EXIT_OK;
}
