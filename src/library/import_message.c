#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/import_parts.h"
#include "library/import_tree.h"
#include "library/thinking.h"

static int role_of(const struct json *role, const char *member,
                   struct error *err)
{
	static const struct {
		const char *name;
		enum message_role role;
	} others[] = {
		{ "developer", ROLE_SYSTEM },        /* OpenAI */
		{ "function", ROLE_TOOL },           /* OpenAI, formerly */
		{ "human", ROLE_USER },              /* ShareGPT */
		{ "gpt", ROLE_ASSISTANT },           /* ShareGPT */
		{ "chatgpt", ROLE_ASSISTANT },       /* ShareGPT */
		{ "bing", ROLE_ASSISTANT },          /* ShareGPT */
		{ "bard", ROLE_ASSISTANT },          /* ShareGPT */
		{ "model", ROLE_ASSISTANT },         /* Gemini */
		{ "function_call", ROLE_ASSISTANT }, /* ShareGPT with tools */
		{ "observation", ROLE_TOOL },        /* ShareGPT with tools */
	};
	const char *name = json_string(role);
	int known = name ? message_role_named(name) : -1;

	for (size_t i = 0;
	     name && known < 0 && i < sizeof others / sizeof *others; i++)
		if (!strcmp(others[i].name, name))
			known = (int)others[i].role;
	if (!name)
		return error_set(err, "%s: must be a string", member);
	if (known < 0)
		return error_set(err, "%s: \"%.32s\" is no role", member, name);
	return known;
}

/* ---- content ---- */

/* A part of a content: its text, or in brackets what it would be. */
static int add_part(struct strbuf *out, const struct json *part,
                    struct error *err)
{
	const char *text = json_string(part), *type;

	if (!text)
		text = json_string(json_get(part, "text"));
	if (!text)
		text = json_string(json_get(part, "refusal"));
	if (text) {
		strbuf_add_str(out, text);
		return 0;
	}
	type = json_string(json_get(part, "type"));
	if (!type)
		return error_set(err, "content: a part without text or type");
	strbuf_printf(out, "[%.64s]", type);
	return 0;
}

static int add_content(struct strbuf *out, const struct json *content,
                       struct error *err)
{
	const char *text = json_string(content);

	if (text) {
		strbuf_add_str(out, text);
		return 0;
	}
	if (!content || json_is_null(content)) /* beside tool calls */
		return 0;
	if (!json_is_array(content))
		return error_set(err, "content: must be text or a list of "
		                      "parts");
	for (const struct json *c = json_first(content); c; c = json_next(c))
		if (add_part(out, c, err))
			return -1;
	return 0;
}

/* As Qwen3 writes a call, and as its template would. */
static void add_tool_calls(struct strbuf *out, const struct json *calls)
{
	for (const struct json *c = json_first(calls); c; c = json_next(c)) {
		const struct json *f = json_get(c, "function");
		const char *name = json_string(json_get(f ? f : c, "name"));
		const struct json *arguments = json_get(f ? f : c, "arguments");

		if (!name)
			continue;
		if (out->len)
			strbuf_add_char(out, '\n');
		strbuf_add_str(out, "<tool_call>\n{\"name\": ");
		json_write_string(out, name, strlen(name));
		strbuf_add_str(out, ", \"arguments\": ");
		if (json_string(arguments))
			strbuf_add_str(out, json_string(arguments));
		else if (arguments)
			json_write_python(out, arguments);
		else
			strbuf_add_str(out, "{}");
		strbuf_add_str(out, "}\n</tool_call>");
	}
}

/* Files that llama.cpp's web UI sends along as text; of the others the name. */
static void add_attachments(struct strbuf *out, const struct json *extra)
{
	if (!json_is_array(extra))
		return;
	for (const struct json *c = json_first(extra); c; c = json_next(c)) {
		const char *name = json_string(json_get(c, "name"));
		const char *text = json_string(json_get(c, "content"));

		if (out->len)
			strbuf_add_str(out, "\n\n");
		strbuf_printf(out, "[%s]", name ? name : "attachment");
		if (text)
			strbuf_printf(out, "\n%s", text);
	}
}

static const char *first_string(const struct json *v, const char *a,
                                const char *b)
{
	const char *text = json_string(json_get(v, a));

	return text ? text : json_string(json_get(v, b));
}

static const struct json *first_of(const struct json *v, const char *a,
                                   const char *b)
{
	const struct json *member = json_get(v, a);

	return member ? member : json_get(v, b);
}

/* ---- messages ---- */

bool import_time(const struct json *v, int64_t *ms)
{
	int64_t time, now = conversation_now_ms();

	if (!json_integer(v, &time) || time < 0)
		return false;
	*ms = time < now ? time : now;
	return true;
}

static struct import_node *add_node(struct import_tree *tree, int role,
                                    const struct strbuf *text)
{
	struct import_node *node = import_tree_add(tree);

	node->follows = tree->n > 1;
	node->message = conversation_add(tree->c, -1, (enum message_role)role,
	                                 text->bytes, text->len);
	return node;
}

struct import_node *import_message(struct import_tree *tree,
                                   const struct json *v, struct error *err)
{
	const char *thought =
		first_string(v, "reasoningContent", "reasoning_content");
	int role = role_of(json_get(v, "role"), "role", err);
	struct strbuf text = STRBUF_INIT, whole = STRBUF_INIT;
	struct import_node *node = NULL;

	if (role < 0 || add_content(&text, json_get(v, "content"), err))
		goto out;
	add_tool_calls(&text, first_of(v, "tool_calls", "toolCalls"));
	add_attachments(&text, json_get(v, "extra"));
	if (thought && *thought)
		thinking_join(&whole, thought, text.bytes);
	node = add_node(tree, role, whole.len ? &whole : &text);
	import_time(json_get(v, "timestamp"), &node->message->created_ms);
	if (json_string(json_get(v, "model")))
		node->message->model =
			mem_strdup(json_string(json_get(v, "model")));
	if (import_own(node->message, v, err))
		node = NULL;
out:
	strbuf_free(&text);
	strbuf_free(&whole);
	return node;
}

int import_turn(struct import_tree *tree, const struct json *v,
                struct error *err)
{
	int role = role_of(json_get(v, "from"), "from", err);
	const char *value = json_string(json_get(v, "value"));
	struct strbuf text = STRBUF_INIT;

	if (role < 0)
		return -1;
	if (!value)
		return error_set(err, "value: must be a string");
	strbuf_add_str(&text, value);
	add_node(tree, role, &text);
	strbuf_free(&text);
	return 0;
}

/* ---- conversations ---- */

void import_title(struct conversation *c, const struct json *title)
{
	const char *text = json_string(title);

	if (!text)
		return;
	free(c->title);
	c->title = mem_strdup(text);
	conversation_one_line(c->title);
}

void import_times(struct import_tree *tree, const struct json *created,
                  const struct json *updated)
{
	import_time(created, &tree->created_ms);
	import_time(updated, &tree->updated_ms);
}
