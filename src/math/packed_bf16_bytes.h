/*
 * packed_bf16_bytes.h - the bytes of packed bf16 in vectors of 32
 *
 * For the AVX2 and AVX-512 files alone.  Interleaved in each half of a vector, low
 * and upper bytes are pairs of elements: see packed.h.
 */
#ifndef CONFAB_PACKED_BF16_BYTES_H
#define CONFAB_PACKED_BF16_BYTES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "math/packed.h"
#include "math/unroll.h"

INLINE __m256i packed_bf16_table(const struct packed_bf16 *record)
{
	return _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)record->table));
}

INLINE __m256i packed_bf16_low(const struct packed_bf16_quad *quad, int pair)
{
	return _mm256_loadu_si256((const __m256i *)quad->low[pair]);
}

INLINE __m256i packed_bf16_upper(const struct packed_bf16_quad *quad, int pair,
                                 __m256i table)
{
	__m256i codes = _mm256_loadu_si256((const __m256i *)quad->codes);

	if (pair)
		codes = _mm256_srli_epi16(codes, 4);
	return _mm256_shuffle_epi8(table,
	                           _mm256_and_si256(codes,
	                                            _mm256_set1_epi8(15)));
}

/* The bf16 of a record as pairs of elements 2 p and 2 p + 1: to[p][row]. */
INLINE void packed_bf16_pairs(uint16_t to[PACKED_BF16_N / 2][PACKED_ROWS][2],
                              const struct packed_bf16 *record)
{
	const __m256i table = packed_bf16_table(record);
	const size_t n = packed_bf16_n_rare(record);

	for (int q = 0; q < PACKED_BF16_N / 4; q++) {
		UNROLL
		for (int p = 0; p < 2; p++) {
			__m256i low = packed_bf16_low(&record->quads[q], p);
			__m256i high =
				packed_bf16_upper(&record->quads[q], p, table);
			__m256i *at = (__m256i *)(void *)to[2 * q + p];

			_mm256_storeu_si256(at,
			                    _mm256_unpacklo_epi8(low, high));
			_mm256_storeu_si256(at + 1,
			                    _mm256_unpackhi_epi8(low, high));
		}
	}
	for (size_t i = 0; i < n; i++) {
		size_t k = record->rare[i].at % PACKED_BF16_N;
		size_t row = record->rare[i].at / PACKED_BF16_N % PACKED_ROWS;

		to[k / 2][row][k % 2] = record->rare[i].weight;
	}
}

#endif
