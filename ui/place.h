/*
 * place.h - a row of the transcript, without counting rows
 *
 * A place is a message, a part of it, a block of its text, a line of the block.
 * One walks from place to place; only blocks that are walked through are laid
 * out.
 */
#ifndef CONFAB_PLACE_H
#define CONFAB_PLACE_H

#include <stdbool.h>
#include <stddef.h>

struct document;
struct lines;
struct transcript;
struct transcript_item;

enum transcript_part {
	PART_GAP,    /* a blank row before all messages but the first */
	PART_UNSEEN, /* "the model does not see what is above" */
	PART_HEADER,
	PART_FOLD, /* "thought for 12 s" */
	PART_THOUGHT,
	PART_BODY,
	PART_FOOT, /* "stopped" */
	PARTS
};

struct place {
	size_t item;
	enum transcript_part part;
	size_t block, line;
};

/* To the next row, or the one before; false: there is none. */
bool place_next(struct transcript *t, struct place *p);
bool place_before(struct transcript *t, struct place *p);

/* The ends; the transcript must not be empty. */
struct place place_first(struct transcript *t);
struct place place_last(struct transcript *t);

int place_compare(struct place a, struct place b); /* as strcmp() */

/* The nearest place that is there: a kept one may be gone after a fold was
 * closed, a branch changed, lines got longer. */
struct place place_repair(struct transcript *t, struct place p);

/* Where a byte of a message's text is shown. */
struct place place_find(struct transcript *t, struct transcript_item *item,
                        size_t pos);

/* The first byte of text at or behind a place; SIZE_MAX: a label. */
size_t place_source(struct transcript *t, struct place p);

/* The lines that a place is one of, and where their document begins in the
 * message's text; NULL: it is a label. */
const struct lines *place_lines(struct transcript *t, struct place p,
                                size_t *begin);

#endif
