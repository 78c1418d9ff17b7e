/*
 * transpose_avx512.h - dwords of 16 rows, so that a vector has one of each
 *
 * For the AVX-512 files alone.
 */
#ifndef CONFAB_TRANSPOSE_AVX512_H
#define CONFAB_TRANSPOSE_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "math/transpose_avx2.h"
#include "math/unroll.h"

/* Four rows of four dwords in each 128 bits, transposed. */
INLINE void transpose4_each(const __m512i in[4], __m512i out[4])
{
	__m512i a = _mm512_unpacklo_epi32(in[0], in[1]);
	__m512i b = _mm512_unpackhi_epi32(in[0], in[1]);
	__m512i c = _mm512_unpacklo_epi32(in[2], in[3]);
	__m512i d = _mm512_unpackhi_epi32(in[2], in[3]);

	out[0] = _mm512_unpacklo_epi64(a, c);
	out[1] = _mm512_unpackhi_epi64(a, c);
	out[2] = _mm512_unpacklo_epi64(b, d);
	out[3] = _mm512_unpackhi_epi64(b, d);
}

/* The f16 at offset `at` of each row. */
INLINE __m512 rows16_of_half(const char *const row[16], size_t at)
{
	return _mm512_cvtph_ps(_mm256_set_m128i(rows_of_word(row + 8, at),
	                                        rows_of_word(row, at)));
}

INLINE __m128i load_128(const char *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* v[j], j < 4: dword j of the 16 bytes at offset `at` of each row. */
INLINE void rows16_of_4(const char *const row[16], size_t at, __m512i v[4])
{
	__m512i in[4];

	UNROLL
	for (int i = 0; i < 4; i++) {
		in[i] = _mm512_castsi128_si512(load_128(row[i] + at));
		in[i] = _mm512_inserti32x4(in[i], load_128(row[i + 4] + at), 1);
		in[i] = _mm512_inserti32x4(in[i], load_128(row[i + 8] + at), 2);
		in[i] = _mm512_inserti32x4(in[i], load_128(row[i + 12] + at),
		                           3);
	}
	transpose4_each(in, v);
}

/* 32 bytes of row i, and of row i + 8. */
INLINE __m512i two_rows(const char *const row[16], int i, size_t at)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(row[i] + at));
	__m256i high = _mm256_loadu_si256((const __m256i *)(row[i + 8] + at));

	return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* The same for 32 bytes, j < 8. */
INLINE void rows16_of_8(const char *const row[16], size_t at, __m512i v[8])
{
	/* of 128-bit lanes: a's and b's first and third, second and fourth */
	const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
	const __m512i odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
	__m512i in[8], a[4], b[4];

	UNROLL
	for (int i = 0; i < 8; i++)
		in[i] = two_rows(row, i, at);
	transpose4_each(in,
	                a); /* dwords j and j + 4 of rows 0-3, of rows 8-11 */
	transpose4_each(in + 4, b);
	UNROLL
	for (int j = 0; j < 4; j++) {
		v[j] = _mm512_permutex2var_epi64(a[j], even, b[j]);
		v[j + 4] = _mm512_permutex2var_epi64(a[j], odd, b[j]);
	}
}

/* The f16 in the lower half of each dword. */
INLINE __m512 lower_halves(__m512i v)
{
	return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}

#endif
