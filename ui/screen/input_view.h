/*
 * input_view.h - the line that is typed, wrapped, with the cursor in it
 */
#ifndef CONFAB_INPUT_VIEW_H
#define CONFAB_INPUT_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/cells/canvas.h"

struct input_view {
	const char *prompt;  /* " > ", or readline's search prompt */
	const char *text;    /* may hold newlines */
	size_t len, point;   /* bytes */
	const char *hint;    /* shown dim while the text is empty; or NULL */
	const char *const *matches; /* completions to choose from, or NULL */
	size_t n_matches;
	bool focused;
};

/* Rows that it wants, at least 1, at most max. */
int input_view_rows(const struct input_view *v, int cols, int max);

void input_view_draw(const struct input_view *v, struct canvas *c,
                     struct rect r);

#endif
