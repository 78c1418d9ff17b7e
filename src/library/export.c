#include "library/export.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "engine/sampler.h"
#include "library/conversation.h"
#include "library/export_parts.h"
#include "library/reply.h"

static const char *const names[] = { "md", "json", "jsonl", "html" };

int export_format_named(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (!strcasecmp(names[i], name))
			return i;
	return -1;
}

int export_format_of_path(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? export_format_named(dot + 1) : -1;
}

const char *export_format_title(enum export_format format)
{
	static const char *const titles[] = { "Markdown", "JSON", "JSONL",
		                              "HTML" };

	return titles[format];
}

void export_conversation(struct strbuf *out, const struct conversation *c,
                         enum export_format format,
                         const struct export_tokens *tokens)
{
	switch (format) {
	case EXPORT_MARKDOWN:
		export_markdown(out, c);
		break;
	case EXPORT_JSON:
		export_json(out, c, tokens);
		break;
	case EXPORT_JSONL:
		export_session(out, c, tokens);
		break;
	case EXPORT_HTML:
		export_html(out, c, tokens);
		break;
	}
}

/* ---- parts ---- */

void export_text(struct strbuf *out, const char *bytes, size_t len)
{
	struct strbuf text = STRBUF_INIT;
	size_t run;

	for (size_t i = 0; i < len; i += run + 1) {
		run = strnlen(bytes + i, len - i);
		strbuf_add(&text, bytes + i, run);
		if (i + run < len)
			strbuf_add_str(&text, "\xef\xbf\xbd");
	}
	json_write_string(out, text.bytes, text.len);
	strbuf_free(&text);
}

void export_string(struct strbuf *out, const char *key, const char *text)
{
	if (!text)
		return;
	strbuf_printf(out, "\"%s\":", key);
	json_write_string(out, text, strlen(text));
	strbuf_add_char(out, ',');
}

const char *export_cut(const struct token_candidate *c)
{
	return sampler_cut_name((enum sampler_cut)(c->cut & TOKEN_CUT));
}

const struct tokenizer *export_tokenizer(const struct export_tokens *tokens,
                                         const struct conversation *c,
                                         const struct message *m)
{
	const char *model = m->model;
	const struct tokenizer *t;

	if (!tokens || !m->ids.n)
		return NULL;
	for (size_t i = conversation_place(c, m->id); !model && i < c->n; i++)
		model = c->messages[i]->model;
	t = tokens->of(tokens->arg, model ? model : "");
	/* Where nothing names a model, it is the right one if it spells the text. */
	return t && (model || reply_ids_end_text(m, t)) ? t : NULL;
}

const char *export_ending(const struct message *m)
{
	switch (m->state) {
	case MESSAGE_LENGTH:
		return "cut at the limit of tokens";
	case MESSAGE_INTERRUPTED:
		return "interrupted";
	case MESSAGE_DONE:
	case MESSAGE_OPEN:
		break;
	}
	return NULL;
}

const char *export_title(const struct conversation *c)
{
	return *c->title ? c->title : "Conversation";
}

void export_time(struct strbuf *out, long long ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
	strbuf_add_str(out, text);
}

void export_own(struct strbuf *out, const struct message *m)
{
	strbuf_printf(out, ",\"confab\":{\"id\":%lld,\"parent\":%lld,",
	              (long long)m->id, (long long)m->parent);
	export_string(out, "state", message_state_name(m->state));
	export_string(out, "model", m->model);
	if (m->extra) {
		struct json *extra =
			json_parse(m->extra, strlen(m->extra), "extra", NULL);

		if (extra)
			strbuf_printf(out, "\"extra\":%s,", m->extra);
		json_free(extra);
	}
	if (m->ids.n) {
		strbuf_add_str(out, "\"ids\":[");
		for (size_t i = 0; i < m->ids.n; i++)
			strbuf_printf(out, "%s%d", i ? "," : "",
			              m->ids.data[i]);
		strbuf_add_str(out, "],");
	}
	strbuf_printf(out, "\"created_ms\":%lld,\"seconds\":",
	              (long long)m->created_ms);
	json_write_number(out, m->seconds);
	strbuf_add_char(out, '}');
}
