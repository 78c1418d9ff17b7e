/*
 * tile_walk.h - how a vector kernel walks over a tile in register blocks
 *
 * Included by the vector files alone, after they have defined TILE_W and
 * TILE_X, the size of their register block in weight rows and activation rows.
 * These are macros because arrays sized by a `const int` are of variable length
 * and live in memory instead of registers.
 */
#ifndef CONFAB_TILE_WALK_H
#define CONFAB_TILE_WALK_H

#include <stddef.h>

#include "math/tile.h"

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* Where one register block lies. */
struct tile_rows {
	const char *w[TILE_W]; /* past the tile's edge its last row, again */
	size_t n_w;            /* how many of them are stored */
	const char *x;
	size_t x_stride; /* bytes */
	float *y;
	size_t ahead; /* bytes from w[i] to what is read next; 0: is near */
};

INLINE void tile_place(struct tile_rows *rows, const struct tile *t, size_t o)
{
	size_t left = t->n_w - o;

	rows->n_w = left < TILE_W ? left : TILE_W;
	for (size_t i = 0; i < TILE_W; i++)
		rows->w[i] = (const char *)t->w +
		             (i < left ? o + i : t->n_w - 1) * t->w_stride;
	rows->x = t->x;
	rows->x_stride = t->x_stride;
	rows->y = t->y + o;
	rows->ahead = TILE_W * t->w_stride;
}

/* A row of weights is too short for the processor's own prefetching to get
 * going, so each line asks for the one that takes its place in the next block
 * of rows.  Past the end of the weights this does nothing. */
INLINE void tile_prefetch(const struct tile_rows *rows, size_t offset)
{
	UNROLL
	for (int i = 0; i < TILE_W; i++)
		__builtin_prefetch(rows->w[i] + rows->ahead + offset);
}

/* How many of the remaining activation rows the next block takes: blocks of
 * nearly equal size, 7 = 4 + 3. */
INLINE size_t tile_share(size_t left)
{
	size_t blocks = (left + TILE_X - 1) / TILE_X;

	return (left + blocks - 1) / blocks;
}

/*
 * Defines the kernel `name` out of block(n_x, dtype, tile, rows), which is
 * inlined once for each n_x from 1 to TILE_X.
 */
#define TILE_KERNEL(name, block, dtype)                                        \
	static void name##_rows(size_t n_x, const struct tile *t,              \
	                        const struct tile_rows *rows)                  \
	{                                                                      \
		switch (n_x) {                                                 \
			TILE_CASES(block, dtype)                               \
		}                                                              \
	}                                                                      \
                                                                               \
	void name(const struct tile *t)                                        \
	{                                                                      \
		struct tile_rows rows;                                         \
                                                                               \
		for (size_t o = 0; o < t->n_w; o += TILE_W) {                  \
			tile_place(&rows, t, o);                               \
			for (size_t r = 0, n_x; r < t->rows; r += n_x) {       \
				n_x = tile_share(t->rows - r);                 \
				name##_rows(n_x, t, &rows);                    \
				rows.x += n_x * t->x_stride;                   \
				rows.y += n_x * t->y_stride;                   \
				rows.ahead = 0;                                \
			}                                                      \
		}                                                              \
	}

#define TILE_CASE(n, block, dtype)                                             \
	case n:                                                                \
		block(n, dtype, t, rows);                                      \
		break;

#if TILE_X == 4
#define TILE_CASES(b, d)                                                       \
	TILE_CASE(1, b, d) TILE_CASE(2, b, d) TILE_CASE(3, b, d)               \
	TILE_CASE(4, b, d)
#elif TILE_X == 6
#define TILE_CASES(b, d)                                                       \
	TILE_CASE(1, b, d) TILE_CASE(2, b, d) TILE_CASE(3, b, d)               \
	TILE_CASE(4, b, d) TILE_CASE(5, b, d) TILE_CASE(6, b, d)
#endif

#endif
