#include "ui/transcript_item.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "library/reply.h"
#include "ui/chat.h"
#include "ui/transcript.h"

const char *transcript_heat_name(enum transcript_heat heat)
{
	static const char *const names[HEATS] = { "off", "probability",
		                                  "entropy", "rank" };

	return names[heat];
}

bool transcript_heat_named(const char *name, enum transcript_heat *heat)
{
	for (int i = 0; i < HEATS; i++) {
		if (strcmp(name, transcript_heat_name((enum transcript_heat)i)))
			continue;
		*heat = (enum transcript_heat)i;
		return true;
	}
	return false;
}

void transcript_item_free(struct transcript_item *item)
{
	document_free(&item->thought_doc);
	document_free(&item->body_doc);
	spans_free(&item->spans);
	free(item->heat);
	free(item->matches);
}

void transcript_item_begin(struct transcript_item *item,
                           const struct message *m)
{
	transcript_item_free(item);
	*item = (struct transcript_item){ .message = m, .id = m->id };
}

static void set_document(struct document *d, size_t *known, const char *text,
                         size_t len)
{
	if (len < *known)
		document_clear(d);
	document_update(d, text, len);
	*known = len;
}

static bool begins_inside_thought(const struct chat *chat,
                                  const struct message *m)
{
	return m->role == ROLE_ASSISTANT && chat->family == CHAT_THINKING &&
	       chat_same_model(chat, m);
}

void transcript_item_update(struct transcript_item *item,
                            const struct chat *chat)
{
	const struct message *m = item->message;
	struct thought thought = { 0 };

	if (m->role == ROLE_ASSISTANT)
		thought = thought_find(m->text.bytes, m->text.len,
		                       begins_inside_thought(chat, m));
	if (thought.begin != item->thought.begin)
		document_clear(&item->thought_doc);
	if (thought.body != item->thought.body)
		document_clear(&item->body_doc);
	item->thought = thought;
	reply_read_notes(&item->notes, m->extra);
	item->was_open = m->state == MESSAGE_OPEN;
	set_document(&item->thought_doc, &item->thought_len,
	             m->text.bytes + thought.begin,
	             thought.end - thought.begin);
	set_document(&item->body_doc, &item->body_len,
	             m->text.bytes + thought.body, m->text.len - thought.body);
}

/* Has the message ids that are the model's? */
static bool has_ids(const struct message *m, const struct chat *chat)
{
	if (!m->ids.n)
		return false;
	return m->role == ROLE_ASSISTANT
	               ? chat_same_model(chat, m)
	               : reply_ids_end_text(m, chat->model->tokenizer);
}

void transcript_item_spans(struct transcript_item *item,
                           const struct chat *chat)
{
	const struct message *m = item->message;

	if (!chat->model) {
		spans_clear(&item->spans);
	} else if (has_ids(m, chat)) {
		if (item->spans.encoded.n)
			spans_clear(&item->spans);
		spans_update(&item->spans, chat->model->tokenizer, &m->ids);
		if (m->role != ROLE_ASSISTANT)
			spans_align(&item->spans, m->text.len);
	} else if (m->role != ROLE_ASSISTANT || m->state != MESSAGE_OPEN) {
		spans_encode(&item->spans, chat->model->tokenizer,
		             m->text.bytes, m->text.len);
	}
}

bool transcript_item_has_odds(const struct transcript_item *item)
{
	const struct ids *shown = &item->spans.encoded;
	const struct ids *own = &item->message->ids;

	return !shown->n ||
	       (shown->n == own->n &&
	        !memcmp(shown->data, own->data, own->n * sizeof *own->data));
}

/* ---- heat ---- */

/* Entropies and surprisals are in bits. */
const char *transcript_heat_legend(enum transcript_heat heat, int level)
{
	static const char *const texts[HEATS][STYLE_HEAT_LEVELS] = {
		[HEAT_OFF] = { "", "", "", "", "", "" },
		[HEAT_PROBABILITY] = { "", "p≥.8", "≥.5", "≥.2", "≥.05",
		                       "less" },
		[HEAT_ENTROPY] = { "", "≤.5 bits", "≤1", "≤2", "≤3.5", "more" },
		[HEAT_RANK] = { "", "rank 1", "2", "≤4", "≤10", "more" },
	};

	return texts[heat][level];
}

static uint8_t level(double value, const double limits[4])
{
	uint8_t heat = 1;

	while (heat < STYLE_HEAT_LEVELS - 1 && value > limits[heat - 1])
		heat++;
	return heat;
}

uint8_t transcript_heat_level(const struct token_odds *odds,
                              enum transcript_heat heat)
{
	/* Floats, as log-probabilities are: p of .8, .5, .2, .05 */
	static const double surprisals[4] = { 0.22314355f, 0.69314718f,
		                              1.6094379f, 2.9957323f };
	static const double entropies[4] = { 0.5, 1, 2, 3.5 };
	static const double ranks[4] = { 1, 2, 4, 10 };

	if (!odds->rank)
		return 0;
	if (heat == HEAT_PROBABILITY)
		return level(-odds->logprob, surprisals);
	if (heat == HEAT_ENTROPY) /* bits */
		return level(odds->entropy / M_LN2, entropies);
	return level(odds->rank, ranks);
}

static void update_heat(struct transcript_item *item,
                        const struct transcript *t)
{
	const struct message *m = item->message;
	size_t n = item->spans.n < m->n_odds ? item->spans.n : m->n_odds;

	item->marks.token_begin = NULL;
	item->marks.n_tokens = 0;
	if (t->heat == HEAT_OFF || !n || !transcript_item_has_odds(item))
		return;
	if (item->heat_capacity < n) {
		item->heat_capacity = n + n / 2;
		item->heat = mem_realloc(item->heat, item->heat_capacity, 1);
	}
	for (size_t i = 0; i < n; i++)
		item->heat[i] = transcript_heat_level(&m->odds[i], t->heat);
	item->marks.token_begin = item->spans.begin;
	item->marks.token_heat = item->heat;
	item->marks.n_tokens = n;
}

/* ---- marks ---- */

struct text_range transcript_item_token(const struct transcript_item *item,
                                        size_t i)
{
	const struct spans *s = &item->spans;
	struct text_range range = { 0, 0 };

	if (!s->n)
		return range;
	if (i >= s->n)
		i = s->n - 1;
	range.begin = (uint32_t)s->begin[i];
	range.end = (uint32_t)spans_end(s, i, item->message->text.len);
	return range;
}

void transcript_item_marks(struct transcript_item *item, struct transcript *t)
{
	struct text_marks *marks = &item->marks;

	update_heat(item, t);
	marks->selected = (struct text_range){ 0, 0 };
	if (t->cursor && item->id == t->cursor_message)
		marks->selected = transcript_item_token(item, t->cursor_token);
	marks->marked = transcript_marked(t, item);
	marks->matches = item->matches;
	marks->n_matches = item->n_matches;
	marks->current_match =
		item->id == t->match_message ? t->match_begin : UINT32_MAX;
}

bool transcript_item_has_thought(const struct transcript_item *item)
{
	return item->thought.end > item->thought.begin;
}
