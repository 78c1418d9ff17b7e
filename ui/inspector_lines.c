#include "ui/inspector_lines.h"

#include <math.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "library/conversation.h"
#include "ui/cells/token_text.h"
#include "ui/chat.h"
#include "ui/inspector_facts.h"
#include "ui/transcript_item.h"

#define OTHERS       3    /* alternatives in the line of a token */
#define LEAST        1e-4 /* probability of one that is worth its words */
#define WORDS_BEFORE 40   /* bytes of the text in front of one, about */

void inspector_lines_percent(struct strbuf *out, double p)
{
	double percent = 100 * p;

	if (percent >= 100)
		strbuf_add_str(out, "100%");
	else if (percent >= 99.995) /* would be rounded to certainty */
		strbuf_add_str(out, "over 99.99%");
	else if (percent >= 99.95)
		strbuf_printf(out, "%.2f%%", percent);
	else if (percent >= 0.0001)
		strbuf_printf(out, "%.3g%%", percent);
	else
		strbuf_add_str(out, p > 0 ? "under 0.0001%" : "0%");
}

static void add_token(struct strbuf *out, const struct chat *chat, int id)
{
	size_t len = 0;
	const char *bytes = tokenizer_bytes(chat->model->tokenizer, id, &len);

	if (bytes)
		token_quoted(out, bytes, len);
	else
		strbuf_printf(out, "<%d>", id);
}

static void add_message(struct strbuf *out, const struct transcript_item *item)
{
	strbuf_printf(out, "message %zu, %s", item->number,
	              message_speaker(item->message));
}

/* ---- all tokens ---- */

static void add_others(struct strbuf *out, const struct chat *chat,
                       const struct token_odds *odds)
{
	int n = 0;

	for (int i = 0; i < odds->n_top && n < OTHERS; i++) {
		if (odds->top[i].id == odds->id ||
		    exp(odds->top[i].logprob) < LEAST)
			continue;
		strbuf_add_str(out, n++ ? ", " : "; else ");
		add_token(out, chat, odds->top[i].id);
		strbuf_add_char(out, ' ');
		inspector_lines_percent(out, exp(odds->top[i].logprob));
	}
}

static void add_line(struct strbuf *out, const struct chat *chat,
                     const struct transcript_item *item, size_t index)
{
	const struct token_odds *odds = inspector_odds(chat, item, index);
	const struct ids *ids = item->spans.encoded.n ? &item->spans.encoded
	                                              : &item->message->ids;

	add_token(out, chat, ids->data[index]);
	if (odds) {
		strbuf_add_char(out, ' ');
		inspector_lines_percent(out, exp(odds->logprob));
		strbuf_printf(out, ", rank %d, %.2f bits", odds->rank,
		              odds->entropy / M_LN2);
		add_others(out, chat, odds);
	}
}

static void add_summary(struct strbuf *out, const struct inspector_view *v)
{
	strbuf_printf(out, "%zu token%s", v->n, v->n == 1 ? "" : "s");
	if (v->perplexity > 0)
		strbuf_printf(out,
		              ", perplexity %.2f, mean log-probability %.3f",
		              v->perplexity, v->mean_logprob);
	strbuf_add_char(out, '\n');
}

static void add_unknown(struct strbuf *out, const struct transcript_item *item,
                        const struct inspector_view *v)
{
	strbuf_add_str(out, "No odds are known");
	if (v->can_compute)
		strbuf_printf(out, "; /score %zu computes them", item->number);
	strbuf_add_char(out, '\n');
}

void inspector_lines_message(struct strbuf *out, const struct chat *chat,
                             const struct transcript_item *item)
{
	static const struct inspector_try none = { .on = false };
	struct inspector_view v;
	float *bits = inspector_facts(&v, chat, item, 0, &none);

	add_summary(out, &v);
	if (item->message->role == ROLE_ASSISTANT && !v.can_go_on)
		strbuf_printf(out, "%s\n", v.note);
	if (v.perplexity > 0)
		strbuf_add_str(out, "Number, text, probability, rank, entropy; "
		                    "what else was likely:\n");
	else
		add_unknown(out, item, &v);
	for (size_t i = 0; i < v.n; i++) {
		strbuf_printf(out, "%zu ", i + 1);
		add_line(out, chat, item, i);
		strbuf_add_char(out, '\n');
	}
	free(bits);
}

/* ---- one token ---- */

/* The text that leads to a token, from the beginning of a word on. */
static void add_words_before(struct strbuf *out,
                             const struct transcript_item *item, size_t index)
{
	const struct strbuf *text = &item->message->text;
	size_t end = index < item->spans.n
	                     ? transcript_item_token(item, index).begin
	                     : text->len;
	size_t begin = end > WORDS_BEFORE ? end - WORDS_BEFORE : 0;

	while (begin > 0 && begin < end && text->bytes[begin - 1] != ' ')
		begin++;
	if (begin >= end)
		return;
	strbuf_add_str(out, ", after ");
	token_quoted(out, text->bytes + begin, end - begin);
}

void inspector_lines_brief(struct strbuf *out, const struct chat *chat,
                           const struct transcript_item *item, size_t index)
{
	strbuf_printf(out, "token %zu, ", index + 1);
	add_message(out, item);
	add_words_before(out, item, index);
	strbuf_add_str(out, ": ");
	add_line(out, chat, item, index);
}

static void add_facts(struct strbuf *out, const struct transcript_item *item,
                      const struct inspector_view *v)
{
	if (v->id >= 0)
		strbuf_printf(out, "id %d, bytes %s\n", v->id, v->bytes);
	if (v->pos != SIZE_MAX)
		strbuf_printf(out, "position %zu\n", v->pos);
	if (*v->note)
		strbuf_printf(out, "%s\n", v->note);
	if (!v->has_odds) {
		add_unknown(out, item, v);
		return;
	}
	strbuf_add_str(out, "probability ");
	inspector_lines_percent(out, v->p);
	strbuf_add_str(out, ", after the samplers ");
	inspector_lines_percent(out, v->sampled);
	strbuf_printf(out, ", rank %d\nentropy %.2f bits, surprisal %.2f\n",
	              v->rank, v->entropy, v->surprisal);
	if (*v->settings)
		strbuf_printf(out, "%s\n", v->settings);
}

static void add_candidate(struct strbuf *out, const struct chat *chat,
                          const struct inspector_candidate *one, int number,
                          const char *mark)
{
	strbuf_printf(out, "%d ", number);
	add_token(out, chat, one->id);
	strbuf_add_char(out, ' ');
	inspector_lines_percent(out, one->raw);
	if (*one->cut) {
		strbuf_printf(out, ", cut by %s", one->cut);
	} else {
		strbuf_add_str(out, ", then ");
		inspector_lines_percent(out, one->sampled);
	}
	if (one->penalised)
		strbuf_add_str(out, ", penalised");
	if (one->is_token)
		strbuf_add_str(out, mark);
	strbuf_add_char(out, '\n');
}

static void add_candidates(struct strbuf *out, const struct chat *chat,
                           const struct inspector_view *v)
{
	const struct inspector_try *t = &v->tried;

	if (t->on)
		strbuf_printf(
			out,
			"Candidates: their probability, then what it %s "
			"at temperature %.2f, top_k %d, top_p %.2f, min_p "
			"%.2f:\n",
			t->estimated ? "would be about" : "would be",
			t->temperature, t->top_k, t->top_p, t->min_p);
	else
		strbuf_add_str(out, "Candidates: their probability, then that "
		                    "after the samplers:\n");
	for (int i = 0; i < v->n_top; i++)
		add_candidate(out, chat, &v->top[i], i + 1,
		              v->id < 0 ? ", would be drawn" : ", stands here");
	strbuf_add_str(out, "all others ");
	inspector_lines_percent(out, v->rest);
	strbuf_add_char(out, '\n');
}

static void add_title(struct strbuf *out, const struct chat *chat,
                      const struct transcript_item *item,
                      const struct inspector_view *v)
{
	if (v->id < 0)
		strbuf_printf(out, "What would come after token %zu, ", v->n);
	else
		strbuf_printf(out, "Token %zu of %zu, ", v->index + 1, v->n);
	add_message(out, item);
	add_words_before(out, item, v->index);
	if (v->id >= 0) {
		strbuf_add_str(out, ": ");
		add_token(out, chat, v->id);
	}
	strbuf_add_char(out, '\n');
}

void inspector_lines_token(struct strbuf *out, const struct chat *chat,
                           const struct transcript_item *item, size_t index,
                           const struct inspector_try *tried)
{
	struct inspector_view v;
	float *bits = inspector_facts(&v, chat, item, index, tried);
	size_t start = inspector_reply_start(chat, item->message);

	if (start != SIZE_MAX)
		v.pos = start + index;
	if (v.has_token) {
		add_title(out, chat, item, &v);
		add_facts(out, item, &v);
	}
	if (v.has_odds)
		add_candidates(out, chat, &v);
	if (v.has_odds && v.can_go_on)
		strbuf_printf(out,
		              "/alternatives %zu NUMBER goes on from a "
		              "candidate, /type-token %zu TEXT from any "
		              "text\n",
		              index + 1, index + 1);
	free(bits);
}

/* ---- other continuations ---- */

void inspector_lines_explored(struct strbuf *out, const struct chat *chat)
{
	const struct chat_explore *e = &chat->explore;

	for (int i = 0; i < e->n; i++) {
		strbuf_printf(out, "%d ", i + 1);
		add_token(out, chat, e->branch[i].id);
		if (!e->branch[i].done) {
			strbuf_add_str(out, ", not continued");
		} else if (e->branch[i].text.len) {
			strbuf_add_str(out, " then ");
			token_quoted(out, e->branch[i].text.bytes,
			             e->branch[i].text.len);
		} else {
			strbuf_add_str(out, " ends the reply");
		}
		strbuf_add_char(out, '\n');
	}
}
