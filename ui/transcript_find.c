#include "ui/transcript_find.h"

#include <stdlib.h>
#include <wctype.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "library/conversation.h"
#include "ui/transcript.h"

void transcript_search(struct transcript *t, const char *query)
{
	strbuf_clear(&t->query);
	strbuf_add_str(&t->query, query);
	t->match_message = -1;
	t->match_begin = UINT32_MAX;
	for (size_t i = 0; i < t->n; i++)
		t->items[i].n_matches = t->items[i].matches_len = 0;
}

static uint32_t folded(const char *text, size_t len, size_t *n)
{
	unsigned char c = (unsigned char)*text;
	uint32_t code_point;

	if (c < 0x80) {
		*n = 1;
		return c >= 'A' && c <= 'Z' ? c + 32u : c;
	}
	*n = (size_t)utf8_decode(text, len, &code_point);
	return (uint32_t)towlower((wint_t)code_point);
}

/* Bytes of text that match the whole query; 0: they do not. */
static size_t match_length(const char *text, size_t len,
                           const struct strbuf *query)
{
	size_t pos = 0, q = 0, n, m;

	while (q < query->len) {
		if (pos >= len || folded(text + pos, len - pos, &n) !=
		                          folded(query->bytes + q,
		                                 query->len - q, &m))
			return 0;
		pos += n;
		q += m;
	}
	return pos;
}

static void add_match(struct transcript_item *item, size_t begin, size_t end)
{
	item->matches = mem_grow(item->matches, item->n_matches,
	                         &item->matches_capacity,
	                         sizeof *item->matches);
	item->matches[item->n_matches++] =
		(struct text_range){ (uint32_t)begin, (uint32_t)end };
}

void transcript_update_matches(struct transcript *t,
                               struct transcript_item *item)
{
	const struct strbuf *text = &item->message->text;
	size_t pos = item->matches_len, n;

	if (!t->query.len || pos >= text->len)
		return;
	while (pos < text->len) {
		n = match_length(text->bytes + pos, text->len - pos, &t->query);
		if (n)
			add_match(item, pos, pos + n);
		else
			folded(text->bytes + pos, text->len - pos, &n);
		pos += n;
	}
	/* A match may begin in what was there and end in what will come. */
	item->matches_len = text->len;
	if (item->message->state == MESSAGE_OPEN) {
		item->matches_len = 0;
		if (text->len > t->query.len)
			item->matches_len = text->len - t->query.len;
		while (item->n_matches &&
		       item->matches[item->n_matches - 1].end >
		               item->matches_len)
			item->n_matches--;
	}
}

size_t transcript_count_matches(struct transcript *t, size_t *current)
{
	size_t n = 0;

	*current = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct transcript_item *item = &t->items[i];

		transcript_update_matches(t, item);
		for (size_t k = 0; item->id == t->match_message &&
		                   k < item->n_matches;
		     k++)
			if (item->matches[k].begin == t->match_begin)
				*current = n + k + 1;
		n += item->n_matches;
	}
	return n;
}

/* Where the search goes on from: the current match, else the window's top. */
static void start_from(struct transcript *t, size_t *item, int64_t *pos)
{
	*item = t->follow ? t->n - 1 : t->top.item;
	*pos = t->follow ? INT64_MAX : -1;
	for (size_t i = 0; i < t->n; i++) {
		if (t->items[i].id != t->match_message ||
		    t->match_begin == UINT32_MAX)
			continue;
		*item = i;
		*pos = t->match_begin;
	}
}

static const struct text_range *pick(const struct transcript_item *item,
                                     int64_t pos, int step)
{
	if (step > 0) {
		for (size_t k = 0; k < item->n_matches; k++)
			if ((int64_t)item->matches[k].begin > pos)
				return &item->matches[k];
	} else {
		for (size_t k = item->n_matches; k-- > 0;)
			if ((int64_t)item->matches[k].begin < pos)
				return &item->matches[k];
	}
	return NULL;
}

bool transcript_next_match(struct transcript *t, int step)
{
	size_t item;
	int64_t pos;

	if (!t->n || !t->query.len)
		return false;
	start_from(t, &item, &pos);
	for (size_t tries = 0; tries <= t->n; tries++) {
		const struct text_range *found;

		transcript_update_matches(t, &t->items[item]);
		found = pick(&t->items[item], pos, step);
		if (found) {
			t->match_message = t->items[item].id;
			t->match_begin = found->begin;
			transcript_reveal(t, &t->items[item], found->begin);
			return true;
		}
		item = (item + t->n + (size_t)(step + (int)t->n)) % t->n;
		pos = step > 0 ? -1 : INT64_MAX;
	}
	return false;
}
