/* The bytes of 8 rows at a time: half a group. */
#include "math/panel.h"

#include <immintrin.h>

#include "math/quant_blocks.h"
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
#define f_mul(a, b)   _mm256_mul_ps(a, b)
#define f_neg(a)      _mm256_sub_ps(_mm256_setzero_ps(), a)
#define f_halves(p)   _mm256_cvtph_ps(_mm_loadu_si128((const void *)(p)))
#define f_load(p)     _mm256_loadu_ps(p)
#define f_store(p, v) _mm256_store_ps((float *)(void *)(p), v)

INLINE vec levels(void)
{
	return _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)quant_iq4_values));
}

INLINE fvec v_half(vec v)
{
	__m256i low = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
	__m256i packed = _mm256_packus_epi32(low, low); /* in each 128 bits */

	packed = _mm256_permute4x64_epi64(packed, 0x08);
	return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
}

/* Four rows of four dwords in each 128 bits, transposed. */
INLINE void transpose(const __m256i in[4], __m256i out[4])
{
	__m256i a = _mm256_unpacklo_epi32(in[0], in[1]);
	__m256i b = _mm256_unpackhi_epi32(in[0], in[1]);
	__m256i c = _mm256_unpacklo_epi32(in[2], in[3]);
	__m256i d = _mm256_unpackhi_epi32(in[2], in[3]);

	out[0] = _mm256_unpacklo_epi64(a, c);
	out[1] = _mm256_unpackhi_epi64(a, c);
	out[2] = _mm256_unpacklo_epi64(b, d);
	out[3] = _mm256_unpackhi_epi64(b, d);
}

INLINE void v_rows4(const char *const row[8], size_t at, __m256i v[4])
{
	__m256i in[4];

	UNROLL
	for (int i = 0; i < 4; i++)
		in[i] = _mm256_loadu2_m128i((const __m128i *)(row[i + 4] + at),
		                            (const __m128i *)(row[i] + at));
	transpose(in, v);
}

/* Eight rows of eight dwords. */
INLINE void transpose8(const __m256i in[8], __m256i v[8])
{
	__m256i a[4], b[4];

	transpose(in, a); /* dwords j and j + 4 of rows 0-3 */
	transpose(in + 4, b);
	UNROLL
	for (int j = 0; j < 4; j++) {
		v[j] = _mm256_permute2x128_si256(a[j], b[j], 0x20);
		v[j + 4] = _mm256_permute2x128_si256(a[j], b[j], 0x31);
	}
}

INLINE void v_rows8(const char *const row[8], size_t at, __m256i v[8])
{
	__m256i in[8];

	UNROLL
	for (int i = 0; i < 8; i++)
		in[i] = v_load(row[i] + at);
	transpose8(in, v);
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
