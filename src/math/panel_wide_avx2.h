/*
 * panel_wide_avx2.h - how AVX2 multiplies a wide panel
 *
 * Included by the vector files alone, after panel_block_avx2.h and after they have
 * defined
 *
 *	add_products(s0, s1, w0, w1, q)		*s0 += w0 q, *s1 += w1 q, of pairs
 */
#ifndef CONFAB_PANEL_WIDE_AVX2_H
#define CONFAB_PANEL_WIDE_AVX2_H

#include <stddef.h>

#include "math/panel.h"
#include "math/panel_block_avx2.h"

/* Eight pairs of elements: a step of panel_wide_length(). */
#define STEP_PAIRS 8

INLINE void add_step(__m256i acc[2][ROWS], int n_rows, const char *record,
                     const char *x)
{
	UNROLL
	for (int p = 0; p < STEP_PAIRS; p++) {
		__m256i w0 = weights_at(record, 2 * p);
		__m256i w1 = weights_at(record, 2 * p + 1);

		UNROLL
		for (int r = 0; r < n_rows; r++)
			add_products(&acc[0][r], &acc[1][r], w0, w1,
			             dword_of(x + 4 * (p * n_rows + r)));
	}
}

/* sums += a b */
INLINE void add_scaled(float *sums, __m256 a, __m256 b)
{
	_mm256_store_ps(sums, _mm256_fmadd_ps(a, b, _mm256_load_ps(sums)));
}

/* n pairs, and what follows them in a record. */
INLINE void add_record(struct sums *sums, int n_rows, size_t n,
                       const char *record, const char *x, struct block *block)
{
	const char *d = x;
	__m256i acc[2][ROWS];

	x += 4 * n_rows;
	UNROLL
	for (int r = 0; r < n_rows; r++)
		acc[0][r] = acc[1][r] = _mm256_setzero_si256();
	for (size_t p = 0; p < n; p += STEP_PAIRS) {
		if (p % (PANEL_BLOCK / 2) == 0) {
			fetch(&block->w);
			fetch(&block->x_next);
		}
		add_step(acc, n_rows, record, x);
		record += 64 * STEP_PAIRS;
		x += 4 * STEP_PAIRS * n_rows;
	}
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m256 by = float_of(d + 4 * r);

		UNROLL
		for (int h = 0; h < 2; h++)
			add_scaled(sums->of[r][h],
			           _mm256_cvtepi32_ps(acc[h][r]),
			           _mm256_mul_ps(by, factor_at(record, h)));
	}
}

INLINE void multiply(int n_rows, struct block *block)
{
	const size_t whole = 64 * (PANEL_WIDE / 2) + 4 * PANEL_ROWS;
	const char *record = block->group[0], *x = block->x;
	size_t left = panel_wide_length(block->t->n);
	struct sums sums = { 0 };

	for (size_t n; left > 0; left -= n) {
		n = left < PANEL_WIDE ? left : PANEL_WIDE;
		add_record(&sums, n_rows, n / 2, record, x, block);
		record += whole;
		x += panel_wide_x_bytes(PANEL_WIDE) * (size_t)n_rows;
	}
	store(&sums, n_rows, block);
}

SIZES(any, multiply)

/* Defines the format by these products, for all that is not for `coded`, but for
 * float32; from_rows() is defined before. */
#define PANEL_WIDE_KERNELS(name, coded) \
	static bool takes(enum dtype dtype) \
	{ \
		return dtype != DTYPE_F32 && !(coded).takes(dtype); \
	} \
\
	static void multiply_panel(const struct panel_tile *t) \
	{ \
		walk(t, &name, any); \
	} \
\
	const struct panel_kernels name = { \
		.takes = takes, \
		.from_rows = from_rows, \
		.strip = ROWS, \
		.piece = 2560, \
		.group = panel_wide_bytes, \
		.x_bytes = panel_wide_x_bytes, \
		.x = panel_wide_x_avx2, \
		.fill = panel_fill_wide_avx2, \
		.multiply = multiply_panel, \
	};

#endif
