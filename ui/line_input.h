/*
 * line_input.h - standard input as messages, a line each
 *
 * A line that ends in a backslash goes on in the next one, where there is one,
 * and a last line without its end counts, too.  What is not UTF-8 is U+FFFD.
 */
#ifndef CONFAB_LINE_INPUT_H
#define CONFAB_LINE_INPUT_H

#include <stdbool.h>

#include "base/strbuf.h"

struct line_input {
	struct strbuf bytes;   /* not yet taken as lines */
	struct strbuf message; /* lines that ended in a backslash */
	bool ended;            /* nothing is to be read any more */
};

#define LINE_INPUT_INIT \
	{ \
		STRBUF_INIT, STRBUF_INIT, false \
	}

void line_input_free(struct line_input *in);

/* Reads once, what there is. */
void line_input_read(struct line_input *in);

/* Has a line come whole?  And has the last one been taken? */
bool line_input_has_line(const struct line_input *in);
bool line_input_is_over(const struct line_input *in);

/* Takes a line that has come.  Gives the message that it ends, yours to free, or
 * NULL: it goes on. */
char *line_input_take(struct line_input *in);

#endif
