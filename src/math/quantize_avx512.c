/* 16 floats as one vector. */
#include "math/quantize_set.h"

#include <immintrin.h>

#include "math/unroll.h"

typedef __m512 vec;

#define v_load(p)   _mm512_loadu_ps(p)
#define v_set1(f)   _mm512_set1_ps(f)
#define v_add(a, b) _mm512_add_ps(a, b)
#define v_sub(a, b) _mm512_sub_ps(a, b)
#define v_mul(a, b) _mm512_mul_ps(a, b)
#define v_min(a, b) _mm512_min_ps(a, b)
#define v_max(a, b) _mm512_max_ps(a, b)

#define v_least(v)    _mm512_reduce_min_ps(v)
#define v_greatest(v) _mm512_reduce_max_ps(v)

INLINE vec v_step(vec sum, vec v, vec at, vec step)
{
	__mmask16 past = _mm512_cmp_ps_mask(v, at, _CMP_GE_OQ);

	return _mm512_mask_add_ps(sum, past, sum, step);
}

INLINE float v_sum(vec v)
{
	__m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v),
	                             _mm512_extractf32x8_ps(v, 1));
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(eight),
	                         _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE void v_codes(int8_t *q, vec v)
{
	_mm_storeu_si128((void *)q,
	                 _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
}

#include "math/quantize_types.h"

const struct quantize_set quantize_avx512 = { QUANTIZE_ROWS };
