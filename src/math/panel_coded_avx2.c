/*
 * vpmaddubsw adds two products of an unsigned and a signed byte in 16 bits, where
 * codes of four bits leave room for all eight quads of a block: only then vpmaddwd
 * brings their sums to 32 bits.  Codes of more bits, and scales for 16 elements,
 * would have that done more often; they are faster in panel_wide_avx2.c.
 */
#include "math/panel.h"

#include "math/panel_block_avx2.h"
#include "math/quant_x.h"
#include "math/tile.h"

/* Sums of pairs of products, of all quads of a block, become those of quads. */
INLINE void block_dots(__m256i dot[2][ROWS], int n_rows, const char *record,
                       const char *quads)
{
	__m256i pair[2][ROWS];

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
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		UNROLL
		for (int h = 0; h < 2; h++)
			dot[h][r] = _mm256_madd_epi16(pair[h][r],
			                              _mm256_set1_epi16(1));
	}
}

#include "math/panel_coded_avx2.h"

/* Blocks [0, n) of a quant_x into a strip's row. */
static void put_blocks(char *strip, const struct quant_x *x, size_t n,
                       size_t rows)
{
	for (size_t b = 0; b < n; b++, strip += STRIP_BLOCK * rows) {
		float sum =
			x->d[b] * (float)(x->sum[2 * b] + x->sum[2 * b + 1]);

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

void panel_coded_x_avx2(char *strip, const float *x, size_t x_stride,
                        size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++)
		put_row(strip + 4 * r, x + r * x_stride, n, rows);
}

static bool takes(enum dtype dtype)
{
	const struct panel_form *form = panel_form(dtype);

	return form && form->bits <= 4 && form->n_scales == 1;
}

/* Zen 3: seven rows of q4_k gain nothing to 1.2 times, six lose 0.1; seven of q4_0
 * gain up to 1.16 times. */
static size_t from_rows(enum dtype dtype)
{
	return tile_is_for_few(dtype) ? 7 : 5;
}

PANEL_CODED_KERNELS(panel_coded_avx2)
