/*
 * markdown_page.h - lines, and the quotes and lists that they stand in
 *
 * A quote or a list item puts something before each of its lines: a bar, a
 * bullet, the blanks below it.  Between blocks stands one blank line, which
 * comes with the line after it.  Nobody but Markdown's own files includes this.
 */
#ifndef CONFAB_MARKDOWN_PAGE_H
#define CONFAB_MARKDOWN_PAGE_H

#include <stdbool.h>

#include "ui/cells/wrap.h"

#define PAGE_DEEPEST 24 /* quotes and lists inside each other that are drawn */

/* A quote or a list item: what it puts before lines. */
struct container {
	char first[24], rest[24];
	struct style style;
	bool used;  /* the first line is out */
	bool tight; /* of a list: no blank lines between its items */
	bool ordered;
	unsigned number; /* of the next item */
	bool is_list;    /* itself draws nothing; its items do */
};

struct page {
	struct wrap wrap; /* the open line */
	struct lines *out;
	struct container containers[PAGE_DEEPEST];
	int depth; /* may be more than PAGE_DEEPEST */
	bool gap;  /* a blank line is due before the next line */
};

void page_start(struct page *p, struct lines *out, int width);
void page_finish(struct page *p);

/* Text of our own: bullets, rules, labels. */
void page_decorate(struct page *p, const char *text, enum style_role role);
void page_rule(struct page *p, int columns, enum style_role role);

/* Ends the open line, or one that has anything in it. */
void page_end_line(struct page *p);
void page_flush(struct page *p);

/* The blank line that is due, and what stands before the next line: for those
 * who make lines themselves. */
void page_begin_lines(struct page *p);

/* Columns that the containers leave, at least 1. */
int page_room(const struct page *p);

/* ---- containers; each enter has its page_leave() ---- */

void page_enter_quote(struct page *p);
void page_enter_list(struct page *p, bool ordered, unsigned start, bool tight);
/* An item of the list around it.  task: 0, or what stands in its brackets. */
void page_enter_item(struct page *p, char task);
void page_leave(struct page *p);

/* Are the items of the innermost list without blank lines between them? */
bool page_in_tight_list(const struct page *p);

#endif
