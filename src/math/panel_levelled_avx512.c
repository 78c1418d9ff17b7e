/* vpdpbusd multiplies 4 unsigned activations by 4 signed weights in each of 16
 * lanes, of which two of four pipes are capable (Zen 4, Zen 5): what is saved
 * beside it is saved whole. */
#include "math/panel.h"

#include "math/panel_block_avx512.h"

/* The products of a record. */
INLINE void integer_dots(__m512i acc[GROUPS][ROWS], int n_groups, int n_rows,
                         const char *const *record, struct at at)
{
	UNROLL
	for (int g = 0; g < n_groups; g++) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			acc[g][r] = _mm512_load_si512(record[g] + PANEL_SUMS);
	}
	add_quads(acc, n_groups, n_rows, record, at, 0, 8, true);
}

/* sum += scale dot, a scale for each record. */
INLINE void multiply_eight_bits(int n_groups, int n_rows, struct block *block)
{
	const char *record[GROUPS] = { block->group[0], block->group[1] };
	struct at at = { block->x, block->x_stride, 0 };
	__m512i acc[GROUPS][ROWS];
	__m512 sum[GROUPS][ROWS];

	clear(sum, n_groups, n_rows);
	for (size_t left = block->n_blocks; left > 0; left--) {
		fetch(&block->w);
		fetch(&block->x_next);
		integer_dots(acc, n_groups, n_rows, record, at);
		UNROLL
		for (int g = 0; g < n_groups; g++) {
			__m512 scale =
				_mm512_load_ps(record[g] + PANEL_LEVELLED);

			UNROLL
			for (int r = 0; r < n_rows; r++) {
				__m512 d = _mm512_set1_ps(scale_at(at, r));

				d = _mm512_mul_ps(d, scale);
				sum[g][r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(
								    acc[g][r]),
				                            d, sum[g][r]);
			}
			record[g] += PANEL_LEVELLED + PANEL_SCALE;
		}
		next_block(&at);
	}
	store_block(sum, n_groups, n_rows, block);
}

/* Eight records, or as many as are left, by the scale that follows them. */
INLINE void add_level(struct sums *sums, int n_groups, int n_rows, size_t n,
                      const char **record, struct at *at, struct block *block)
{
	__m512i acc[GROUPS][ROWS];
	__m512 sum[GROUPS][ROWS];

	clear(sum, n_groups, n_rows);
	for (; n > 0; n--) {
		fetch(&block->w);
		fetch(&block->x_next);
		integer_dots(acc, n_groups, n_rows, record, *at);
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m512 d = _mm512_set1_ps(scale_at(*at, r));

			UNROLL
			for (int g = 0; g < n_groups; g++)
				sum[g][r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(
								    acc[g][r]),
				                            d, sum[g][r]);
		}
		UNROLL
		for (int g = 0; g < n_groups; g++)
			record[g] += PANEL_LEVELLED;
		next_block(at);
	}
	UNROLL
	for (int g = 0; g < n_groups; g++) {
		__m512 scale = _mm512_load_ps(record[g]);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			float *to = sums->of[g][r];

			_mm512_store_ps(to,
			                _mm512_fmadd_ps(sum[g][r], scale,
			                                _mm512_load_ps(to)));
		}
		record[g] += PANEL_SCALE;
	}
}

INLINE void multiply_few_bits(int n_groups, int n_rows, struct block *block)
{
	const char *record[GROUPS] = { block->group[0], block->group[1] };
	struct at at = { block->x, block->x_stride, 0 };
	struct sums sums = { 0 };

	for (size_t left = block->n_blocks, n; left > 0; left -= n) {
		n = left < PANEL_LEVEL ? left : PANEL_LEVEL;
		add_level(&sums, n_groups, n_rows, n, record, &at, block);
	}
	store(&sums, n_groups, n_rows, block);
}

SIZES(eight_bits, multiply_eight_bits)
SIZES(few_bits, multiply_few_bits)

static void put_strip(char *strip, const float *x, size_t x_stride, size_t rows,
                      size_t n)
{
	(void)x_stride;
	(void)rows;
	quant_x_biased_avx512((struct quant_x *)(void *)strip, x, n);
}

static void multiply_panel(const struct panel_tile *t)
{
	walk(t, &panel_levelled_avx512,
	     panel_form(t->dtype)->bits == 8 ? eight_bits : few_bits);
}

/* Coded panels are filled sooner: q4_0 loses 4% at 32 rows and gains 3% at 64, q4_k
 * gains 5%, q6_k 7%. */
static size_t from_rows(enum dtype dtype)
{
	(void)dtype;
	return 32;
}

const struct panel_kernels panel_levelled_avx512 = {
	.takes = panel_has_form,
	.from_rows = from_rows,
	.strip = 1,
	.group = panel_levelled_bytes,
	.x_bytes = strip_bytes,
	.x = put_strip,
	.fill = panel_fill_levelled_avx512,
	.multiply = multiply_panel,
};
