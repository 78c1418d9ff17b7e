#include "math/quant_x.h"

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/unroll.h"

#define BIAS 0x80

/* The bits of the largest |x|: ordered as the numbers are, NaN above all. */
static uint32_t largest(__m512 a, __m512 b)
{
	const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
	__m512i u = _mm512_and_si512(_mm512_castps_si512(a), magnitude);
	__m512i v = _mm512_and_si512(_mm512_castps_si512(b), magnitude);

	return _mm512_reduce_max_epu32(_mm512_max_epu32(u, v));
}

/* 16 elements: the codes and their sum. */
INLINE void half(struct quant_x *to, size_t at, __m512 x, __m512 factor,
                 bool biased)
{
	__m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(x, factor));
	__m128i bytes = _mm512_cvtepi32_epi8(q);

	if (biased)
		bytes = _mm_xor_si128(bytes, _mm_set1_epi8((char)BIAS));
	else
		to->sum[at / 16] = (int16_t)_mm512_reduce_add_epi32(q);
	_mm_store_si128((__m128i *)(to->q + at), bytes);
}

INLINE void block(struct quant_x *to, size_t at, __m512 a, __m512 b,
                  bool biased)
{
	uint32_t bits = largest(a, b);
	__m512 factor;
	float top;

	memcpy(&top, &bits, sizeof top);
	if (!(top >= 0x1p-100f && top < INFINITY)) {
		to->d[at / 32] = top < 0x1p-100f ? 0 : NAN;
		return;
	}
	to->d[at / 32] = top / 127;
	factor = _mm512_set1_ps(127 / top);
	half(to, at, a, factor, biased);
	half(to, at + 16, b, factor, biased);
}

/* The lanes below n. */
static __mmask16 lanes(size_t n)
{
	return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1);
}

INLINE void quantize(struct quant_x *dst, const float *x, size_t n, bool biased)
{
	for (size_t i = 0; i < n; i += 32) {
		struct quant_x *to = dst + i / 256;
		size_t left = n - i;
		__m512 a = _mm512_maskz_loadu_ps(lanes(left), x + i);
		__m512 b =
			_mm512_maskz_loadu_ps(left > 16 ? lanes(left - 16) : 0,
		                              x + i + 16);

		if (i % 256 == 0) {
			memset(to, 0, sizeof *to);
			if (biased)
				memset(to->q, BIAS, sizeof to->q);
		}
		block(to, i % 256, a, b, biased);
	}
}

void quant_x_avx512(struct quant_x *dst, const float *x, size_t n)
{
	quantize(dst, x, n, false);
}

void quant_x_biased_avx512(struct quant_x *dst, const float *x, size_t n)
{
	quantize(dst, x, n, true);
}
