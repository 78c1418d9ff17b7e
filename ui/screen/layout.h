/*
 * layout.h - where everything goes, by the size of the window
 *
 * From the top: a header line, the transcript (with a pane beside or below it),
 * activity (progress, queue, notices), a rule, the input line, the status line.
 * What is too much for a small window goes first: the rule, the header, the
 * pane covers the transcript.  Under 20 columns or 5 rows nothing is drawn.
 */
#ifndef CONFAB_LAYOUT_H
#define CONFAB_LAYOUT_H

#include <stdbool.h>

#include "ui/cells/canvas.h"

#define LAYOUT_MIN_ROWS 5
#define LAYOUT_MIN_COLS 20
#define LAYOUT_SIDE     100 /* columns from which the pane is beside */

struct layout_wish {
	bool pane;      /* the inspector */
	int input;      /* rows */
	int activity;
};

struct layout {
	bool too_small;
	bool pane_beside;       /* else below */
	/* rows 0: it is not shown */
	struct rect header, transcript, pane, activity, rule, input, status;
};

struct layout layout_make(int rows, int cols, const struct layout_wish *wish);

/* Rows that the input may take at most. */
int layout_input_max(int rows);

#endif
