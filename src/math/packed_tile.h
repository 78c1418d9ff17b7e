/*
 * packed_tile.h - packed rows by a few rows of activations, by vectors
 *
 * Included by the vector files alone, after they have defined
 *
 *	LANES			dwords of a vector, 8 or 16
 *	ROWS			the most rows of activations at a time
 *	most_rows(dtype, exact)	how many of them a type takes
 *	vec, fvec		LANES dwords, LANES floats
 *	v_load, v_set1, v_and, v_or, v_srl, v_sra, v_sll, v_int
 *				dword vectors: the obvious; conversion to float
 *	v_join(a, b, mask)	a | (b & mask)
 *	v_sums(pair, factors)	products of pairs of int16, added
 *	f_set1, f_mul, f_add, f_fma, f_load, f_store
 *	f_halves(p)		LANES f16 at p
 *
 * and, with what is in packed_record.h,
 *
 *	add_products(sum, n_rows, dtype, record, far, at)
 *				what a record adds by 8-bit activations, of all parts;
 *				far: see prefetch_part()
 */
#ifndef CONFAB_PACKED_TILE_H
#define CONFAB_PACKED_TILE_H

#include <stdbool.h>
#include <stddef.h>

#include "math/ask_for.h"
#include "math/packed.h"
#include "math/packed_record.h"
#include "math/packed_walk.h"
#include "math/quant_blocks.h"
#include "math/quant_x_at.h"
#include "math/tile.h"
#include "math/unroll.h"

INLINE void clear(fvec sum[PARTS][ROWS], int n_rows)
{
	UNROLL
	for (int h = 0; h < PARTS; h++) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			sum[h][r] = f_set1(0);
	}
}

INLINE void store(const fvec sum[PARTS][ROWS], int n_rows, const struct pass *p)
{
	UNROLL
	for (int h = 0; h < PARTS; h++) {
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			float *y = p->y + (size_t)r * p->y_stride + LANES * h;
			fvec s = sum[h][r];

			f_store(y, p->add ? f_add(s, f_load(y)) : s);
		}
	}
}

/* ---- 8-bit activations ---- */

INLINE struct at activations_at(const struct pass *p, size_t k)
{
	return (struct at){ p->x + k / QUANT_SUPER * sizeof(struct quant_x),
		            p->x_stride, k % QUANT_SUPER / QUANT_BLOCK };
}

/* ---- float32 activations ---- */

/* Elements 4 j to 4 j + 3 of a block, x those of the first row.  scale times code
 * plus bias is exact, but for the one rounding that a value with a minimum has
 * anyway. */
INLINE void add_quad(fvec sum[ROWS], int n_rows, vec codes, fvec scale,
                     fvec bias, const char *x, size_t x_stride)
{
	UNROLL
	for (int e = 0; e < 4; e++) {
		vec code = v_and(v_srl(codes, 8 * e), v_set1(255));
		fvec w = f_fma(v_int(code), scale, bias);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			const float *at =
				(const float *)(x + (size_t)r * x_stride) + e;

			sum[r] = f_fma(w, f_set1(*at), sum[r]);
		}
	}
}

INLINE void add_exact_round(fvec sum[ROWS], int n_rows, enum dtype dtype,
                            const packed_dwords *codes, const fvec *scale,
                            const fvec *min, int part, const char *x,
                            size_t x_stride)
{
	const int n = n_scales(dtype);

	UNROLL
	for (int i = 0; i < 2 * round_blocks(dtype); i++) {
		const int b = i / 2, half = i % 2;
		fvec s = scale[n == 2 ? i : b];
		fvec bias =
			dtype == DTYPE_Q4_K_X16
				? f_mul(min[b], f_set1(-1))
				: f_mul(s, f_set1((float)-code_offset(dtype)));

		for (int j = 0; j < 4; j++, x += 4 * sizeof(float))
			add_quad(sum, n_rows,
			         codes_at(dtype, codes, b, half, j, part), s,
			         bias, x, x_stride);
	}
}

/* A q6_k's record that is read block by block is passed over once for each, with gaps
 * that no prefetching follows. */
INLINE void add_exact_record(fvec sum[ROWS], int n_rows, enum dtype dtype,
                             const void *record, int part, const struct pass *p,
                             size_t k)
{
	const int blocks = round_blocks(dtype), n = n_rounds(dtype);
	const size_t far = p->ahead || dtype != DTYPE_Q6_K_X16
	                           ? p->ahead
	                           : record_bytes(dtype);
	struct scales scales;

	scales_of(&scales, dtype, record, part);
	for (int i = 0; i < n; i++) {
		prefetch_part(dtype, far, record, (size_t)(n * part + i),
		              (size_t)(n * PARTS));
		add_exact_round(sum, n_rows, dtype,
		                round_codes(dtype, record, i),
		                scales.scale + i * blocks * n_scales(dtype),
		                scales.min + i * blocks, part,
		                p->x + k * sizeof(float), p->x_stride);
		k += (size_t)blocks * QUANT_BLOCK;
	}
}

/* ---- all of a tile ---- */

/* exact: x is float32, and struct quant_x otherwise. */
INLINE void pass_over(int n_rows, enum dtype dtype, bool exact,
                      const struct pass *p)
{
	const size_t elements = (size_t)record_elements(dtype);
	const size_t bytes = record_bytes(dtype);
	const char *record = p->group;
	fvec sum[PARTS][ROWS];

	clear(sum, n_rows);
	for (size_t k = 0; k < p->n; k += elements, record += bytes) {
		if (!exact) {
			add_products(sum, n_rows, dtype, record, p->ahead,
			             activations_at(p, k));
			continue;
		}
		UNROLL
		for (int h = 0; h < PARTS; h++)
			add_exact_record(sum[h], n_rows, dtype, record, h, p,
			                 k);
	}
	store(sum, n_rows, p);
}

/* The including file's EACH_ROWS(dtype, exact) is ROWS_CASE() of 1 to ROWS. */
#define KERNEL(name, dtype, exact) \
	static void name##_rows(int n_rows, const struct pass *p) \
	{ \
		switch (n_rows) { \
			EACH_ROWS(dtype, exact) \
		} \
	} \
\
	void name(const struct tile *t) \
	{ \
		walk(t, most_rows(dtype, exact), 1, name##_rows); \
	}

#define ROWS_CASE(n, dtype, exact) \
	case n: \
		if ((n) <= most_rows(dtype, exact)) \
			pass_over(n, dtype, exact, p); \
		break;

/* All of a set, as tile.h declares them. */
#define KERNELS(set) \
	KERNEL(tile_int8_q8_0_x16_##set, DTYPE_Q8_0_X16, false) \
	KERNEL(tile_int8_q4_0_x16_##set, DTYPE_Q4_0_X16, false) \
	KERNEL(tile_int8_q4_k_x16_##set, DTYPE_Q4_K_X16, false) \
	KERNEL(tile_int8_q6_k_x16_##set, DTYPE_Q6_K_X16, false) \
	KERNEL(tile_exact_q8_0_x16_##set, DTYPE_Q8_0_X16, true) \
	KERNEL(tile_exact_q4_0_x16_##set, DTYPE_Q4_0_X16, true) \
	KERNEL(tile_exact_q4_k_x16_##set, DTYPE_Q4_K_X16, true) \
	KERNEL(tile_exact_q6_k_x16_##set, DTYPE_Q6_K_X16, true)

#endif
