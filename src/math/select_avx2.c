/* AVX2 with FMA. */
#include "math/select.h"

#include <immintrin.h>
#include <math.h>

#include "math/reduce_avx2.h"

#define LANES 8

/* x[i..i + 8), `other` where the row has ended. */
static inline __m256 load(const float *x, size_t n, size_t i, float other)
{
	const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	__m256i there;

	if (n - i >= LANES)
		return _mm256_loadu_ps(x + i);
	there = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n - i)), lane);
	return _mm256_blendv_ps(_mm256_set1_ps(other),
	                        _mm256_maskload_ps(x + i, there),
	                        _mm256_castsi256_ps(there));
}

static double sum_of(__m256d x)
{
	__m128d y = _mm_add_pd(_mm256_castpd256_pd128(x),
	                       _mm256_extractf128_pd(x, 1));

	return _mm_cvtsd_f64(_mm_add_sd(y, _mm_unpackhi_pd(y, y)));
}

static void block_max(const float *x, size_t n, float *max)
{
	for (size_t b = 0; b < n; b += SELECT_BLOCK) {
		size_t end = select_block_end(n, b);
		__m256 m = _mm256_set1_ps(-INFINITY);

		/* max_ps gives its second operand where one is NaN. */
		for (size_t i = b; i < end; i += LANES)
			m = _mm256_max_ps(load(x, end, i, -INFINITY), m);
		max[b / SELECT_BLOCK] = reduce_max(m);
	}
}

/*
 * e^d for SELECT_EXP_MIN < d <= 0.  d = n ln 2 + r with |r| <= ln 2 / 2, ln 2
 * in two parts (Cody & Waite 1980), then the polynomial that meets e^r in the 11
 * Chebyshev points of that range: off by 3e-16 of it at most.
 */
static inline __m256d exp4(__m256d d)
{
	static const double coefficients[] = {
		0x1.0000000000000p+0,  0x1.000000000001ep+0,
		0x1.0000000000005p-1,  0x1.555555554b757p-3,
		0x1.55555555520afp-5,  0x1.1111112dd67c5p-7,
		0x1.6c16c17f43a58p-10, 0x1.a01978c6baeeep-13,
		0x1.a019a66a75d72p-16, 0x1.72faf024c024ap-19,
		0x1.28a2c0a726ffbp-22,
	};
	/* Adding it leaves a whole number in the last bits. */
	const __m256d magic = _mm256_set1_pd(0x1.8p52);
	const __m256d log2_e = _mm256_set1_pd(0x1.71547652b82fep+0);
	const __m256d ln2_high = _mm256_set1_pd(0x1.62e42fefa39efp-1);
	const __m256d ln2_low = _mm256_set1_pd(0x1.abc9e3b39803fp-56);
	__m256d t = _mm256_fmadd_pd(d, log2_e, magic);
	__m256d n = _mm256_sub_pd(t, magic);
	__m256d r = _mm256_fnmadd_pd(n, ln2_high, d);
	__m256d p = _mm256_set1_pd(coefficients[10]);
	__m256i power;

	r = _mm256_fnmadd_pd(n, ln2_low, r);
#pragma GCC unroll 16
	for (int k = 9; k >= 0; k--)
		p = _mm256_fmadd_pd(p, r, _mm256_set1_pd(coefficients[k]));
	/* p is in [2^-0.5, 2^0.5], so its exponent has room. */
	power = _mm256_slli_epi64(_mm256_castpd_si256(t), 52);
	return _mm256_castsi256_pd(
		_mm256_add_epi64(_mm256_castpd_si256(p), power));
}

struct accumulator {
	__m256d mass, moment;
};

/* -infinity weighs nothing. */
static inline void accumulate(struct accumulator *a, __m128 x, __m256d top,
                              __m256d scale)
{
	__m256d d =
		_mm256_mul_pd(_mm256_sub_pd(_mm256_cvtps_pd(x), top), scale);
	const __m256d least = _mm256_set1_pd(SELECT_EXP_MIN);
	__m256d w;

	d = _mm256_max_pd(d, least);
	w = _mm256_and_pd(exp4(d), _mm256_cmp_pd(d, least, _CMP_GT_OQ));
	a->mass = _mm256_add_pd(a->mass, w);
	a->moment = _mm256_fmadd_pd(w, d, a->moment);
}

static struct select_sums sums(const float *x, size_t n, float top,
                               double scale, float least)
{
	const __m256d top4 = _mm256_set1_pd(top),
		      scale4 = _mm256_set1_pd(scale);
	const __m256 least8 = _mm256_set1_ps(least);
	const __m256 nothing = _mm256_set1_ps(-INFINITY);
	struct accumulator a = { _mm256_setzero_pd(), _mm256_setzero_pd() };
	struct accumulator b = a;
	struct select_sums s = { 0, 0, 0 };

	for (size_t i = 0; i < n; i += LANES) {
		__m256 v = load(x, n, i, NAN);
		__m256 in = _mm256_cmp_ps(v, least8, _CMP_GE_OQ);
		int lanes = _mm256_movemask_ps(in);

		if (!lanes)
			continue;
		s.count += (size_t)__builtin_popcount((unsigned)lanes);
		v = _mm256_blendv_ps(nothing, v, in);
		accumulate(&a, _mm256_castps256_ps128(v), top4, scale4);
		accumulate(&b, _mm256_extractf128_ps(v, 1), top4, scale4);
	}
	s.mass = sum_of(_mm256_add_pd(a.mass, b.mass));
	s.moment = sum_of(_mm256_add_pd(a.moment, b.moment));
	return s;
}

static size_t count_above(const float *x, size_t n, float value)
{
	const __m256 value8 = _mm256_set1_ps(value);
	size_t count = 0;

	for (size_t i = 0; i < n; i += LANES) {
		__m256 above =
			_mm256_cmp_ps(load(x, n, i, NAN), value8, _CMP_GT_OQ);

		count += (size_t)__builtin_popcount(
			(unsigned)_mm256_movemask_ps(above));
	}
	return count;
}

const struct select_ops select_avx2 = {
	.block_max = block_max,
	.sums = sums,
	.count_above = count_above,
};
