/*
 * tile_avx512.h - what the AVX-512 tiles of 16- and 32-bit floats share
 *
 * 4 weight rows by 6 activation rows, or 12 by 2, are 24 accumulators; with the
 * activations and one weight that nearly fills the 32 registers.
 */
#ifndef CONFAB_TILE_AVX512_H
#define CONFAB_TILE_AVX512_H

#include <stddef.h>

#define TILE_X 6
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(12, 1, b, d) \
	TILE_BLOCK(12, 2, b, d) \
	TILE_BLOCK(8, 3, b, d) \
	TILE_BLOCK(4, 3, b, d) \
	TILE_BLOCK(4, 4, b, d) \
	TILE_BLOCK(4, 5, b, d) \
	TILE_BLOCK(4, 6, b, d)

#include "math/tile_walk.h"

INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	(void)dtype;
	return t->rows <= 2 ? 12 : t->rows == 3 ? 8 : 4;
}

#include "math/tile_sum_avx512.h"

#endif
