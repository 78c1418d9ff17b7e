/* q4_0 (blocks of 32 with one scale) by 8-bit activations, a row in every lane
 * (tile_lanes_avx2.h). */
#include "math/tile.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"

#define TILE_X 2
#include "math/tile_lanes_avx2.h"
#include "math/tile_q4_0_avx2.h"
#include "math/transpose_avx2.h"

#define BYTES (BLOCKS * sizeof(struct quant_q4_0)) /* of a row's step */
#define PARTS (4 * BLOCKS) /* in which it asks for lines */

/* dot[j]: block b of step k of rows i and i + 4, eight sums of two pairs each. */
INLINE void dots_of_two(__m256i dot[TILE_X], int n_x,
                        const struct tile_rows *rows, int i, size_t k, int b)
{
	size_t at = k * BYTES + (size_t)b * sizeof(struct quant_q4_0);
	__m256i both = lanes_two(rows, i, at + offsetof(struct quant_q4_0, qs));
	__m256i low = codes_only(both, 15);
	__m256i high = codes_only(codes_shift(both, -4), 15);

	UNROLL
	for (int j = 0; j < n_x; j++) {
		const struct quant_x *x = tile_x(rows, j, k);

		dot[j] = _mm256_add_epi16(
			_mm256_maddubs_epi16(low, lanes_x(x, b, 0)),
			_mm256_maddubs_epi16(high, lanes_x(x, b, 1)));
	}
}

/* The sums of eight rows.  Eight products of pairs, 2 * 15 * 127 each, fit 16
 * bits. */
INLINE __m256i dots_of_eight(const __m256i four[2])
{
	__m256i two[2];

	lanes_eight(two, four);
	return _mm256_madd_epi16(_mm256_add_epi16(two[0], two[1]),
	                         _mm256_set1_epi16(1));
}

/* Adds block b of step k. */
INLINE void add_block(__m256 sum[TILE_X], int n_x, bool ask,
                      const struct tile_rows *rows, size_t k, int b,
                      int32_t bias[TILE_X][BLOCKS])
{
	__m256i two[2][TILE_X], four[TILE_X][2];
	__m256 d =
		rows_of_half(rows->w,
	                     k * BYTES + (size_t)b * sizeof(struct quant_q4_0));

	UNROLL
	for (int i = 0; i < 4; i++) {
		if (ask)
			tile_prefetch_part(rows, n_x, LANES, k * BYTES, BYTES,
			                   (size_t)(4 * b + i), PARTS);
		dots_of_two(two[i % 2], n_x, rows, i, k, b);
		UNROLL
		for (int j = 0; j < n_x; j++)
			if (i % 2)
				four[j][i / 2] =
					lanes_four(two[0][j], two[1][j]);
	}
	UNROLL
	for (int j = 0; j < n_x; j++) {
		__m256i dot = _mm256_add_epi32(dots_of_eight(four[j]),
		                               _mm256_set1_epi32(bias[j][b]));

		lanes_add_scaled(&sum[j], dot, d, tile_x(rows, j, k), b);
	}
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t blocks = t->n / QUANT_BLOCK;
	_Alignas(32) int32_t bias[TILE_X][BLOCKS];
	__m256 sum[TILE_X];

	(void)n_w;
	(void)dtype;
	lanes_clear(sum, n_x);
	for (size_t k = 0; k * BLOCKS < blocks; k++) {
		const size_t left = blocks - k * BLOCKS;

		UNROLL
		for (int j = 0; j < n_x; j++)
			find_biases(bias[j], tile_x(rows, j, k));
		if (left < BLOCKS) {
			for (int b = 0; b < (int)left; b++)
				add_block(sum, n_x, false, rows, k, b, bias);
			break;
		}
		UNROLL
		for (int b = 0; b < BLOCKS; b++)
			add_block(sum, n_x, true, rows, k, b, bias);
	}
	lanes_store(sum, n_x, t, rows);
}

TILE_KERNEL_OR(tile_int8_q4_0_avx2, block, DTYPE_Q4_0, 3, tile_few_q4_0_avx2)
