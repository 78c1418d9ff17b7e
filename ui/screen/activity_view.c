#include "ui/screen/activity_view.h"

#include <string.h>

int activity_view_rows(const struct activity_view *v)
{
	return (int)v->n_rows + (v->total > 0);
}

void bar_draw(struct canvas *c, int row, int col, int end, double part,
              struct style s)
{
	static const char *const eighths[] = { "▏", "▎", "▍", "▌",
		                               "▋", "▊", "▉" };
	int n;

	if (!(part > 0)) /* or 0 of 0 */
		part = 0;
	if (part > 1)
		part = 1;
	n = (int)(part * (end - col) * 8 + 0.5);
	for (; n >= 8 && col < end; n -= 8)
		col = canvas_str(c, row, col, end, "█", s);
	if (n > 0 && col < end)
		canvas_str(c, row, col, end, eighths[n - 1], s);
}

static void draw_bar(const struct activity_view *v, struct canvas *c, int row,
                     struct rect r)
{
	int end = r.col + r.cols - 1, col, right;

	col = canvas_str(c, row, r.col + 1, end, v->label, style(STYLE_NOTICE));
	right = text_width(v->right, strlen(v->right));
	if (col + 1 + right + 10 < end)
		canvas_str(c, row, end - right, end, v->right,
		           style(STYLE_DIM));
	else
		right = 0;
	end -= right + (right ? 2 : 0);
	if (end - col > 44)
		end = col + 44;
	canvas_str(c, row, col, end, " ▕", style(STYLE_DIM));
	canvas_str(c, row, end - 1, end, "▏", style(STYLE_DIM));
	if (end - 1 > col + 2)
		bar_draw(c, row, col + 2, end - 1,
		         (double)v->done / (double)v->total, style(STYLE_BAR));
}

void activity_view_draw(const struct activity_view *v, struct canvas *c,
                        struct rect r)
{
	int row = r.row, end = r.row + r.rows;

	if (v->total && row < end)
		draw_bar(v, c, row++, r);
	for (size_t i = 0; i < v->n_rows && row < end; i++, row++)
		canvas_ellipsis(c, row, r.col + 1, r.col + r.cols,
		                v->rows[i].text, style(v->rows[i].role));
}
