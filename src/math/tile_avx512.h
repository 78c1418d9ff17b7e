/*
 * tile_avx512.h - what the AVX-512 tiles share
 *
 * 4 weight rows by 6 activation rows are 24 accumulators; with four weights
 * and one activation in flight that fills the 32 registers.
 */
#ifndef CONFAB_TILE_AVX512_H
#define CONFAB_TILE_AVX512_H

#include <immintrin.h>

#define TILE_W 4
#define TILE_X 6
#include "math/tile_walk.h"

/* Lanes below n, n < 32. */
INLINE unsigned tile_lanes(size_t n)
{
	return (1u << n) - 1;
}

/* The sums across the lanes of four vectors. */
INLINE __m128 tile_sum(const __m512 v[TILE_W][TILE_X], int j)
{
	__m512 a = _mm512_add_ps(_mm512_unpacklo_ps(v[0][j], v[1][j]),
	                         _mm512_unpackhi_ps(v[0][j], v[1][j]));
	__m512 b = _mm512_add_ps(_mm512_unpacklo_ps(v[2][j], v[3][j]),
	                         _mm512_unpackhi_ps(v[2][j], v[3][j]));
	__m512d c = _mm512_castps_pd(a), d = _mm512_castps_pd(b);
	__m512 e = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(c, d)),
	                         _mm512_castpd_ps(_mm512_unpackhi_pd(c, d)));
	__m256 f = _mm256_add_ps(_mm512_castps512_ps256(e),
	                         _mm512_extractf32x8_ps(e, 1));

	return _mm_add_ps(_mm256_castps256_ps128(f),
	                  _mm256_extractf128_ps(f, 1));
}

INLINE void tile_store(const __m512 sum[TILE_W][TILE_X], int n_x,
                       const struct tile *t, const struct tile_rows *rows)
{
	__mmask8 edge = (__mmask8)tile_lanes(rows->n_w);

	UNROLL
	for (int j = 0; j < n_x; j++) {
		float *y = rows->y + (size_t)j * t->y_stride;
		__m128 s = tile_sum(sum, j);

		if (t->add)
			s = _mm_add_ps(s, _mm_maskz_loadu_ps(edge, y));
		_mm_mask_storeu_ps(y, edge, s);
	}
}

#endif
