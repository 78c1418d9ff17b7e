#include "ui/screen/layout.h"

#define PANE_MIN_COLS 42
#define PANE_MAX_COLS 64
#define PANE_MIN_ROWS 8
#define PANE_MAX_ROWS 14
#define ROWS_FOR_HEADER 10
#define ROWS_FOR_RULE   8

static int clamp(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

int layout_input_max(int rows)
{
	return clamp(rows / 3, 1, rows);
}

/* Takes n rows off the bottom of what is left. */
static struct rect take_bottom(struct rect *left, int n)
{
	n = clamp(n, 0, left->rows);
	left->rows -= n;
	return (struct rect){ left->row + left->rows, left->col, n, left->cols };
}

static struct rect take_top(struct rect *left, int n)
{
	struct rect top = { left->row, left->col, clamp(n, 0, left->rows),
		            left->cols };

	left->row += top.rows;
	left->rows -= top.rows;
	return top;
}

static void place_pane(struct layout *l, struct rect *left)
{
	if (left->cols >= LAYOUT_SIDE) {
		int cols = clamp(left->cols * 2 / 5, PANE_MIN_COLS,
		                 PANE_MAX_COLS);

		l->pane_beside = true;
		l->pane = *left;
		l->pane.col = left->cols - cols;
		l->pane.cols = cols;
		left->cols -= cols + 1; /* and the line between */
		return;
	}
	/* Below, or over all of it but the lines around the cursor. */
	l->pane = take_bottom(left, left->rows >= 2 * PANE_MIN_ROWS ?
	                                    clamp(left->rows / 2, PANE_MIN_ROWS,
	                                          PANE_MAX_ROWS) :
	                                    left->rows * 2 / 3);
}

struct layout layout_make(int rows, int cols, const struct layout_wish *wish)
{
	struct layout l = { .too_small = rows < LAYOUT_MIN_ROWS ||
		                         cols < LAYOUT_MIN_COLS };
	struct rect left = { 0, 0, rows, cols };

	if (l.too_small)
		return l;
	l.status = take_bottom(&left, 1);
	l.input = take_bottom(&left, clamp(wish->input, 1,
	                                   layout_input_max(rows)));
	if (rows >= ROWS_FOR_RULE)
		l.rule = take_bottom(&left, 1);
	if (rows >= ROWS_FOR_HEADER)
		l.header = take_top(&left, 1);
	l.activity = take_bottom(&left,
	                         clamp(wish->activity, 0, left.rows - 1));
	if (wish->pane)
		place_pane(&l, &left);
	l.transcript = left;
	return l;
}
