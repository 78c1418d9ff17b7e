/*
 * q4_k and q5_k (256 elements in sub-blocks with scales of their own) by 8-bit
 * activations.
 *
 * A row in every lane (tile_lanes_avx2.h); scales multiply as integers.
 */
#include "math/tile.h"

#include <immintrin.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"

#define TILE_X 2
#include "math/tile_k_factors_avx2.h"

#define PARTS 32 /* in which a step asks for lines */

/* ---- products ---- */

/* The sums of eight rows times a scale.  Of q4_k, pairs of which are 2 * 15 * 127 at
 * most, eight pairs fit 16 bits; of q5_k no more than four. */
INLINE __m256 scaled(const __m256i four[2], enum dtype dtype, __m256i scale)
{
	__m256i two[2];

	lanes_eight(two, four);
	if (dtype == DTYPE_Q4_K)
		return _mm256_cvtepi32_ps(
			_mm256_madd_epi16(_mm256_add_epi16(two[0], two[1]),
		                          scale));
	return _mm256_cvtepi32_ps(
		_mm256_add_epi32(_mm256_madd_epi16(two[0], scale),
	                         _mm256_madd_epi16(two[1], scale)));
}

/* dot[j][h]: sub-block 2 p + h of super-block k, which begins at `at`, of rows i
 * and i + 4, eight sums of two pairs each. */
INLINE void dots_of_two(__m256i dot[TILE_X][2], int n_x, enum dtype dtype,
                        const struct tile_rows *rows, int i, size_t at, int p,
                        size_t k)
{
	const size_t qh = at + 16, qs = qh + (dtype == DTYPE_Q5_K ? 32 : 0);

	UNROLL
	for (int half = 0; half < 2; half++) {
		size_t from = 16 * (size_t)half;
		__m256i both = lanes_two(rows, i, qs + 32 * (size_t)p + from);
		__m256i fifth = both;

		tile_prefetch_part(rows, n_x, LANES, at, codes_bytes(dtype),
		                   (size_t)(8 * p + 2 * i + half), PARTS);
		if (dtype == DTYPE_Q5_K)
			fifth = lanes_two(rows, i, qh + from);
		UNROLL
		for (int h = 0; h < 2; h++) {
			int v = 2 * p + h;
			__m256i code = codes_of(dtype, both, fifth, v);

			UNROLL
			for (int j = 0; j < n_x; j++) {
				__m256i pairs = _mm256_maddubs_epi16(
					code,
					lanes_x(tile_x(rows, j, k), v, half));

				dot[j][h] = half ? _mm256_add_epi16(dot[j][h],
				                                    pairs)
				                 : pairs;
			}
		}
	}
}

/* Sub-blocks 2 p and 2 p + 1 of super-block k. */
INLINE void multiply_two(__m256 part[TILE_X], int n_x, enum dtype dtype,
                         size_t at, int p, const struct factors *f,
                         const struct tile_rows *rows, size_t k)
{
	__m256i two[2][TILE_X][2], four[TILE_X][2][2];

	UNROLL
	for (int g = 0; g < 2; g++) {
		UNROLL
		for (int i = 0; i < 2; i++)
			dots_of_two(two[i], n_x, dtype, rows, 2 * g + i, at, p,
			            k);
		UNROLL
		for (int j = 0; j < n_x; j++) {
			UNROLL
			for (int h = 0; h < 2; h++)
				four[j][h][g] =
					lanes_four(two[0][j][h], two[1][j][h]);
		}
	}
	UNROLL
	for (int h = 0; h < 2; h++) {
		int v = 2 * p + h;

		UNROLL
		for (int j = 0; j < n_x; j++)
			part[j] = _mm256_fmadd_ps(
				scaled(four[j][h], dtype, f->scale[v]),
				lanes_broadcast(&tile_x(rows, j, k)->d[v]),
				part[j]);
	}
}

/* Super-block k, which begins at `at` of each row. */
INLINE void multiply(__m256 sum[TILE_X], int n_x, enum dtype dtype, size_t at,
                     const struct factors *f, const struct tile_rows *rows,
                     size_t k)
{
	__m256 part[TILE_X];

	lanes_clear(part, n_x);
	UNROLL
	for (int p = 0; p < 4; p++)
		multiply_two(part, n_x, dtype, at, p, f, rows, k);
	UNROLL
	for (int j = 0; j < n_x; j++)
		sum[j] = _mm256_fmadd_ps(f->d, part[j], sum[j]);
}

#include "math/tile_k_block_avx2.h"

TILE_KERNEL_OR(tile_int8_q4_k_avx2, block, DTYPE_Q4_K, 2, tile_few_q4_k_avx2)
TILE_KERNEL_OR(tile_int8_q5_k_avx2, block, DTYPE_Q5_K, 3, tile_few_q5_k_avx2)
