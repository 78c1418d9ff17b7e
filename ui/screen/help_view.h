/*
 * help_view.h - a text over the transcript that can be scrolled
 */
#ifndef CONFAB_HELP_VIEW_H
#define CONFAB_HELP_VIEW_H

#include "ui/cells/canvas.h"

struct help_view {
	const char *title;
	const char *text;  /* lines; one without leading space is a heading */
	int first;         /* the first line that is shown */
};

/* The largest useful `first` in r. */
int help_view_last(const struct help_view *v, struct rect r);

void help_view_draw(const struct help_view *v, struct canvas *c, struct rect r);

#endif
