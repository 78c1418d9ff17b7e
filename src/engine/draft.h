/*
 * draft.h - what a line of tokens may go on with
 *
 * Much of what a model writes stood before: names, code that is changed, a text that is
 * told again.  Where the line's last tokens stood earlier, what followed them there is a
 * draft of what follows now, and costs no second model to make (prompt lookup decoding:
 * Saxena, 2023; Yang et al., "Inference with Reference", arXiv:2304.04487, section 3).
 */
#ifndef CONFAB_DRAFT_H
#define CONFAB_DRAFT_H

#include <stddef.h>

/* With the token before them as many rows as the kernels multiply at once for little
 * more than one (tile.h). */
#define DRAFT_MOST 5

/*
 * Writes what followed the longest ending of ids[0..n) that stood there before, the
 * last time it did, and returns how many tokens that is: one fewer than the ending has,
 * as a longer one is the likelier to go on alike; 0 for an ending of one token or none.
 * Where it reaches the end of the line it begins again, as the line does.
 */
size_t draft_next(const int *ids, size_t n, int draft[DRAFT_MOST]);

#endif
