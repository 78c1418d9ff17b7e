/* AVX2 with FMA and F16C.  What is left of a row after the last whole vector
 * is done by copying it to a padded buffer and back. */
#include "math/kernels_set.h"

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/attend_set.h"
#include "math/panel.h"
#include "math/quant_x.h"
#include "math/quantize_set.h"
#include "math/reduce_avx2.h"
#include "math/select.h"
#include "math/tile.h"
#include "math/widen.h"

#define VECTOR 8

/* Loads the n < VECTOR floats at x and `fill` in the other lanes. */
static __m256 load_tail(const float *x, size_t n, float fill)
{
	float padded[VECTOR];

	_mm256_storeu_ps(padded, _mm256_set1_ps(fill));
	memcpy(padded, x, n * sizeof *x);
	return _mm256_loadu_ps(padded);
}

static void store_tail(float *y, __m256 v, size_t n)
{
	float padded[VECTOR];

	_mm256_storeu_ps(padded, v);
	memcpy(y, padded, n * sizeof *y);
}

static __m128i load16(const void *x, size_t n)
{
	uint16_t padded[VECTOR] = { 0 };

	memcpy(padded, x, n * 2);
	return _mm_loadu_si128((const __m128i *)padded);
}

static void store16(void *y, __m128i v, size_t n)
{
	uint16_t padded[VECTOR];

	_mm_storeu_si128((__m128i *)padded, v);
	memcpy(y, padded, n * 2);
}

static inline __m256 widen_bf16(__m128i half)
{
	return _mm256_castsi256_ps(
		_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

static void bf16_to_f32(float *y, const void *x, size_t n)
{
	const char *from = x;
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR)
		_mm256_storeu_ps(y + i, widen_bf16(load16(from + 2 * i, 8)));
	if (i < n)
		store_tail(y + i, widen_bf16(load16(from + 2 * i, n - i)),
		           n - i);
}

static void f16_to_f32(float *y, const void *x, size_t n)
{
	const char *from = x;
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR)
		_mm256_storeu_ps(y + i,
		                 _mm256_cvtph_ps(load16(from + 2 * i, 8)));
	if (i < n)
		store_tail(y + i, _mm256_cvtph_ps(load16(from + 2 * i, n - i)),
		           n - i);
}

static inline __m128i narrow_bf16(__m256 x)
{
	__m256i u = _mm256_castps_si256(x);
	__m256i upper = _mm256_srli_epi32(u, 16);
	__m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
	__m256i up = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), odd);
	__m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, up), 16);
	__m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);

	rounded = _mm256_blendv_epi8(rounded,
	                             _mm256_or_si256(upper,
	                                             _mm256_set1_epi32(0x40)),
	                             _mm256_castps_si256(nan));
	return _mm_packus_epi32(_mm256_castsi256_si128(rounded),
	                        _mm256_extracti128_si256(rounded, 1));
}

static inline __m128i narrow_f16(__m256 x)
{
	return _mm256_cvtps_ph(x,
	                       _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static void f32_to_bf16(void *y, const float *x, size_t n)
{
	char *to = y;
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR)
		store16(to + 2 * i, narrow_bf16(_mm256_loadu_ps(x + i)), 8);
	if (i < n)
		store16(to + 2 * i, narrow_bf16(load_tail(x + i, n - i, 0)),
		        n - i);
}

static void f32_to_f16(void *y, const float *x, size_t n)
{
	char *to = y;
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR)
		store16(to + 2 * i, narrow_f16(_mm256_loadu_ps(x + i)), 8);
	if (i < n)
		store16(to + 2 * i, narrow_f16(load_tail(x + i, n - i, 0)),
		        n - i);
}

static inline __m256 madd(const float *a, const float *b, __m256 sum)
{
	return _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), sum);
}

static float dot(const float *a, const float *b, size_t n)
{
	__m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
	size_t i = 0;

	for (; i + 4 * VECTOR <= n; i += 4 * VECTOR) {
		s0 = madd(a + i, b + i, s0);
		s1 = madd(a + i + 8, b + i + 8, s1);
		s2 = madd(a + i + 16, b + i + 16, s2);
		s3 = madd(a + i + 24, b + i + 24, s3);
	}
	for (; i + VECTOR <= n; i += VECTOR)
		s0 = madd(a + i, b + i, s0);
	if (i < n)
		s1 = _mm256_fmadd_ps(load_tail(a + i, n - i, 0),
		                     load_tail(b + i, n - i, 0), s1);
	return reduce_add(
		_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
}

static void axpy(float *y, float a, const float *x, size_t n)
{
	__m256 factor = _mm256_set1_ps(a);
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR)
		_mm256_storeu_ps(y + i,
		                 _mm256_fmadd_ps(factor, _mm256_loadu_ps(x + i),
		                                 _mm256_loadu_ps(y + i)));
	for (; i < n; i++)
		y[i] = fmaf(a, x[i], y[i]);
}

static void scale(float *y, float a, size_t n)
{
	__m256 factor = _mm256_set1_ps(a);
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR)
		_mm256_storeu_ps(y + i,
		                 _mm256_mul_ps(factor, _mm256_loadu_ps(y + i)));
	for (; i < n; i++)
		y[i] *= a;
}

static void scale_mul(float *y, float a, const float *x, const float *weight,
                      size_t n)
{
	__m256 factor = _mm256_set1_ps(a);
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR) {
		__m256 v = _mm256_mul_ps(factor, _mm256_loadu_ps(x + i));

		v = _mm256_mul_ps(v, _mm256_loadu_ps(weight + i));
		_mm256_storeu_ps(y + i, v);
	}
	for (; i < n; i++)
		y[i] = a * x[i] * weight[i];
}

/* 2^k is made by writing the exponent, so k must stay in [-126, 127]: x in
 * [-87.3, 88].  Results below e^-87.3 are 0.  vmaxps and vminps return their
 * second operand when it is not a number, so that one stays. */
static inline __m256 exp8(__m256 x)
{
	const __m256 least = _mm256_set1_ps(-87.3f);
	__m256 keep = _mm256_cmp_ps(x, least, _CMP_NLT_UQ), k, r, p;
	__m256i power;

	x = _mm256_min_ps(_mm256_set1_ps(88), _mm256_max_ps(least, x));
	k = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(EXP_LOG2E)),
	                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	r = _mm256_fnmadd_ps(k, _mm256_set1_ps(EXP_LN2_HI), x);
	r = _mm256_fnmadd_ps(k, _mm256_set1_ps(EXP_LN2_LO), r);
	p = _mm256_set1_ps(EXP_P0);
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_P1));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_P2));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_P3));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_P4));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(EXP_P5));
	p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
	p = _mm256_add_ps(p, _mm256_set1_ps(1));
	power = _mm256_add_epi32(_mm256_cvtps_epi32(k), _mm256_set1_epi32(127));
	p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(power, 23)));
	return _mm256_and_ps(p, keep);
}

static inline __m256 silu8(__m256 gate, __m256 up)
{
	__m256 e = exp8(_mm256_sub_ps(_mm256_setzero_ps(), gate));
	__m256 s = _mm256_div_ps(gate, _mm256_add_ps(_mm256_set1_ps(1), e));

	return _mm256_mul_ps(s, up);
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR)
		_mm256_storeu_ps(y + i, silu8(_mm256_loadu_ps(gate + i),
		                              _mm256_loadu_ps(up + i)));
	if (i < n)
		store_tail(y + i,
		           silu8(load_tail(gate + i, n - i, 0),
		                 load_tail(up + i, n - i, 0)),
		           n - i);
}

static void rotate(float *head, const float *cos, const float *sin, size_t half)
{
	size_t d = 0;

	for (; d + VECTOR <= half; d += VECTOR) {
		__m256 a = _mm256_loadu_ps(head + d);
		__m256 b = _mm256_loadu_ps(head + half + d);
		__m256 c = _mm256_loadu_ps(cos + d);
		__m256 s = _mm256_loadu_ps(sin + d);

		_mm256_storeu_ps(head + d,
		                 _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
		_mm256_storeu_ps(head + half + d,
		                 _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
	}
	for (; d < half; d++) {
		float a = head[d], b = head[d + half];

		head[d] = a * cos[d] - b * sin[d];
		head[d + half] = b * cos[d] + a * sin[d];
	}
}

/* vmaxps returns its second operand when one is NaN: the running maximum. */
static float max(const float *x, size_t n)
{
	__m256 a = _mm256_set1_ps(-INFINITY), b = a;
	float lane[VECTOR], top = -INFINITY;
	size_t i = 0;

	for (; i + 2 * VECTOR <= n; i += 2 * VECTOR) {
		a = _mm256_max_ps(_mm256_loadu_ps(x + i), a);
		b = _mm256_max_ps(_mm256_loadu_ps(x + i + VECTOR), b);
	}
	for (; i < n; i++)
		top = x[i] > top ? x[i] : top;
	_mm256_storeu_ps(lane, _mm256_max_ps(a, b));
	for (i = 0; i < VECTOR; i++)
		top = lane[i] > top ? lane[i] : top;
	return top;
}

static float exp_sum(float *y, const float *x, float top, size_t n)
{
	const __m256 highest = _mm256_set1_ps(top);
	__m256 sum = _mm256_setzero_ps(), v;
	size_t i = 0;

	for (; i + VECTOR <= n; i += VECTOR) {
		v = exp8(_mm256_sub_ps(_mm256_loadu_ps(x + i), highest));
		sum = _mm256_add_ps(sum, v);
		_mm256_storeu_ps(y + i, v);
	}
	if (i < n) {
		v = load_tail(x + i, n - i, -INFINITY);
		v = exp8(_mm256_sub_ps(v, highest));
		sum = _mm256_add_ps(sum, v);
		store_tail(y + i, v, n - i);
	}
	return reduce_add(sum);
}

#define COMMON \
	.name = "avx2", .vector = true, .bf16_to_f32 = bf16_to_f32, \
	.f16_to_f32 = f16_to_f32, .f32_to_bf16 = f32_to_bf16, \
	.f32_to_f16 = f32_to_f16, .widen = WIDEN_AVX2, \
	.quant_x = quant_x_avx2, .dot = dot, .axpy = axpy, .scale = scale, \
	.scale_mul = scale_mul, .silu_mul = silu_mul, .rotate = rotate, \
	.max = max, .exp_sum = exp_sum, .tile_f32 = tile_f32_avx2, \
	.tile_f16 = tile_f16_avx2, .tile_bf16 = tile_bf16_avx2, \
	.tile_int8 = TILE_INT8_SET(avx2), .tile_exact = TILE_EXACT_SET(avx2), \
	.packed_ahead = PACKED_AHEAD, .attend = &attend_avx2, \
	.select = &select_avx2, .quantize = &quantize_avx2

const struct kernels kernels_avx2 = {
	COMMON,
	.panel_coded = &panel_coded_avx2,
	.panel_wide = &panel_wide_avx2,
};

const struct kernels kernels_avx2_vnni = {
	COMMON,
	.panel_coded = &panel_coded_avxvnni,
	.panel_wide = &panel_wide_avxvnni,
};
