/* q4_k and q5_k (256 elements in sub-blocks with scales of their own) by a few rows
 * of 8-bit activations (tile_few_avx2.h); scales multiply as integers. */
#include "math/tile.h"

#include <immintrin.h>
#include <stddef.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_few_avx2.h"
#include "math/tile_k_factors_avx2.h"

/* The sums of a sub-block times a scale.  Of q4_k eight pairs, which are 2 * 15 * 127
 * at most, fit 16 bits; of q5_k no more than four. */
INLINE __m256i scaled(__m256i dot, __m256i pairs, enum dtype dtype, int j,
                      __m256i scale)
{
	if (dtype == DTYPE_Q5_K && j < QUADS / 2)
		return _mm256_madd_epi16(pairs, scale);
	pairs = _mm256_madd_epi16(pairs, scale);
	return dtype == DTYPE_Q5_K ? _mm256_add_epi32(dot, pairs) : pairs;
}

/* Adds sub-block v of super-block k; `both` has its codes and its neighbour's. */
INLINE void add_sub_block(__m256 part[TILE_X], int n_x, enum dtype dtype,
                          const __m256i both[QUADS], const __m256i fifth[QUADS],
                          int v, __m256i scale, const struct tile_rows *rows,
                          size_t k)
{
	const int most = dtype == DTYPE_Q4_K ? QUADS : QUADS / 2;
	__m256i pairs[TILE_X], dot[TILE_X];

	UNROLL
	for (int j = 0; j < QUADS; j++) {
		__m256i code = codes_of(dtype, both[j], fifth[j], v);

		UNROLL
		for (int r = 0; r < n_x; r++) {
			__m256i two = _mm256_maddubs_epi16(
				code, few_quad(tile_x(rows, r, k), v, j));

			pairs[r] = j % most ? _mm256_add_epi16(pairs[r], two)
			                    : two;
			KEEP(pairs[r]);
			if (j % most == most - 1)
				dot[r] = scaled(dot[r], pairs[r], dtype, j,
				                scale);
		}
	}
	UNROLL
	for (int r = 0; r < n_x; r++)
		part[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[r]),
		                          lanes_broadcast(
						  &tile_x(rows, r, k)->d[v]),
		                          part[r]);
}

/* Super-block k, which begins at `at` of each row. */
INLINE void multiply(__m256 sum[TILE_X], int n_x, enum dtype dtype, size_t at,
                     const struct factors *f, const struct tile_rows *rows,
                     size_t k)
{
	const size_t qh = at + 16, qs = qh + (dtype == DTYPE_Q5_K ? 32 : 0);
	__m256i both[QUADS], fifth[QUADS];
	__m256 part[TILE_X];

	lanes_clear(part, n_x);
	if (dtype == DTYPE_Q5_K)
		few_quads(fifth, rows, qh);
	for (int p = 0; p < 4; p++) {
		few_ask(rows, at, codes_bytes(dtype), (size_t)(2 * p));
		few_ask(rows, at, codes_bytes(dtype), (size_t)(2 * p + 1));
		few_quads(both, rows, qs + 32 * (size_t)p);
		UNROLL
		for (int h = 0; h < 2; h++)
			add_sub_block(part, n_x, dtype, both, fifth, 2 * p + h,
			              f->scale[2 * p + h], rows, k);
	}
	UNROLL
	for (int r = 0; r < n_x; r++)
		sum[r] = _mm256_fmadd_ps(f->d, part[r], sum[r]);
}

#include "math/tile_k_block_avx2.h"

TILE_KERNEL(tile_few_q4_k_avx2, block, DTYPE_Q4_K)
TILE_KERNEL(tile_few_q5_k_avx2, block, DTYPE_Q5_K)
