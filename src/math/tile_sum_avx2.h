/*
 * tile_sum_avx2.h - the running vectors of a register block, AVX2
 *
 * Included after tile_walk.h, by way of which TILE_X is known.
 */
#ifndef CONFAB_TILE_SUM_AVX2_H
#define CONFAB_TILE_SUM_AVX2_H

#include <immintrin.h>
#include <stddef.h>

#include "math/reduce_avx2.h"
#include "math/tile_walk.h"

INLINE void tile_clear(__m256 sum[TILE_W][TILE_X], int n_w, int n_x)
{
	UNROLL
	for (int i = 0; i < n_w; i++) {
		UNROLL
		for (int j = 0; j < n_x; j++)
			sum[i][j] = _mm256_setzero_ps();
	}
}

INLINE void tile_store(const __m256 sum[TILE_W][TILE_X], int n_w, int n_x,
                       const struct tile *t, const struct tile_rows *rows)
{
	UNROLL
	for (int j = 0; j < n_x; j++) {
		float *y = rows->y + (size_t)j * t->y_stride, s[TILE_W];

		UNROLL
		for (int i = 0; i < n_w; i++)
			s[i] = reduce_add(sum[i][j]);
		for (size_t i = 0; i < rows->n_w; i++)
			y[i] = (t->add ? y[i] : 0) + s[i];
	}
}

#endif
