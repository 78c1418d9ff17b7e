#include <math.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/export_parts.h"
#include "text/tokenizer.h"

/* What OpenAI's API reference gives for a token whose logprob it does not
 * know. */
#define NO_LOGPROB "-9999.0"

/* "token":"..","logprob":..,"bytes":[..],"id":.. */
static void add_token(struct strbuf *out, const struct tokenizer *t, int id,
                      float logprob, bool known)
{
	size_t len = 0;
	const char *bytes = t ? tokenizer_bytes(t, id, &len) : NULL;

	strbuf_add_str(out, "\"token\":");
	export_text(out, bytes ? bytes : "", bytes ? len : 0);
	strbuf_add_str(out, ",\"logprob\":");
	if (known && isfinite(logprob))
		json_write_float(out, logprob);
	else
		strbuf_add_str(out, NO_LOGPROB);
	strbuf_add_str(out, ",\"bytes\":");
	if (!bytes)
		strbuf_add_str(out, "null");
	for (size_t i = 0; bytes && i < len; i++)
		strbuf_printf(out, "%c%d", i ? ',' : '[',
		              (unsigned char)bytes[i]);
	if (bytes)
		strbuf_add_str(out, len ? "]" : "[]");
	strbuf_printf(out, ",\"id\":%d", id);
}

static void add_candidate(struct strbuf *out, const struct tokenizer *t,
                          const struct token_candidate *c)
{
	const char *cut = export_cut(c);

	strbuf_add_char(out, '{');
	add_token(out, t, c->id, c->logprob, true);
	strbuf_add_str(out, ",\"sampled_prob\":");
	json_write_float(out, c->sampled_prob);
	if (*cut)
		strbuf_printf(out, ",\"cut\":\"%s\"", cut);
	if (c->cut & TOKEN_PENALISED)
		strbuf_add_str(out, ",\"penalised\":true");
	strbuf_add_char(out, '}');
}

static void add_odds(struct strbuf *out, const struct tokenizer *t, int id,
                     const struct token_odds *odds)
{
	strbuf_add_char(out, '{');
	add_token(out, t, id, odds->logprob, odds->rank > 0);
	strbuf_add_str(out, ",\"top_logprobs\":[");
	for (int i = 0; i < odds->n_top; i++) {
		if (i)
			strbuf_add_char(out, ',');
		add_candidate(out, t, &odds->top[i]);
	}
	strbuf_printf(out, "],\"rank\":%d", odds->rank);
	strbuf_add_str(out, ",\"entropy\":");
	json_write_float(out, odds->entropy);
	strbuf_add_str(out, ",\"sampled_prob\":");
	json_write_float(out, odds->sampled_prob);
	strbuf_add_char(out, '}');
}

void export_logprobs(struct strbuf *out, const struct message *m,
                     const struct tokenizer *t)
{
	if (!m->n_odds)
		return;
	strbuf_add_str(out, ",\"logprobs\":{\"content\":[");
	for (size_t i = 0; i < m->n_odds; i++) {
		if (i)
			strbuf_add_char(out, ',');
		add_odds(out, t, i < m->ids.n ? m->ids.data[i] : m->odds[i].id,
		         &m->odds[i]);
	}
	strbuf_add_str(out, "]}");
}
