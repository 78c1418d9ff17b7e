/*
 * panel_block_avx512.h - the register block that the panel products share
 *
 * 12 integer and 12 float accumulators, two vectors of weights and one of
 * activations fill 27 registers.  A file whose sums are float32 alone may define
 * ROWS as 8.
 */
#ifndef CONFAB_PANEL_BLOCK_AVX512_H
#define CONFAB_PANEL_BLOCK_AVX512_H

#include <immintrin.h>

#define GROUPS 2 /* of weight rows in a register block */
#ifndef ROWS
#define ROWS 6 /* of activations */
#endif

#include "math/panel.h"
#include "math/panel_walk.h"

/* A strip is a row, of struct quant_x. */
INLINE size_t strip_bytes(size_t n)
{
	return quant_x_count(n) * sizeof(struct quant_x);
}

/* A register block's sums, in memory. */
struct sums {
	_Alignas(64) float of[GROUPS][ROWS][PANEL_ROWS];
};

INLINE void clear(__m512 sum[GROUPS][ROWS], int n_groups, int n_rows)
{
	UNROLL
	for (int g = 0; g < n_groups; g++) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			sum[g][r] = _mm512_setzero_ps();
	}
}

static void store(const struct sums *sums, int n_groups, int n_rows,
                  const struct block *block)
{
	for (int g = 0; g < n_groups; g++) {
		size_t left = block->n_w - (size_t)g * PANEL_ROWS;
		__mmask16 edge = left < PANEL_ROWS
		                         ? (__mmask16)((1u << left) - 1)
		                         : 0xffff;

		for (int r = 0; r < n_rows; r++) {
			float *to = block->y + (size_t)r * block->t->y_stride +
			            g * PANEL_ROWS;
			__m512 s = _mm512_load_ps(sums->of[g][r]);

			if (block->t->add)
				s = _mm512_add_ps(s, _mm512_maskz_loadu_ps(edge,
				                                           to));
			_mm512_mask_storeu_ps(to, edge, s);
		}
	}
}

/* Adds the integer products of quads [j, j + n) of a record: of unsigned codes by
 * signed activations or, levelled, of signed weights by unsigned activations. */
INLINE void add_quads(__m512i acc[GROUPS][ROWS], int n_groups, int n_rows,
                      const char *const *record, struct at at, int j, int n,
                      bool levelled)
{
	UNROLL
	for (int k = j; k < j + n; k++) {
		__m512i w[GROUPS];

		UNROLL
		for (int g = 0; g < n_groups; g++)
			w[g] = _mm512_load_si512(record[g] + 64 * k);
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m512i q = _mm512_set1_epi32(quad_at(at, r, k));

			UNROLL
			for (int g = 0; g < n_groups; g++)
				acc[g][r] =
					_mm512_dpbusd_epi32(acc[g][r],
				                            levelled ? q : w[g],
				                            levelled ? w[g]
				                                     : q);
		}
	}
}

/* The same from registers. */
INLINE void store_block(const __m512 sum[GROUPS][ROWS], int n_groups,
                        int n_rows, const struct block *block)
{
	struct sums sums;

	UNROLL
	for (int g = 0; g < n_groups; g++) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			_mm512_store_ps(sums.of[g][r], sum[g][r]);
	}
	store(&sums, n_groups, n_rows, block);
}

#define CASE(g, r, multiply) \
	case (g)*16 + (r): \
		multiply(g, r, block); \
		break;

#if ROWS == 8
#define MORE_CASES(g, multiply) \
	CASE(g, 7, multiply) \
	CASE(g, 8, multiply)
#else
#define MORE_CASES(g, multiply)
#endif

/* Every size of register block. */
#define SIZES(name, multiply) \
	static void name(int n_groups, int n_rows, struct block *block) \
	{ \
		switch (n_groups * 16 + n_rows) { \
			CASE(1, 1, multiply) \
			CASE(1, 2, multiply) \
			CASE(1, 3, multiply) \
			CASE(1, 4, multiply) \
			CASE(1, 5, multiply) \
			CASE(1, 6, multiply) \
			MORE_CASES(1, multiply) \
			CASE(2, 1, multiply) \
			CASE(2, 2, multiply) \
			CASE(2, 3, multiply) \
			CASE(2, 4, multiply) \
			CASE(2, 5, multiply) \
			CASE(2, 6, multiply) \
			MORE_CASES(2, multiply) \
		} \
	}

#endif
