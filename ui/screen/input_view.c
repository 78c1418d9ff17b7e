#include "ui/screen/input_view.h"

#include <string.h>

#include "ui/cells/wrap.h"

/* Of a longer text only what surrounds the cursor is laid out. */
#define WINDOW 16384 /* bytes on either side */

#define MATCH_ROWS 6
#define MATCH_GAP  2

struct layout {
	struct lines lines;
	size_t begin;          /* of the window in the text */
	int cursor_row, cursor_col;
};

static void find_window(const struct input_view *v, size_t *begin, size_t *end)
{
	*begin = 0;
	*end = v->len;
	if (v->len <= 2 * WINDOW)
		return;
	if (v->point > WINDOW)
		*begin = v->point - WINDOW;
	if (v->len - v->point > WINDOW)
		*end = v->point + WINDOW;
	while (*begin > 0 && (v->text[*begin] & 0xC0) == 0x80)
		--*begin;
	while (*end < v->len && (v->text[*end] & 0xC0) == 0x80)
		--*end;
}

/* Where the cursor stands in the lines [from, n) of one source line. */
static void place_cursor(struct layout *l, size_t from, size_t point)
{
	const struct lines *lines = &l->lines;

	for (size_t i = from; i < lines->n; i++) {
		int col = 0;

		for (size_t g = lines->lines[i].begin; g < lines->lines[i].end;
		     g++) {
			const struct glyph *glyph = &lines->glyphs[g];

			if (glyph->source != SOURCE_NONE &&
			    glyph->source >= point) {
				l->cursor_row = (int)i;
				l->cursor_col = col;
				return;
			}
			col += glyph->columns;
		}
		l->cursor_row = (int)i;
		l->cursor_col = col;
	}
}

static void prefixes(struct wrap *w, const struct input_view *v, bool first)
{
	char blank[32] = "";
	int columns = text_width(v->prompt, strlen(v->prompt));

	if (columns > 31)
		columns = 31;
	memset(blank, ' ', (size_t)columns);
	wrap_prefix_clear(w);
	wrap_prefix_first(w, first ? v->prompt : blank, style(STYLE_PROMPT));
	wrap_prefix_rest(w, blank, style(STYLE_PROMPT));
}

static void lay_out(struct layout *l, const struct input_view *v, int cols)
{
	struct wrap w;
	size_t pos, end;

	*l = (struct layout){ .lines = LINES_INIT };
	find_window(v, &l->begin, &end);
	wrap_start(&w, &l->lines, cols - 1); /* room for the cursor */
	w.verbatim = true;
	for (pos = l->begin; pos <= end;) {
		const char *newline = memchr(v->text + pos, '\n', end - pos);
		size_t stop = newline ? (size_t)(newline - v->text) : end;
		size_t from = l->lines.n;

		prefixes(&w, v, pos == 0);
		wrap_add(&w, v->text + pos, stop - pos, (uint32_t)pos,
		         style(STYLE_TEXT));
		wrap_line(&w);
		if (v->point >= pos && v->point <= stop)
			place_cursor(l, from, v->point);
		pos = stop + 1;
	}
	wrap_finish(&w);
}

static int match_width(const struct input_view *v)
{
	int widest = 1;

	for (size_t i = 0; i < v->n_matches; i++) {
		int columns = text_width(v->matches[i], strlen(v->matches[i]));

		if (columns > widest)
			widest = columns;
	}
	return widest + MATCH_GAP;
}

static int match_columns(const struct input_view *v, int cols)
{
	int n = (cols - 3) / match_width(v);

	return n > 0 ? n : 1;
}

static int match_rows(const struct input_view *v, int cols)
{
	size_t per_row = (size_t)match_columns(v, cols);
	size_t rows = (v->n_matches + per_row - 1) / per_row;

	return rows > MATCH_ROWS ? MATCH_ROWS : (int)rows;
}

int input_view_rows(const struct input_view *v, int cols, int max)
{
	struct layout l;
	int rows;

	lay_out(&l, v, cols);
	rows = (int)l.lines.n;
	lines_free(&l.lines);
	if (v->n_matches)
		rows += match_rows(v, cols);
	return rows < 1 ? 1 : rows > max ? (max < 1 ? 1 : max) : rows;
}

static void draw_matches(const struct input_view *v, struct canvas *c,
                         struct rect r, int rows)
{
	int width = match_width(v), per_row = match_columns(v, r.cols);
	size_t room = (size_t)(rows * per_row);

	for (size_t i = 0; i < v->n_matches && i < room; i++) {
		int row = r.row + (int)i / per_row;
		int col = r.col + 3 + (int)i % per_row * width;

		canvas_ellipsis(c, row, col, r.col + r.cols, v->matches[i],
		                style(STYLE_DIM));
	}
	if (v->n_matches > room)
		canvas_str(c, r.row + rows - 1, r.col + r.cols - 2,
		           r.col + r.cols, " …", style(STYLE_DIM));
}

void input_view_draw(const struct input_view *v, struct canvas *c,
                     struct rect r)
{
	struct layout l;
	int above = v->n_matches ? match_rows(v, r.cols) : 0, first = 0, rows;

	lay_out(&l, v, r.cols);
	if (above > r.rows - 1)
		above = r.rows - 1;
	rows = r.rows - above;
	if (l.cursor_row >= rows)
		first = l.cursor_row - rows + 1;
	if (above > 0)
		draw_matches(v, c, r, above);
	for (int i = 0; i < rows && first + i < (int)l.lines.n; i++)
		canvas_line(c, r.row + above + i, r.col, r.col + r.cols,
		            &l.lines, (size_t)(first + i));
	if (!v->len && v->hint)
		canvas_ellipsis(c, r.row + above, r.col + l.cursor_col,
		                r.col + r.cols, v->hint, style(STYLE_DIM));
	if (v->focused) {
		c->cursor_row = r.row + above + l.cursor_row - first;
		c->cursor_col = r.col + l.cursor_col;
	}
	lines_free(&l.lines);
}
