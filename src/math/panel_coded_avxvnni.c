/* vpdpbusd multiplies 4 unsigned codes by 4 signed activations in each of 8 lanes,
 * of any number of bits.  What has scales for 16 elements would have their sums
 * scaled twice as often; it is faster in panel_wide_avxvnni.c. */
#include "math/panel.h"

#include "math/panel_block_avx2.h"
#include "math/tile.h"

INLINE void block_dots(__m256i dot[2][ROWS], int n_rows, const char *record,
                       const char *quads)
{
	UNROLL
	for (int r = 0; r < n_rows; r++)
		dot[0][r] = dot[1][r] = _mm256_setzero_si256();
	UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i w0 = weights_at(record, 2 * j);
		__m256i w1 = weights_at(record, 2 * j + 1);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m256i q = dword_of(quads + 4 * (j * n_rows + r));

			dot[0][r] = _mm256_dpbusd_avx_epi32(dot[0][r], w0, q);
			dot[1][r] = _mm256_dpbusd_avx_epi32(dot[1][r], w1, q);
		}
	}
}

#include "math/panel_coded_avx2.h"

static bool takes(enum dtype dtype)
{
	const struct panel_form *form = panel_form(dtype);

	return form && form->n_scales == 1;
}

/* Sapphire Rapids: six rows of q4_k, q4_0 and q8_0 gain up to 1.25 times by their tiles
 * where rows are long, and lose 0.1 where they are short; eight lose 0.15 to 0.3. */
static size_t from_rows(enum dtype dtype)
{
	return tile_is_for_few(dtype) ? 7 : 5;
}

PANEL_CODED_KERNELS(panel_coded_avxvnni)
