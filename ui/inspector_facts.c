#include "ui/inspector_facts.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "ui/cells/token_text.h"
#include "ui/chat.h"
#include "ui/chat_prompt.h"
#include "ui/transcript_item.h"
#include "ui/try_settings.h"

#define EXPLORED_COLS 100 /* of a continuation that are kept for the view */

/* The bytes of a token of this model, made visible; at most size - 1 bytes. */
static void put_token(const struct chat *chat, int id, char *out, size_t size)
{
	struct strbuf text = STRBUF_INIT;
	size_t len = 0;
	const char *bytes =
		chat->model ? tokenizer_bytes(chat->model->tokenizer, id, &len)
			    : NULL;

	if (bytes)
		token_text(&text, bytes, len);
	else
		strbuf_printf(&text, "<%d>", id);
	snprintf(out, size, "%.*s",
	         (int)text_fit(text.bytes, text.len, (int)size / 4),
	         text.bytes);
	strbuf_free(&text);
}

static void put_bytes(const struct chat *chat, int id, char *out, size_t size)
{
	size_t len = 0, used = 0, i = 0;
	const char *bytes = tokenizer_bytes(chat->model->tokenizer, id, &len);

	out[0] = '\0';
	for (; bytes && i < len && used + 8 < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%02x",
		                         i ? " " : "", (unsigned char)bytes[i]);
	if (i < len)
		snprintf(out + used, size - used, " …");
}

/* ---- what is known of it ---- */

const struct token_odds *inspector_odds(const struct chat *chat,
                                        const struct transcript_item *item,
                                        size_t index)
{
	const struct message *m = item->message;

	if (!transcript_item_has_odds(item))
		return NULL;
	if (index < m->n_odds && m->odds[index].rank)
		return &m->odds[index];
	return chat_peeked(chat, m, index);
}

static void put_note(const struct chat *chat, struct inspector_view *v,
                     const struct transcript_item *item, bool has_odds)
{
	const struct message *m = item->message;
	uint64_t by = item->notes.model_fingerprint;
	const char *note = "";
	bool other_weights;

	if (m->role == ROLE_ASSISTANT && !chat_same_model(chat, m)) {
		snprintf(v->note, sizeof v->note, "written by %s",
		         m->model ? m->model : "another program");
		return;
	}
	other_weights = (by && by != chat->model->fingerprint) ||
	                v->index < item->notes.other_weights;
	if (has_odds && v->index < v->n && other_weights)
		note = "by other weights of this name";
	else if (!has_odds && v->index < v->n && m->role == ROLE_ASSISTANT)
		note = "a person put this token here";
	snprintf(v->note, sizeof v->note, "%s", note);
}

/* Figures that another setting of the samplers made are told from those that a
 * reply would get now. */
static void put_settings(const struct chat *chat, struct inspector_view *v,
                         const struct transcript_item *item)
{
	const struct sampler_settings *s = &item->notes.sampling;
	size_t size = sizeof v->settings;
	int n;

	if (item->message->role != ROLE_ASSISTANT || v->index >= v->n ||
	    !item->notes.has_sampling)
		return;
	if (v->index < item->notes.earlier) {
		snprintf(v->settings, size, "sampled by earlier settings");
		return;
	}
	if (reply_same_sampling(s, &chat->sampling))
		return;
	n = snprintf(v->settings, size, "sampled at temp %.3g", s->temperature);
	if (s->temperature > 0)
		n += snprintf(v->settings + n, size - (size_t)n,
		              " top_k %d top_p %.3g min_p %.3g", s->top_k,
		              s->top_p, s->min_p);
	if (s->presence_penalty != 0 || s->repeat_penalty != 1)
		snprintf(v->settings + n, size - (size_t)n, " pen. %.3g/%.3g",
		         s->presence_penalty, s->repeat_penalty);
}

static void put_odds(const struct chat *chat, struct inspector_view *v,
                     const struct token_odds *odds)
{
	double listed = 0;

	v->has_odds = true;
	v->p = exp(odds->logprob);
	v->sampled = odds->sampled_prob;
	v->rank = odds->rank;
	v->entropy = odds->entropy / M_LN2;
	v->surprisal = -odds->logprob / M_LN2;
	v->n_top = odds->n_top;
	for (int i = 0; i < odds->n_top; i++) {
		const struct token_candidate *from = &odds->top[i];
		struct inspector_candidate *to = &v->top[i];

		to->id = from->id;
		put_token(chat, from->id, to->text, sizeof to->text);
		to->raw = exp(from->logprob);
		to->sampled = from->sampled_prob;
		to->cut = sampler_cut_name(from->cut & TOKEN_CUT);
		to->penalised = from->cut & TOKEN_PENALISED;
		to->is_token = from->id == odds->id;
		listed += to->raw;
	}
	v->rest = listed < 1 ? 1 - listed : 0;
}

static void put_tried(struct inspector_view *v, const struct token_odds *odds,
                      const struct inspector_try *t)
{
	struct try_settings settings = { t->temperature, t->top_k, t->top_p,
		                         t->min_p };
	float logprobs[TOKEN_TOP];
	double sampled[TOKEN_TOP];
	const char *cut[TOKEN_TOP];

	v->tried = *t;
	if (!t->on)
		return;
	for (int i = 0; i < odds->n_top; i++)
		logprobs[i] = odds->top[i].logprob;
	v->tried.estimated =
		!try_settings(&settings, logprobs, odds->n_top, sampled, cut);
	for (int i = 0; i < odds->n_top; i++) {
		v->top[i].sampled = sampled[i];
		v->top[i].cut = cut[i];
		/* Penalties are not tried: it would be so without them. */
		v->tried.estimated |= v->top[i].penalised;
		v->top[i].penalised = false;
	}
}

/* Surprisals of all tokens of the message; yours to free. */
static float *put_summary(struct inspector_view *v,
                          const struct transcript_item *item)
{
	const struct message *m = item->message;
	size_t n = transcript_item_has_odds(item) ? m->n_odds : 0;
	float *bits = mem_zalloc(v->n + 1, sizeof *bits);
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < v->n; i++) {
		bits[i] = -1;
		if (i >= n || !m->odds[i].rank)
			continue;
		bits[i] = (float)(-m->odds[i].logprob / M_LN2);
		sum += m->odds[i].logprob;
		known++;
	}
	if (known) {
		v->surprisals = bits;
		v->mean_logprob = sum / (double)known;
		v->perplexity = exp(-v->mean_logprob);
	}
	return bits;
}

static void put_branches(const struct chat *chat, struct inspector_view *v,
                         const struct message *m)
{
	const struct chat_explore *e = &chat->explore;

	if (e->message != m->id || e->index != v->index)
		return;
	for (int i = 0; i < e->n; i++) {
		struct inspector_branch *to = &v->branches[v->n_branches++];
		struct strbuf text = STRBUF_INIT;

		put_token(chat, e->branch[i].id, to->head, sizeof to->head);
		token_text(&text, e->branch[i].text.bytes,
		           e->branch[i].text.len);
		snprintf(to->text, sizeof to->text, "%.*s",
		         (int)text_fit(text.bytes, text.len, EXPLORED_COLS),
		         text.bytes);
		to->done = e->branch[i].done;
		strbuf_free(&text);
	}
}

/* The token itself; false: there is none here. */
static bool put_text(const struct chat *chat, struct inspector_view *v,
                     const struct transcript_item *item, size_t index)
{
	const struct message *m = item->message;
	const struct ids *ids =
		item->spans.encoded.n ? &item->spans.encoded : &m->ids;
	bool at_end;

	v->n = item->spans.n;
	v->index = index;
	at_end = v->index >= v->n;
	if (!chat->model || v->index > v->n || (at_end && !v->n))
		return false;
	v->has_token = true;
	v->id = -1;
	if (at_end) {
		snprintf(v->text, sizeof v->text, "?");
		return true;
	}
	v->id = ids->data[v->index];
	put_token(chat, v->id, v->text, sizeof v->text);
	put_bytes(chat, v->id, v->bytes, sizeof v->bytes);
	return true;
}

float *inspector_facts(struct inspector_view *v, const struct chat *chat,
                       const struct transcript_item *item, size_t index,
                       const struct inspector_try *tried)
{
	const struct message *m = item->message;
	const struct token_odds *odds;

	*v = (struct inspector_view){ .pos = SIZE_MAX };
	v->can_go_on = m->role == ROLE_ASSISTANT && chat_same_model(chat, m);
	v->can_compute = m->role != ROLE_ASSISTANT || !m->n_odds;
	if (!put_text(chat, v, item, index))
		return NULL;
	v->can_compute |= v->can_go_on && v->index >= v->n;
	odds = inspector_odds(chat, item, index);
	put_note(chat, v, item, odds != NULL);
	if (odds) {
		put_settings(chat, v, item);
		put_odds(chat, v, odds);
		put_tried(v, odds, tried);
	}
	put_branches(chat, v, m);
	return put_summary(v, item);
}

size_t inspector_reply_start(const struct chat *chat, const struct message *m)
{
	struct ids ids = { 0 };
	size_t n = SIZE_MAX;

	if (m->role == ROLE_ASSISTANT && chat_same_model(chat, m) &&
	    !chat_prompt_before(chat, m, &ids, NULL))
		n = ids.n;
	ids_free(&ids);
	return n;
}
