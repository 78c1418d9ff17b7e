#include "ui/cells/markdown_table.h"

#include <stdlib.h>

#include "base/mem.h"

#define NARROWEST 8 /* columns that a narrowed cell keeps */
#define GAP       3 /* columns of " │ " */

void table_start(struct table *t, int columns)
{
	*t = (struct table){ .columns = columns };
	t->align = mem_zalloc((size_t)columns, sizeof *t->align);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i].glyphs);
	free(t->cells);
	free(t->align);
	*t = (struct table){ 0 };
}

void table_add_cell(struct table *t, struct wrap *w, enum table_align align)
{
	struct table_cell cell = {
		.glyphs = mem_dup(w->pending,
		                  w->n_pending * sizeof *w->pending),
		.n = w->n_pending,
	};

	t->align[t->n % (size_t)t->columns] = align;
	t->cells = mem_grow(t->cells, t->n, &t->capacity, sizeof *t->cells);
	t->cells[t->n++] = cell;
	w->n_pending = 0;
	w->column = 0;
}

static int glyph_columns(const struct glyph *g, size_t n)
{
	int columns = 0;

	for (size_t i = 0; i < n; i++)
		columns += g[i].columns;
	return columns;
}

static void natural_widths(const struct table *t, int *widths)
{
	for (int c = 0; c < t->columns; c++)
		widths[c] = 1;
	for (size_t i = 0; i < t->n; i++) {
		int columns = glyph_columns(t->cells[i].glyphs, t->cells[i].n);
		int *width = &widths[i % (size_t)t->columns];

		if (*width < columns)
			*width = columns;
	}
}

/* Takes columns from the widest until the table fits; -1 when it cannot. */
static int narrow(const struct table *t, int *widths, int room)
{
	int total = GAP * (t->columns - 1);

	for (int c = 0; c < t->columns; c++)
		total += widths[c];
	while (total > room) {
		int widest = 0;

		for (int c = 1; c < t->columns; c++)
			if (widths[c] > widths[widest])
				widest = c;
		if (widths[widest] <= NARROWEST)
			return -1;
		widths[widest]--;
		total--;
	}
	return 0;
}

static void spaces(struct wrap *w, int n)
{
	while (n-- > 0)
		wrap_add(w, " ", 1, SOURCE_NONE, style(STYLE_TEXT));
}

/* One line's part of a cell; gives the glyph that the next line begins with. */
static size_t put_part(struct wrap *w, const struct table_cell *cell,
                       size_t begin, int width, enum table_align align)
{
	size_t end = begin, keep;
	int left, columns;

	if (begin < cell->n)
		end = wrap_cut(w->out, cell->glyphs, cell->n, begin, width,
		               false);
	keep = end;
	while (keep > begin && cell->glyphs[keep - 1].space)
		keep--;
	columns = glyph_columns(cell->glyphs + begin, keep - begin);
	left = align == TABLE_RIGHT  ? width - columns :
	       align == TABLE_CENTRE ? (width - columns) / 2 :
	                               0;
	spaces(w, left);
	wrap_put(w, cell->glyphs + begin, keep - begin);
	spaces(w, width - columns - (left > 0 ? left : 0));
	return end;
}

static void layout_row(const struct table *t, struct wrap *w,
                       const struct table_cell *row, const int *widths)
{
	size_t *begin = mem_zalloc((size_t)t->columns, sizeof *begin);
	bool more;

	do {
		more = false;
		for (int c = 0; c < t->columns; c++) {
			if (c)
				wrap_add(w, " │ ", 5, SOURCE_NONE,
				         style(STYLE_RULE));
			begin[c] = put_part(w, &row[c], begin[c], widths[c],
			                    t->align[c]);
			more |= begin[c] < row[c].n;
		}
		wrap_line(w);
	} while (more);
	free(begin);
}

static void layout_rule(const struct table *t, struct wrap *w, const int *widths)
{
	for (int c = 0; c < t->columns; c++) {
		if (c)
			wrap_add(w, "─┼─", 9, SOURCE_NONE, style(STYLE_RULE));
		for (int i = 0; i < widths[c]; i++)
			wrap_add(w, "─", 3, SOURCE_NONE, style(STYLE_RULE));
	}
	wrap_line(w);
}

static void layout_grid(const struct table *t, struct wrap *w, const int *widths)
{
	w->verbatim = true; /* the columns are cut already */
	for (size_t i = 0; i + (size_t)t->columns <= t->n;
	     i += (size_t)t->columns) {
		layout_row(t, w, t->cells + i, widths);
		if (i == 0)
			layout_rule(t, w, widths);
	}
	w->verbatim = false;
}

static void layout_list(const struct table *t, struct wrap *w)
{
	for (size_t i = (size_t)t->columns; i < t->n; i++) {
		size_t c = i % (size_t)t->columns;

		wrap_put(w, t->cells[c].glyphs, t->cells[c].n);
		wrap_add(w, ": ", 2, SOURCE_NONE, style(STYLE_RULE));
		wrap_put(w, t->cells[i].glyphs, t->cells[i].n);
		wrap_line(w);
		if (c + 1 == (size_t)t->columns && i + 1 < t->n)
			wrap_line(w);
	}
}

void table_layout(const struct table *t, struct wrap *w)
{
	int *widths;

	if (!t->columns)
		return;
	widths = mem_zalloc((size_t)t->columns, sizeof *widths);
	natural_widths(t, widths);
	if (narrow(t, widths, w->width - wrap_prefix_columns(w)))
		layout_list(t, w);
	else
		layout_grid(t, w, widths);
	free(widths);
}
