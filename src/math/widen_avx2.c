/* Rows of block types as float32, the same bits as quant_dequantize_row(): all
 * but the last operation is exact (quant_blocks.h).  Both vector sets use these;
 * stores of 32 bytes already keep up with the second-level cache. */
#include "math/widen.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/tensor.h"
#include "math/unroll.h"

/* Eight signed codes from byte `at` on. */
INLINE __m256 take(__m256i codes, int at)
{
	__m128i v = at < 16 ? _mm256_castsi256_si128(codes)
	                    : _mm256_extracti128_si256(codes, 1);

	if (at % 16)
		v = _mm_unpackhi_epi64(v, v);
	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v));
}

/* y[0..32) = codes times factors a (the first 16) and b, minus min. */
INLINE void store(float *y, __m256i codes, __m256 a, __m256 b, __m256 min)
{
	_mm256_storeu_ps(y, _mm256_fmsub_ps(take(codes, 0), a, min));
	_mm256_storeu_ps(y + 8, _mm256_fmsub_ps(take(codes, 8), a, min));
	_mm256_storeu_ps(y + 16, _mm256_fmsub_ps(take(codes, 16), b, min));
	_mm256_storeu_ps(y + 24, _mm256_fmsub_ps(take(codes, 24), b, min));
}

INLINE __m256 half(const char *at)
{
	uint16_t h;

	memcpy(&h, at, sizeof h);
	return codes_half(h);
}

INLINE __m256i unbiased(enum dtype dtype, __m256i codes)
{
	return _mm256_sub_epi8(codes,
	                       _mm256_set1_epi8((char)codes_bias(dtype)));
}

INLINE void legacy(enum dtype dtype, float *y, const char *w, size_t n)
{
	const size_t bytes = codes_bytes(dtype);

	for (size_t i = 0; i < n; i += QUANT_BLOCK, w += bytes) {
		__m256i codes = unbiased(dtype, codes_legacy(dtype, w));
		__m256 min = _mm256_setzero_ps();

		if (codes_minimum(dtype))
			min = _mm256_sub_ps(min, half(w + 2));
		store(y + i, codes, half(w), half(w), min);
	}
}

INLINE __m256 lane(__m256 v, int i)
{
	return _mm256_permutevar8x32_ps(v, _mm256_set1_epi32(i));
}

INLINE void super(enum dtype dtype, float *y, const char *w, size_t n)
{
	const size_t bytes = codes_bytes(dtype);
	const __m256 zero = _mm256_setzero_ps();

	for (size_t i = 0; i < n; i += QUANT_SUPER, w += bytes) {
		struct codes_scales s = dtype == DTYPE_Q6_K
		                                ? codes_scales_q6_k(w)
		                                : codes_scales_k(w);

		UNROLL
		for (int v = 0; v < 8; v++) {
			__m256i codes = unbiased(dtype, codes_k(dtype, w, v));
			float *to = y + i + 32 * v;

			if (dtype == DTYPE_Q6_K) {
				__m256 half_of = v < 4 ? s.a : s.b;

				store(to, codes, lane(half_of, v % 4 * 2),
				      lane(half_of, v % 4 * 2 + 1), zero);
			} else {
				store(to, codes, lane(s.a, v), lane(s.a, v),
				      lane(s.b, v));
			}
		}
	}
}

#define WIDEN(name, of, dtype) \
	void widen_##name##_avx2(float *y, const void *x, size_t n) \
	{ \
		of(dtype, y, x, n); \
	}

WIDEN(q8_0, legacy, DTYPE_Q8_0)
WIDEN(q4_0, legacy, DTYPE_Q4_0)
WIDEN(q4_1, legacy, DTYPE_Q4_1)
WIDEN(q5_0, legacy, DTYPE_Q5_0)
WIDEN(q5_1, legacy, DTYPE_Q5_1)
WIDEN(iq4_nl, legacy, DTYPE_IQ4_NL)
WIDEN(q4_k, super, DTYPE_Q4_K)
WIDEN(q5_k, super, DTYPE_Q5_K)
WIDEN(q6_k, super, DTYPE_Q6_K)
