#include "ui/transcript_find.h"

#include <string.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "ui/text_find.h"
#include "ui/transcript.h"

void transcript_search(struct transcript *t, const char *query)
{
	if (!strcmp(t->query.bytes, query))
		return;
	strbuf_clear(&t->query);
	strbuf_add_str(&t->query, query);
	t->match_message = -1;
	t->match_begin = UINT32_MAX;
	for (size_t i = 0; i < t->n; i++)
		t->items[i].n_matches = t->items[i].matches_len = 0;
}

static void add_match(struct transcript_item *item, struct text_range match)
{
	item->matches = mem_grow(item->matches, item->n_matches,
	                         &item->matches_capacity,
	                         sizeof *item->matches);
	item->matches[item->n_matches++] = match;
}

void transcript_update_matches(struct transcript *t,
                               struct transcript_item *item)
{
	const struct strbuf *text = &item->message->text;
	struct text_range match = { .end = (uint32_t)item->matches_len };

	if (!t->query.len || item->matches_len >= text->len)
		return;
	while (text_find(text, match.end, t->query.bytes, &match))
		add_match(item, match);
	/* A match may begin in what was there and end in what will come. */
	item->matches_len = text->len;
	if (item->message->state == MESSAGE_OPEN) {
		item->matches_len = 0;
		if (text->len > t->query.len)
			item->matches_len = text->len - t->query.len;
		while (item->n_matches &&
		       item->matches[item->n_matches - 1].end >
		               item->matches_len)
			item->matches_len =
				item->matches[--item->n_matches].begin;
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

bool transcript_some_match(struct transcript *t)
{
	size_t current;

	transcript_count_matches(t, &current);
	return current || transcript_next_match(t, -1);
}
