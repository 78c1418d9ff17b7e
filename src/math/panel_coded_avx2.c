/*
 * vpmaddubsw adds two products of an unsigned and a signed byte in 16 bits, where
 * codes of four bits leave room for all eight quads of a block: only then vpmaddwd
 * brings their sums to 32 bits.  Codes of more bits, and scales for 16 elements,
 * would have that done more often; they are faster in panel_wide_avx2.c.
 */
#include "math/panel.h"

#include <assert.h>

#include "math/panel_block_avx2.h"
#include "math/quant_x.h"

/*
 * A strip is a block of 32 elements after the other, of n rows:
 *
 *	d [n]		float32
 *	sum [n]		float32: d times that of q
 *	q [8][n][4]	bytes: quads
 */
#define STRIP_BLOCK 40 /* bytes of a row */

static size_t strip_bytes(size_t n)
{
	return (n + PANEL_BLOCK - 1) / PANEL_BLOCK * STRIP_BLOCK;
}

/* Blocks [0, n) of a quant_x into a strip's row. */
static void put_blocks(char *strip, const struct quant_x *x, size_t n,
                       size_t rows)
{
	for (size_t b = 0; b < n; b++, strip += STRIP_BLOCK * rows) {
		float sum = x->d[b] *
		            (float)(x->sum[2 * b] + x->sum[2 * b + 1]);

		memcpy(strip, &x->d[b], 4);
		memcpy(strip + 4 * rows, &sum, 4);
		for (size_t j = 0; j < 8; j++)
			memcpy(strip + (8 + 4 * j) * rows,
			       &x->q[32 * b + 4 * j], 4);
	}
}

static void put_row(char *strip, const float *x, size_t n, size_t rows)
{
	for (size_t k = 0; k < n; k += 256) {
		size_t left = n - k < 256 ? n - k : 256;
		struct quant_x coded;

		quant_x_avx2(&coded, x + k, left);
		put_blocks(strip, &coded,
		           (left + PANEL_BLOCK - 1) / PANEL_BLOCK, rows);
		strip += strip_bytes(256) * rows;
	}
}

static void put_strip(char *strip, const float *x, size_t x_stride, size_t rows,
                      size_t n)
{
	for (size_t r = 0; r < rows; r++)
		put_row(strip + 4 * r, x + r * x_stride, n, rows);
}

/* Sums of pairs of products of a block. */
INLINE void add_pairs(__m256i pair[2][ROWS], int n_rows, const char *record,
                      const char *x)
{
	const char *quads = x + 8 * n_rows;

	UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i w0 = weights_at(record, 2 * j);
		__m256i w1 = weights_at(record, 2 * j + 1);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m256i q = dword_of(quads + 4 * (j * n_rows + r));
			__m256i p0 = _mm256_maddubs_epi16(w0, q);
			__m256i p1 = _mm256_maddubs_epi16(w1, q);

			pair[0][r] = j ? _mm256_add_epi16(pair[0][r], p0) : p0;
			pair[1][r] = j ? _mm256_add_epi16(pair[1][r], p1) : p1;
			KEEP(pair[0][r]);
			KEEP(pair[1][r]);
		}
	}
}

/* What a block adds to the sums of row r. */
INLINE void add_row(struct sums *sums, const __m256i pair[2][ROWS], int n_rows,
                    int r, const __m256 less[2], const char *scales,
                    const char *x)
{
	__m256 d = float_of(x + 4 * r), q_sum = float_of(x + 4 * (n_rows + r));

	UNROLL
	for (int h = 0; h < 2; h++) {
		__m256 sum = _mm256_load_ps(sums->of[r][h]);
		__m256i dot =
			_mm256_madd_epi16(pair[h][r], _mm256_set1_epi16(1));

		sum = _mm256_fnmadd_ps(less[h], q_sum, sum);
		sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot),
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
		less[h] = has_min ? factor_at(scales + PANEL_SCALE, h)
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
		__m256i pair[2][ROWS];
		__m256 less[2];

		fetch(&block->w);
		fetch(&block->x_next);
		IN_MEMORY(&sums);
		add_pairs(pair, n_rows, record, x);
		subtrahends(less, has_min, form->offset, scales);
		UNROLL
		for (int r = 0; r < n_rows; r++)
			add_row(&sums, pair, n_rows, r, less, scales, x);
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

static bool takes(enum dtype dtype)
{
	const struct panel_form *form = panel_form(dtype);

	return form && form->bits <= 4 && form->n_scales == 1;
}

static void multiply_panel(const struct panel_tile *t)
{
	assert(takes(t->dtype));
	walk(t, &panel_coded_avx2,
	     panel_form(t->dtype)->n_mins ? with_min : without_min);
}

const struct panel_kernels panel_coded_avx2 = {
	.takes = takes,
	.strip = ROWS,
	.piece = 1280,
	.group = panel_coded_bytes,
	.x_bytes = strip_bytes,
	.x = put_strip,
	.fill = panel_fill_coded_avx2,
	.multiply = multiply_panel,
};
