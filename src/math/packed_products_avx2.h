/*
 * packed_products_avx2.h - packed rows by 8-bit activations, half a group in a vector
 *
 * Included by packed_avx2.c alone, after its vectors and before packed_tile.h, whose
 * add_products() is made here.
 */
#ifndef CONFAB_PACKED_PRODUCTS_AVX2_H
#define CONFAB_PACKED_PRODUCTS_AVX2_H

#include <stdbool.h>
#include <stddef.h>

#include "math/ask_for.h"
#include "math/k_scales_avx2.h"
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
				add_q6_k_block(of_d, n_rows, record, i, b, h,
				               block_at(at, 4 * i + b));
			}
			UNROLL
			for (int r = 0; r < n_rows; r++)
				sum[h][r] = f_fma(of_d[r], d, sum[h][r]);
		}
	}
}

/* ---- q4_0 ---- */

/* dot[h][r] += the products of quads j and j + 4 of block b of a q4_0. */
INLINE void add_q4_0_quads(__m256i dot[PARTS][ROWS], int n_rows,
                           const packed_dwords *codes, int b, int j,
                           struct at x)
{
	__m256i low[PARTS], high[PARTS];

	UNROLL
	for (int h = 0; h < PARTS; h++) {
		low[h] = codes_at(DTYPE_Q4_0_X16, codes, b, 0, j, h);
		high[h] = codes_at(DTYPE_Q4_0_X16, codes, b, 1, j, h);
	}
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m256i x_low = v_set1(quad_at(x, r, j));
		__m256i x_high = v_set1(quad_at(x, r, j + 4));

		UNROLL
		for (int h = 0; h < PARTS; h++) {
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
	UNROLL
	for (int b = 0; b < 2; b++) {
		struct at x = block_at(at, b);
		__m256i dot[PARTS][ROWS];

		UNROLL
		for (int j = 0; j < 4; j++) {
			prefetch_part(DTYPE_Q4_0_X16, far, (const char *)record,
			              (size_t)(4 * b + j), 8);
			add_q4_0_quads(dot, n_rows, record->qs, b, j, x);
		}
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m256i bias = v_sums(v_set1(sums_at(x, r)),
			                      _mm256_set1_epi16(-8));
			__m256 d_x = f_set1(scale_at(x, r));

			UNROLL
			for (int h = 0; h < PARTS; h++) {
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
}

/* ---- q8_0 ---- */

/* Signed codes are taken as |w|, with w's sign on the activation: vpmaddubsw
 * saturates at 16 bits, which two products of 255 and 127 would not fit. */
INLINE void add_q8_0_block(__m256 sum[PARTS][ROWS], int n_rows,
                           const struct packed_q8_0 *record, int b, int part,
                           int n, size_t far, struct at x)
{
	__m256i dot[PARTS][ROWS];

	UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i w[PARTS], size[PARTS];

		prefetch_part(DTYPE_Q8_0_X16, far, (const char *)record,
		              (size_t)(8 * (b * PARTS / n + part) + j),
		              (size_t)(16 * PARTS / n));
		UNROLL
		for (int h = 0; h < n; h++) {
			w[h] = _mm256_xor_si256(codes_at(DTYPE_Q8_0_X16,
			                                 record->qs, b, j / 4,
			                                 j % 4, part + h),
			                        _mm256_set1_epi8((char)0x80));
			size[h] = _mm256_abs_epi8(w[h]);
		}
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m256i q = v_set1(quad_at(x, r, j));

			UNROLL
			for (int h = 0; h < n; h++) {
				__m256i s = _mm256_maddubs_epi16(
					size[h], _mm256_sign_epi8(q, w[h]));

				s = _mm256_madd_epi16(s, _mm256_set1_epi16(1));
				dot[h][r] =
					j ? _mm256_add_epi32(dot[h][r], s) : s;
				KEEP(dot[h][r]);
			}
		}
	}
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m256 d_x = f_set1(scale_at(x, r));

		UNROLL
		for (int h = 0; h < n; h++) {
			__m256 d = f_halves(record->d[b] + LANES * (part + h));

			sum[part + h][r] =
				f_fma(v_int(dot[h][r]), f_mul(d, d_x),
			              sum[part + h][r]);
		}
	}
}

INLINE void add_q8_0(__m256 sum[PARTS][ROWS], int n_rows,
                     const struct packed_q8_0 *record, size_t far, struct at at)
{
	const int n = n_rows <= 3 ? PARTS : 1;

	UNROLL
	for (int b = 0; b < 2; b++) {
		UNROLL
		for (int h = 0; h < PARTS; h += n)
			add_q8_0_block(sum, n_rows, record, b, h, n, far,
			               block_at(at, b));
	}
}

/* ---- q4_k ---- */

/* part[h][r] += the products of block b, of n parts from `first` on, times their
 * scales and the activations'. */
INLINE void add_q4_k_block(__m256 part[PARTS][ROWS], int n_rows,
                           const packed_dwords *codes, __m256i scale[PARTS][8],
                           int i, int b, int first, int n, struct at x)
{
	__m256i pairs[PARTS][ROWS];

	UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i w[PARTS];

		UNROLL
		for (int h = 0; h < n; h++)
			w[h] = codes_at(DTYPE_Q4_K_X16, codes, b, j / 4, j % 4,
			                first + h);
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m256i q = v_set1(quad_at(x, r, j));

			UNROLL
			for (int h = 0; h < n; h++) {
				__m256i two = _mm256_maddubs_epi16(w[h], q);

				pairs[h][r] =
					j ? _mm256_add_epi16(pairs[h][r], two)
					  : two;
				KEEP(pairs[h][r]);
			}
		}
	}
	UNROLL
	for (int h = 0; h < n; h++) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			part[h][r] = f_fma(
				v_int(_mm256_madd_epi16(pairs[h][r],
			                                scale[h][2 * i + b])),
				f_set1(scale_at(x, r)), part[h][r]);
	}
}

INLINE void add_q4_k_parts(__m256 sum[PARTS][ROWS], int n_rows,
                           const struct packed_q4_k *record, int first, int n,
                           float x_sums[ROWS][8], size_t far, struct at at)
{
	__m256i scale[PARTS][8];
	__m256 part[PARTS][ROWS], less[ROWS];

	UNROLL
	for (int h = 0; h < n; h++) {
		const packed_dwords *scales = record->scales;
		struct k_bytes bytes =
			k_bytes_of(dwords_at(&scales[0], first + h),
		                   dwords_at(&scales[1], first + h),
		                   dwords_at(&scales[2], first + h));
		__m256 dmin = f_halves(record->dmin + LANES * (first + h));

		k_factors(scale[h], less, n_rows, &bytes, x_sums);
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			sum[first + h][r] = _mm256_fnmadd_ps(dmin, less[r],
			                                     sum[first + h][r]);
			part[h][r] = f_set1(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		prefetch_part(DTYPE_Q4_K_X16, far, (const char *)record,
		              (size_t)(4 * first + i), (size_t)(4 * PARTS / n));
		UNROLL
		for (int b = 0; b < 2; b++)
			add_q4_k_block(part, n_rows, record->qs + 8 * i, scale,
			               i, b, first, n, block_at(at, 2 * i + b));
	}
	UNROLL
	for (int h = 0; h < n; h++) {
		__m256 d = f_halves(record->d + LANES * (first + h));

		UNROLL
		for (int r = 0; r < n_rows; r++)
			sum[first + h][r] =
				f_fma(d, part[h][r], sum[first + h][r]);
	}
}

/* The activations' scaled sums are those of both parts. */
INLINE void add_q4_k(__m256 sum[PARTS][ROWS], int n_rows,
                     const struct packed_q4_k *record, size_t far, struct at at)
{
	const int n = n_rows <= 2 ? PARTS : 1;
	_Alignas(32) float x_sums[ROWS][8];

	UNROLL
	for (int r = 0; r < n_rows; r++) {
		const struct quant_x *x =
			(const struct quant_x *)(at.x + (size_t)r * at.stride);

		_mm256_store_ps(x_sums[r], k_scaled_sums(x));
	}
	UNROLL
	for (int h = 0; h < PARTS; h += n)
		add_q4_k_parts(sum, n_rows, record, h, n, x_sums, far, at);
}

INLINE void add_products(__m256 sum[PARTS][ROWS], int n_rows, enum dtype dtype,
                         const void *record, size_t far, struct at at)
{
	switch (dtype) {
	case DTYPE_Q8_0_X16:
		add_q8_0(sum, n_rows, record, far, at);
		break;
	case DTYPE_Q4_0_X16:
		add_q4_0(sum, n_rows, record, far, at);
		break;
	case DTYPE_Q4_K_X16:
		add_q4_k(sum, n_rows, record, far, at);
		break;
	default:
		add_q6_k(sum, n_rows, record, far, at);
	}
}

#endif
