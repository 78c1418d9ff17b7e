#include "text/chat_template.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "text/chat_parts.h"

#define START "<|im_start|>"
#define END   "<|im_end|>"

struct span {
	const char *bytes; /* [len] */
	size_t len;
};

struct render {
	enum chat_family family;
	const struct chat_message *messages; /* [n] */
	size_t n;
	const struct chat_options *options;
	const struct tokenizer *t; /* NULL: only the text is wanted */
	/* Index of the last message that a person asked; thinking is kept in
	 * the replies after it. */
	size_t last_query;
	struct chat_parts parts;
	struct error *err;
};

static void code(struct render *r, const char *literal)
{
	chat_parts_code(&r->parts, literal);
}

static void text(struct render *r, struct span span)
{
	chat_parts_text(&r->parts, span.bytes, span.len);
}

static void json(struct render *r, const struct json *value)
{
	struct strbuf out = STRBUF_INIT;

	json_write_python(&out, value);
	chat_parts_text(&r->parts, out.bytes, out.len);
	strbuf_free(&out);
}

static bool has_role(const struct chat_message *message, const char *role)
{
	return message->role && strcmp(message->role, role) == 0;
}

/* The content; empty where it is no string, as in the templates. */
static struct span content_of(const struct chat_message *message)
{
	if (!message->content)
		return (struct span){ "", 0 };
	return (struct span){ message->content, message->content_len };
}

/*
 * Python's str methods, as far as the templates use them: find() gives the
 * first place of needle, rfind() the last, -1 where there is none.
 */
static ptrdiff_t find(struct span span, const char *needle)
{
	const char *at = memmem(span.bytes, span.len, needle, strlen(needle));

	return at ? at - span.bytes : -1;
}

static ptrdiff_t rfind(struct span span, const char *needle)
{
	size_t n = strlen(needle), i;

	for (i = span.len + 1; i-- > 0;)
		if (span.len - i >= n && memcmp(span.bytes + i, needle, n) == 0)
			return (ptrdiff_t)i;
	return -1;
}

static bool starts_with(struct span span, const char *prefix)
{
	size_t n = strlen(prefix);

	return span.len >= n && memcmp(span.bytes, prefix, n) == 0;
}

static bool ends_with(struct span span, const char *suffix)
{
	size_t n = strlen(suffix);

	return span.len >= n &&
	       memcmp(span.bytes + span.len - n, suffix, n) == 0;
}

static struct span after(struct span span, size_t skip)
{
	return (struct span){ span.bytes + skip, span.len - skip };
}

static struct span lstrip_newlines(struct span span)
{
	while (span.len && span.bytes[0] == '\n')
		span = after(span, 1);
	return span;
}

static struct span rstrip_newlines(struct span span)
{
	while (span.len && span.bytes[span.len - 1] == '\n')
		span.len--;
	return span;
}

/* Jinja's idea of true. */
static bool truthy(const struct json *value)
{
	const char *string = json_string(value);
	double number;

	if (string)
		return *string;
	if (json_number(value, &number))
		return number != 0;
	if (json_is_array(value) || json_is_object(value))
		return json_count(value) > 0;
	return json_is_true(value);
}

/* What {{ value }} prints. */
static int print(struct render *r, const struct json *value)
{
	const char *string = json_string(value);

	if (!value)
		return 0;
	if (string)
		text(r, (struct span){ string, strlen(string) });
	else if (json_is_null(value))
		chat_parts_text(&r->parts, "None", 4);
	else if (json_is_true(value))
		chat_parts_text(&r->parts, "True", 4);
	else if (json_is_bool(value))
		chat_parts_text(&r->parts, "False", 5);
	else if (json_is_number(value))
		json(r, value);
	else
		return error_set(r->err,
		                 "the name of a tool call is no string");
	return 0;
}

/* tool_call.arguments: text, or anything else as JSON. */
static int arguments(struct render *r, const struct json *call)
{
	const struct json *value = json_get(call, "arguments");
	const char *string = json_string(value);

	if (!value)
		return error_set(r->err, "a tool call has no arguments");
	if (string)
		text(r, (struct span){ string, strlen(string) });
	else
		json(r, value);
	return 0;
}

static int tool_calls(struct render *r, const struct json *calls,
                      bool has_content)
{
	const struct json *call;

	if (!truthy(calls))
		return 0;
	if (!json_is_array(calls))
		return error_set(r->err, "tool_calls is no array");
	for (call = json_first(calls); call; call = json_next(call)) {
		const struct json *function = json_get(call, "function");
		const struct json *named = truthy(function) ? function : call;

		if (has_content || call != json_first(calls))
			code(r, "\n");
		code(r, "<tool_call>\n{\"name\": \"");
		if (print(r, json_get(named, "name")))
			return -1;
		code(r, "\", \"arguments\": ");
		if (arguments(r, named))
			return -1;
		code(r, "}\n</tool_call>");
	}
	return 0;
}

/* Takes <think>...</think> out of the content:
 *	reasoning = content.split('</think>')[0].rstrip('\n')
 *	                   .split('<think>')[-1].lstrip('\n')
 *	content = content.split('</think>')[-1].lstrip('\n') */
static void take_reasoning(struct span *content, struct span *reasoning)
{
	static const char open[] = "<think>", close[] = "</think>";
	ptrdiff_t at = find(*content, close);

	if (at < 0)
		return;
	*reasoning =
		rstrip_newlines((struct span){ content->bytes, (size_t)at });
	at = rfind(*reasoning, open);
	if (at >= 0)
		*reasoning = after(*reasoning, (size_t)at + strlen(open));
	*reasoning = lstrip_newlines(*reasoning);
	*content =
		lstrip_newlines(after(*content, (size_t)rfind(*content, close) +
	                                                strlen(close)));
}

static int assistant(struct render *r, size_t i)
{
	const struct chat_message *message = &r->messages[i];
	struct span content = content_of(message), reasoning = { "", 0 };
	size_t body;

	if (message->reasoning_content)
		reasoning = (struct span){ message->reasoning_content,
			                   strlen(message->reasoning_content) };
	else
		take_reasoning(&content, &reasoning);
	code(r, START "assistant\n");
	body = r->parts.n;
	if (i > r->last_query && (i + 1 == r->n || reasoning.len)) {
		code(r, "<think>\n");
		text(r, rstrip_newlines(lstrip_newlines(reasoning)));
		code(r, "\n</think>\n\n");
		text(r, lstrip_newlines(content));
	} else {
		text(r, content);
	}
	if (r->t)
		chat_parts_use_ids(&r->parts, body, r->t, message->ids,
		                   message->n_ids);
	if (tool_calls(r, message->tool_calls, content.len > 0))
		return -1;
	code(r, END "\n");
	return 0;
}

/* Tool results that follow each other are one turn of the user. */
static void tool(struct render *r, size_t i)
{
	if (i == 0 || !has_role(&r->messages[i - 1], "tool"))
		code(r, START "user");
	code(r, "\n<tool_response>\n");
	text(r, content_of(&r->messages[i]));
	code(r, "\n</tool_response>");
	if (i + 1 == r->n || !has_role(&r->messages[i + 1], "tool"))
		code(r, END "\n");
}

static void turn(struct render *r, const char *head, size_t i)
{
	code(r, head);
	text(r, content_of(&r->messages[i]));
	code(r, END "\n");
}

static int tools(struct render *r, const struct json *list)
{
	const struct json *entry;

	if (!json_is_array(list))
		return error_set(r->err, "tools is no array");
	code(r, "# Tools\n\nYou may call one or more functions to assist with "
	        "the user query.\n\nYou are provided with function signatures "
	        "within <tools></tools> XML tags:\n<tools>");
	for (entry = json_first(list); entry; entry = json_next(entry)) {
		code(r, "\n");
		json(r, entry);
	}
	code(r, "\n</tools>\n\nFor each function call, return a json object "
	        "with function name and arguments within "
	        "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": "
	        "<function-name>, \"arguments\": <args-json-object>}\n"
	        "</tool_call>" END "\n");
	return 0;
}

/* The system turn: the first message if it is one, and the tools. */
static int system_turn(struct render *r)
{
	const struct json *list = r->options->tools;
	bool given = has_role(&r->messages[0], "system");

	if (given && !r->messages[0].content)
		return error_set(r->err, "message 0: content is no string");
	if (!truthy(list)) {
		if (given)
			turn(r, START "system\n", 0);
		return 0;
	}
	code(r, START "system\n");
	if (given) {
		text(r, content_of(&r->messages[0]));
		code(r, "\n\n");
	}
	return tools(r, list);
}

static size_t find_last_query(const struct render *r)
{
	const struct chat_message *message;
	size_t i;

	for (i = r->n; i-- > 0;) {
		message = &r->messages[i];
		if (has_role(message, "user") && message->content &&
		    !(starts_with(content_of(message), "<tool_response>") &&
		      ends_with(content_of(message), "</tool_response>")))
			return i;
	}
	return r->n - 1;
}

static int qwen3(struct render *r)
{
	size_t i;

	if (!r->n)
		return error_set(r->err, "no messages");
	if (system_turn(r))
		return -1;
	r->last_query = find_last_query(r);
	for (i = 0; i < r->n; i++) {
		const struct chat_message *message = &r->messages[i];

		if (has_role(message, "user"))
			turn(r, START "user\n", i);
		else if (has_role(message, "system") && i > 0)
			turn(r, START "system\n", i);
		else if (has_role(message, "tool"))
			tool(r, i);
		else if (has_role(message, "assistant") && assistant(r, i))
			return -1;
	}
	return 0;
}

/* The role is text too: it may come from a file. */
static int chatml(struct render *r)
{
	const struct chat_message *message;
	size_t i, body;

	for (i = 0; i < r->n; i++) {
		message = &r->messages[i];
		if (!message->role || !message->content)
			return error_set(r->err, "message %zu: %s is no string",
			                 i, message->role ? "content" : "role");
		code(r, START);
		text(r, (struct span){ message->role, strlen(message->role) });
		code(r, "\n");
		body = r->parts.n;
		text(r, content_of(message));
		if (r->t)
			chat_parts_use_ids(&r->parts, body, r->t, message->ids,
			                   message->n_ids);
		code(r, END "\n");
	}
	return 0;
}

static void generation_prompt(struct render *r)
{
	code(r, START "assistant\n");
	if (r->family == CHAT_THINKING)
		code(r, "<think>\n");
	if (r->family == CHAT_HYBRID &&
	    r->options->enable_thinking == CHAT_THINK_OFF)
		code(r, "<think>\n\n</think>\n\n");
}

int chat_template_render(enum chat_family family,
                         const struct chat_message *messages, size_t n,
                         const struct chat_options *options,
                         const struct tokenizer *t, struct strbuf *out,
                         struct ids *ids, struct error *err)
{
	struct render r = { .family = family,
		            .messages = messages,
		            .n = n,
		            .options = options,
		            .t = ids ? t : NULL,
		            .parts.text = STRBUF_INIT,
		            .err = err };
	int rc = family == CHAT_CHATML ? chatml(&r) : qwen3(&r);

	if (rc == 0) {
		if (options->add_generation_prompt)
			generation_prompt(&r);
		if (out)
			strbuf_add(out, r.parts.text.bytes, r.parts.text.len);
		if (ids)
			chat_parts_encode(&r.parts, t, ids);
	}
	chat_parts_free(&r.parts);
	return rc;
}
