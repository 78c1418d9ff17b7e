#include "math/select.h"

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

/* ln 2, the high part in 37 bits. */
#define LN2_HIGH 0x1.62e42fefap-1
#define LN2_LOW  0x1.cf79abc9e3b3ap-40

/* The lanes of x[i..] that exist. */
static inline __mmask16 tail(size_t n, size_t i)
{
	return n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
}

static void block_max(const float *x, size_t n, float *max)
{
	const __m512 none = _mm512_set1_ps(-INFINITY);

	for (size_t b = 0; b < n; b += SELECT_BLOCK) {
		size_t end = select_block_end(n, b);
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
 * e^d for SELECT_EXP_MIN < d <= 0.  d = n ln 2 / 16 + r with |r| <= ln 2 / 32,
 * ln 2 in two parts (Cody & Waite 1980; the high part ends in 16 bits of 0, so
 * its product with n is exact), e^r by Taylor's series: the first term left
 * out, r^7 / 7!, is below 2^-51.  2^(n / 16) is a table's entry for the last
 * four bits of n and a power of two for the others: with j << 48 taken off
 * entry j, adding n << 48 to its bits does both.
 */
static const uint64_t powers[16] = {
	0x3ff0000000000000 - (0ULL << 48),  0x3ff0b5586cf9890f - (1ULL << 48),
	0x3ff172b83c7d517b - (2ULL << 48),  0x3ff2387a6e756238 - (3ULL << 48),
	0x3ff306fe0a31b715 - (4ULL << 48),  0x3ff3dea64c123422 - (5ULL << 48),
	0x3ff4bfdad5362a27 - (6ULL << 48),  0x3ff5ab07dd485429 - (7ULL << 48),
	0x3ff6a09e667f3bcd - (8ULL << 48),  0x3ff7a11473eb0187 - (9ULL << 48),
	0x3ff8ace5422aa0db - (10ULL << 48), 0x3ff9c49182a3f090 - (11ULL << 48),
	0x3ffae89f995ad3ad - (12ULL << 48), 0x3ffc199bdd85529c - (13ULL << 48),
	0x3ffd5818dcfba487 - (14ULL << 48), 0x3ffea4afa2a490da - (15ULL << 48),
};

static inline __m512d exp8(__m512d d)
{
	static const double inverse_factorial[] = {
		1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720,
	};
	/* Adding it leaves a whole number in the last bits. */
	const __m512d magic = _mm512_set1_pd(0x1.8p52);
	const __m512d steps = _mm512_set1_pd(0x1.71547652b82fep+4);
	const __m512d high = _mm512_set1_pd(LN2_HIGH / 16);
	const __m512d low = _mm512_set1_pd(LN2_LOW / 16);
	__m512d t = _mm512_fmadd_pd(d, steps, magic);
	__m512d n = _mm512_sub_pd(t, magic);
	__m512d r = _mm512_fnmadd_pd(n, high, d);
	__m512d p = _mm512_set1_pd(inverse_factorial[6]);
	__m512i power =
		_mm512_permutex2var_epi64(_mm512_loadu_si512(powers),
	                                  _mm512_castpd_si512(t),
	                                  _mm512_loadu_si512(powers + 8));

	r = _mm512_fnmadd_pd(n, low, r);
#pragma GCC unroll 16
	for (int k = 5; k >= 0; k--)
		p = _mm512_fmadd_pd(p, r, _mm512_set1_pd(inverse_factorial[k]));
	power = _mm512_add_epi64(power,
	                         _mm512_slli_epi64(_mm512_castpd_si512(t), 48));
	return _mm512_mul_pd(p, _mm512_castsi512_pd(power));
}

struct accumulator {
	__m512d mass, moment;
};

static inline void accumulate(struct accumulator *a, __mmask8 lanes, __m256 x,
                              __m512d top, __m512d scale)
{
	__m512d d =
		_mm512_mul_pd(_mm512_sub_pd(_mm512_cvtps_pd(x), top), scale);
	const __m512d least = _mm512_set1_pd(SELECT_EXP_MIN);
	__m512d w;

	/* max_pd gives its second operand where one is NaN. */
	d = _mm512_max_pd(d, least);
	lanes = _mm512_mask_cmp_pd_mask(lanes, d, least, _CMP_GT_OQ);
	w = exp8(d);
	a->mass = _mm512_mask_add_pd(a->mass, lanes, a->mass, w);
	a->moment = _mm512_mask3_fmadd_pd(w, d, a->moment, lanes);
}

static struct select_sums sums(const float *x, size_t n, float top,
                               double scale, float least)
{
	const __m512d top8 = _mm512_set1_pd(top),
		      scale8 = _mm512_set1_pd(scale);
	const __m512 least16 = _mm512_set1_ps(least);
	struct accumulator a = { _mm512_setzero_pd(), _mm512_setzero_pd() };
	struct accumulator b = a;
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
		accumulate(&b, (__mmask8)(lanes >> 8),
		           _mm512_extractf32x8_ps(v, 1), top8, scale8);
	}
	s.mass = _mm512_reduce_add_pd(_mm512_add_pd(a.mass, b.mass));
	s.moment = _mm512_reduce_add_pd(_mm512_add_pd(a.moment, b.moment));
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
	.block_max = block_max,
	.sums = sums,
	.count_above = count_above,
};
