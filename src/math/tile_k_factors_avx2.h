/*
 * tile_k_factors_avx2.h - scales and minima of q4_k and q5_k, a row in every lane
 *
 * For the AVX2 files alone, after tile_lanes_avx2.h.
 */
#ifndef CONFAB_TILE_K_FACTORS_AVX2_H
#define CONFAB_TILE_K_FACTORS_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "math/codes_avx2.h"
#include "math/quant_x.h"
#include "math/tile_lanes_avx2.h"
#include "math/transpose_avx2.h"

/* By what a super-block of each row is multiplied: sub-block v by scale[v], in both
 * words of a dword, and all by d. */
struct factors {
	__m256i scale[8];
	__m256 d;
};

/* Byte b of each dword as an integer, or as two of 16 bits. */
INLINE __m256i byte_of(__m256i v, int b, bool twice)
{
	const uint32_t byte = (uint32_t)b;

	return order_bytes(v, twice ? 0x80008000 | byte << 16 | byte
	                            : 0x80808000 | byte);
}

/* The scales and minima as bytes, see quant_scale_min(). */
struct bytes {
	__m256i sc[2], mn[2];
};

INLINE struct bytes bytes_of(const __m256i head[4])
{
	__m256i a = head[1], b = head[2], c = head[3];
	struct bytes to;

	to.sc[0] = codes_only(a, 63);
	to.mn[0] = codes_only(b, 63);
	to.sc[1] = _mm256_or_si256(codes_only(c, 15),
	                           _mm256_srli_epi32(codes_only(a, 0xc0), 2));
	to.mn[1] = _mm256_or_si256(codes_only(_mm256_srli_epi32(c, 4), 15),
	                           _mm256_srli_epi32(codes_only(b, 0xc0), 2));
	return to;
}

/* The activations' scales times the sums of their codes, of 32 elements. */
INLINE __m256 scaled_sums(const struct quant_x *x)
{
	__m256i s =
		_mm256_madd_epi16(_mm256_load_si256((const __m256i *)x->sum),
	                          _mm256_set1_epi16(1));

	return _mm256_mul_ps(_mm256_load_ps(x->d), _mm256_cvtepi32_ps(s));
}

INLINE void find_factors(struct factors *f, __m256 sum[TILE_X], int n_x,
                         const struct tile_rows *rows, size_t k, size_t at)
{
	_Alignas(32) float x_sums[TILE_X][8];
	struct bytes bytes;
	__m256i head[4];
	__m256 dmin, less[TILE_X];

	rows_of_4(rows->w, at, head);
	bytes = bytes_of(head);
	f->d = low_halves(head[0]);
	dmin = low_halves(_mm256_srli_epi32(head[0], 16));
	UNROLL
	for (int j = 0; j < n_x; j++) {
		_mm256_store_ps(x_sums[j], scaled_sums(tile_x(rows, j, k)));
		less[j] = _mm256_setzero_ps();
	}
	UNROLL
	for (int v = 0; v < 8; v++) {
		__m256 mn = _mm256_cvtepi32_ps(
			byte_of(bytes.mn[v / 4], v % 4, false));

		f->scale[v] = byte_of(bytes.sc[v / 4], v % 4, true);
		UNROLL
		for (int j = 0; j < n_x; j++)
			less[j] =
				_mm256_fmadd_ps(mn,
			                        lanes_broadcast(&x_sums[j][v]),
			                        less[j]);
	}
	UNROLL
	for (int j = 0; j < n_x; j++)
		sum[j] = _mm256_fnmadd_ps(dmin, less[j], sum[j]);
}

/* Codes of sub-block v out of the bytes that it shares with its neighbour. */
INLINE __m256i codes_of(enum dtype dtype, __m256i both, __m256i fifth, int v)
{
	__m256i code = codes_only(codes_shift(both, v % 2 * -4), 15);

	if (dtype == DTYPE_Q5_K)
		code = _mm256_or_si256(code,
		                       codes_only(codes_shift(fifth, 4 - v),
		                                  16));
	return code;
}

#endif
