#include "math/quant_x.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

/* The bits of the largest |x|: ordered as the numbers are, NaN above all. */
static uint32_t largest(const __m256 x[4])
{
	const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
	__m256i top = _mm256_setzero_si256();
	__m128i half;

	for (int i = 0; i < 4; i++)
		top = _mm256_max_epu32(
			top,
			_mm256_and_si256(_mm256_castps_si256(x[i]), magnitude));
	half = _mm_max_epu32(_mm256_castsi256_si128(top),
	                     _mm256_extracti128_si256(top, 1));
	half = _mm_max_epu32(half, _mm_shuffle_epi32(half, 0x4e));
	half = _mm_max_epu32(half, _mm_shuffle_epi32(half, 0xb1));
	return (uint32_t)_mm_cvtsi128_si32(half);
}

static __m256i codes(const __m256 x[4], float factor)
{
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	__m256 f = _mm256_set1_ps(factor);
	__m256i q[4];

	for (int i = 0; i < 4; i++)
		q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(x[i], f));
	q[0] = _mm256_packs_epi32(q[0], q[1]);
	q[2] = _mm256_packs_epi32(q[2], q[3]);
	return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(q[0], q[2]),
	                                   order);
}

/* sum: of the first and of the last 16 of 32 codes. */
static void add_up(int16_t *sum, __m256i q)
{
	__m256i s = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);

	s = _mm256_madd_epi16(s, _mm256_set1_epi16(1));
	s = _mm256_add_epi32(s, _mm256_shuffle_epi32(s, 0x4e));
	s = _mm256_add_epi32(s, _mm256_shuffle_epi32(s, 0xb1));
	sum[0] = (int16_t)_mm256_extract_epi32(s, 0);
	sum[1] = (int16_t)_mm256_extract_epi32(s, 4);
}

static void block(struct quant_x *to, size_t at, const float *from)
{
	__m256 x[4];
	__m256i q;
	uint32_t bits;
	float top;

	for (int i = 0; i < 4; i++)
		x[i] = _mm256_loadu_ps(from + 8 * i);
	bits = largest(x);
	memcpy(&top, &bits, sizeof top);
	if (!(top >= 0x1p-100f && top < INFINITY)) {
		to->d[at / 32] = top < 0x1p-100f ? 0 : NAN;
		return;
	}
	to->d[at / 32] = top / 127;
	q = codes(x, 127 / top);
	_mm256_store_si256((__m256i *)(to->q + at), q);
	add_up(to->sum + at / 16, q);
}

void quant_x_avx2(struct quant_x *dst, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i += 32) {
		struct quant_x *to = dst + i / 256;
		float padded[32] = { 0 };
		const float *from = x + i;

		if (i % 256 == 0)
			memset(to, 0, sizeof *to);
		if (n - i < 32) {
			memcpy(padded, from, (n - i) * sizeof *x);
			from = padded;
		}
		block(to, i % 256, from);
	}
}
