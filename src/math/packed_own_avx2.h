/*
 * packed_own_avx2.h - packed types that AVX2 multiplies in a way of their own
 *
 * Included by packed_avx2.c alone, after its vectors and before packed_tile.h, whose
 * own_record() is made here.
 */
#ifndef CONFAB_PACKED_OWN_AVX2_H
#define CONFAB_PACKED_OWN_AVX2_H

#include <stdbool.h>
#include <stddef.h>

#include "math/ask_for.h"
#include "math/packed.h"
#include "math/packed_record.h"
#include "math/quant_x_at.h"
#include "math/transpose_avx2.h"

/* ---- q6_k ---- */

/* dot[r] += the products of half `half` of a round's block b, times its scale.  Two
 * quads fit 16 bits. */
INLINE void add_q6_k_half(__m256i dot[ROWS], int n_rows,
                          const packed_dwords *codes, int b, int half,
                          __m256i scale, int part, struct at x)
{
	UNROLL
	for (int j = 0; j < 4; j += 2) {
		__m256i w0 = codes_at(DTYPE_Q6_K_X16, codes, b, half, j, part);
		__m256i w1 =
			codes_at(DTYPE_Q6_K_X16, codes, b, half, j + 1, part);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			int quad = 4 * half + j;
			__m256i sum = _mm256_add_epi16(
				_mm256_maddubs_epi16(w0, v_set1(quad_at(x, r,
			                                                quad))),
				_mm256_maddubs_epi16(
					w1, v_set1(quad_at(x, r, quad + 1))));

			dot[r] =
				_mm256_add_epi32(dot[r],
			                         _mm256_madd_epi16(sum, scale));
		}
	}
}

/* Block b of round i, by its scales and without the bias of 32, which is taken off
 * with the sums of the halves. */
INLINE void add_q6_k_block(__m256 sum[ROWS], int n_rows,
                           const struct packed_q6_k *record, int i, int b,
                           int part, struct at x)
{
	__m256i scales = dwords_at(&record->scales[2 * i + b / 2], part);
	const int first = b % 2 * 2; /* byte */
	__m256i dot[ROWS];

	UNROLL
	for (int r = 0; r < n_rows; r++)
		dot[r] = _mm256_sub_epi32(v_set1(0),
		                          v_sums(v_set1(sums_at(x, r)),
		                                 signed_bytes(scales, first,
		                                              first + 1, 5)));
	UNROLL
	for (int half = 0; half < 2; half++)
		add_q6_k_half(dot, n_rows, record->q[i][0].low, b, half,
		              signed_bytes(scales, first + half, first + half,
		                           0),
		              part, x);
	UNROLL
	for (int r = 0; r < n_rows; r++)
		sum[r] = f_fma(v_int(dot[r]), f_set1(scale_at(x, r)), sum[r]);
}

/* Of q6_k scales multiply as integers, so that a block takes one conversion to
 * floats and not two. */
INLINE void add_q6_k(__m256 sum[PARTS][ROWS], int n_rows,
                     const struct packed_q6_k *record, size_t far, struct at at)
{
	const size_t lines = sizeof *record / 64, quarter = lines / 4;
	const char *ask = (const char *)record + far;

	UNROLL
	for (int h = 0; h < PARTS; h++) {
		__m256 d = f_load(record->d + LANES * h), of_d[ROWS];

		for (int i = 0; i < 2; i++) {
			for (size_t l = 0; far && l < quarter; l++)
				ask_for(ask + 64 * l);
			ask += 64 * quarter;
			UNROLL
			for (int r = 0; r < n_rows; r++)
				of_d[r] = f_set1(0);
			UNROLL
			for (int b = 0; b < 4; b++) {
				struct at x = { at.x, at.stride,
					        (size_t)(4 * i + b) };

				add_q6_k_block(of_d, n_rows, record, i, b, h,
				               x);
			}
			UNROLL
			for (int r = 0; r < n_rows; r++)
				sum[h][r] = f_fma(of_d[r], d, sum[h][r]);
		}
	}
}

/* ---- q4_0 ---- */

/* dot[h][r] += the products of quads j and j + 4 of block b of a q4_0. */
INLINE void add_q4_0_quads(__m256i dot[2][ROWS], int n_rows,
                           const packed_dwords *codes, int b, int j,
                           struct at x)
{
	__m256i low[2], high[2];

	UNROLL
	for (int h = 0; h < 2; h++) {
		low[h] = codes_at(DTYPE_Q4_0_X16, codes, b, 0, j, h);
		high[h] = codes_at(DTYPE_Q4_0_X16, codes, b, 1, j, h);
	}
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m256i x_low = v_set1(quad_at(x, r, j));
		__m256i x_high = v_set1(quad_at(x, r, j + 4));

		UNROLL
		for (int h = 0; h < 2; h++) {
			__m256i a = _mm256_maddubs_epi16(low[h], x_low);
			__m256i c = _mm256_maddubs_epi16(high[h], x_high);

			a = _mm256_add_epi16(a, c);
			dot[h][r] = j ? _mm256_add_epi16(dot[h][r], a) : a;
			KEEP(dot[h][r]);
		}
	}
}

/* Of q4_0 both vectors of a group at once, so that activations are broadcast once
 * for both. */
INLINE void add_q4_0(__m256 sum[PARTS][ROWS], int n_rows,
                     const struct packed_q4_0 *record, size_t far, struct at at)
{
	const char *ask = (const char *)record + far;

	UNROLL
	for (int b = 0; b < 2; b++) {
		struct at x = { at.x, at.stride, at.b + (size_t)b };
		__m256i dot[2][ROWS];

		UNROLL
		for (int j = 0; j < 4; j++) {
			if (far)
				ask_for(ask + 64 * (4 * b + j));
			add_q4_0_quads(dot, n_rows, record->qs, b, j, x);
		}
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m256i bias = v_sums(v_set1(sums_at(x, r)),
			                      _mm256_set1_epi16(-8));
			__m256 d_x = f_set1(scale_at(x, r));

			UNROLL
			for (int h = 0; h < 2; h++) {
				__m256i s =
					_mm256_madd_epi16(dot[h][r],
				                          _mm256_set1_epi16(1));
				__m256 d = f_halves(record->d[b] + LANES * h);

				s = _mm256_add_epi32(s, bias);
				sum[h][r] = f_fma(v_int(s), f_mul(d, d_x),
				                  sum[h][r]);
			}
		}
	}
	if (far)
		ask_for(ask + 64 * 8);
}

INLINE bool own_record(__m256 sum[PARTS][ROWS], int n_rows, enum dtype dtype,
                       const void *record, size_t far, struct at at)
{
	if (dtype == DTYPE_Q6_K_X16)
		add_q6_k(sum, n_rows, record, far, at);
	else if (dtype == DTYPE_Q4_0_X16)
		add_q4_0(sum, n_rows, record, far, at);
	else
		return false;
	return true;
}

#endif
