/* q4_0 (blocks of 32 with one scale) by a few rows of 8-bit activations
 * (tile_few_avx2.h). */
#include "math/tile.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_few_avx2.h"
#include "math/tile_q4_0_avx2.h"

/* pairs[r]: sums of pairs of products of the block that begins at offset `at` of
 * each row.  Eight of 2 * 15 * 127 each fit 16 bits. */
INLINE void find_pairs(__m256i pairs[TILE_X], int n_x,
                       const struct tile_rows *rows, size_t at, size_t k, int b)
{
	__m256i v[4];

	rows_of_4(rows->w, at + offsetof(struct quant_q4_0, qs), v);
	UNROLL
	for (int j = 0; j < 4; j++) {
		__m256i low = codes_only(v[j], 15);
		__m256i high = codes_only(codes_shift(v[j], -4), 15);

		UNROLL
		for (int r = 0; r < n_x; r++) {
			const struct quant_x *x = tile_x(rows, r, k);
			__m256i two = few_pairs(low, j, high, j + 4, x, b);

			pairs[r] = j ? _mm256_add_epi16(pairs[r], two) : two;
			KEEP(pairs[r]);
		}
	}
}

/* Block b of step k. */
INLINE void add_block(__m256 sum[TILE_X], int n_x, const struct tile_rows *rows,
                      size_t k, int b, int32_t bias[TILE_X][BLOCKS])
{
	const size_t at = (k * BLOCKS + (size_t)b) * BLOCK_BYTES;
	__m256 d = rows_of_half(rows->w, at);
	__m256i pairs[TILE_X];

	few_ask(rows, k * BLOCKS * BLOCK_BYTES, BLOCKS * BLOCK_BYTES,
	        (size_t)b);
	find_pairs(pairs, n_x, rows, at, k, b);
	UNROLL
	for (int r = 0; r < n_x; r++) {
		__m256i dot = _mm256_madd_epi16(pairs[r], _mm256_set1_epi16(1));

		dot = _mm256_add_epi32(dot, _mm256_set1_epi32(bias[r][b]));
		lanes_add_scaled(&sum[r], dot, d, tile_x(rows, r, k), b);
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
		for (int r = 0; r < n_x; r++)
			find_biases(bias[r], tile_x(rows, r, k));
		for (int b = 0; b < (left < BLOCKS ? (int)left : BLOCKS); b++)
			add_block(sum, n_x, rows, k, b, bias);
	}
	lanes_store(sum, n_x, t, rows);
}

TILE_KERNEL(tile_few_q4_0_avx2, block, DTYPE_Q4_0)
