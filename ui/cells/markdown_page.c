#include "ui/cells/markdown_page.h"

#include <stdio.h>
#include <string.h>

#include "ui/cells/width.h"

void page_start(struct page *p, struct lines *out, int width)
{
	*p = (struct page){ .out = out };
	wrap_start(&p->wrap, out, width);
}

void page_finish(struct page *p)
{
	wrap_finish(&p->wrap);
}

void page_decorate(struct page *p, const char *text, enum style_role role)
{
	wrap_add(&p->wrap, text, strlen(text), SOURCE_NONE, style(role));
}

void page_rule(struct page *p, int columns, enum style_role role)
{
	for (int i = 0; i < columns; i++)
		page_decorate(p, "─", role);
}

/* ---- lines and what stands before them ---- */

static int drawn_depth(const struct page *p)
{
	return p->depth < PAGE_DEEPEST ? p->depth : PAGE_DEEPEST;
}

static void set_prefixes(struct page *p)
{
	wrap_prefix_clear(&p->wrap);
	for (int i = 0; i < drawn_depth(p); i++) {
		struct container *c = &p->containers[i];

		if (c->is_list)
			continue;
		wrap_prefix_first(&p->wrap, c->used ? c->rest : c->first,
		                  c->style);
		wrap_prefix_rest(&p->wrap, c->rest, c->style);
		c->used = true;
	}
}

/* A blank line, with the bars of the quotes it is in. */
static void blank_line(struct page *p)
{
	wrap_prefix_clear(&p->wrap);
	for (int i = 0; i < drawn_depth(p); i++) {
		const struct container *c = &p->containers[i];

		if (!c->is_list && c->used)
			wrap_prefix_first(&p->wrap, c->rest, c->style);
	}
	wrap_blank(&p->wrap);
}

void page_begin_lines(struct page *p)
{
	if (p->gap && p->out->n)
		blank_line(p);
	p->gap = false;
	set_prefixes(p);
}

void page_end_line(struct page *p)
{
	page_begin_lines(p);
	wrap_line(&p->wrap);
}

void page_flush(struct page *p)
{
	if (p->wrap.n_pending)
		page_end_line(p);
}

int page_room(const struct page *p)
{
	int columns = 0;

	for (int i = 0; i < drawn_depth(p); i++)
		if (!p->containers[i].is_list)
			columns += text_width(p->containers[i].rest,
			                      strlen(p->containers[i].rest));
	return columns < p->wrap.width ? p->wrap.width - columns : 1;
}

/* ---- containers ---- */

/* NULL: too deep to be drawn. */
static struct container *push(struct page *p)
{
	struct container *c;

	page_flush(p);
	if (p->depth++ >= PAGE_DEEPEST)
		return NULL;
	c = &p->containers[p->depth - 1];
	*c = (struct container){ .style = style(STYLE_BULLET) };
	return c;
}

void page_enter_quote(struct page *p)
{
	struct container *c = push(p);

	if (!c)
		return;
	c->style = style(STYLE_QUOTE);
	strcpy(c->first, "│ ");
	strcpy(c->rest, "│ ");
}

void page_enter_list(struct page *p, bool ordered, unsigned start, bool tight)
{
	struct container *c = push(p);

	if (!c)
		return;
	c->is_list = true;
	c->ordered = ordered;
	c->number = start;
	c->tight = tight;
}

void page_enter_item(struct page *p, char task)
{
	struct container *c = push(p), *list;
	size_t n;

	if (!c)
		return;
	list = c - 1; /* items are in lists only */
	if (list->ordered)
		snprintf(c->first, sizeof c->first, "%u. ", list->number++);
	else
		strcpy(c->first, "• ");
	n = list->ordered ? strlen(c->first) : 2;
	memset(c->rest, ' ', n);
	if (task)
		strcat(c->first, strchr("xX", task) ? "[x] " : "[ ] ");
}

/* The innermost one, where it is drawn, has put nothing before a line yet. */
static bool is_empty(const struct page *p)
{
	const struct container *c;

	if (p->depth > PAGE_DEEPEST)
		return false;
	c = &p->containers[p->depth - 1];
	return !c->is_list && !c->used;
}

void page_leave(struct page *p)
{
	page_flush(p);
	if (is_empty(p)) /* a list item still shows its bullet */
		page_end_line(p);
	p->depth--;
}

bool page_in_tight_list(const struct page *p)
{
	for (int i = drawn_depth(p) - 1; i >= 0; i--)
		if (p->containers[i].is_list)
			return p->containers[i].tight;
	return false;
}
