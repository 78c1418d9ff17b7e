/*
 * blocks.h - cuts growing Markdown where the part before can no longer change
 *
 * A reply grows token by token; laying all of it out again at every token would
 * cost more and more.  So it is cut into blocks that Markdown reads the same
 * way alone as together: at a blank line before an unindented line, around
 * headings, around code fences.  A list goes on over blank lines.  Blocks that
 * ended are frozen; the last one is open.
 *
 * Where a cut falls depends on the text alone, not on the pieces in which it
 * arrived: only whole lines are judged, and a line that is too long is cut by
 * its first bytes.  So a streamed text and the same text at once have the same
 * blocks.
 *
 * No block is much longer than BLOCK_MAX, whatever the text; the cuts that this
 * forces are marked.  NOTE: a link reference defined in another block is not
 * seen.
 */
#ifndef CONFAB_BLOCKS_H
#define CONFAB_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#define BLOCK_MAX 8192 /* bytes; laid out in a millisecond or so */

struct block {
	size_t begin, end;   /* bytes of the source */
	bool glued;          /* cut by force: no blank line before it */
	/* A part of a code fence that began before: its first line, else 0, 0. */
	size_t fence_begin, fence_end;
	int first_code;      /* code blocks in front of this one */
	int n_codes;         /* that begin in this one */
};

struct blocks {
	struct block *list;  /* [n], the last one is open */
	size_t n, capacity;
	size_t scanned;      /* where the line begins that is not yet whole */
	size_t searched;     /* no newline from scanned to here */
	bool judged;         /* that line is long and was judged before its end */
	bool after_blank;
	bool in_list;        /* the open block began as a list */
	bool has_item;       /* it has a list item, which may hold a fence */
	bool started;        /* the open block has a line */
	/* The open fence. */
	bool in_fence, nested;
	char fence_char;
	size_t fence_length, fence_begin, fence_end;
};

void blocks_free(struct blocks *b);

/* text[0..len): all of the text, which begins with what the last call saw. */
void blocks_update(struct blocks *b, const char *text, size_t len);

#endif
