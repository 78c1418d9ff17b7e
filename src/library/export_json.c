#include <stdbool.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/export_parts.h"

static void add_message(struct strbuf *out, const struct conversation *c,
                        const struct message *m,
                        const struct export_tokens *tokens)
{
	strbuf_add_char(out, '{');
	export_string(out, "role", message_role_name(m->role));
	strbuf_add_str(out, "\"content\":");
	export_text(out, m->text.bytes, m->text.len);
	export_logprobs(out, m, export_tokenizer(tokens, c, m));
	export_own(out, m);
	strbuf_add_char(out, '}');
}

/* Messages on the path, or those beside it, a line each. */
static void add_messages(struct strbuf *out, const struct conversation *c,
                         struct message **path, size_t n, bool on_path,
                         const struct export_tokens *tokens)
{
	const char *before = "\n";
	size_t at = 0;

	strbuf_add_char(out, '[');
	for (size_t i = 0; i < c->n; i++) {
		bool on = at < n && path[at] == c->messages[i];

		at += on;
		if (on != on_path)
			continue;
		strbuf_add_str(out, before);
		add_message(out, c, c->messages[i], tokens);
		before = ",\n";
	}
	strbuf_add_str(out, "\n]");
}

void export_json(struct strbuf *out, const struct conversation *c,
                 const struct export_tokens *tokens)
{
	struct message **path;
	size_t n = conversation_path(c, &path);

	strbuf_add_char(out, '{');
	export_string(out, "title", c->title);
	strbuf_add_str(out, "\"messages\":");
	add_messages(out, c, path, n, true, tokens);
	strbuf_add_str(out, ",\n\"confab\":{");
	export_string(out, "id", c->id);
	strbuf_printf(out,
	              "\"leaf\":%lld,\"created_ms\":%lld,"
	              "\"updated_ms\":%lld,\"branches\":",
	              (long long)c->leaf, (long long)c->created_ms,
	              (long long)c->updated_ms);
	add_messages(out, c, path, n, false, tokens);
	strbuf_add_str(out, "}}\n");
	free(path);
}
