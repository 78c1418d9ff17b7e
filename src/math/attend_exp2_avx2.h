/*
 * attend_exp2_avx2.h - powers of two, AVX2
 *
 * For the AVX2 files of attend.h alone.
 */
#ifndef CONFAB_ATTEND_EXP2_AVX2_H
#define CONFAB_ATTEND_EXP2_AVX2_H

#include <immintrin.h>
#include <math.h>

#include "math/attend_set.h"
#include "math/unroll.h"

/* 2^x for x <= 0; below the normal numbers it is 0. */
INLINE __m256 exp2_of(__m256 x)
{
	__m256 k, r, y = _mm256_set1_ps(EXP2_P0);
	__m256i power;

	x = _mm256_max_ps(x, _mm256_set1_ps(-127));
	k = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	r = _mm256_sub_ps(x, k);
	y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(EXP2_P1));
	y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(EXP2_P2));
	y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(EXP2_P3));
	y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(EXP2_P4));
	y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(EXP2_P5));
	y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1));
	power = _mm256_add_epi32(_mm256_cvtps_epi32(k), _mm256_set1_epi32(127));
	return _mm256_mul_ps(y,
	                     _mm256_castsi256_ps(_mm256_slli_epi32(power, 23)));
}

/* The scores from j on, -infinity where the row does not see them. */
INLINE __m256 seen(const float *s, int j, int limit)
{
	__m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	__m256i in = _mm256_cmpgt_epi32(_mm256_set1_epi32(limit - j), lane);

	return _mm256_blendv_ps(_mm256_set1_ps(-INFINITY),
	                        _mm256_loadu_ps(s + j),
	                        _mm256_castsi256_ps(in));
}

#endif
