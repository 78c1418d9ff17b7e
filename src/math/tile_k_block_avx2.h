/*
 * tile_k_block_avx2.h - the register block of q4_k and q5_k, AVX2
 *
 * Included by their tiles alone, after tile_k_factors_avx2.h and after they have
 * defined
 *
 *	multiply(sum, n_x, dtype, at, f, rows, k)	adds the products of super-block
 *				k, which begins at offset `at` of each row
 */
#ifndef CONFAB_TILE_K_BLOCK_AVX2_H
#define CONFAB_TILE_K_BLOCK_AVX2_H

#include <stddef.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/tile_k_factors_avx2.h"

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = codes_bytes(dtype), n = t->n / QUANT_SUPER;
	__m256 sum[TILE_X];

	(void)n_w;
	lanes_clear(sum, n_x);
	for (size_t k = 0; k < n; k++) {
		struct factors f;

		find_factors(&f, sum, n_x, rows, k, k * bytes);
		multiply(sum, n_x, dtype, k * bytes, &f, rows, k);
	}
	lanes_store(sum, n_x, t, rows);
}

#endif
