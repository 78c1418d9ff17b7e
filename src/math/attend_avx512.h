/*
 * attend_avx512.h - the register block that the AVX-512 products share
 *
 * 6 rows by 4 vectors are 24 sums; with four vectors of the page and one
 * broadcast element in flight that fills the 32 registers.
 */
#ifndef CONFAB_ATTEND_AVX512_H
#define CONFAB_ATTEND_AVX512_H

#include <immintrin.h>

#include "math/attend.h"
#include "math/attend_vector.h"

#define ATTEND_COLS 4

/* sum = scale[r] c[r], or 0 where scale is NULL. */
INLINE void attend_start(__m512 sum[ATTEND_ROWS][ATTEND_COLS], int rows,
                         int cols, __mmask16 mask, const float *c,
                         size_t c_stride, const float *scale)
{
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++) {
			sum[r][j] = _mm512_setzero_ps();
			if (scale)
				sum[r][j] = _mm512_mul_ps(
					_mm512_set1_ps(scale[r]),
					_mm512_maskz_loadu_ps(
						mask, c + (size_t)r * c_stride +
							      16 * j));
		}
	}
}

INLINE void attend_store(__m512 sum[ATTEND_ROWS][ATTEND_COLS], int rows,
                         int cols, __mmask16 mask, float *c, size_t c_stride)
{
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++)
			_mm512_mask_storeu_ps(c + (size_t)r * c_stride + 16 * j,
			                      mask, sum[r][j]);
	}
}

/* The lanes of the vector at element d that lie inside [0, n). */
INLINE __mmask16 attend_lanes(int d, int n)
{
	return n - d >= 16 ? 0xffff
	       : n <= d    ? 0
	                   : (__mmask16)((1u << (n - d)) - 1);
}

/* attend_bf16_avx512.c, for CPUs that have AVX512_BF16. */
void attend_pack_avx512(uint16_t *k_pairs, uint16_t *v_pairs, const void *k,
                        const void *v, enum dtype dtype, int head_dim, int n);
void attend_scores_narrow_avx512(float *s, const uint16_t *q, int rows,
                                 const uint16_t *k_pairs, int head_dim,
                                 int groups);
void attend_weights_narrow_avx512(uint16_t *p, const float *s, int rows,
                                  int groups, const int *limit, float *top,
                                  float *sum, float *scale);
void attend_values_narrow_avx512(float *acc, const uint16_t *p,
                                 const float *scale, int rows,
                                 const uint16_t *v_pairs, int head_dim, int n);

/* attend_amx.c, for those that have AMX, too. */
void attend_pack_amx(uint16_t *k_pairs, uint16_t *v_pairs, const void *k,
                     const void *v, enum dtype dtype, int head_dim, int n);
void attend_scores_amx(float *s, const uint16_t *q, int rows,
                       const uint16_t *k_pairs, int head_dim, int groups);
void attend_values_amx(float *acc, const uint16_t *p, const float *scale,
                       int rows, const uint16_t *v_pairs, int head_dim, int n);

#endif
