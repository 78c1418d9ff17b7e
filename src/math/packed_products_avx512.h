/*
 * packed_products_avx512.h - packed rows by 8-bit activations, a group in a vector
 *
 * Included by packed_avx512.c alone, after its vectors and before packed_tile.h,
 * whose add_products() is made here.
 */
#ifndef CONFAB_PACKED_PRODUCTS_AVX512_H
#define CONFAB_PACKED_PRODUCTS_AVX512_H

#include <stddef.h>

#include "math/packed_record.h"
#include "math/quant_x_at.h"

/* Blocks of a round that are multiplied together: where there are registers for
 * their sums, all that have bits of the same bytes, so that a record is read once
 * from its first byte to its last. */
#define MOST_TOGETHER 4
INLINE int blocks_together(enum dtype dtype, int n_rows)
{
	return record_elements(dtype) == QUANT_SUPER && n_rows <= 3
	               ? round_blocks(dtype)
	               : 1;
}

/* Adds the products of quad q of block b of a round. */
INLINE void add_quad_of(vec acc[ROWS], int n_rows, enum dtype dtype,
                        const packed_dwords *codes, int b, int q, struct at x)
{
	vec w = codes_at(dtype, codes, b, q / 4, q % 4, 0);

	UNROLL
	for (int r = 0; r < n_rows; r++)
		acc[r] = _mm512_dpbusd_epi32(acc[r], w,
		                             v_set1(quad_at(x, r, q)));
}

/* What scale s of each of blocks_together(), from the round's block b on, adds;
 * codes, scale and at are those of the round. */
INLINE void add_scale(fvec sum[ROWS], int n_rows, enum dtype dtype,
                      const packed_dwords *codes, int b, int s,
                      const fvec *scale, struct at at)
{
	const int n = n_scales(dtype), quads = 8 / n;
	const int n_b = blocks_together(dtype, n_rows);
	const int offset = code_offset(dtype);
	const vec factors = v_set1(sum_factors(n, s, -offset));
	vec acc[MOST_TOGETHER][ROWS];

	UNROLL
	for (int i = 0; i < n_b; i++) {
		struct at x = block_at(at, b + i);

		UNROLL
		for (int r = 0; r < n_rows; r++)
			acc[i][r] =
				offset ? v_sums(v_set1(sums_at(x, r)), factors)
				       : v_set1(0);
	}
	UNROLL
	for (int q = quads * s; q < quads * (s + 1); q++) {
		UNROLL
		for (int i = 0; i < n_b; i++)
			add_quad_of(acc[i], n_rows, dtype, codes, b + i, q,
			            block_at(at, b + i));
	}
	UNROLL
	for (int i = 0; i < n_b; i++) {
		struct at x = block_at(at, b + i);
		fvec by = scale[(b + i) * n + s];

		UNROLL
		for (int r = 0; r < n_rows; r++)
			sum[r] = f_fma(v_int(acc[i][r]),
			               f_mul(by, f_set1(scale_at(x, r))),
			               sum[r]);
	}
}

INLINE void subtract_min(fvec sum[ROWS], int n_rows, fvec min, struct at at)
{
	const vec less = v_set1(sum_factors(1, 0, -1));

	UNROLL
	for (int r = 0; r < n_rows; r++) {
		fvec q = v_int(v_sums(v_set1(sums_at(at, r)), less));

		sum[r] = f_fma(f_mul(q, f_set1(scale_at(at, r))), min, sum[r]);
	}
}

/* The second scales of blocks that have two are summed by themselves, so that a
 * row's sum does not depend on how many blocks are multiplied together and so on
 * how many rows there are. */
INLINE void add_round(fvec sum[ROWS], int n_rows, enum dtype dtype,
                      const packed_dwords *codes, const fvec *scale,
                      const fvec *min, struct at at)
{
	const int n = n_scales(dtype), n_b = blocks_together(dtype, n_rows);
	fvec second[ROWS];

	UNROLL
	for (int r = 0; r < n_rows; r++)
		second[r] = f_set1(0);
	UNROLL
	for (int b = 0; b < round_blocks(dtype); b += n_b) {
		UNROLL
		for (int s = 0; s < n; s++)
			add_scale(s ? second : sum, n_rows, dtype, codes, b, s,
			          scale, at);
	}
	if (n > 1) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			sum[r] = f_add(sum[r], second[r]);
	}
	if (dtype == DTYPE_Q4_K_X16) {
		UNROLL
		for (int b = 0; b < round_blocks(dtype); b++)
			subtract_min(sum, n_rows, min[b], block_at(at, b));
	}
}

/* A q6_k's record that is read block by block is passed over once for each, with gaps
 * that no prefetching follows. */
INLINE void add_products(fvec sum[PARTS][ROWS], int n_rows, enum dtype dtype,
                         const void *record, size_t far, struct at at)
{
	const int blocks = round_blocks(dtype), n = n_rounds(dtype);
	struct scales scales;

	if (!far && dtype == DTYPE_Q6_K_X16 &&
	    blocks_together(dtype, n_rows) == 1)
		far = record_bytes(dtype);
	scales_of(&scales, dtype, record, 0);
	for (int i = 0; i < n; i++) {
		prefetch_part(dtype, far, record, (size_t)i, (size_t)n);
		add_round(sum[0], n_rows, dtype, round_codes(dtype, record, i),
		          scales.scale + i * blocks * n_scales(dtype),
		          scales.min + i * blocks, block_at(at, i * blocks));
	}
}

#endif
