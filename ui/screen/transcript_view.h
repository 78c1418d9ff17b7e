/*
 * transcript_view.h - the rows of the conversation that are on the screen
 */
#ifndef CONFAB_TRANSCRIPT_VIEW_H
#define CONFAB_TRANSCRIPT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/cells/canvas.h"
#include "ui/cells/wrap.h"

/* Bytes [begin, end) of a message's text. */
struct text_range {
	uint32_t begin, end;
};

/* What is drawn over a message's text. */
struct text_marks {
	const uint32_t *token_begin;  /* [n_tokens], or NULL: no heat */
	const uint8_t *token_heat;    /* [n_tokens] */
	size_t n_tokens;
	struct text_range selected;   /* the token cursor; empty: not here */
	struct text_range marked;     /* to be copied */
	const struct text_range *matches; /* [n_matches], ascending */
	size_t n_matches;
	uint32_t current_match;       /* its begin; UINT32_MAX: none */
};

struct transcript_row {
	/* A row of text ... */
	const struct lines *lines;    /* NULL: the row is a label */
	size_t line;
	uint32_t source;              /* of the document in the message's text */
	const struct text_marks *marks;
	bool has_cursor;              /* gets the sign in the margin */
	/* ... or a label, left and right. */
	char left[160], right[96];
	struct style style;
	bool rule;                    /* a line is drawn behind the label */
};

struct transcript_view {
	const struct transcript_row *rows;
	size_t n_rows;
	size_t new_lines;             /* below the last row; 0: none to tell */
	bool more_above;
};

#define TRANSCRIPT_INDENT 3 /* columns before text */
#define TRANSCRIPT_MARGIN 1 /* columns behind it */

void transcript_view_draw(const struct transcript_view *v, struct canvas *c,
                          struct rect r);

#endif
