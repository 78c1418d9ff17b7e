/*
 * The Session Trace Simple Format, huggingface.co/docs/hub/
 * session-traces-format, with the members that llama.cpp's web UI keeps its
 * tree in: a message has an id, its parent's and its children's; all hang from
 * an empty message of the type "root".
 */

#include "base/mem.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/export_parts.h"
#include "library/thinking.h"

#define ROOT "root"

static void add_children(struct strbuf *out, const struct conversation *c,
                         const struct conversation_tree *tree, size_t first)
{
	const char *comma = "";

	strbuf_add_str(out, "\"children\":[");
	for (size_t i = first; i; i = tree->next[i - 1]) {
		strbuf_printf(out, "%s\"%lld\"", comma,
		              (long long)c->messages[i - 1]->id);
		comma = ",";
	}
	strbuf_add_str(out, "],");
}

static void add_content(struct strbuf *out, const struct message *m)
{
	size_t thought, len, answer = 0;

	if (m->role == ROLE_ASSISTANT &&
	    thinking_split(m->text.bytes, m->text.len, &thought, &len,
	                   &answer)) {
		strbuf_add_str(out, "\"reasoningContent\":");
		export_text(out, m->text.bytes + thought, len);
		strbuf_add_char(out, ',');
	}
	strbuf_add_str(out, "\"content\":");
	export_text(out, m->text.bytes + answer, m->text.len - answer);
}

static void add_message(struct strbuf *out, const struct conversation *c,
                        const struct conversation_tree *tree, size_t i,
                        const struct export_tokens *tokens)
{
	const struct message *m = c->messages[i];

	strbuf_printf(out,
	              "{\"type\":\"message\",\"message\":{\"id\":\"%lld\",",
	              (long long)m->id);
	if (m->parent < 0)
		export_string(out, "parent", ROOT);
	else
		strbuf_printf(out, "\"parent\":\"%lld\",",
		              (long long)m->parent);
	export_string(out, "convId", c->id ? c->id : "");
	export_string(out, "type", m->role == ROLE_SYSTEM ? "system" : "text");
	strbuf_printf(out, "\"timestamp\":%lld,", (long long)m->created_ms);
	add_children(out, c, tree, tree->first[i]);
	export_string(out, "model", m->model);
	export_string(out, "role", message_role_name(m->role));
	add_content(out, m);
	export_logprobs(out, m, export_tokenizer(tokens, c, m));
	export_own(out, m);
	strbuf_add_str(out, "}}\n");
}

static void add_header(struct strbuf *out, const struct conversation *c)
{
	strbuf_add_str(out, "{\"type\":\"session\",\"harness\":\"confab\",");
	export_string(out, "id", c->id ? c->id : "");
	export_string(out, "name", c->title);
	if (c->leaf >= 0)
		strbuf_printf(out, "\"currNode\":\"%lld\",",
		              (long long)c->leaf);
	strbuf_printf(out,
	              "\"lastModified\":%lld,"
	              "\"confab\":{\"created_ms\":%lld}}\n",
	              (long long)c->updated_ms, (long long)c->created_ms);
}

static void add_root(struct strbuf *out, const struct conversation *c,
                     const struct conversation_tree *tree)
{
	strbuf_add_str(out, "{\"type\":\"message\",\"message\":{\"id\":\"" ROOT
	                    "\",\"parent\":null,");
	export_string(out, "convId", c->id ? c->id : "");
	strbuf_printf(out, "\"type\":\"root\",\"timestamp\":%lld,",
	              (long long)c->created_ms);
	add_children(out, c, tree, tree->first_root);
	strbuf_add_str(out, "\"role\":\"system\",\"content\":\"\"}}\n");
}

void export_session(struct strbuf *out, const struct conversation *c,
                    const struct export_tokens *tokens)
{
	struct conversation_tree tree;

	conversation_tree_make(&tree, c);
	add_header(out, c);
	add_root(out, c, &tree);
	for (size_t i = 0; i < c->n; i++)
		add_message(out, c, &tree, i, tokens);
	conversation_tree_free(&tree);
}
