/* vpdpwssd multiplies 16-bit integers, adds two products and the sum: twice the
 * products of a float32 multiply-add.  Strips and panels are those of AVX2. */
#include "math/panel.h"

#include "math/panel_block_avx512.h"

/* Four pairs of elements: half a step of panel_wide_length(). */
#define STEP_PAIRS 4

INLINE void add_step(__m512i acc[GROUPS][ROWS], int n_groups, int n_rows,
                     const char *const *record, const char *x)
{
	UNROLL
	for (int p = 0; p < STEP_PAIRS; p++) {
		__m512i w[GROUPS];

		UNROLL
		for (int g = 0; g < n_groups; g++)
			w[g] = _mm512_load_si512(record[g] + 64 * p);
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m512i q = _mm512_castps_si512(_mm512_set1_ps(
				*(const float *)(x + 4 * (p * n_rows + r))));

			UNROLL
			for (int g = 0; g < n_groups; g++)
				acc[g][r] =
					_mm512_dpwssd_epi32(acc[g][r], w[g], q);
		}
	}
}

/* sums += S d acc */
INLINE void add_sums(struct sums *sums, int n_groups, int n_rows,
                     const __m512i acc[GROUPS][ROWS], const char *const *scale,
                     const char *d)
{
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m512 by = _mm512_set1_ps(*(const float *)(d + 4 * r));

		UNROLL
		for (int g = 0; g < n_groups; g++) {
			__m512 s = _mm512_mul_ps(by, _mm512_load_ps(scale[g]));
			float *to = sums->of[g][r];

			s = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[g][r]), s,
			                    _mm512_load_ps(to));
			_mm512_store_ps(to, s);
		}
	}
}

/* n pairs, and what follows them in a record. */
INLINE void add_record(struct sums *sums, int n_groups, int n_rows, size_t n,
                       const char **record, const char *x, struct block *block)
{
	const char *d = x;
	__m512i acc[GROUPS][ROWS];

	x += 4 * n_rows;
	UNROLL
	for (int g = 0; g < n_groups; g++) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			acc[g][r] = _mm512_setzero_si512();
	}
	for (size_t p = 0; p < n; p += STEP_PAIRS) {
		if (p % (PANEL_BLOCK / 2) == 0) {
			fetch(&block->w);
			fetch(&block->x_next);
		}
		add_step(acc, n_groups, n_rows, record, x);
		UNROLL
		for (int g = 0; g < n_groups; g++)
			record[g] += 64 * STEP_PAIRS;
		x += 4 * STEP_PAIRS * n_rows;
	}
	add_sums(sums, n_groups, n_rows, acc, record, d);
	UNROLL
	for (int g = 0; g < n_groups; g++)
		record[g] += PANEL_SCALE;
}

INLINE void multiply(int n_groups, int n_rows, struct block *block)
{
	const char *record[GROUPS] = { block->group[0], block->group[1] };
	const char *x = block->x;
	size_t left = panel_wide_length(block->t->n);
	struct sums sums = { 0 };

	for (size_t n; left > 0; left -= n) {
		n = left < PANEL_WIDE ? left : PANEL_WIDE;
		add_record(&sums, n_groups, n_rows, n / 2, record, x, block);
		x += panel_wide_x_bytes(PANEL_WIDE) * (size_t)n_rows;
	}
	store(&sums, n_groups, n_rows, block);
}

SIZES(any, multiply)

static void multiply_panel(const struct panel_tile *t)
{
	walk(t, &panel_wide_avx512, any);
}

/* 16-bit floats.  The others have fewer bits and more products. */
static bool takes(enum dtype dtype)
{
	return dtype == DTYPE_BF16 || dtype == DTYPE_F16 ||
	       dtype == DTYPE_BF16_X16;
}

/* Sapphire Rapids.  To take the bytes of packed bf16 together for a few rows at a time
 * costs as much as to fill a panel of it. */
static size_t from_rows(enum dtype dtype)
{
	return dtype == DTYPE_BF16_X16 ? 8 : 40;
}

const struct panel_kernels panel_wide_avx512 = {
	.takes = takes,
	.from_rows = from_rows,
	.strip = ROWS,
	.piece = 2560,
	.group = panel_wide_bytes,
	.x_bytes = panel_wide_x_bytes,
	.x = panel_wide_x_avx2,
	.fill = panel_fill_wide_avx2,
	.multiply = multiply_panel,
};
