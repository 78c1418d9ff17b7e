#include <stdlib.h>

#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/export_parts.h"
#include "library/thinking.h"

/* Every line with "> " before it. */
static void add_quoted(struct strbuf *out, const char *text, size_t len)
{
	strbuf_add_str(out, "> ");
	for (size_t i = 0; i < len; i++) {
		strbuf_add_char(out, text[i]);
		if (text[i] == '\n')
			strbuf_add_str(out, "> ");
	}
	strbuf_add_char(out, '\n');
}

static void add_message(struct strbuf *out, const struct message *m)
{
	const char *ending = export_ending(m);
	size_t thought, len, answer = 0;

	strbuf_printf(out, "\n## %s\n\n", message_speaker(m));
	if (m->role == ROLE_ASSISTANT &&
	    thinking_split(m->text.bytes, m->text.len, &thought, &len,
	                   &answer)) {
		add_quoted(out, m->text.bytes + thought, len);
		strbuf_add_char(out, '\n');
	}
	strbuf_add(out, m->text.bytes + answer, m->text.len - answer);
	strbuf_add_char(out, '\n');
	if (ending)
		strbuf_printf(out, "\n*(%s)*\n", ending);
}

void export_markdown(struct strbuf *out, const struct conversation *c)
{
	struct message **path;
	size_t n = conversation_path(c, &path);

	strbuf_printf(out, "# %s\n\n*", export_title(c));
	export_time(out, c->updated_ms);
	strbuf_add_str(out, "*\n");
	for (size_t i = 0; i < n; i++)
		add_message(out, path[i]);
	free(path);
}
