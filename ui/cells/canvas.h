/*
 * canvas.h - a sheet of cells; views draw on it, the screen shows it
 *
 * Drawing here touches no terminal, so every view can be tested as a function
 * from data to cells.  Text is sanitised on its way in: a cell holds nothing
 * that the terminal could obey.
 */
#ifndef CONFAB_CANVAS_H
#define CONFAB_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/cells/style.h"
#include "ui/cells/width.h"

struct lines;

struct cell {
	char bytes[CELL_BYTES];
	unsigned char len;     /* 0: the right half of a wide cell */
	unsigned char columns; /* 1, 2; 0 for a right half */
	struct style style;
};

struct canvas {
	int rows, cols;
	struct cell *cells;    /* [rows, cols] */
	int cursor_row, cursor_col; /* -1: hidden */
};

/* A part of the canvas. */
struct rect {
	int row, col, rows, cols;
};

void canvas_init(struct canvas *c, int rows, int cols);
void canvas_free(struct canvas *c);
void canvas_clear(struct canvas *c); /* blanks, no cursor */

struct cell *canvas_at(const struct canvas *c, int row, int col);

/* Writes text from (row, col) on, not beyond column end (exclusive); a wide
 * cluster that would be cut is left out.  Gives the column after it.  What lies
 * outside the canvas is not drawn. */
int canvas_text(struct canvas *c, int row, int col, int end, const char *text,
                size_t len, struct style s);
int canvas_str(struct canvas *c, int row, int col, int end, const char *text,
               struct style s);
int canvas_printf(struct canvas *c, int row, int col, int end, struct style s,
                  const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* As canvas_str(), with "…" where the text does not fit. */
int canvas_ellipsis(struct canvas *c, int row, int col, int end,
                    const char *text, struct style s);

/* A line of wrap.h in its own styles, as canvas_text(). */
int canvas_line(struct canvas *c, int row, int col, int end,
                const struct lines *lines, size_t line);

/* Fills [col, end) with one cluster of one column. */
void canvas_fill(struct canvas *c, int row, int col, int end, const char *cluster,
                 struct style s);

/* Blanks a rectangle. */
void canvas_blank(struct canvas *c, struct rect r, struct style s);

/* Gives every cell in [col, end) this style, the text unchanged. */
void canvas_restyle(struct canvas *c, int row, int col, int end, struct style s);

/* The text of a row without trailing blanks, for tests.  Yours to free. */
char *canvas_row_text(const struct canvas *c, int row);

#endif
