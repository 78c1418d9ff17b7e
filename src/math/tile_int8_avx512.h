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
	TILE_BLOCK(8, 1, b, d) \
	TILE_BLOCK(4, 1, b, d) \
	TILE_BLOCK(1, 1, b, d) \
	TILE_BLOCK(8, 2, b, d) \
	TILE_BLOCK(4, 2, b, d) \
	TILE_BLOCK(4, 3, b, d)

#include "math/tile_walk.h"

/* Bytes of the longest rows that are not read one by one, or twelve at once. */
#define SINGLE_ROW 2048
#define LONG_ROW   4096

/* A Zen 5 with one activation row: q6_k is read faster as twelve streams (by 10 to 30%),
 * others as eight. */
INLINE size_t near_width(const struct tile *t, enum dtype dtype)
{
	if (dtype == DTYPE_Q6_K)
		return 12;
	return t->w_stride > SINGLE_ROW && dtype == DTYPE_Q8_0 ? 1 : 8;
}

/* Of others one activation row takes what memory gives.  Four rows of weights are nearly
 * a single stream, which is best for short ones (by 2 to 17%, the shorter the
 * more) and for q6_k; long ones are read faster as twelve streams (by 6%).
 * q8_0, which needs least arithmetic for its bytes, is read fastest row after row
 * (by 2 to 6%). */
INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	if (t->rows > 1)
		return t->rows == 2 ? 8 : 4;
	if (asks_near())
		return near_width(t, dtype);
	if (t->w_stride > SINGLE_ROW && dtype == DTYPE_Q8_0)
		return 1;
	return t->w_stride > LONG_ROW && dtype != DTYPE_Q6_K ? 12 : 4;
}

#include "math/tile_sum_avx512.h"

#endif
