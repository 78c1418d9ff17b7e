#include "ui/screen/chats_view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ui/cells/wrap.h"

#define LIST_SHARE 45 /* per cent of the columns, beside a preview */

struct parts {
	struct rect list, preview; /* preview.rows 0: none */
};

/* The first row is the pane's own. */
static struct parts divide(struct rect r)
{
	struct parts p = { { r.row + 1, r.col, r.rows - 1, r.cols }, { 0 } };
	int cols = r.cols * LIST_SHARE / 100;

	if (r.cols >= CHATS_SIDE) {
		p.list.cols = cols;
		p.preview = (struct rect){ p.list.row, r.col + cols + 1,
			                   p.list.rows, r.cols - cols - 1 };
	} else if (p.list.rows >= 12) {
		p.list.rows = p.list.rows / 2;
		p.preview = (struct rect){ p.list.row + p.list.rows + 1, r.col,
			                   r.rows - p.list.rows - 2, r.cols };
	}
	return p;
}

int chats_view_page(struct rect r)
{
	return divide(r).list.rows;
}

/* The first row of the list so that the selected one is in its middle. */
static size_t first_row(const struct chats_view *v, int rows)
{
	size_t half = (size_t)rows / 2;

	if (v->n <= (size_t)rows || v->selected <= half)
		return 0;
	if (v->selected + (size_t)rows - half >= v->n)
		return v->n - (size_t)rows;
	return v->selected - half;
}

int chats_view_at(const struct chats_view *v, struct rect r, int row, int col)
{
	struct rect list = divide(r).list;
	size_t i;

	if (row < list.row || row >= list.row + list.rows || col < list.col ||
	    col >= list.col + list.cols)
		return -1;
	i = first_row(v, list.rows) + (size_t)(row - list.row);
	return i < v->n ? (int)i : -1;
}

/* "14:05" today, "Nov 24" this year, else "2025-11-24". */
static void format_when(char *out, size_t size, int64_t ms, int64_t now_ms)
{
	time_t then = (time_t)(ms / 1000), now = (time_t)(now_ms / 1000);
	struct tm a, b;

	*out = '\0';
	if (!localtime_r(&then, &a) || !localtime_r(&now, &b))
		return;
	if (a.tm_year != b.tm_year)
		strftime(out, size, "%Y-%m-%d", &a);
	else if (a.tm_yday != b.tm_yday)
		strftime(out, size, "%b %e", &a);
	else
		strftime(out, size, "%H:%M", &a);
}

static void draw_row(const struct chats_view *v, const struct chats_row *row,
                     bool selected, struct canvas *c, int at, int col, int end)
{
	struct style s = style(selected ? STYLE_SELECTED : STYLE_TEXT);
	struct style dim = style(selected ? STYLE_SELECTED : STYLE_DIM);
	char when[16];
	int right = end;

	canvas_fill(c, at, col, end, " ", s);
	format_when(when, sizeof when, row->updated_ms, v->now_ms);
	if (end - col >= 30) {
		right = end - (int)strlen(when) - 1;
		canvas_str(c, at, right, end, when, dim);
	}
	canvas_str(c, at, col, end,
	           selected       ? "▸"
	           : row->current ? "•"
	                          : " ",
	           s);
	col = canvas_ellipsis(c, at, col + 1, right - 1,
	                      *row->title ? row->title : "(no title)", s);
	if (row->snippet && right - col > 8)
		canvas_ellipsis(c, at, col + 2, right - 1, row->snippet, dim);
}

static void draw_list(const struct chats_view *v, struct canvas *c,
                      struct rect r)
{
	size_t first = first_row(v, r.rows);

	for (int i = 0; i < r.rows && first + (size_t)i < v->n; i++)
		draw_row(v, &v->rows[first + (size_t)i],
		         first + (size_t)i == v->selected, c, r.row + i, r.col,
		         r.col + r.cols);
	if (!v->n)
		canvas_ellipsis(c, r.row, r.col + 1, r.col + r.cols,
		                v->narrowed ? "nothing was found"
		                            : "nothing is saved yet",
		                style(STYLE_DIM));
}

/* The end of it: what was said last is what one remembers. */
static void draw_preview(const struct chats_view *v, struct canvas *c,
                         struct rect r)
{
	struct lines lines = LINES_INIT;
	struct wrap w;
	size_t skip;

	wrap_start(&w, &lines, r.cols > 2 ? r.cols - 2 : 1);
	for (size_t i = 0; i < v->n_parts; i++) {
		const struct chats_part *p = &v->parts[i];

		if (i)
			wrap_blank(&w);
		wrap_plain(&w, p->speaker, strlen(p->speaker), SOURCE_NONE,
		           style(p->is_user ? STYLE_USER : STYLE_MODEL));
		wrap_plain(&w, p->text, p->len, SOURCE_NONE, style(STYLE_TEXT));
	}
	wrap_finish(&w);
	skip = lines.n > (size_t)r.rows ? lines.n - (size_t)r.rows : 0;
	for (int i = 0; i < r.rows && skip + (size_t)i < lines.n; i++)
		canvas_line(c, r.row + i, r.col + 1, r.col + r.cols, &lines,
		            skip + (size_t)i);
	lines_free(&lines);
}

static void draw_edge(struct canvas *c, struct rect r, const struct parts *p)
{
	if (!p->preview.rows)
		return;
	if (p->preview.row > p->list.row) {
		canvas_fill(c, p->preview.row - 1, r.col, r.col + r.cols, "─",
		            style(STYLE_RULE));
		return;
	}
	for (int row = p->list.row; row < p->list.row + p->list.rows; row++)
		canvas_str(c, row, p->preview.col - 1, p->preview.col, "│",
		           style(STYLE_RULE));
}

void chats_view_draw(const struct chats_view *v, struct canvas *c,
                     struct rect r)
{
	struct parts p = divide(r);
	int end = r.col + r.cols;
	char title[192];

	canvas_blank(c, r, style(STYLE_TEXT));
	canvas_blank(c, (struct rect){ r.row, r.col, 1, r.cols },
	             style(STYLE_STATUS));
	snprintf(title, sizeof title, "Conversations %zu/%zu%s  %s",
	         v->n ? v->selected + 1 : 0, v->n, v->more ? "+" : "", v->hint);
	canvas_ellipsis(c, r.row, r.col + 1, end, title, style(STYLE_STATUS));
	draw_list(v, c, p.list);
	draw_edge(c, r, &p);
	if (p.preview.rows > 0)
		draw_preview(v, c, p.preview);
}
