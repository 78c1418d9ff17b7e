/*
 * wide_run_avx2.h - up to PANEL_WIDE floats as 16-bit integers with one scale
 *
 * For the two files of wide panels alone: activations and weights.
 */
#ifndef CONFAB_WIDE_RUN_AVX2_H
#define CONFAB_WIDE_RUN_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/panel.h"

/* The largest |x|, NaN above all: as bits, magnitudes are ordered. */
static float wide_largest(const float *x, size_t n)
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

/* q = x / d to the nearest, |q| <= most.  x, q: [n], whole eights, q with room
 * for PANEL_WIDE.  Gives d: 0, and q too, where all x are below 2^-100; NaN where
 * one is no number, and q 0. */
static float wide_run(int16_t *q, const float *x, size_t n, float most)
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

/* The same of any n, as panel_wide_length() of it: what is missing is 0. */
static float wide_run_padded(int16_t *q, const float *x, size_t n, float most)
{
	float padded[PANEL_WIDE] = { 0 };

	if (n % 8 == 0)
		return wide_run(q, x, n, most);
	memcpy(padded, x, n * sizeof *x);
	return wide_run(q, padded, panel_wide_length(n), most);
}

#endif
