/*
 * reduce_avx2.h - the largest and the sum of a vector's lanes
 *
 * For the AVX2 files alone: AVX-512 has intrinsics of its own.  Sums are taken
 * by halves, so that every caller adds in the same order.
 */
#ifndef CONFAB_REDUCE_AVX2_H
#define CONFAB_REDUCE_AVX2_H

#include <immintrin.h>

#include "math/unroll.h"

INLINE float reduce_max(__m256 x)
{
	__m128 y = _mm_max_ps(_mm256_castps256_ps128(x),
	                      _mm256_extractf128_ps(x, 1));

	y = _mm_max_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}

INLINE float reduce_add(__m256 x)
{
	__m128 y = _mm_add_ps(_mm256_castps256_ps128(x),
	                      _mm256_extractf128_ps(x, 1));

	y = _mm_add_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}

#endif
