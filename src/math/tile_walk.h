/*
 * tile_walk.h - how a vector kernel walks over a tile in register blocks
 *
 * Included by the vector files alone, after they have defined
 *
 *	TILE_X			the most activation rows of a register block,
 *	TILE_W			the most weight rows, 12 unless told,
 *	TILE_BLOCKS(b, d)	TILE_BLOCK(n_w, n_x, b, d) for every size that
 *				follows from it and tile_width().
 *
 * and before they define
 *
 *	tile_width(t, dtype)	the weight rows of a block of this tile, TILE_W
 *				at most; dtype as TILE_KERNEL() has it.
 *
 * With few activation rows a block has many rows of weights, which are read from
 * memory at once: one thread needs that to come near what the memory gives,
 * unless a row is a stream that the processor follows by itself.
 */
#ifndef CONFAB_TILE_WALK_H
#define CONFAB_TILE_WALK_H

#include <stddef.h>

#include "math/ask_for.h"
#include "math/quant_x.h"
#include "math/row_blocks.h"
#include "math/tensor.h"
#include "math/tile.h"
#include "math/unroll.h"

#ifndef TILE_W
#define TILE_W 12
#endif
/* Bytes, of several rows: see tile_prefetch_part(); and of one.  Each where asks_near()
 * is false, and where it is true. */
#define TILE_AHEAD      4096
#define TILE_AHEAD_NEAR 2048
#define TILE_ALONE      6144
#define TILE_ALONE_NEAR 10240

/* Where one register block lies. */
struct tile_rows {
	const char *w[TILE_W]; /* past the tile's edge its last row, again */
	size_t n_w;            /* how many of them are stored */
	const char *x;
	size_t x_stride; /* bytes */
	float *y;
	size_t ahead; /* bytes from a weight to the one that is read next */
	size_t run;   /* bytes from the first weight to what is asked for */
	size_t ahead_begin, ahead_end; /* the rows of which to fetch that */
};

INLINE void tile_place(struct tile_rows *rows, const struct tile *t, size_t o,
                       size_t width)
{
	size_t left = t->n_w - o,
	       ahead = asks_near() ? TILE_AHEAD_NEAR : TILE_AHEAD;

	rows->n_w = left < width ? left : width;
	for (size_t i = 0; i < width; i++)
		rows->w[i] = (const char *)t->w +
		             (i < left ? o + i : t->n_w - 1) * t->w_stride;
	rows->x = t->x;
	rows->x_stride = t->x_stride;
	rows->y = t->y + o;
	rows->ahead = width * t->w_stride;
	rows->run = asks_near() ? TILE_ALONE_NEAR : TILE_ALONE;
	if (width > 1)
		rows->run = (width - 1) * t->w_stride +
		            (t->w_stride > ahead ? t->w_stride : ahead);
}

/* Where x is 8-bit integers: the i-th 256 elements of activation row j. */
INLINE const struct quant_x *tile_x(const struct tile_rows *rows, int j,
                                    size_t i)
{
	return (const struct quant_x *)(rows->x + (size_t)j * rows->x_stride) +
	       i;
}

/*
 * A row of weights is too short for the processor's own prefetching to get
 * going, so each line asks for the one that takes its place in the next block
 * of rows.  Past the end of the weights this does nothing.
 */
INLINE void tile_prefetch(const struct tile_rows *rows, size_t offset)
{
	for (size_t i = rows->ahead_begin; i < rows->ahead_end; i++)
		ask_for_soon(rows->w[i] + rows->ahead + offset);
}

/*
 * The same where a row's step of `bytes` is no whole number of lines: rows lie
 * one after the other, so those of the next blocks are one run of memory, and each
 * step asks for its share of that, in n parts that are spread over its work: best a
 * line at a time.  The run begins a row after the block's last row does, or
 * TILE_AHEAD after where rows are shorter.  (With four short rows a
 * TILE_AHEAD of 0 or 8 KiB is 5 to 20% slower.)  A row by itself asks for what is
 * TILE_ALONE further on, be that its own.
 *
 * n is a multiple of the block's rows.  One row of activations has one block, which
 * asks for all; of more, blocks share the rows, and ask a row's part at a time: a
 * branch for each line would take longer than it saves.
 */
INLINE void tile_prefetch_part(const struct tile_rows *rows, int n_x,
                               size_t width, size_t offset, size_t bytes,
                               size_t i, size_t n)
{
	const char *run = rows->w[0] + rows->run + offset * width;
	const size_t lines = (width * bytes + 63) / 64;

	if (n_x > 1) {
		if (i % (n / width) != 0)
			return;
		i = i * width / n;
		n = width;
		if (i < rows->ahead_begin || i >= rows->ahead_end)
			return;
	}
	UNROLL
	for (size_t l = lines * i / n; l < lines * (i + 1) / n; l++) {
		if (width == 1)
			ask_for(run + 64 * l);
		else
			ask_for_soon(run + 64 * l);
	}
}

/* The blocks over one set of weight rows share the prefetching, so that memory
 * is busy all the time: block g of n takes these of the rows. */
INLINE void tile_share_ahead(struct tile_rows *rows, size_t width, size_t g,
                             size_t n)
{
	rows->ahead_begin = 0;
	rows->ahead_end = width;
	if (n == 1) /* spares a short row two divisions */
		return;
	if (n > width)
		n = width;
	rows->ahead_begin = g < n ? g * width / n : 0;
	rows->ahead_end = g < n ? (g + 1) * width / n : 0;
}

/*
 * Defines the kernel `name` out of block(n_w, n_x, dtype, tile, rows), which is
 * inlined once for each size.
 */
#define TILE_KERNEL(name, block, dtype) \
	TILE_WALK(name, block, dtype) \
	void name(const struct tile *t) \
	{ \
		name##_walk(t); \
	}

/* The same for less than `from` rows of activations; of more it is few(). */
#define TILE_KERNEL_OR(name, block, dtype, from, few) \
	TILE_WALK(name, block, dtype) \
	void name(const struct tile *t) \
	{ \
		if (t->rows < (from)) \
			name##_walk(t); \
		else \
			few(t); \
	}

#define TILE_WALK(name, block, dtype) \
	static void name##_rows(size_t n_w, size_t n_x, const struct tile *t, \
	                        const struct tile_rows *rows) \
	{ \
		switch (n_w * 16 + n_x) { \
			TILE_BLOCKS(block, dtype) \
		} \
	} \
\
	static void name##_walk(const struct tile *t) \
	{ \
		size_t width = tile_width(t, dtype), g; \
		size_t blocks = row_blocks(t->rows, TILE_X); \
		struct tile_rows rows; \
\
		for (size_t o = 0; o < t->n_w; o += width) { \
			tile_place(&rows, t, o, width); \
			g = 0; \
			for (size_t r = 0, n_x; r < t->rows; r += n_x) { \
				n_x = row_block(t->rows - r, TILE_X); \
				tile_share_ahead(&rows, width, g++, blocks); \
				name##_rows(width, n_x, t, &rows); \
				rows.x += n_x * t->x_stride; \
				rows.y += n_x * t->y_stride; \
			} \
		} \
	}

#define TILE_BLOCK(n_w, n_x, block, dtype) \
	case (n_w)*16 + (n_x): \
		block(n_w, n_x, dtype, t, rows); \
		break;

#endif
