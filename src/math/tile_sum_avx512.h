/*
 * tile_sum_avx512.h - the running vectors of a register block, AVX-512
 *
 * Included after tile_walk.h, by way of which TILE_X is known.
 */
#ifndef CONFAB_TILE_SUM_AVX512_H
#define CONFAB_TILE_SUM_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "math/tile_walk.h"

/* Lanes below n, n < 32. */
INLINE unsigned tile_lanes(size_t n)
{
	return (1u << n) - 1;
}

/* tile_store() takes four rows at a time. */
INLINE void tile_clear(__m512 sum[TILE_W][TILE_X], int n_w, int n_x)
{
	UNROLL
	for (int i = 0; i < (n_w + 3) / 4 * 4; i++) {
		UNROLL
		for (int j = 0; j < n_x; j++)
			sum[i][j] = _mm512_setzero_ps();
	}
}

/* The sums across the lanes of four vectors. */
INLINE __m128 tile_sum(__m512 v0, __m512 v1, __m512 v2, __m512 v3)
{
	__m512 a = _mm512_add_ps(_mm512_unpacklo_ps(v0, v1),
	                         _mm512_unpackhi_ps(v0, v1));
	__m512 b = _mm512_add_ps(_mm512_unpacklo_ps(v2, v3),
	                         _mm512_unpackhi_ps(v2, v3));
	__m512d c = _mm512_castps_pd(a), d = _mm512_castps_pd(b);
	__m512 e = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(c, d)),
	                         _mm512_castpd_ps(_mm512_unpackhi_pd(c, d)));
	__m256 f = _mm256_add_ps(_mm512_castps512_ps256(e),
	                         _mm512_extractf32x8_ps(e, 1));

	return _mm_add_ps(_mm256_castps256_ps128(f),
	                  _mm256_extractf128_ps(f, 1));
}

/* Stores the sums of weight rows i to i + 3, as far as they are the tile's. */
INLINE void tile_store4(const __m512 sum[TILE_W][TILE_X], int i, int n_x,
                        const struct tile *t, const struct tile_rows *rows)
{
	size_t left = rows->n_w - (size_t)i;
	__mmask8 edge = (__mmask8)tile_lanes(left < 4 ? left : 4);

	UNROLL
	for (int j = 0; j < n_x; j++) {
		float *y = rows->y + (size_t)j * t->y_stride + i;
		__m128 s = tile_sum(sum[i][j], sum[i + 1][j], sum[i + 2][j],
		                    sum[i + 3][j]);

		if (t->add)
			s = _mm_add_ps(s, _mm_maskz_loadu_ps(edge, y));
		_mm_mask_storeu_ps(y, edge, s);
	}
}

INLINE void tile_store(const __m512 sum[TILE_W][TILE_X], int n_w, int n_x,
                       const struct tile *t, const struct tile_rows *rows)
{
	UNROLL
	for (int i = 0; i < n_w; i += 4)
		if ((size_t)i < rows->n_w)
			tile_store4(sum, i, n_x, t, rows);
}

#endif
