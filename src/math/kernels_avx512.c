/* AVX-512 (F, BW, VL, DQ).  The last, short vector of a row is read and written
 * under a mask, so every loop is one loop. */
#include "math/kernels_set.h"

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#include "math/attend_set.h"
#include "math/panel.h"
#include "math/quant_x.h"
#include "math/quantize_set.h"
#include "math/select.h"
#include "math/tile.h"
#include "math/widen.h"

#define VECTOR 16

/* The lanes of the vector at i that lie inside [0, n). */
static inline __mmask16 lanes(size_t i, size_t n)
{
	return n - i >= VECTOR ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
}

static inline const void *at16(const void *x, size_t i)
{
	return (const char *)x + 2 * i;
}

static void bf16_to_f32(float *y, const void *x, size_t n)
{
	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m256i half = _mm256_maskz_loadu_epi16(m, at16(x, i));
		__m512i wide =
			_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);

		_mm512_mask_storeu_ps(y + i, m, _mm512_castsi512_ps(wide));
	}
}

static void f16_to_f32(float *y, const void *x, size_t n)
{
	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m256i half = _mm256_maskz_loadu_epi16(m, at16(x, i));

		_mm512_mask_storeu_ps(y + i, m, _mm512_cvtph_ps(half));
	}
}

/* In integers: vcvtneps2bf16 would take denormals as zero. */
static inline __m256i narrow_bf16(__m512 x)
{
	__m512i u = _mm512_castps_si512(x);
	__m512i upper = _mm512_srli_epi32(u, 16);
	__m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
	__m512i up = _mm512_add_epi32(_mm512_set1_epi32(0x7fff), odd);
	__m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(u, up), 16);
	__mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);

	rounded = _mm512_mask_or_epi32(rounded, nan, upper,
	                               _mm512_set1_epi32(0x40));
	return _mm512_cvtepi32_epi16(rounded);
}

static void f32_to_bf16(void *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m512 wide = _mm512_maskz_loadu_ps(m, x + i);

		_mm256_mask_storeu_epi16((char *)y + 2 * i, m,
		                         narrow_bf16(wide));
	}
}

static void f32_to_f16(void *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m512 wide = _mm512_maskz_loadu_ps(m, x + i);

		_mm256_mask_storeu_epi16(
			(char *)y + 2 * i, m,
			_mm512_cvtps_ph(wide, _MM_FROUND_TO_NEAREST_INT |
		                                      _MM_FROUND_NO_EXC));
	}
}

static float dot(const float *a, const float *b, size_t n)
{
	__m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
	size_t i = 0;

	for (; i + 4 * VECTOR <= n; i += 4 * VECTOR) {
		s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i),
		                     _mm512_loadu_ps(b + i), s0);
		s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16),
		                     _mm512_loadu_ps(b + i + 16), s1);
		s2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32),
		                     _mm512_loadu_ps(b + i + 32), s2);
		s3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48),
		                     _mm512_loadu_ps(b + i + 48), s3);
	}
	for (; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);

		s0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i),
		                     _mm512_maskz_loadu_ps(m, b + i), s0);
	}
	return _mm512_reduce_add_ps(
		_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

static void axpy(float *y, float a, const float *x, size_t n)
{
	__m512 factor = _mm512_set1_ps(a);

	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m512 sum = _mm512_maskz_loadu_ps(m, y + i);

		sum = _mm512_fmadd_ps(factor, _mm512_maskz_loadu_ps(m, x + i),
		                      sum);
		_mm512_mask_storeu_ps(y + i, m, sum);
	}
}

static void scale(float *y, float a, size_t n)
{
	__m512 factor = _mm512_set1_ps(a);

	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m512 v = _mm512_maskz_loadu_ps(m, y + i);

		_mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(v, factor));
	}
}

static void scale_mul(float *y, float a, const float *x, const float *weight,
                      size_t n)
{
	__m512 factor = _mm512_set1_ps(a);

	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m512 v = _mm512_maskz_loadu_ps(m, x + i);

		v = _mm512_mul_ps(_mm512_mul_ps(factor, v),
		                  _mm512_maskz_loadu_ps(m, weight + i));
		_mm512_mask_storeu_ps(y + i, m, v);
	}
}

/* Below -104 and above 89 the result is 0 and infinity anyway; without these
 * bounds k would be infinite and r not a number.  vmaxps and vminps return their
 * second operand when it is not a number, so that one stays. */
static inline __m512 exp16(__m512 x)
{
	__m512 k, r, p;

	x = _mm512_max_ps(_mm512_set1_ps(-104), x);
	x = _mm512_min_ps(_mm512_set1_ps(89), x);
	k = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(EXP_LOG2E)),
	                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	r = _mm512_fnmadd_ps(k, _mm512_set1_ps(EXP_LN2_HI), x);
	r = _mm512_fnmadd_ps(k, _mm512_set1_ps(EXP_LN2_LO), r);
	p = _mm512_set1_ps(EXP_P0);
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_P1));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_P2));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_P3));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_P4));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(EXP_P5));
	p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r);
	p = _mm512_add_ps(p, _mm512_set1_ps(1));
	return _mm512_scalef_ps(p, k);
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
	const __m512 one = _mm512_set1_ps(1);

	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m512 g = _mm512_maskz_loadu_ps(m, gate + i);
		__m512 e = exp16(_mm512_sub_ps(_mm512_setzero_ps(), g));
		__m512 s = _mm512_div_ps(g, _mm512_add_ps(one, e));

		s = _mm512_mul_ps(s, _mm512_maskz_loadu_ps(m, up + i));
		_mm512_mask_storeu_ps(y + i, m, s);
	}
}

static void rotate(float *head, const float *cos, const float *sin, size_t half)
{
	for (size_t d = 0; d < half; d += VECTOR) {
		__mmask16 m = lanes(d, half);
		__m512 a = _mm512_maskz_loadu_ps(m, head + d);
		__m512 b = _mm512_maskz_loadu_ps(m, head + half + d);
		__m512 c = _mm512_maskz_loadu_ps(m, cos + d);
		__m512 s = _mm512_maskz_loadu_ps(m, sin + d);
		__m512 turned = _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s));

		b = _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s));
		_mm512_mask_storeu_ps(head + d, m, turned);
		_mm512_mask_storeu_ps(head + half + d, m, b);
	}
}

/* vmaxps returns its second operand when one is NaN: the running maximum. */
static float max(const float *x, size_t n)
{
	const __m512 least = _mm512_set1_ps(-INFINITY);
	__m512 a = least, b = least;
	size_t i = 0;

	for (; i + 2 * VECTOR <= n; i += 2 * VECTOR) {
		a = _mm512_max_ps(_mm512_loadu_ps(x + i), a);
		b = _mm512_max_ps(_mm512_loadu_ps(x + i + VECTOR), b);
	}
	for (; i < n; i += VECTOR)
		a = _mm512_max_ps(_mm512_mask_loadu_ps(least, lanes(i, n),
		                                       x + i),
		                  a);
	return _mm512_reduce_max_ps(_mm512_max_ps(a, b));
}

static float exp_sum(float *y, const float *x, float top, size_t n)
{
	const __m512 highest = _mm512_set1_ps(top);
	__m512 sum = _mm512_setzero_ps();

	for (size_t i = 0; i < n; i += VECTOR) {
		__mmask16 m = lanes(i, n);
		__m512 v = _mm512_maskz_loadu_ps(m, x + i);

		v = exp16(_mm512_sub_ps(v, highest));
		sum = _mm512_mask_add_ps(sum, m, sum, v);
		_mm512_mask_storeu_ps(y + i, m, v);
	}
	return _mm512_reduce_add_ps(sum);
}

#define COMMON \
	.vector = true, .bf16_to_f32 = bf16_to_f32, .f16_to_f32 = f16_to_f32, \
	.f32_to_bf16 = f32_to_bf16, .f32_to_f16 = f32_to_f16, \
	.widen = WIDEN_AVX2, .quant_x = quant_x_avx512, .dot = dot, \
	.axpy = axpy, .scale = scale, .scale_mul = scale_mul, \
	.silu_mul = silu_mul, .rotate = rotate, .max = max, \
	.exp_sum = exp_sum, .tile_f32 = tile_f32_avx512, \
	.tile_f16 = tile_f16_avx512, .tile_bf16 = tile_bf16_avx512, \
	.tile_int8 = TILE_INT8_SET(avx512), \
	.tile_exact = TILE_EXACT_SET(avx512), \
	.panel_coded = &panel_coded_avx512, \
	.panel_levelled = &panel_levelled_avx512, \
	.panel_wide = &panel_wide_avx512, .select = &select_avx512, \
	.quantize = &quantize_avx512

/* Intel's: see multiplies_bf16(). */
const struct kernels kernels_avx512 = {
	COMMON,
	.name = "avx512",
	.packed_ahead = PACKED_AHEAD,
	.attend = &attend_avx512,
};

#define MULTIPLIES_BF16 \
	.tile_bf16_narrow = tile_bf16_narrow_avx512, \
	.panel_narrow = &panel_narrow_avx512, .attend = &attend_avx512_bf16

/* AMD's from Zen 5 on. */
const struct kernels kernels_avx512_bf16 = {
	COMMON,
	MULTIPLIES_BF16,
	.name = "avx512",
	.packed_ahead = PACKED_AHEAD,
	.asks_near = true,
};

/* Which loses by asking: see packed_walk.h. */
const struct kernels kernels_avx512_zen4 = {
	COMMON,
	MULTIPLIES_BF16,
	.name = "avx512",
};

const struct kernels kernels_avx512_amx = {
	COMMON,
	.name = "amx",
	.packed_ahead = PACKED_AHEAD,
	.panel_narrow = &panel_narrow_amx,
	.attend = &attend_avx512_amx,
};
