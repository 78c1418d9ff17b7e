/* q8_0 (blocks of 32 signed bytes with one scale) by a few rows of 8-bit activations
 * (tile_few_avx2.h). */
#include "math/tile.h"

#include <immintrin.h>
#include <stddef.h>

#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_few_avx2.h"

#define BLOCKS 8 /* of a step: a quant_x */
#define BYTES  sizeof(struct quant_q8_0)

/* dot[r] += the products of quads 4 half to 4 half + 3 of a block, which begins at
 * offset `at` of each row. */
INLINE void add_half(__m256i dot[TILE_X], int n_x, const struct tile_rows *rows,
                     size_t at, int half, size_t k, int b)
{
	__m256i v[4];

	rows_of_4(rows->w,
	          at + offsetof(struct quant_q8_0, qs) + 16 * (size_t)half, v);
	UNROLL
	for (int j = 0; j < 4; j++) {
		__m256i w = _mm256_abs_epi8(v[j]);

		UNROLL
		for (int r = 0; r < n_x; r++) {
			__m256i x =
				few_quad(tile_x(rows, r, k), b, 4 * half + j);

			x = _mm256_maddubs_epi16(w, _mm256_sign_epi8(x, v[j]));
			x = _mm256_madd_epi16(x, _mm256_set1_epi16(1));
			dot[r] = half + j ? _mm256_add_epi32(dot[r], x) : x;
			KEEP(dot[r]);
		}
	}
}

/* Block b of step k. */
INLINE void add_block(__m256 sum[TILE_X], int n_x, const struct tile_rows *rows,
                      size_t k, int b)
{
	const size_t at = (k * BLOCKS + (size_t)b) * BYTES;
	__m256 d = rows_of_half(rows->w, at);
	__m256i dot[TILE_X];

	few_ask(rows, k * BLOCKS * BYTES, BLOCKS * BYTES, (size_t)b);
	add_half(dot, n_x, rows, at, 0, k, b);
	add_half(dot, n_x, rows, at, 1, k, b);
	UNROLL
	for (int r = 0; r < n_x; r++)
		lanes_add_scaled(&sum[r], dot[r], d, tile_x(rows, r, k), b);
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t blocks = t->n / QUANT_BLOCK;
	__m256 sum[TILE_X];

	(void)n_w;
	(void)dtype;
	lanes_clear(sum, n_x);
	for (size_t k = 0; k * BLOCKS < blocks; k++) {
		const size_t left = blocks - k * BLOCKS;

		for (int b = 0; b < (left < BLOCKS ? (int)left : BLOCKS); b++)
			add_block(sum, n_x, rows, k, b);
	}
	lanes_store(sum, n_x, t, rows);
}

TILE_KERNEL(tile_few_q8_0_avx2, block, DTYPE_Q8_0)
