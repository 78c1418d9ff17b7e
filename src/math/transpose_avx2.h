/*
 * transpose_avx2.h - dwords of eight rows, so that a vector has one of each
 *
 * For the AVX2 files; those of AVX-512 use a little of it.
 */
#ifndef CONFAB_TRANSPOSE_AVX2_H
#define CONFAB_TRANSPOSE_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/unroll.h"

/* Four rows of four dwords in each 128 bits, transposed. */
INLINE void transpose4(const __m256i in[4], __m256i out[4])
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

/* Eight rows of eight dwords. */
INLINE void transpose8(const __m256i in[8], __m256i out[8])
{
	__m256i a[4], b[4];

	transpose4(in, a); /* dwords j and j + 4 of rows 0-3 */
	transpose4(in + 4, b);
	UNROLL
	for (int j = 0; j < 4; j++) {
		out[j] = _mm256_permute2x128_si256(a[j], b[j], 0x20);
		out[j + 4] = _mm256_permute2x128_si256(a[j], b[j], 0x31);
	}
}

/* out[j], j < 4: dword j of the 16 bytes at offset `at` of each row. */
INLINE void rows_of_4(const char *const row[8], size_t at, __m256i out[4])
{
	__m256i in[4];

	UNROLL
	for (int i = 0; i < 4; i++)
		in[i] = _mm256_loadu2_m128i((const __m128i *)(row[i + 4] + at),
		                            (const __m128i *)(row[i] + at));
	transpose4(in, out);
}

/* The same for 32 bytes, j < 8. */
INLINE void rows_of_8(const char *const row[8], size_t at, __m256i out[8])
{
	__m256i in[8];

	UNROLL
	for (int i = 0; i < 8; i++)
		in[i] = _mm256_loadu_si256((const __m256i *)(row[i] + at));
	transpose8(in, out);
}

/* Each dword's bytes in this order, from the lowest: 0 to 3, or 0x80 for zeros. */
INLINE __m256i order_bytes(__m256i v, uint32_t order)
{
	const uint32_t next = 0x04040404; /* which leaves the top of 0x80 set */
	const int at[4] = { (int)order, (int)(order + next),
		            (int)(order + 2 * next), (int)(order + 3 * next) };

	return _mm256_shuffle_epi8(v, _mm256_setr_epi32(at[0], at[1], at[2],
	                                                at[3], at[0], at[1],
	                                                at[2], at[3]));
}

/* Signed bytes b0 and b1 of each dword times 2^log, as two integers of 16 bits. */
INLINE __m256i signed_bytes(__m256i v, int b0, int b1, int log)
{
	const uint32_t upper = (uint32_t)b0 << 8 | (uint32_t)b1 << 24;

	return _mm256_srai_epi16(order_bytes(v, 0x00800080 | upper), 8 - log);
}

/* The word at offset `at` of each row. */
INLINE __m128i rows_of_word(const char *const row[8], size_t at)
{
	uint16_t w[8];

	UNROLL
	for (int i = 0; i < 8; i++)
		memcpy(&w[i], row[i] + at, sizeof w[i]);
	return _mm_setr_epi16((short)w[0], (short)w[1], (short)w[2],
	                      (short)w[3], (short)w[4], (short)w[5],
	                      (short)w[6], (short)w[7]);
}

/* The f16 at offset `at` of each row. */
INLINE __m256 rows_of_half(const char *const row[8], size_t at)
{
	return _mm256_cvtph_ps(rows_of_word(row, at));
}

/* The f16 in the lower half of each dword. */
INLINE __m256 low_halves(__m256i v)
{
	__m256i low = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
	__m256i packed = _mm256_packus_epi32(low, low); /* in each 128 bits */

	packed = _mm256_permute4x64_epi64(packed, 0x08);
	return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
}

#endif
