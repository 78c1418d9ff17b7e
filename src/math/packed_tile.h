/*
 * packed_tile.h - packed rows by a few rows of activations, by vectors
 *
 * Included by the vector files alone, after they have defined
 *
 *	LANES			dwords of a vector, 8 or 16
 *	ROWS			the most rows of activations at a time
 *	vec, fvec		LANES dwords, LANES floats
 *	v_load, v_set1, v_and, v_or, v_srl, v_sra, v_sll, v_int
 *				dword vectors: the obvious; conversion to float
 *	v_join(a, b, mask)	a | (b & mask)
 *	v_sums(pair, factors)	products of pairs of int16, added
 *	v_quads(bits)		how many quads v_dots() takes, at most
 *	v_dots(acc, codes, q, n, bits)	acc + the sum of codes[i] . q[i], i < n, in
 *				every dword: unsigned bytes below 2^bits by
 *				signed ones; with bits 8 the codes are less 128
 *	v_own_offset(bits)	whether it has taken those 128 away
 *	own_record(sum, n_rows, dtype, record, far, at)
 *				add_record() of both parts by 8-bit activations, or
 *				false; far: see prefetch_part()
 *	f_set1, f_mul, f_add, f_fma, f_load, f_store
 *	f_halves(p)		LANES f16 at p
 *
 * A group is read from its first byte to its last, and the next group follows
 * it: one stream.  A Zen 4 follows it best when it is left alone: two threads
 * reach 97% and more of what the memory gives for one row, and 64 to 78% when
 * every line asks for the one that is 4 to 32 KB further on.  Others want to be
 * asked, for a few lines at a time: two threads of a Zen 3 go from 80 to 93% to
 * 104 to 114% of the rate of plain reading, those of a Sapphire Rapids from 84 to
 * 123% to 123 to 145%.
 */
#ifndef CONFAB_PACKED_TILE_H
#define CONFAB_PACKED_TILE_H

#include <stdbool.h>
#include <stddef.h>

#include "math/ask_for.h"
#include "math/packed.h"
#include "math/packed_record.h"
#include "math/quant_blocks.h"
#include "math/quant_x_at.h"
#include "math/row_blocks.h"
#include "math/tile.h"
#include "math/unroll.h"

/* Some rows of activations by one group. */
struct pass {
	const char *group;
	size_t n; /* elements of a row */
	const char *x;
	size_t x_stride; /* bytes */
	float *y;
	size_t y_stride; /* floats */
	bool add;
	size_t ahead; /* see struct tile */
};

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

/* Blocks of a round that are multiplied together: where there are registers for
 * their sums, all that have bits of the same bytes, so that a record is read once
 * from its first byte to its last. */
#define MOST_TOGETHER 4
INLINE int blocks_together(enum dtype dtype, int n_rows)
{
	return record_elements(dtype) == QUANT_SUPER && LANES == 16 &&
	                       n_rows <= 3
	               ? round_blocks(dtype)
	               : 1;
}

/*
 * How far ahead of a record to ask for bytes; 0: not at all.  A q6_k's record that
 * is read block by block is passed over once for each, with gaps that no
 * prefetching follows.
 */
INLINE size_t ahead(enum dtype dtype, int n_rows, bool exact,
                    const struct pass *p)
{
	if (p->ahead || dtype != DTYPE_Q6_K_X16 ||
	    (!exact && blocks_together(dtype, n_rows) > 1))
		return p->ahead;
	return record_bytes(dtype);
}

/* Asks for the share that part i of n has in a record's lines: requests that come
 * all at once find the queue full and wait. */
INLINE void prefetch_part(enum dtype dtype, size_t far, const char *record,
                          size_t i, size_t n)
{
	const size_t lines = record_bytes(dtype) / 64;

	if (!far)
		return;
	for (size_t l = lines * i / n; l < lines * (i + 1) / n; l++)
		ask_for(record + far + 64 * l);
}

INLINE struct at block_at(struct at at, int b)
{
	at.b += b;
	return at;
}

/* Adds the products of quads [q, q + n) of block b of a round. */
#define MOST_QUADS 8
INLINE void add_quads(vec acc[ROWS], int n_rows, enum dtype dtype,
                      const packed_dwords *codes, int b, int q, int n, int part,
                      struct at x)
{
	vec w[MOST_QUADS], quad[MOST_QUADS];

	UNROLL
	for (int j = 0; j < n; j++)
		w[j] = codes_at(dtype, codes, b, (q + j) / 4, (q + j) % 4,
		                part);
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		UNROLL
		for (int j = 0; j < n; j++)
			quad[j] = v_set1(quad_at(x, r, q + j));
		acc[r] = v_dots(acc[r], w, quad, n, code_bits(dtype));
	}
}

/* What scale s of each of blocks_together(), from the round's block b on, adds;
 * codes, scale and at are those of the round. */
INLINE void add_scale(fvec sum[ROWS], int n_rows, enum dtype dtype,
                      const packed_dwords *codes, int b, int s,
                      const fvec *scale, int part, struct at at)
{
	const int bits = code_bits(dtype), n = n_scales(dtype), quads = 8 / n;
	const int n_b = blocks_together(dtype, n_rows);
	const int step = v_quads(bits) < quads ? v_quads(bits) : quads;
	const int offset = v_own_offset(bits) ? 0 : code_offset(dtype);
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
	for (int q = quads * s; q < quads * (s + 1); q += step) {
		UNROLL
		for (int i = 0; i < n_b; i++)
			add_quads(acc[i], n_rows, dtype, codes, b + i, q, step,
			          part, block_at(at, b + i));
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
                      const fvec *min, int part, struct at at)
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
			          scale, part, at);
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

/* ---- all of a tile ---- */

/* A record, which begins at element k of its rows. */
INLINE void add_record(fvec sum[ROWS], int n_rows, enum dtype dtype, bool exact,
                       const void *record, int part, const struct pass *p,
                       size_t k)
{
	const int blocks = round_blocks(dtype), n = n_rounds(dtype);
	const size_t far = ahead(dtype, n_rows, exact, p);
	struct scales scales;

	scales_of(&scales, dtype, record, part);
	for (int i = 0; i < n; i++) {
		const packed_dwords *codes = round_codes(dtype, record, i);
		const fvec *scale = scales.scale + i * blocks * n_scales(dtype);
		const fvec *min = scales.min + i * blocks;

		prefetch_part(dtype, far, record, (size_t)(n * part + i),
		              (size_t)(n * PARTS));
		if (exact)
			add_exact_round(sum, n_rows, dtype, codes, scale, min,
			                part, p->x + k * sizeof(float),
			                p->x_stride);
		else
			add_round(sum, n_rows, dtype, codes, scale, min, part,
			          activations_at(p, k));
		k += (size_t)blocks * QUANT_BLOCK;
	}
}

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
		if (!exact && own_record(sum, n_rows, dtype, record,
		                         ahead(dtype, n_rows, exact, p),
		                         activations_at(p, k)))
			continue;
		UNROLL
		for (int h = 0; h < PARTS; h++)
			add_record(sum[h], n_rows, dtype, exact, record, h, p,
			           k);
	}
	store(sum, n_rows, p);
}

typedef void pass_fn(int n_rows, const struct pass *p);

/* A few rows of activations by all groups, then the next few. */
static void walk(const struct tile *t, pass_fn *run)
{
	for (size_t r = 0, n; r < t->rows; r += n) {
		n = row_block(t->rows - r, ROWS);
		for (size_t o = 0; o < t->n_w; o += PACKED_ROWS) {
			const struct pass pass = {
				.group = (const char *)t->w + o * t->w_stride,
				.n = t->n,
				.x = (const char *)t->x + r * t->x_stride,
				.x_stride = t->x_stride,
				.y = t->y + r * t->y_stride + o,
				.y_stride = t->y_stride,
				.add = t->add,
				.ahead = t->ahead,
			};

			run((int)n, &pass);
		}
	}
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
		walk(t, name##_rows); \
	}

#define ROWS_CASE(n, dtype, exact) \
	case n: \
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
