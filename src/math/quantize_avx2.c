/* 16 floats as two vectors of 8. */
#include "math/quantize_set.h"

#include <immintrin.h>

#include "math/unroll.h"

typedef struct {
	__m256 a, b;
} vec;

INLINE vec v_load(const float *p)
{
	return (vec){ _mm256_loadu_ps(p), _mm256_loadu_ps(p + 8) };
}

INLINE vec v_set1(float f)
{
	return (vec){ _mm256_set1_ps(f), _mm256_set1_ps(f) };
}

INLINE vec v_add(vec v, vec u)
{
	return (vec){ _mm256_add_ps(v.a, u.a), _mm256_add_ps(v.b, u.b) };
}

INLINE vec v_sub(vec v, vec u)
{
	return (vec){ _mm256_sub_ps(v.a, u.a), _mm256_sub_ps(v.b, u.b) };
}

INLINE vec v_mul(vec v, vec u)
{
	return (vec){ _mm256_mul_ps(v.a, u.a), _mm256_mul_ps(v.b, u.b) };
}

INLINE vec v_min(vec v, vec u)
{
	return (vec){ _mm256_min_ps(v.a, u.a), _mm256_min_ps(v.b, u.b) };
}

INLINE vec v_max(vec v, vec u)
{
	return (vec){ _mm256_max_ps(v.a, u.a), _mm256_max_ps(v.b, u.b) };
}

INLINE __m256 step8(__m256 sum, __m256 v, __m256 at, __m256 step)
{
	__m256 past = _mm256_cmp_ps(v, at, _CMP_GE_OQ);

	return _mm256_add_ps(sum, _mm256_and_ps(past, step));
}

INLINE vec v_step(vec sum, vec v, vec at, vec step)
{
	return (vec){ step8(sum.a, v.a, at.a, step.a),
		      step8(sum.b, v.b, at.b, step.b) };
}

INLINE float v_sum(vec v)
{
	__m256 eight = _mm256_add_ps(v.a, v.b);
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(eight),
	                         _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE float v_greatest(vec v)
{
	__m256 eight = _mm256_max_ps(v.a, v.b);
	__m128 four = _mm_max_ps(_mm256_castps256_ps128(eight),
	                         _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

INLINE float v_least(vec v)
{
	return -v_greatest(v_sub(v_set1(0), v));
}

INLINE void v_codes(int8_t *q, vec v)
{
	__m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(v.a),
	                                   _mm256_cvtps_epi32(v.b));
	__m128i low, high;

	words = _mm256_permute4x64_epi64(words, 0xd8);
	low = _mm256_castsi256_si128(words);
	high = _mm256_extracti128_si256(words, 1);
	_mm_storeu_si128((void *)q, _mm_packs_epi16(low, high));
}

#include "math/quantize_types.h"

const struct quantize_set quantize_avx2 = { QUANTIZE_ROWS };
