#include "math/select.h"

#include <immintrin.h>
#include <math.h>

/* The lanes of x[i..] that exist. */
static inline __mmask16 tail(size_t n, size_t i)
{
	return n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
}

static void block_max(const float *x, size_t n, float *max)
{
	const __m512 none = _mm512_set1_ps(-INFINITY);

	for (size_t b = 0; b < n; b += SELECT_BLOCK) {
		size_t end = n - b < SELECT_BLOCK ? n : b + SELECT_BLOCK;
		__m512 m = none;

		/* max_ps gives its second operand where one is NaN. */
		for (size_t i = b; i < end; i += 16)
			m = _mm512_max_ps(_mm512_mask_loadu_ps(none,
			                                       tail(end, i),
			                                       x + i),
			                  m);
		max[b / SELECT_BLOCK] = _mm512_reduce_max_ps(m);
	}
}

/*
 * e^d for SELECT_EXP_MIN < d <= 0.  d = n ln 2 + r with |r| <= ln 2 / 2, ln 2
 * in two parts (Cody & Waite 1980), then Taylor's series of e^r: the first term
 * left out, r^14 / 14!, is below 2^-57.
 */
static inline __m512d exp8(__m512d d)
{
	static const double inverse_factorial[] = {
		1.0,
		1.0,
		1.0 / 2,
		1.0 / 6,
		1.0 / 24,
		1.0 / 120,
		1.0 / 720,
		1.0 / 5040,
		1.0 / 40320,
		1.0 / 362880,
		1.0 / 3628800,
		1.0 / 39916800,
		1.0 / 479001600,
		1.0 / 6227020800.0,
	};
	const __m512d log2_e = _mm512_set1_pd(0x1.71547652b82fep+0);
	const __m512d ln2_high = _mm512_set1_pd(0x1.62e42fefa39efp-1);
	const __m512d ln2_low = _mm512_set1_pd(0x1.abc9e3b39803fp-56);
	__m512d n = _mm512_roundscale_pd(_mm512_mul_pd(d, log2_e),
	                                 _MM_FROUND_TO_NEAREST_INT |
	                                         _MM_FROUND_NO_EXC);
	__m512d r = _mm512_fnmadd_pd(n, ln2_high, d);
	__m512d p = _mm512_set1_pd(inverse_factorial[13]);

	r = _mm512_fnmadd_pd(n, ln2_low, r);
	for (int k = 12; k >= 0; k--)
		p = _mm512_fmadd_pd(p, r, _mm512_set1_pd(inverse_factorial[k]));
	return _mm512_scalef_pd(p, n);
}

struct accumulator {
	__m512d mass, moment;
};

static inline void accumulate(struct accumulator *a, __mmask8 lanes, __m256 x,
                              __m512d top, __m512d scale)
{
	__m512d d =
		_mm512_mul_pd(_mm512_sub_pd(_mm512_cvtps_pd(x), top), scale);
	__m512d w;

	lanes = _mm512_mask_cmp_pd_mask(lanes, d,
	                                _mm512_set1_pd(SELECT_EXP_MIN),
	                                _CMP_GT_OQ);
	d = _mm512_maskz_mov_pd(lanes, d); /* no 0 * infinity below */
	w = _mm512_maskz_mov_pd(lanes, exp8(d));
	a->mass = _mm512_add_pd(a->mass, w);
	a->moment = _mm512_fmadd_pd(w, d, a->moment);
}

static struct select_sums sums(const float *x, size_t n, float top,
                               double scale, float least)
{
	const __m512d top8 = _mm512_set1_pd(top),
		      scale8 = _mm512_set1_pd(scale);
	const __m512 least16 = _mm512_set1_ps(least);
	struct accumulator a = { _mm512_setzero_pd(), _mm512_setzero_pd() };
	struct select_sums s = { 0, 0, 0 };

	for (size_t i = 0; i < n; i += 16) {
		__mmask16 there = tail(n, i);
		__m512 v = _mm512_maskz_loadu_ps(there, x + i);
		__mmask16 lanes =
			_mm512_mask_cmp_ps_mask(there, v, least16, _CMP_GE_OQ);

		if (!lanes)
			continue;
		s.count += (size_t)__builtin_popcount(lanes);
		accumulate(&a, (__mmask8)lanes, _mm512_castps512_ps256(v), top8,
		           scale8);
		accumulate(&a, (__mmask8)(lanes >> 8),
		           _mm512_extractf32x8_ps(v, 1), top8, scale8);
	}
	s.mass = _mm512_reduce_add_pd(a.mass);
	s.moment = _mm512_reduce_add_pd(a.moment);
	return s;
}

static size_t count_above(const float *x, size_t n, float value)
{
	const __m512 value16 = _mm512_set1_ps(value);
	size_t count = 0;

	for (size_t i = 0; i < n; i += 16) {
		__mmask16 there = tail(n, i);
		__m512 v = _mm512_maskz_loadu_ps(there, x + i);

		count += (size_t)__builtin_popcount(
			_mm512_mask_cmp_ps_mask(there, v, value16, _CMP_GT_OQ));
	}
	return count;
}

const struct select_ops select_avx512 = {
	.name = "avx512",
	.block_max = block_max,
	.sums = sums,
	.count_above = count_above,
};
