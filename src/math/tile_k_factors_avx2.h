/*
 * tile_k_factors_avx2.h - what the tiles of q4_k and q5_k multiply codes by
 *
 * For the AVX2 files alone, after tile_lanes_avx2.h.
 */
#ifndef CONFAB_TILE_K_FACTORS_AVX2_H
#define CONFAB_TILE_K_FACTORS_AVX2_H

#include <immintrin.h>

#include "math/codes_avx2.h"
#include "math/k_scales_avx2.h"
#include "math/quant_x.h"
#include "math/tile_lanes_avx2.h"
#include "math/transpose_avx2.h"

/* By what a super-block of each row is multiplied: sub-block v by scale[v], in both
 * words of a dword, and all by d. */
struct factors {
	__m256i scale[8];
	__m256 d;
};

INLINE void find_factors(struct factors *f, __m256 sum[TILE_X], int n_x,
                         const struct tile_rows *rows, size_t k, size_t at)
{
	_Alignas(32) float x_sums[TILE_X][8];
	struct k_bytes bytes;
	__m256i head[4];
	__m256 dmin, less[TILE_X];

	rows_of_4(rows->w, at, head);
	bytes = k_bytes_of(head[1], head[2], head[3]);
	f->d = low_halves(head[0]);
	dmin = low_halves(_mm256_srli_epi32(head[0], 16));
	UNROLL
	for (int j = 0; j < n_x; j++)
		_mm256_store_ps(x_sums[j], k_scaled_sums(tile_x(rows, j, k)));
	k_factors(f->scale, less, n_x, &bytes, x_sums);
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
