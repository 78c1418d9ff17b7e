/* vpdpbusd multiplies 4 unsigned codes by 4 signed activations in each of 16
 * lanes. */
#include "math/panel.h"

#include "math/panel_block_avx512.h"
#include "math/tile.h"

/* Quads that share one of a block's scales. */
INLINE int quads_of(int n_scales)
{
	return n_scales == 1 ? 8 : 4;
}

INLINE __m512i times_sum(struct at at, int row, int n_parts, int part,
                         int factor)
{
	int32_t factors = sum_factors(n_parts, part, factor);

	return _mm512_madd_epi16(_mm512_set1_epi32(factors),
	                         _mm512_set1_epi32(sums_at(at, row)));
}

INLINE __m512 factors(const char *record, int i)
{
	return _mm512_load_ps(record + PANEL_CODES + 64 * i);
}

/* What scale s of a record adds to the sums of row r. */
INLINE void scale_row(__m512 sum[GROUPS][ROWS], const __m512i acc[GROUPS][ROWS],
                      int n_groups, int r, int n_scales, bool has_min, int s,
                      const char *const *record, struct at at)
{
	__m512 d = _mm512_set1_ps(scale_at(at, r)), q_sum = d;

	if (has_min)
		q_sum = _mm512_cvtepi32_ps(times_sum(at, r, n_scales, s, 1));
	UNROLL
	for (int g = 0; g < n_groups; g++) {
		__m512 dot = _mm512_cvtepi32_ps(acc[g][r]);

		dot = _mm512_mul_ps(dot, factors(record[g], s));
		if (has_min)
			dot = _mm512_fnmadd_ps(factors(record[g], n_scales + s),
			                       q_sum, dot);
		sum[g][r] = _mm512_fmadd_ps(dot, d, sum[g][r]);
	}
}

INLINE void part(__m512 sum[GROUPS][ROWS], int n_groups, int n_rows,
                 int n_scales, bool has_min, int s, const char *const *record,
                 struct at at, int offset)
{
	__m512i acc[GROUPS][ROWS];

	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m512i first = _mm512_setzero_si512();

		if (!has_min)
			first = times_sum(at, r, n_scales, s, -offset);
		UNROLL
		for (int g = 0; g < n_groups; g++)
			acc[g][r] = first;
	}
	add_quads(acc, n_groups, n_rows, record, at, quads_of(n_scales) * s,
	          quads_of(n_scales), false);
	UNROLL
	for (int r = 0; r < n_rows; r++)
		scale_row(sum, acc, n_groups, r, n_scales, has_min, s, record,
		          at);
}

INLINE void multiply(int n_groups, int n_rows, int n_scales, bool has_min,
                     struct block *block)
{
	const struct panel_form *form = panel_form(block->t->dtype);
	const char *record[GROUPS] = { block->group[0], block->group[1] };
	struct at at = { block->x, block->x_stride, 0 };
	__m512 sum[GROUPS][ROWS];

	clear(sum, n_groups, n_rows);
	for (size_t left = block->n_blocks; left > 0; left--) {
		fetch(&block->w);
		fetch(&block->x_next);
		UNROLL
		for (int s = 0; s < n_scales; s++)
			part(sum, n_groups, n_rows, n_scales, has_min, s,
			     record, at, form->offset);
		UNROLL
		for (int g = 0; g < n_groups; g++)
			record[g] += form->record;
		next_block(&at);
	}
	store_block(sum, n_groups, n_rows, block);
}

#define FORM(name, n_scales, has_min) \
	INLINE void multiply_##name(int n_groups, int n_rows, \
	                            struct block *block) \
	{ \
		multiply(n_groups, n_rows, n_scales, has_min, block); \
	} \
	SIZES(name, multiply_##name)

FORM(scales32, 1, false)
FORM(scales32_mins, 1, true)
FORM(scales16, 2, false)
FORM(scales16_mins, 2, true)

static multiply_fn *multiply_of(const struct panel_form *form)
{
	if (form->n_scales == 1)
		return form->n_mins ? scales32_mins : scales32;
	return form->n_mins ? scales16_mins : scales16;
}

static void put_strip(char *strip, const float *x, size_t x_stride, size_t rows,
                      size_t n)
{
	(void)x_stride;
	(void)rows;
	quant_x_avx512((struct quant_x *)(void *)strip, x, n);
}

static void multiply_panel(const struct panel_tile *t)
{
	walk(t, &panel_coded_avx512, multiply_of(panel_form(t->dtype)));
}

/* Sapphire Rapids: six rows of q4_k are multiplied 1.4 times as fast by
 * tile_few_avx512.c, eight 1.25 times (of q8_0 1.35, q4_0 1.15, q6_k 1.1), twelve 0.85
 * times. */
static size_t from_rows(enum dtype dtype)
{
	return tile_is_for_few(dtype) ? 9 : 5;
}

const struct panel_kernels panel_coded_avx512 = {
	.takes = panel_has_form,
	.from_rows = from_rows,
	.strip = 1,
	.group = panel_coded_bytes,
	.x_bytes = strip_bytes,
	.x = put_strip,
	.fill = panel_fill_coded_avx512,
	.multiply = multiply_panel,
};
