/* vdpbf16ps multiplies bf16, adds two products and the sum: twice the products of a
 * float32 multiply-add, where the processor has it so (kernels.c).  It takes denormals
 * as zero. */
#include "math/panel.h"

#include "math/linear.h"

/* Two sums a cycle that wait five or six for the last one: 12 would not do (Zen 5: 16
 * take 0.9 times the time). */
#define ROWS 8
#include "math/panel_block_avx512.h"
#include "math/transpose_avx2.h"

static size_t x_bytes(size_t n)
{
	return (n + PANEL_BLOCK - 1) / PANEL_BLOCK * PANEL_BLOCK * 2;
}

/* PANEL_BLOCK elements of a row, of which n are there. */
INLINE __m512i narrowed(const float *x, size_t n)
{
	__mmask32 there = n < PANEL_BLOCK ? (1u << n) - 1 : 0xffffffff;
	__m512 low = _mm512_maskz_loadu_ps((__mmask16)there, x);
	__m512 high = _mm512_maskz_loadu_ps((__mmask16)(there >> 16), x + 16);

	return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* The same of so many rows, as pairs: [PANEL_BLOCK / 2][rows]. */
INLINE void put_pairs(char *to, const float *x, size_t x_stride, size_t rows,
                      size_t n)
{
	const __mmask8 there = (__mmask8)((1u << rows) - 1);
	__m256i in[2][ROWS], out[ROWS];

	UNROLL
	for (size_t r = 0; r < ROWS; r++) {
		__m512i v = r < rows ? narrowed(x + r * x_stride, n)
		                     : _mm512_setzero_si512();

		in[0][r] = _mm512_castsi512_si256(v);
		in[1][r] = _mm512_extracti64x4_epi64(v, 1);
	}
	UNROLL
	for (size_t h = 0; h < 2; h++) {
		transpose8(in[h], out);
		UNROLL
		for (size_t p = 0; p < 8; p++)
			_mm256_mask_storeu_epi32(to + 4 * rows * (8 * h + p),
			                         there, out[p]);
	}
}

static void put_strip(char *strip, const float *x, size_t x_stride, size_t rows,
                      size_t n)
{
	for (size_t i = 0; i < n; i += PANEL_BLOCK)
		put_pairs(strip + 2 * i * rows, x + i, x_stride, rows, n - i);
}

INLINE void add_block(__m512 sum[GROUPS][ROWS], int n_groups, int n_rows,
                      const char *const *record, const char *x)
{
	UNROLL
	for (int p = 0; p < PANEL_BLOCK / 2; p++) {
		__m512bh w[GROUPS];

		UNROLL
		for (int g = 0; g < n_groups; g++)
			w[g] = (__m512bh)_mm512_load_si512(record[g] + 64 * p);
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m512bh q = (__m512bh)_mm512_set1_ps(
				*(const float *)(x + 4 * (p * n_rows + r)));

			UNROLL
			for (int g = 0; g < n_groups; g++)
				sum[g][r] =
					_mm512_dpbf16_ps(sum[g][r], w[g], q);
		}
	}
}

INLINE void multiply(int n_groups, int n_rows, struct block *block)
{
	const char *record[GROUPS] = { block->group[0], block->group[1] };
	const char *x = block->x;
	__m512 sum[GROUPS][ROWS];

	clear(sum, n_groups, n_rows);
	for (size_t i = 0; i < block->n_blocks; i++) {
		fetch(&block->w);
		fetch(&block->x_next);
		add_block(sum, n_groups, n_rows, record, x);
		UNROLL
		for (int g = 0; g < n_groups; g++)
			record[g] += PANEL_NARROW;
		x += x_bytes(PANEL_BLOCK) * (size_t)n_rows;
	}
	store_block(sum, n_groups, n_rows, block);
}

SIZES(any, multiply)

static void multiply_panel(const struct panel_tile *t)
{
	walk(t, &panel_narrow_avx512, any);
}

static bool takes(enum dtype dtype)
{
	return dtype == DTYPE_BF16 || dtype == DTYPE_BF16_X16;
}

/* Plain rows have a tile, too (tile_bf16_avx512.c), which loses to its sums across
 * lanes and to lines that it reads by halves: with 512 rows 90 to 94% of what the
 * instruction gives on a Sapphire Rapids, where that is half of float32's rate, and a
 * panel 96 to 100%; with 64 rows 87 to 91% and 86 to 97%; with 16 79 to 88% and 73
 * to 84%. */
static size_t from_rows(enum dtype dtype)
{
	return dtype == DTYPE_BF16 ? 64 : LINEAR_NARROW_ROWS;
}

const struct panel_kernels panel_narrow_avx512 = {
	.takes = takes,
	.from_rows = from_rows,
	.strip = ROWS,
	.piece = 1280,
	.group = panel_narrow_bytes,
	.x_bytes = x_bytes,
	.x = put_strip,
	.fill = panel_fill_narrow_avx512,
	.multiply = multiply_panel,
};
