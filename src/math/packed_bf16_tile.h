/*
 * packed_bf16_tile.h - packed bf16 by a few rows of float32 activations, by vectors
 *
 * Included by the vector files alone, after they have defined
 *
 *	LANES		floats of a vector, 8 or 16
 *	ROWS		the most rows of activations at a time
 *	TOGETHER	groups that one row of activations meets at once, 1 or 2: as
 *			many streams from memory
 *	CHAINS		sums of a row and output that are added up apart, 2 or 4: one
 *			would wait for itself
 *	vec, fvec	LANES dwords, LANES floats
 *	pairs(low, high, part)	bytes of low and high, interleaved: the pairs of
 *			elements of part `part` of the rows
 *	f_even(v), f_odd(v)	the first and the second elements of those pairs
 *	f_zero(), f_set1, f_add, f_fma, f_load, f_store	the obvious
 *	f_keep(v)	keeps a sum in its register: see KEEP() in unroll.h
 *
 * The two elements of a pair are the halves of a dword: one is float32 once it is
 * moved up, the other once that is masked off.
 */
#ifndef CONFAB_PACKED_BF16_TILE_H
#define CONFAB_PACKED_BF16_TILE_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "math/ask_for.h"
#include "math/half.h"
#include "math/packed.h"
#include "math/packed_bf16_bytes.h"
#include "math/packed_walk.h"
#include "math/tile.h"
#include "math/unroll.h"

#define PARTS (PACKED_ROWS / LANES) /* vectors of a group */
#define STEP  2                     /* quads, which are three whole lines */
#define STEPS (PACKED_BF16_N / 4 / STEP)

struct sums {
	fvec of[PARTS][CHAINS][ROWS];
};

/* Pair 0 or 1 of a quad; x: the first of its two activations. */
INLINE void add_pair(struct sums *sums, int n_rows,
                     const struct packed_bf16_quad *quad, int pair,
                     __m256i table, const float *x, size_t x_stride)
{
	const __m256i low = packed_bf16_low(quad, pair);
	const __m256i high = packed_bf16_upper(quad, pair, table);

	UNROLL
	for (int part = 0; part < PARTS; part++) {
		fvec *even = sums->of[part][2 * pair % CHAINS];
		fvec *odd = sums->of[part][2 * pair % CHAINS + 1];
		vec v = pairs(low, high, part);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			const float *at = x + (size_t)r * x_stride;

			even[r] = f_fma(f_even(v), f_set1(at[0]), even[r]);
			odd[r] = f_fma(f_odd(v), f_set1(at[1]), odd[r]);
			f_keep(even[r]);
			f_keep(odd[r]);
		}
	}
}

INLINE void ask_for_lines(const void *at, int lines, size_t far)
{
	UNROLL
	for (int i = 0; i < lines && far; i++)
		ask_for((const char *)at + far + 64 * i);
}

/* rare[r][row] += weight x */
static void add_rare(float rare[ROWS][PACKED_ROWS], size_t n_rows,
                     const struct packed_bf16 *record, const float *x,
                     size_t x_stride)
{
	const size_t n = packed_bf16_n_rare(record);

	for (size_t i = 0; i < n; i++) {
		uint16_t at = record->rare[i].at;
		float w = half_from_bf16(record->rare[i].weight);

		for (size_t r = 0; r < n_rows; r++)
			rare[r][at / PACKED_BF16_N % PACKED_ROWS] +=
				w * x[r * x_stride + at % PACKED_BF16_N];
	}
}

/* The records that n_groups are at; rare is apart, or the sums would be in memory. */
INLINE void add_records(struct sums sums[TOGETHER],
                        float rare[TOGETHER][ROWS][PACKED_ROWS],
                        const struct packed_bf16 *const record[TOGETHER],
                        int n_groups, int n_rows, const float *x,
                        size_t x_stride, size_t far)
{
	__m256i table[TOGETHER];

	UNROLL
	for (int g = 0; g < n_groups; g++) {
		table[g] = packed_bf16_table(record[g]);
		ask_for_lines(record[g], 2, far);
		if (record[g]->n_rare)
			add_rare(rare[g], (size_t)n_rows, record[g], x,
			         x_stride);
	}
	for (int i = 0; i < STEPS; i++, x += 4 * STEP) {
		UNROLL
		for (int g = 0; g < n_groups; g++)
			ask_for_lines(record[g]->quads + STEP * i, 3, far);
		UNROLL
		for (int j = 0; j < 2 * STEP; j++) {
			UNROLL
			for (int g = 0; g < n_groups; g++)
				add_pair(&sums[g], n_rows,
				         record[g]->quads + STEP * i + j / 2,
				         j % 2, table[g], x + 2 * j, x_stride);
		}
	}
}

INLINE void clear(struct sums *sums, int n_rows)
{
	UNROLL
	for (int h = 0; h < PARTS; h++) {
		UNROLL
		for (int c = 0; c < CHAINS; c++) {
			UNROLL
			for (int r = 0; r < n_rows; r++)
				sums->of[h][c][r] = f_zero();
		}
	}
}

INLINE void store(const struct sums *sums, float rare[ROWS][PACKED_ROWS],
                  int n_rows, float *y, const struct pass *p)
{
	UNROLL
	for (int h = 0; h < PARTS; h++) {
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			float *to = y + (size_t)r * p->y_stride + LANES * h;
			fvec s = sums->of[h][0][r];

			UNROLL
			for (int c = 1; c < CHAINS; c++)
				s = f_add(s, sums->of[h][c][r]);
			s = f_add(s, f_load(rare[r] + LANES * h));
			f_store(to, p->add ? f_add(s, f_load(to)) : s);
		}
	}
}

INLINE void pass_over(int n_groups, int n_rows, const struct pass *p)
{
	const struct packed_bf16 *record[TOGETHER];
	float rare[TOGETHER][ROWS][PACKED_ROWS] = { { { 0 } } };
	const float *x = (const void *)p->x;
	struct sums sums[TOGETHER];

	UNROLL
	for (int g = 0; g < n_groups; g++) {
		record[g] =
			(const void *)(p->group + (size_t)g * p->group_bytes);
		clear(&sums[g], n_rows);
	}
	for (size_t k = 0; k < p->n; k += PACKED_BF16_N) {
		add_records(sums, rare, record, n_groups, n_rows, x + k,
		            p->x_stride / sizeof(float), p->ahead);
		UNROLL
		for (int g = 0; g < n_groups; g++)
			record[g]++;
	}
	UNROLL
	for (int g = 0; g < n_groups; g++)
		store(&sums[g], rare[g], n_rows, p->y + PACKED_ROWS * g, p);
}

/* The including file's EACH_ROWS is ROWS_CASE() of 1 to ROWS. */
#define ROWS_CASE(n) \
	case n: \
		pass_over(1, n, p); \
		break;

#define KERNEL(name) \
	static void some_rows(int n_rows, const struct pass *p) \
	{ \
		if (p->n_groups > 1) { \
			pass_over(TOGETHER, 1, p); \
			return; \
		} \
		switch (n_rows) { \
			EACH_ROWS \
		} \
	} \
\
	void name(const struct tile *t) \
	{ \
		walk(t, ROWS, TOGETHER, some_rows); \
	}

#endif
