/*
 * tile_lanes_avx2.h - register blocks that have a row of weights in every lane
 *
 * For the AVX2 files alone.  Eight rows are transposed as they are read, so that
 * one dword of activations, broadcast, meets four codes of each, and a sum needs
 * no adding up of lanes.
 */
#ifndef CONFAB_TILE_LANES_AVX2_H
#define CONFAB_TILE_LANES_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#define TILE_X 2
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(8, 1, b, d) \
	TILE_BLOCK(8, 2, b, d)

#include "math/tile_walk.h"
#include "math/transpose_avx2.h"

#define LANES 8

INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	(void)t;
	(void)dtype;
	return LANES;
}

/* sum[j] has, in lane i, that of weight row i by activation row j. */
INLINE void lanes_clear(__m256 sum[TILE_X], int n_x)
{
	UNROLL
	for (int j = 0; j < n_x; j++)
		sum[j] = _mm256_setzero_ps();
}

INLINE void lanes_store(const __m256 sum[TILE_X], int n_x, const struct tile *t,
                        const struct tile_rows *rows)
{
	UNROLL
	for (int j = 0; j < n_x; j++) {
		float *y = rows->y + (size_t)j * t->y_stride, s[LANES];

		_mm256_storeu_ps(s, sum[j]);
		for (size_t i = 0; i < rows->n_w; i++)
			y[i] = (t->add ? y[i] : 0) + s[i];
	}
}

INLINE __m256 lanes_broadcast(const float *f)
{
	return _mm256_broadcast_ss(f);
}

/* Adds the products of codes, four of each row and below 128, by the four int8 at x
 * to 16-bit sums of pairs.  How many fit is the caller's to know. */
INLINE __m256i lanes_add_dot(__m256i sum, __m256i codes, const void *x)
{
	int q;

	memcpy(&q, x, sizeof q);
	return _mm256_add_epi16(sum,
	                        _mm256_maddubs_epi16(codes,
	                                             _mm256_set1_epi32(q)));
}

#endif
