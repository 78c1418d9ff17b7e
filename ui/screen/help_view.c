#include "ui/screen/help_view.h"

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "ui/cells/width.h"
#include "ui/cells/wrap.h"

#define ROOMY 70 /* columns from which a table stays one */
#define LEAST 24 /* columns for what hangs below a table's last column */

/* In a narrow window the columns of a table only take away room: runs of spaces
 * become two. */
static void add_squeezed(struct wrap *w, const char *line, size_t n,
                         struct style s)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < n; i++)
		if (i < 2 || line[i] != ' ' || line[i - 1] != ' ' ||
		    line[i - 2] != ' ')
			strbuf_add_char(&text, line[i]);
	wrap_add(w, text.bytes, text.len, SOURCE_NONE, s);
	strbuf_free(&text);
}

/* What is wrapped hangs below the line's last column: what comes after two
 * blanks.  Where that leaves too little, it is indented a little. */
static void hang(struct wrap *w, const char *line, size_t n, int most)
{
	size_t column = 0;

	for (size_t i = 2; i < n; i++)
		if (line[i] != ' ' && line[i - 1] == ' ' && line[i - 2] == ' ')
			column = i;
	column = (size_t)text_width(line, column);
	if (!column || column > (size_t)most)
		column = 6;
	while (column--)
		wrap_prefix_rest(w, " ", style(STYLE_TEXT));
}

static void lay_out(const struct help_view *v, int cols, struct lines *out)
{
	bool roomy = cols > ROOMY;
	struct wrap w;
	const char *line = v->text;

	wrap_start(&w, out, cols > 2 ? cols - 2 : 1);
	while (*line) {
		size_t n = strcspn(line, "\n");
		struct style s =
			style(n && *line != ' ' ? STYLE_HEADING : STYLE_TEXT);

		wrap_prefix_clear(&w);
		hang(&w, line, n, roomy ? cols - LEAST : 0);
		if (roomy)
			wrap_add(&w, line, n, SOURCE_NONE, s);
		else
			add_squeezed(&w, line, n, s);
		wrap_line(&w);
		line += n;
		line += *line == '\n';
	}
	wrap_finish(&w);
}

int help_view_last(const struct help_view *v, struct rect r)
{
	struct lines lines = LINES_INIT;
	int last;

	lay_out(v, r.cols, &lines);
	last = (int)lines.n - (r.rows - 1);
	lines_free(&lines);
	return last > 0 ? last : 0;
}

/* Which text this is, and how much of it is above: as less has it. */
static void draw_title(const struct help_view *v, struct canvas *c,
                       struct rect r, size_t n_lines)
{
	int end = r.col + r.cols, rows = r.rows - 1, last = v->first + rows;
	char right[48];

	if (last > (int)n_lines)
		last = (int)n_lines;
	snprintf(right, sizeof right, " %d-%d of %zu ", v->first + 1, last,
	         n_lines);
	if ((int)n_lines <= rows)
		right[0] = '\0';
	canvas_ellipsis(c, r.row, r.col + 1, end - (int)strlen(right) - 1,
	                v->title, style(STYLE_STATUS));
	canvas_str(c, r.row, end - (int)strlen(right), end, right,
	           style(STYLE_STATUS));
}

void help_view_draw(const struct help_view *v, struct canvas *c, struct rect r)
{
	struct lines lines = LINES_INIT;

	canvas_blank(c, r, style(STYLE_TEXT));
	lay_out(v, r.cols, &lines);
	canvas_blank(c, (struct rect){ r.row, r.col, 1, r.cols },
	             style(STYLE_STATUS));
	draw_title(v, c, r, lines.n);
	for (int i = 0; i + 1 < r.rows && v->first + i < (int)lines.n; i++)
		canvas_line(c, r.row + 1 + i, r.col + 1, r.col + r.cols, &lines,
		            (size_t)(v->first + i));
	lines_free(&lines);
}
