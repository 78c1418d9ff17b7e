/*
 * wide_avx2.h - 16-bit integers in the place of floats, and their products
 *
 * For the AVX2 files alone: wide panels (panel.h) and attend_wide.h.
 */
#ifndef CONFAB_WIDE_AVX2_H
#define CONFAB_WIDE_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/unroll.h"

/* ---- a row ---- */

/* The largest |x|, NaN above all: as bits, magnitudes are ordered. */
INLINE float wide_largest(const float *x, size_t n)
{
	const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
	__m256i top = _mm256_setzero_si256();
	uint32_t lanes[8], most = 0;
	float largest;

	for (size_t i = 0; i < n; i += 8) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(x + i));

		top = _mm256_max_epu32(top, _mm256_and_si256(v, magnitude));
	}
	_mm256_storeu_si256((__m256i *)lanes, top);
	for (int i = 0; i < 8; i++)
		most = lanes[i] > most ? lanes[i] : most;
	memcpy(&largest, &most, sizeof largest);
	return largest;
}

/* q = x / d to the nearest, |q| <= most.  x, q: [n], whole eights.  Gives d: 0, and q
 * too, where all x are below 2^-100; NaN where one is no number, and q 0. */
INLINE float wide_integers(int16_t *q, const float *x, size_t n, float most)
{
	float largest = wide_largest(x, n);
	__m256 times;

	if (!(largest >= 0x1p-100f && largest < INFINITY)) {
		memset(q, 0, n * sizeof *q);
		return largest < 0x1p-100f ? 0 : NAN;
	}
	times = _mm256_set1_ps(most / largest);
	for (size_t i = 0; i < n; i += 8) {
		__m256i v = _mm256_cvtps_epi32(
			_mm256_mul_ps(_mm256_loadu_ps(x + i), times));

		_mm_storeu_si128((__m128i *)(q + i),
		                 _mm_packs_epi32(_mm256_castsi256_si128(v),
		                                 _mm256_extracti128_si256(v,
		                                                          1)));
	}
	return largest / most;
}

/* ---- a row in every lane ---- */

INLINE __m256i wide_magnitude(__m256 x)
{
	return _mm256_and_si256(_mm256_castps_si256(x),
	                        _mm256_set1_epi32(0x7fffffff));
}

/* S of each lane, of which the largest magnitude is `most` times, and in *times
 * 1 / S.  Where those are
 * nothing, or less than 2^-100, both are 0; where they are an infinity or a NaN, S
 * is NaN and times 0. */
INLINE __m256 wide_scales(__m256 top, float most, __m256 *times)
{
	const __m256 levels = _mm256_set1_ps(most);
	__m256 some = _mm256_cmp_ps(top, _mm256_set1_ps(0x1p-100f), _CMP_GE_OQ);
	__m256 finite =
		_mm256_cmp_ps(top, _mm256_set1_ps(INFINITY), _CMP_LT_OQ);

	*times = _mm256_and_ps(_mm256_div_ps(levels, top),
	                       _mm256_and_ps(some, finite));
	top = _mm256_and_ps(_mm256_div_ps(top, levels), some);
	return _mm256_blendv_ps(_mm256_set1_ps(NAN), top, finite);
}

/* a and b by `times` as the lower and the upper half of each dword: b, which is
 * rounded there, halves up. */
INLINE __m256i wide_pairs(__m256 a, __m256 b, __m256 times)
{
	const __m256 unit = _mm256_set1_ps(0x10000);
	const __m256 half = _mm256_set1_ps(0x8000);

	a = _mm256_mul_ps(a, times);
	b = _mm256_fmadd_ps(b, _mm256_mul_ps(times, unit), half);
	return _mm256_blend_epi16(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b),
	                          0xaa);
}

/* ---- products ---- */

/* Two integers in all lanes. */
INLINE __m256i wide_pair_at(const int16_t *at)
{
	int32_t pair;

	memcpy(&pair, at, sizeof pair);
	return _mm256_set1_epi32(pair);
}

/* In this order, both products before both sums and the second where q was, it is
 * 8% faster than as GCC would arrange it (Zen 3). */
INLINE void wide_add_products(__m256i *s0, __m256i *s1, __m256i w0, __m256i w1,
                              __m256i q)
{
	__m256i p;

	__asm__("vpmaddwd %1, %4, %0\n\t"
	        "vpmaddwd %1, %5, %1\n\t"
	        "vpaddd %0, %2, %2\n\t"
	        "vpaddd %1, %3, %3"
	        : "=&x"(p), "+x"(q), "+x"(*s0), "+x"(*s1)
	        : "x"(w0), "x"(w1));
}

#endif
