/*
 * panel_coded_avx2.h - how AVX2 multiplies a coded panel
 *
 * Included by the vector files alone, after panel_block_avx2.h and after they have
 * defined
 *
 *	block_dots(dot, n_rows, record, quads)	integer products of a block's codes by
 *				the quads of n_rows rows, eight dwords each
 *
 * A strip is a block of 32 elements after the other, of n rows:
 *
 *	d [n]		float32
 *	sum [n]		float32: d times that of q
 *	q [8][n][4]	bytes: quads
 */
#ifndef CONFAB_PANEL_CODED_AVX2_H
#define CONFAB_PANEL_CODED_AVX2_H

#include <assert.h>
#include <stddef.h>

#include "math/panel.h"
#include "math/panel_block_avx2.h"

#define STRIP_BLOCK 40 /* bytes of a row */

/* Sums that are no longer in registers: GCC would keep copies of some, without one
 * to spare, and store them twice (5% of the time). */
#define IN_MEMORY(sums) __asm__ volatile("" : : "r"(sums) : "memory")

static size_t strip_bytes(size_t n)
{
	return (n + PANEL_BLOCK - 1) / PANEL_BLOCK * STRIP_BLOCK;
}

/* What a block adds to the sums of row r. */
INLINE void add_row(struct sums *sums, const __m256i dot[2][ROWS], int n_rows,
                    int r, const __m256 less[2], const char *scales,
                    const char *x)
{
	__m256 d = float_of(x + 4 * r), q_sum = float_of(x + 4 * (n_rows + r));

	UNROLL
	for (int h = 0; h < 2; h++) {
		__m256 sum = _mm256_load_ps(sums->of[r][h]);

		sum = _mm256_fnmadd_ps(less[h], q_sum, sum);
		sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[h][r]),
		                      _mm256_mul_ps(factor_at(scales, h), d),
		                      sum);
		_mm256_store_ps(sums->of[r][h], sum);
	}
}

/* What is to be subtracted for every unit of a row's sum, of 8 weights each. */
INLINE void subtrahends(__m256 less[2], bool has_min, int offset,
                        const char *scales)
{
	UNROLL
	for (int h = 0; h < 2; h++)
		less[h] =
			has_min ? factor_at(scales + PANEL_SCALE, h)
				: _mm256_mul_ps(factor_at(scales, h),
		                                _mm256_set1_ps((float)offset));
}

INLINE void multiply(int n_rows, bool has_min, struct block *block)
{
	const struct panel_form *form = panel_form(block->t->dtype);
	const char *record = block->group[0], *x = block->x;
	struct sums sums = { 0 };

	for (size_t left = block->n_blocks; left > 0; left--) {
		const char *scales = record + PANEL_CODES;
		__m256i dot[2][ROWS];
		__m256 less[2];

		fetch(&block->w);
		fetch(&block->x_next);
		IN_MEMORY(&sums);
		block_dots(dot, n_rows, record, x + 8 * n_rows);
		subtrahends(less, has_min, form->offset, scales);
		UNROLL
		for (int r = 0; r < n_rows; r++)
			add_row(&sums, dot, n_rows, r, less, scales, x);
		record += form->record;
		x += STRIP_BLOCK * n_rows;
	}
	store(&sums, n_rows, block);
}

INLINE void multiply_plain(int n_rows, struct block *block)
{
	multiply(n_rows, false, block);
}

INLINE void multiply_min(int n_rows, struct block *block)
{
	multiply(n_rows, true, block);
}

SIZES(without_min, multiply_plain)
SIZES(with_min, multiply_min)

/* Defines the format by these products, for the types that takes() says. */
#define PANEL_CODED_KERNELS(name) \
	static void multiply_panel(const struct panel_tile *t) \
	{ \
		assert(takes(t->dtype)); \
		walk(t, &name, \
		     panel_form(t->dtype)->n_mins ? with_min : without_min); \
	} \
\
	const struct panel_kernels name = { \
		.takes = takes, \
		.from_rows = from_rows, \
		.strip = ROWS, \
		.piece = 1280, \
		.group = panel_coded_bytes, \
		.x_bytes = strip_bytes, \
		.x = panel_coded_x_avx2, \
		.fill = panel_fill_coded_avx2, \
		.multiply = multiply_panel, \
	};

#endif
