/* The bytes of 8 rows at a time: half a group. */
#include "math/panel.h"

#include <immintrin.h>

#include "math/quant_blocks.h"
#include "math/transpose_avx2.h"
#include "math/unroll.h"

#define LANES 8

typedef __m256i vec;
typedef __m256 fvec;

#define v_load(p)     _mm256_loadu_si256((const __m256i *)(p))
#define v_store(p, v) _mm256_store_si256((__m256i *)(void *)(p), v)
#define v_set1(u)     _mm256_set1_epi32((int)(u))
#define v_and(a, b)   _mm256_and_si256(a, b)
#define v_or(a, b)    _mm256_or_si256(a, b)
#define v_xor(a, b)   _mm256_xor_si256(a, b)
#define v_sub(a, b)   _mm256_sub_epi32(a, b)
#define v_mullo(a, b) _mm256_mullo_epi32(a, b)
#define v_srl(v, n)   _mm256_srli_epi32(v, n)
#define v_sra(v, n)   _mm256_srai_epi32(v, n)
#define v_sll(v, n)   _mm256_slli_epi32(v, n)
#define v_int(v)      _mm256_cvtepi32_ps(v)
#define v_level(v)    _mm256_shuffle_epi8(levels(), v)
#define v_half(v)     low_halves(v)
#define v_rows4       rows_of_4
#define v_rows8       rows_of_8
#define f_mul(a, b)   _mm256_mul_ps(a, b)
#define f_neg(a)      _mm256_sub_ps(_mm256_setzero_ps(), a)
#define f_halves(p)   _mm256_cvtph_ps(_mm_loadu_si128((const void *)(p)))
#define f_rows        rows_of_half
#define f_load(p)     _mm256_loadu_ps(p)
#define f_store(p, v) _mm256_store_ps((float *)(void *)(p), v)

INLINE vec levels(void)
{
	return _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)quant_iq4_values));
}

#include "math/panel_fill.h"
#include "math/panel_fill_packed.h"
#include "math/panel_fill_wide_avx2.h"

void panel_fill_coded_avx2(char *panel, const struct panel_source *from)
{
	fill_coded(panel, from);
}

void panel_fill_wide_avx2(char *panel, const struct panel_source *from)
{
	fill_wide(panel, from);
}
