/*
 * activity_view.h - what goes on: progress, what waits, what went wrong, a
 * question
 */
#ifndef CONFAB_ACTIVITY_VIEW_H
#define CONFAB_ACTIVITY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/cells/canvas.h"

struct activity_row {
	char text[2048]; /* bytes: a row of the widest window */
	enum style_role role;
};

#define ACTIVITY_ROWS 12

struct activity_view {
	/* A bar: total 0: none. */
	char label[64];
	uint64_t done, total;
	char right[96];         /* "1.2 GB/s, 3 s left" */
	struct activity_row rows[ACTIVITY_ROWS];
	size_t n_rows;
};

int activity_view_rows(const struct activity_view *v);
void activity_view_draw(const struct activity_view *v, struct canvas *c,
                        struct rect r);

/* A bar of done/total in eighths of a column, [col, end). */
void bar_draw(struct canvas *c, int row, int col, int end, double part,
              struct style s);

#endif
