/*
 * tile_int8_avx512.h - the register block that the integer tiles share, AVX-512
 *
 * At most 4 weight rows by 3 activation rows, or 12 by 1, or 8 by 2: codes of a
 * weight and of the activations need the other registers.
 */
#ifndef CONFAB_TILE_INT8_AVX512_H
#define CONFAB_TILE_INT8_AVX512_H

#include <stddef.h>

#define TILE_X 3
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(12, 1, b, d) \
	TILE_BLOCK(8, 2, b, d) \
	TILE_BLOCK(4, 2, b, d) \
	TILE_BLOCK(4, 3, b, d)

static inline size_t tile_width(size_t rows)
{
	return rows == 1 ? 12 : rows == 2 ? 8 : 4;
}

#include "math/tile_walk.h"

#include "math/tile_sum_avx512.h"

#endif
