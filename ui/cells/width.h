/*
 * width.h - grapheme clusters, and how many columns each of them takes
 *
 * A cluster (Unicode annex 29, by utf8proc) is what a person calls a character:
 * "e" with its accent, a Hangul syllable of three jamo, a family of emoji.  It
 * is the unit of wrapping and of the cursor.
 *
 * Terminals do not agree about clusters, only about code points: wcwidth() is
 * what ncurses counts with, and tmux, xterm and the Linux console too.  So a
 * cluster is drawn in pieces on which all of them agree:
 *
 *	one code point with columns of its own, and the combining marks on it;
 *	an emoji joined with U+200D, as one piece of two columns, where the
 *	first has two columns and all fits in one curses cell; else its parts
 *	stand side by side without the joiner;
 *	skin tones and variation selectors are not drawn: there a terminal that
 *	knows them moves its cursor by another distance than one that does not,
 *	and every column to the right of it would be shifted.
 *
 * The text itself keeps all of these; copy and export give them back.
 * The locale must be a UTF-8 one, for wcwidth().
 */
#ifndef CONFAB_WIDTH_H
#define CONFAB_WIDTH_H

#include <stddef.h>

/* The length of the cluster at the beginning of text[0..len), in bytes; len > 0.
 * Ill-formed bytes are clusters of their own. */
size_t cluster_length(const char *text, size_t len);

/* The place where the cluster before text[pos] begins; pos > 0. */
size_t cluster_before(const char *text, size_t pos);

/* Columns of a cluster, as sanitise_cluster() gives it.  At least 1. */
int cell_width(const char *cluster, size_t len);

/* Columns of a whole sanitised text. */
int text_width(const char *text, size_t len);

/* Bytes of the longest beginning of text of at most max columns. */
size_t text_fit(const char *text, size_t len, int max);

#define CELL_BYTES 20 /* 5 code points: what a curses cell holds (CCHARW_MAX) */

struct cell_piece {
	char bytes[CELL_BYTES];
	unsigned char len;
	unsigned char columns; /* 1 or 2 */
};

/* Takes the next piece off a cluster from *pos on; 0 at its end. */
int cell_piece_next(const char *cluster, size_t len, size_t *pos,
                    struct cell_piece *piece);

#endif
