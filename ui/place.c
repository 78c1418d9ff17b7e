#include "ui/place.h"

#include "library/conversation.h"
#include "ui/transcript.h"

static struct document *document_of(struct transcript_item *item,
                                    enum transcript_part part, size_t *begin)
{
	if (part == PART_BODY) {
		*begin = item->thought.body;
		return &item->body_doc;
	}
	if (part == PART_THOUGHT) {
		*begin = item->thought.begin;
		return &item->thought_doc;
	}
	return NULL;
}

static size_t part_blocks(const struct transcript *t, size_t i,
                          enum transcript_part part)
{
	const struct transcript_item *item = &t->items[i];
	enum message_state state = item->message->state;

	switch (part) {
	case PART_GAP:
		return i > 0;
	case PART_UNSEEN:
		return item->unseen_above;
	case PART_HEADER:
		return 1;
	case PART_FOLD:
		return transcript_item_has_thought(item);
	case PART_THOUGHT:
		return transcript_item_has_thought(item) && item->opened
		               ? document_n_blocks(&item->thought_doc)
		               : 0;
	case PART_BODY:
		return document_n_blocks(&item->body_doc);
	case PART_FOOT:
		return state == MESSAGE_INTERRUPTED || state == MESSAGE_LENGTH;
	case PARTS:
		break;
	}
	return 0;
}

const struct lines *place_lines(struct transcript *t, struct place p,
                                size_t *begin)
{
	struct transcript_item *item = &t->items[p.item];
	struct document *d = document_of(item, p.part, begin);

	if (!d)
		return NULL;
	return document_block(d, item->message->text.bytes + *begin, p.block);
}

static size_t block_lines(struct transcript *t, struct place p)
{
	size_t begin;
	const struct lines *lines = place_lines(t, p, &begin);

	return lines ? lines->n : 1;
}

/* The first line of the next block that has any. */
static bool next_block(struct transcript *t, struct place *p)
{
	struct place next = *p;

	next.line = 0;
	for (;;) {
		next.block++;
		while (next.block >= part_blocks(t, next.item, next.part)) {
			next.block = 0;
			if (++next.part < PARTS)
				continue;
			next.part = PART_GAP;
			if (++next.item >= t->n)
				return false;
		}
		if (block_lines(t, next))
			break;
	}
	*p = next;
	return true;
}

static bool last_line_before(struct transcript *t, struct place *p)
{
	struct place before = *p;

	for (;;) {
		while (!before.block) {
			if (before.part == PART_GAP) {
				if (!before.item--)
					return false;
				before.part = PARTS;
			}
			before.part--;
			before.block = part_blocks(t, before.item, before.part);
		}
		before.block--;
		before.line = block_lines(t, before);
		if (before.line)
			break;
	}
	before.line--;
	*p = before;
	return true;
}

bool place_next(struct transcript *t, struct place *p)
{
	if (p->line + 1 < block_lines(t, *p)) {
		p->line++;
		return true;
	}
	return next_block(t, p);
}

bool place_before(struct transcript *t, struct place *p)
{
	if (p->line) {
		p->line--;
		return true;
	}
	return last_line_before(t, p);
}

struct place place_first(struct transcript *t)
{
	struct place p = { 0 };

	/* The header is there always, so one is found. */
	while (t->n && !part_blocks(t, 0, p.part))
		p.part++;
	return p;
}

struct place place_last(struct transcript *t)
{
	struct place p = { .item = t->n, .part = PART_GAP };

	if (t->n)
		last_line_before(t, &p);
	return p;
}

int place_compare(struct place a, struct place b)
{
	if (a.item != b.item)
		return a.item < b.item ? -1 : 1;
	if (a.part != b.part)
		return a.part < b.part ? -1 : 1;
	if (a.block != b.block)
		return a.block < b.block ? -1 : 1;
	return a.line == b.line ? 0 : a.line < b.line ? -1 : 1;
}

/* A place that was kept may be gone: a fold closed, a branch changed, a width
 * that makes fewer lines. */
struct place place_repair(struct transcript *t, struct place p)
{
	size_t n;

	if (!t->n)
		return (struct place){ 0 };
	if (p.item >= t->n)
		return place_last(t);
	n = part_blocks(t, p.item, p.part);
	if (!n) {
		p.block = p.line = 0;
		for (p.part = PART_HEADER; !part_blocks(t, p.item, p.part);)
			p.part++;
		return p;
	}
	if (p.block >= n)
		p.block = n - 1;
	n = block_lines(t, p);
	if (p.line >= n)
		p.line = n ? n - 1 : 0;
	if (!n && !place_next(t, &p))
		return place_last(t);
	return p;
}

size_t place_source(struct transcript *t, struct place p)
{
	size_t begin;
	const struct lines *lines = place_lines(t, p, &begin);

	if (!lines || p.line >= lines->n)
		return SIZE_MAX;
	for (size_t i = p.line; i < lines->n; i++)
		for (size_t g = lines->lines[i].begin; g < lines->lines[i].end;
		     g++)
			if (lines->glyphs[g].source != SOURCE_NONE)
				return begin + lines->glyphs[g].source;
	return SIZE_MAX;
}

static struct place find_in_part(struct transcript *t,
                                 struct transcript_item *i,
                                 enum transcript_part part, size_t pos)
{
	struct place p = { .item = (size_t)(i - t->items), .part = part };
	size_t begin = 0, best = 0;
	struct document *d = document_of(i, part, &begin);
	const struct lines *lines;

	p.block = document_find(d, pos > begin ? pos - begin : 0);
	lines = place_lines(t, p, &begin);
	for (size_t k = 0; k < lines->n; k++)
		for (size_t g = lines->lines[k].begin; g < lines->lines[k].end;
		     g++)
			if (lines->glyphs[g].source != SOURCE_NONE &&
			    lines->glyphs[g].source + begin <= pos)
				best = k;
	p.line = best;
	return p;
}

struct place place_find(struct transcript *t, struct transcript_item *item,
                        size_t pos)
{
	struct place p = { .item = (size_t)(item - t->items),
		           .part = PART_HEADER };

	if (transcript_item_has_thought(item) && pos < item->thought.body) {
		if (!item->opened) {
			p.part = PART_FOLD;
			return p;
		}
		return find_in_part(t, item, PART_THOUGHT, pos);
	}
	if (!document_n_blocks(&item->body_doc))
		return p;
	p = find_in_part(t, item, PART_BODY, pos);
	return place_repair(t, p);
}
