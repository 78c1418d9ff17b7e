/*
 * packed_own_avx2.h - packed types that AVX2 multiplies in a way of their own
 *
 * Included by packed_avx2.c alone, after its vectors and before packed_tile.h, whose
 * own_round() and own_record() these are.
 */
#ifndef CONFAB_PACKED_OWN_AVX2_H
#define CONFAB_PACKED_OWN_AVX2_H

#include <stdbool.h>
#include <stddef.h>

#include "math/ask_for.h"
#include "math/packed.h"
#include "math/packed_record.h"
#include "math/quant_x_at.h"

/* ---- q6_k ---- */

/* Signed bytes b0 and b1 of each dword times 2^log, as two integers of 16 bits. */
INLINE __m256i signed_bytes(__m256i v, int b0, int b1, int log)
{
	const int at = 0x00800080 | b0 << 8 | b1 << 24; /* upper bytes */
	const int dword = 0x04000400;

	v = _mm256_shuffle_epi8(v, _mm256_setr_epi32(at, at + dword,
	                                             at + 2 * dword,
	                                             at + 3 * dword, at,
	                                             at + dword, at + 2 * dword,
	                                             at + 3 * dword));
	return _mm256_srai_epi16(v, 8 - log);
}

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

/* Of q6_k scales multiply as integers, so that a block takes one conversion to
 * floats and not two.  The bias of 32 is taken off with the sums of the halves. */
INLINE bool own_round(__m256 sum[ROWS], int n_rows, enum dtype dtype,
                      const void *record, int i, int part, struct at at)
{
	const struct packed_q6_k *r6 = record;
	__m256 part_sum[ROWS], d;

	if (dtype != DTYPE_Q6_K_X16)
		return false;
	UNROLL
	for (int r = 0; r < n_rows; r++)
		part_sum[r] = f_set1(0);
	UNROLL
	for (int b = 0; b < 4; b++) {
		__m256i scales = dwords_at(&r6->scales[2 * i + b / 2], part);
		const int first = b % 2 * 2; /* byte */
		struct at x = { at.x, at.stride, at.b + (size_t)b };
		__m256i dot[ROWS];

		UNROLL
		for (int r = 0; r < n_rows; r++)
			dot[r] = _mm256_sub_epi32(
				v_set1(0), v_sums(v_set1(sums_at(x, r)),
			                          signed_bytes(scales, first,
			                                       first + 1, 5)));
		UNROLL
		for (int half = 0; half < 2; half++)
			add_q6_k_half(dot, n_rows,
			              round_codes(dtype, record, i), b, half,
			              signed_bytes(scales, first + half,
			                           first + half, 0),
			              part, x);
		UNROLL
		for (int r = 0; r < n_rows; r++)
			part_sum[r] =
				f_fma(v_int(dot[r]), f_set1(scale_at(x, r)),
			              part_sum[r]);
	}
	d = f_load(r6->d + LANES * part);
	UNROLL
	for (int r = 0; r < n_rows; r++)
		sum[r] = f_fma(part_sum[r], d, sum[r]);
	return true;
}

/* ---- q4_0 ---- */

/* Integer sums are associative, and GCC makes use of it, for which the registers do
 * not suffice. */
#define KEEP(v) __asm__("" : "+x"(v))

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
INLINE bool own_record(__m256 sum[PARTS][ROWS], int n_rows, enum dtype dtype,
                       size_t far, const void *record, struct at at)
{
	const struct packed_q4_0 *r4 = record;
	const char *ask = (const char *)record + far;

	if (dtype != DTYPE_Q4_0_X16)
		return false;
	UNROLL
	for (int b = 0; b < 2; b++) {
		struct at x = { at.x, at.stride, at.b + (size_t)b };
		__m256i dot[2][ROWS];

		UNROLL
		for (int j = 0; j < 4; j++) {
			if (far)
				ask_for(ask + 64 * (4 * b + j));
			add_q4_0_quads(dot, n_rows, r4->qs, b, j, x);
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
				__m256 d = f_halves(r4->d[b] + LANES * h);

				s = _mm256_add_epi32(s, bias);
				sum[h][r] = f_fma(v_int(s), f_mul(d, d_x),
				                  sum[h][r]);
			}
		}
	}
	if (far)
		ask_for(ask + 64 * 8);
	return true;
}

#endif
