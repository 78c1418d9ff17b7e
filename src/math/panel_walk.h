/*
 * panel_walk.h - how a vector kernel walks over a panel in register blocks
 *
 * Included by the vector files alone, after they have defined GROUPS and ROWS,
 * the most groups of weight rows and rows of activations of a register block.
 */
#ifndef CONFAB_PANEL_WALK_H
#define CONFAB_PANEL_WALK_H

#include <stddef.h>

#include "math/ask_for.h"
#include "math/panel.h"
#include "math/quant_x.h"
#include "math/quant_x_at.h"
#include "math/row_blocks.h"
#include "math/unroll.h"

/* What is read next, asked for a few lines at a time: a burst would fill the
 * queue of requests and stall. */
struct fetched {
	struct panel_ahead runs; /* from the one under way on */
	size_t done;             /* bytes of that one */
	size_t step;             /* bytes with each record: whole lines */
};

static size_t lines_of(const struct panel_ahead *runs)
{
	return (runs->bytes + 63) / 64 * runs->n;
}

/* All of it in so many steps. */
static struct fetched fetched(struct panel_ahead runs, size_t steps)
{
	return (struct fetched){
		.runs = runs,
		.step = (lines_of(&runs) + steps - 1) / steps * 64,
	};
}

/* Into the second level of cache. */
INLINE void fetch(struct fetched *f)
{
	if (!f->runs.n)
		return;
	for (size_t i = 0; i < f->step; i += 64)
		ask_for(f->runs.at + f->done + i);
	f->done += f->step;
	if (f->done < f->runs.bytes)
		return;
	f->done = 0;
	f->runs.at += f->runs.stride;
	f->runs.n--;
}

/* A register block: n_groups by n_rows. */
struct block {
	const char *group[GROUPS];
	const char *x;   /* its strip, or its first row, from the piece on */
	size_t x_stride; /* bytes of a row */
	size_t n_blocks;
	size_t bytes; /* of a group */
	float *y;
	size_t n_w;                 /* outputs left from the first group on */
	struct fetched w, x_next;   /* the next panel, the next rows */
	const struct panel_tile *t; /* of which this is a part */
};

typedef void multiply_fn(int n_groups, int n_rows, struct block *block);

/* All weights of the panel by a few rows. */
static void walk_groups(struct block *block, multiply_fn *run, size_t r,
                        size_t n_rows)
{
	const struct panel_tile *t = block->t;

	for (size_t o = 0; o < t->n_w; o += GROUPS * PANEL_ROWS) {
		size_t left = t->n_w - o;
		size_t n = (left + PANEL_ROWS - 1) / PANEL_ROWS;

		for (size_t g = 0; g < GROUPS; g++)
			block->group[g] =
				t->panel + (o / PANEL_ROWS + g) * block->bytes;
		block->y = t->y + r * t->y_stride + o;
		block->n_w = left;
		run(n < GROUPS ? (int)n : GROUPS, (int)n_rows, block);
	}
}

/* The blocks of rows left when the next panel's weights are asked for, a line
 * with every record: any earlier, and the rows of activations that pass by
 * would have driven them out of the second cache again. */
static size_t late_blocks(const struct panel_tile *t, size_t records)
{
	size_t all = row_blocks(t->rows, ROWS);
	size_t late = row_blocks(lines_of(&t->ahead), records);

	return late < all ? late : all;
}

/* The piece that is multiplied of the strip of so many rows from row r on; where a
 * strip is a row, of the first of them. */
static const char *strip_at(const struct panel_tile *t,
                            const struct panel_kernels *k, size_t r,
                            size_t n_rows)
{
	size_t strip = n_rows < k->strip ? n_rows : k->strip;

	return t->x + r * t->x_stride + strip * k->x_bytes(t->first);
}

/* A few rows of activations stay in the first cache while the panel passes over
 * them from the second. */
static void walk(const struct panel_tile *t, const struct panel_kernels *k,
                 multiply_fn *run)
{
	struct block block = {
		.x_stride = t->x_stride,
		.n_blocks = (t->n + PANEL_BLOCK - 1) / PANEL_BLOCK,
		.bytes = k->group(t->dtype, t->n),
		.t = t,
	};
	size_t blocks =
		(t->n_w + GROUPS * PANEL_ROWS - 1) / (GROUPS * PANEL_ROWS);
	size_t records = blocks * block.n_blocks, n_rows, next, left;
	size_t late = late_blocks(t, records);

	for (size_t r = 0; r < t->rows; r += n_rows) {
		n_rows = row_block(t->rows - r, ROWS);
		left = row_blocks(t->rows - r, ROWS);
		if (left == late)
			block.w = fetched(t->ahead, left * records);
		next = r + n_rows < t->rows ? n_rows : 0;
		block.x = strip_at(t, k, r, n_rows);
		block.x_next = fetched(
			(struct panel_ahead){
				.at = strip_at(t, k, r + n_rows, next),
				.bytes = next * k->x_bytes(t->n),
				.n = next > 0,
			},
			records);
		walk_groups(&block, run, r, n_rows);
	}
}

#endif
