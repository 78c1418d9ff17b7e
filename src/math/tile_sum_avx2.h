/*
 * tile_sum_avx2.h - the running vectors of a register block, AVX2
 *
 * Included after tile_walk.h, by way of which TILE_X is known.
 */
#ifndef CONFAB_TILE_SUM_AVX2_H
#define CONFAB_TILE_SUM_AVX2_H

#include <immintrin.h>
#include <stddef.h>

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

INLINE float tile_sum(__m256 v)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(v),
	                      _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

INLINE void tile_store(const __m256 sum[TILE_W][TILE_X], int n_w, int n_x,
                       const struct tile *t, const struct tile_rows *rows)
{
	UNROLL
	for (int j = 0; j < n_x; j++) {
		float *y = rows->y + (size_t)j * t->y_stride, s[TILE_W];

		UNROLL
		for (int i = 0; i < n_w; i++)
			s[i] = tile_sum(sum[i][j]);
		for (size_t i = 0; i < rows->n_w; i++)
			y[i] = (t->add ? y[i] : 0) + s[i];
	}
}

#endif
