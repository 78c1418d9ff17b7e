#include "ui/cells/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui/cells/width.h"

/* A line of so many bytes is cut inside.  The bytes beyond BLOCK_MAX make sure
 * that the cluster at the cut is whole. */
#define LONG_LINE (BLOCK_MAX + 512)

void blocks_free(struct blocks *b)
{
	free(b->list);
	*b = (struct blocks){ 0 };
}

static struct block *open_block(struct blocks *b)
{
	return &b->list[b->n - 1];
}

static void add_block(struct blocks *b, size_t begin, bool glued)
{
	struct block block = { .begin = begin, .end = begin, .glued = glued };

	if (b->n)
		block.first_code = open_block(b)->first_code +
		                   open_block(b)->n_codes;
	if (glued && b->in_fence) {
		block.fence_begin = b->fence_begin;
		block.fence_end = b->fence_end;
	}
	b->list = mem_grow(b->list, b->n, &b->capacity, sizeof *b->list);
	b->list[b->n++] = block;
	b->started = false;
	b->in_list = false;
	b->has_item &= glued;
}

/* Ends the open block before pos, unless it is empty. */
static void cut(struct blocks *b, size_t pos, bool glued)
{
	struct block *open = open_block(b);

	if (!b->started)
		return;
	open->end = pos;
	add_block(b, pos, glued);
}

/* ---- what a line is ---- */

struct line_kind {
	size_t indent;
	bool blank, heading;
	bool item;     /* of a list, indented or not */
	size_t fence;  /* length of the fence, 0: none */
	char fence_char;
	bool fence_bare; /* nothing behind it: it may close */
};

static void read_fence(struct line_kind *k, const char *p, size_t len)
{
	size_t n = 0;
	char c = len ? *p : '\0';

	if (c != '`' && c != '~')
		return;
	while (n < len && p[n] == c)
		n++;
	if (n < 3 || (c == '`' && memchr(p + n, '`', len - n)))
		return;
	k->fence = n;
	k->fence_char = c;
	while (n < len && (p[n] == ' ' || p[n] == '\t' || p[n] == '\r'))
		n++;
	k->fence_bare = n == len;
}

static bool is_heading(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] == '#')
		n++;
	return n >= 1 && n <= 6 &&
	       (n == len || p[n] == ' ' || p[n] == '\t' || p[n] == '\r');
}

static bool is_list_item(const char *p, size_t len)
{
	size_t n = 0;

	if (len && strchr("-+*", *p) && *p)
		return len == 1 || p[1] == ' ' || p[1] == '\t';
	while (n < len && n < 9 && p[n] >= '0' && p[n] <= '9')
		n++;
	return n && n < len && (p[n] == '.' || p[n] == ')') &&
	       (n + 1 == len || p[n + 1] == ' ' || p[n + 1] == '\t');
}

/* A long line is judged before its end is there, so the end must not matter:
 * it is neither blank nor heading nor fence. */
static struct line_kind classify(const char *line, size_t len)
{
	struct line_kind k = { 0 };
	size_t i = 0;

	for (; i < len && (line[i] == ' ' || line[i] == '\t'); i++)
		k.indent += line[i] == '\t' ? 4 : 1;
	k.item = is_list_item(line + i, len - i);
	if (len >= LONG_LINE)
		return k;
	k.blank = i == len || (i + 1 == len && line[i] == '\r');
	k.heading = k.indent == 0 && is_heading(line, len);
	read_fence(&k, line + i, len - i);
	return k;
}

/* ---- line by line ---- */

/* A fence may be indented a little and yet be held by nothing. */
static bool is_top_fence(const struct blocks *b, const struct line_kind *k)
{
	return k->fence && (!k->indent || (k->indent < 4 && !b->has_item));
}

static void open_fence(struct blocks *b, const struct line_kind *k, size_t begin,
                       size_t end)
{
	b->in_fence = true;
	b->nested = !is_top_fence(b, k);
	b->fence_char = k->fence_char;
	b->fence_length = k->fence;
	b->fence_begin = begin;
	b->fence_end = end;
	open_block(b)->n_codes++;
}

static bool closes_fence(const struct blocks *b, const struct line_kind *k)
{
	return k->fence >= b->fence_length && k->fence_bare &&
	       k->fence_char == b->fence_char;
}

/* Inside a fence; true where the fence ended before this line. */
static bool line_in_fence(struct blocks *b, const struct line_kind *k,
                          size_t begin, size_t next)
{
	/* The list item that holds a nested fence ends it, too. */
	if (b->nested && k->indent == 0 && !k->blank && !k->fence) {
		b->in_fence = false;
		return true;
	}
	if (begin - open_block(b)->begin > BLOCK_MAX)
		cut(b, begin, true);
	b->started = true;
	if (!closes_fence(b, k))
		return false;
	b->in_fence = false;
	if (!b->nested)
		cut(b, next, false);
	return false;
}

static bool cuts_before(const struct blocks *b, const struct line_kind *k)
{
	if (is_top_fence(b, k))
		return true;
	if (k->indent)
		return false;
	if (k->heading)
		return true;
	return b->after_blank && !(b->in_list && k->item);
}

static void line_outside(struct blocks *b, const struct line_kind *k,
                         size_t begin, size_t next)
{
	if (k->blank) {
		b->after_blank = true;
		return;
	}
	if (cuts_before(b, k))
		cut(b, begin, false);
	else if (begin - open_block(b)->begin > BLOCK_MAX)
		cut(b, begin, !b->after_blank);
	if (!b->started)
		b->in_list = k->item && !k->indent;
	b->started = true;
	b->has_item |= k->item && k->indent < 4;
	b->after_blank = false;
	if (k->fence)
		open_fence(b, k, begin, next);
	else if (k->heading)
		cut(b, next, false);
}

/* text[begin, stop): what is there of a line.  A space is the best place, the
 * beginning of a cluster the next best. */
static void cut_inside(struct blocks *b, const char *text, size_t begin,
                       size_t stop)
{
	size_t from = open_block(b)->begin;

	if (from < begin)
		from = begin;
	while (from < stop && stop - from >= LONG_LINE) {
		size_t at = BLOCK_MAX;

		while (at > BLOCK_MAX / 2 && text[from + at - 1] != ' ')
			at--;
		if (at == BLOCK_MAX / 2)
			at = cluster_before(text + from, BLOCK_MAX);
		from += at;
		cut(b, from, true);
		b->started = true;
	}
}

static void judge_line(struct blocks *b, const char *text, size_t begin,
                       size_t stop)
{
	struct line_kind k = classify(text + begin, stop - begin);

	if (!b->in_fence || line_in_fence(b, &k, begin, stop + 1))
		line_outside(b, &k, begin, stop + 1);
}

void blocks_update(struct blocks *b, const char *text, size_t len)
{
	bool whole = true;

	if (!b->n)
		add_block(b, 0, false);
	while (whole && b->scanned < len) {
		const char *newline = memchr(text + b->searched, '\n',
		                             len - b->searched);
		size_t stop = newline ? (size_t)(newline - text) : len;

		whole = newline != NULL;
		b->searched = stop + (whole ? 1 : 0);
		if (!whole && stop - b->scanned < LONG_LINE)
			break;
		if (!b->judged)
			judge_line(b, text, b->scanned, stop);
		cut_inside(b, text, b->scanned, stop);
		b->judged = !whole;
		if (whole)
			b->scanned = stop + 1;
	}
	open_block(b)->end = len;
}
