/*
 * panel_walk.h - how a vector kernel walks over a panel in register blocks
 *
 * Included by the vector files alone, after they have defined GROUPS and ROWS,
 * the most groups of weight rows and rows of activations of a register block.
 */
#ifndef CONFAB_PANEL_WALK_H
#define CONFAB_PANEL_WALK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/panel.h"
#include "math/quant_x.h"
#include "math/unroll.h"

/* What is read next, asked for a few lines at a time: a burst would fill the
 * queue of requests and stall. */
struct fetched {
	const char *at, *end;
	size_t step; /* bytes with each record: whole lines */
};

/* All of [at, at + bytes) in so many steps. */
static struct fetched fetched(const void *at, size_t bytes, size_t steps)
{
	size_t lines = (bytes + 63) / 64;

	return (struct fetched){
		.at = at,
		.end = (const char *)at + bytes,
		.step = (lines + steps - 1) / steps * 64,
	};
}

/* Into the second level of cache. */
INLINE void fetch(struct fetched *f)
{
	if (f->at >= f->end)
		return;
	for (size_t i = 0; i < f->step; i += 64)
		__builtin_prefetch(f->at + i, 0, 2);
	f->at += f->step;
}

/* A register block: n_groups by n_rows. */
struct block {
	const char *group[GROUPS];
	const struct quant_x *x;
	size_t x_stride; /* bytes */
	size_t n_blocks, record;
	int offset;
	float *y;
	size_t n_w;                 /* outputs left from the first group on */
	struct fetched w, x_next;   /* the next panel, the next rows */
	const struct panel_tile *t; /* of which this is a part */
};

/* Block b of 32 of a quant_x; the register block's first row is at x. */
struct at {
	const char *x;
	size_t stride; /* bytes */
	size_t b;
};

INLINE int32_t dword_at(struct at at, int row, size_t offset)
{
	int32_t dword;

	memcpy(&dword, at.x + (size_t)row * at.stride + offset, 4);
	return dword;
}

/* q of elements 4 j to 4 j + 3. */
INLINE int32_t quad_at(struct at at, int row, int j)
{
	return dword_at(at, row,
	                offsetof(struct quant_x, q) + 32 * at.b +
	                        4 * (size_t)j);
}

/* The sums of q over the block's halves, a pair of int16. */
INLINE int32_t sums_at(struct at at, int row)
{
	return dword_at(at, row, offsetof(struct quant_x, sum) + 4 * at.b);
}

INLINE float scale_at(struct at at, int row)
{
	int32_t bits = dword_at(at, row, 4 * at.b);
	float d;

	memcpy(&d, &bits, sizeof d);
	return d;
}

/* Quads that share one of a block's scales. */
INLINE int quads_of(int n_scales)
{
	return n_scales == 1 ? 8 : 4;
}

/* By what a pair of sums is multiplied for factor times the sum over the
 * elements of scale `part` of n_parts. */
INLINE int32_t sum_factors(int n_parts, int part, int factor)
{
	int low = n_parts == 1 || part == 0 ? factor & 0xffff : 0;
	int high = n_parts == 1 || part == 1 ? factor * 0x10000 : 0;

	return low | high;
}

INLINE void next_block(struct at *at)
{
	if (++at->b == 8) {
		at->b = 0;
		at->x += sizeof(struct quant_x);
	}
}

typedef void multiply_fn(int n_groups, int n_rows, struct block *block);

/* How many of the remaining rows the next block takes: blocks of nearly equal
 * size, 8 = 4 + 4. */
static size_t share(size_t left)
{
	size_t blocks = (left + ROWS - 1) / ROWS;

	return (left + blocks - 1) / blocks;
}

/* All weights of the panel by a few rows. */
static void walk_groups(struct block *block, multiply_fn *run, size_t r,
                        size_t n_rows)
{
	const struct panel_tile *t = block->t;
	size_t group = block->n_blocks * block->record;

	for (size_t o = 0; o < t->n_w; o += GROUPS * PANEL_ROWS) {
		size_t left = t->n_w - o;
		size_t n = (left + PANEL_ROWS - 1) / PANEL_ROWS;

		for (size_t g = 0; g < GROUPS; g++)
			block->group[g] =
				t->panel + (o / PANEL_ROWS + g) * group;
		block->y = t->y + r * t->y_stride + o;
		block->n_w = left;
		run(n < GROUPS ? (int)n : GROUPS, (int)n_rows, block);
	}
}

/* A few rows of activations stay in the first cache while the panel passes over
 * them from the second. */
static void walk(const struct panel_tile *t, multiply_fn *run)
{
	struct block block = {
		.x = t->x,
		.x_stride = t->x_stride * sizeof(struct quant_x),
		.n_blocks = t->n / PANEL_BLOCK,
		.record = t->form->record,
		.offset = t->form->offset,
		.t = t,
	};
	size_t blocks =
		(t->n_w + GROUPS * PANEL_ROWS - 1) / (GROUPS * PANEL_ROWS);
	size_t records = blocks * block.n_blocks, n_rows, next;

	block.w = fetched(t->ahead, t->ahead_bytes,
	                  (t->rows + ROWS - 1) / ROWS * records);
	for (size_t r = 0; r < t->rows; r += n_rows) {
		n_rows = share(t->rows - r);
		next = r + n_rows < t->rows ? n_rows : 0;
		block.x_next = fetched(block.x + n_rows * t->x_stride,
		                       next * block.x_stride, records);
		walk_groups(&block, run, r, n_rows);
		block.x += n_rows * t->x_stride;
	}
}

#endif
