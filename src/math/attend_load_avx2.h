/*
 * attend_load_avx2.h - numbers of a page, AVX2
 *
 * For the AVX2 files of attend.h alone.
 */
#ifndef CONFAB_ATTEND_LOAD_AVX2_H
#define CONFAB_ATTEND_LOAD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "math/attend_vector.h"
#include "math/tensor.h"
#include "math/unroll.h"

#define LANES 8

/* Eight of them as float. */
INLINE __m256 attend_load(enum dtype dtype, const char *b)
{
	__m128i half;

	if (dtype == DTYPE_F32)
		return _mm256_loadu_ps((const float *)(const void *)b);
	half = _mm_loadu_si128((const __m128i *)(const void *)b);
	if (dtype == DTYPE_F16)
		return _mm256_cvtph_ps(half);
	return _mm256_castsi256_ps(
		_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

/* The same where fewer than 8 lanes exist: nothing past them is read. */
INLINE __m256 attend_load_part(enum dtype dtype, const char *b, size_t lanes)
{
	char whole[LANES * 4] = { 0 };

	memcpy(whole, b, lanes * attend_size_of(dtype));
	return attend_load(dtype, whole);
}

#endif
