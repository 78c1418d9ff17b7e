#include "ui/heat_lines.h"

#include <math.h>

#include "base/strbuf.h"
#include "library/conversation.h"
#include "ui/inspector_lines.h"

#define MARKED 4 /* of the levels: under 20%, over 2 bits, below rank 4 */

const char *heat_lines_title(enum transcript_heat heat)
{
	static const char *const titles[HEATS] = {
		[HEAT_PROBABILITY] =
			"Marked where the next token had less than 20%",
		[HEAT_ENTROPY] =
			"Marked where there were more than 2 bits of entropy",
		[HEAT_RANK] = "Marked where four tokens were likelier",
	};

	return titles[heat];
}

static bool is_inside_character(char byte)
{
	return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Where a token's mark stands: behind its space, before a character that it
 * is only a part of. */
static size_t place_of(const struct transcript_item *item, size_t token)
{
	const char *text = item->message->text.bytes;
	struct text_range r = transcript_item_token(item, token);
	size_t pos = r.begin;

	while (pos > 0 && is_inside_character(text[pos]))
		pos--;
	return text[pos] == ' ' && r.end > pos + 1 ? pos + 1 : pos;
}

static void add_mark(struct strbuf *out, const struct token_odds *odds,
                     enum transcript_heat heat)
{
	strbuf_add_char(out, '[');
	if (heat == HEAT_PROBABILITY)
		inspector_lines_percent(out, exp(odds->logprob));
	else if (heat == HEAT_ENTROPY)
		strbuf_printf(out, "%.1f bits", odds->entropy / M_LN2);
	else
		strbuf_printf(out, "rank %d", odds->rank);
	strbuf_add_char(out, ']');
}

void heat_lines_add(struct strbuf *out, const struct transcript_item *item,
                    enum transcript_heat heat, size_t pos, size_t end)
{
	const struct message *m = item->message;
	size_t n = item->spans.n < m->n_odds ? item->spans.n : m->n_odds, i = 0;

	if (heat == HEAT_OFF || !transcript_item_has_odds(item))
		n = 0;
	if (n)
		i = spans_find(&item->spans, pos);
	while (i > 0 && place_of(item, i - 1) >= pos)
		i--;
	for (; i < n; i++) {
		size_t place = place_of(item, i);

		if (place >= end)
			break;
		if (place < pos ||
		    transcript_heat_level(&m->odds[i], heat) < MARKED)
			continue;
		strbuf_add(out, m->text.bytes + pos, place - pos);
		add_mark(out, &m->odds[i], heat);
		pos = place;
	}
	strbuf_add(out, m->text.bytes + pos, end - pos);
}
