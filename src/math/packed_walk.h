/*
 * packed_walk.h - how a vector kernel walks over the groups of packed rows
 *
 * A group is read from its first byte to its last, and the next group follows
 * it: one stream.  A Zen 4 follows it best when it is left alone: two threads
 * reach 97% and more of what the memory gives for one row, and 64 to 78% when
 * every line asks for the one that is 4 to 32 KB further on.  Others want to be
 * asked, for a few lines at a time: two threads of a Zen 3 go from 80 to 93% to
 * 104 to 114% of the rate of plain reading, those of a Sapphire Rapids from 84 to
 * 123% to 123 to 145%, those of a Zen 5 with q4_k, q6_k and bf16 from 57 to 72% to 92
 * to 103%.  Two groups at once, and so two streams, gave a Zen 3 5 to 7% more
 * of packed bf16.
 */
#ifndef CONFAB_PACKED_WALK_H
#define CONFAB_PACKED_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "math/packed.h"
#include "math/row_blocks.h"
#include "math/tile.h"

/* Some rows of activations by a group, or by n_groups of them. */
struct pass {
	const char *group;
	size_t n_groups, group_bytes;
	size_t n; /* elements of a row */
	const char *x;
	size_t x_stride; /* bytes */
	float *y;
	size_t y_stride; /* floats */
	bool add;
	size_t ahead; /* see struct tile */
};

typedef void pass_fn(int n_rows, const struct pass *p);

/* A few rows of activations by all groups, then the next few; one row by so many
 * groups `together`, while there are as many. */
static void walk(const struct tile *t, int most, size_t together, pass_fn *run)
{
	for (size_t r = 0, n; r < t->rows; r += n) {
		n = row_block(t->rows - r, (size_t)most);
		for (size_t o = 0, step; o < t->n_w; o += step * PACKED_ROWS) {
			step = n == 1 && t->n_w - o >= together * PACKED_ROWS
			               ? together
			               : 1;
			const struct pass pass = {
				.group = (const char *)t->w + o * t->w_stride,
				.n_groups = step,
				.group_bytes = PACKED_ROWS * t->w_stride,
				.n = t->n,
				.x = (const char *)t->x + r * t->x_stride,
				.x_stride = t->x_stride,
				.y = t->y + r * t->y_stride + o,
				.y_stride = t->y_stride,
				.add = t->add,
				.ahead = t->ahead,
			};

			run((int)n, &pass);
		}
	}
}

#endif
