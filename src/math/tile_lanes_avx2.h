/*
 * tile_lanes_avx2.h - register blocks that have a row of weights in every lane
 *
 * For the AVX2 files alone, after they have defined
 *
 *	TILE_X	the most rows of activations: 2, or 6 with tile_few_avx2.h
 *
 * A scale is that of a lane's row, and a sum needs no adding up of lanes at its end.
 */
#ifndef CONFAB_TILE_LANES_AVX2_H
#define CONFAB_TILE_LANES_AVX2_H

#include <immintrin.h>
#include <stddef.h>

#if TILE_X == 2
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(8, 1, b, d) \
	TILE_BLOCK(8, 2, b, d)
#else
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(8, 1, b, d) \
	TILE_BLOCK(8, 2, b, d) \
	TILE_BLOCK(8, 3, b, d) \
	TILE_BLOCK(8, 4, b, d) \
	TILE_BLOCK(8, 5, b, d) \
	TILE_BLOCK(8, 6, b, d)
#endif

#include "math/quant_x.h"
#include "math/tile_walk.h"

#define LANES 8

INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	(void)t;
	(void)dtype;
	return LANES;
}

/* sum[j] has, in lane i, that of weight row i by activation row j. */
INLINE void lanes_clear(__m256 sum[TILE_X], int n_x)
{
	UNROLL
	for (int j = 0; j < n_x; j++)
		sum[j] = _mm256_setzero_ps();
}

INLINE void lanes_store(const __m256 sum[TILE_X], int n_x, const struct tile *t,
                        const struct tile_rows *rows)
{
	UNROLL
	for (int j = 0; j < n_x; j++) {
		float *y = rows->y + (size_t)j * t->y_stride, s[LANES];

		_mm256_storeu_ps(s, sum[j]);
		for (size_t i = 0; i < rows->n_w; i++)
			y[i] = (t->add ? y[i] : 0) + s[i];
	}
}

INLINE __m256 lanes_broadcast(const float *f)
{
	return _mm256_broadcast_ss(f);
}

/* *sum += dot times d and the scale of block b of x. */
INLINE void lanes_add_scaled(__m256 *sum, __m256i dot, __m256 d,
                             const struct quant_x *x, int b)
{
	*sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot),
	                       _mm256_mul_ps(d, lanes_broadcast(&x->d[b])),
	                       *sum);
}

/*
 * ---- products that change lanes ----
 *
 * Codes of one or two rows of activations are multiplied as they lie, 16 of two rows
 * in a vector.  Their products, a fourth as many once some were added up in 16 bits,
 * then change lanes: to transpose the codes instead takes longer.
 */

/* 16 bytes at offset `at` of rows i and i + 4. */
INLINE __m256i lanes_two(const struct tile_rows *rows, int i, size_t at)
{
	return _mm256_loadu2_m128i((const __m128i *)(rows->w[i + 4] + at),
	                           (const __m128i *)(rows->w[i] + at));
}

/* Half `half` of block b of a quant_x, in both halves of a vector. */
INLINE __m256i lanes_x(const struct quant_x *x, int b, int half)
{
	return _mm256_broadcastsi128_si256(
		_mm_load_si128((const __m128i *)(x->q + 32 * b + 16 * half)));
}

/* 16-bit sums of rows i and i + 4 and those of rows i + 1 and i + 5, four of each. */
INLINE __m256i lanes_four(__m256i a, __m256i b)
{
	return _mm256_add_epi16(_mm256_unpacklo_epi64(a, b),
	                        _mm256_unpackhi_epi64(a, b));
}

/* The first and the second two sums of all rows, from those of rows 0, 1, 4, 5 and
 * of the others. */
INLINE void lanes_eight(__m256i two[2], const __m256i four[2])
{
	__m256 a = _mm256_castsi256_ps(four[0]),
	       b = _mm256_castsi256_ps(four[1]);

	two[0] = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));
	two[1] = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
}

#endif
