/* bf16 weights by bf16 activations: two products a lane in one instruction,
 * twice the rate of float32.  vdpbf16ps takes denormal inputs and results as
 * zero, which is below what bf16 activations resolve anyway. */
#include "math/tile.h"

#include "math/tile_avx512.h"

INLINE void step(__m512 sum[TILE_W][TILE_X], int n_w, int n_x,
                 const struct tile_rows *rows, size_t k, __mmask32 mask)
{
	__m512bh x[TILE_X];

	UNROLL
	for (int j = 0; j < n_x; j++) {
		const char *at = rows->x + (size_t)j * rows->x_stride;

		x[j] = (__m512bh)_mm512_maskz_loadu_epi16(mask, at + 2 * k);
	}
	UNROLL
	for (int i = 0; i < n_w; i++) {
		__m512bh w =
			(__m512bh)_mm512_maskz_loadu_epi16(mask,
		                                           rows->w[i] + 2 * k);

		UNROLL
		for (int j = 0; j < n_x; j++)
			sum[i][j] = _mm512_dpbf16_ps(sum[i][j], w, x[j]);
	}
}

INLINE void block(int n_w, int n_x, int unused, const struct tile *t,
                  const struct tile_rows *rows)
{
	__m512 sum[TILE_W][TILE_X];
	size_t k = 0;

	(void)unused;
	tile_clear(sum, n_w, n_x);
	for (; k + 32 <= t->n; k += 32) {
		tile_prefetch(rows, 2 * k);
		step(sum, n_w, n_x, rows, k, 0xffffffff);
	}
	if (k < t->n)
		step(sum, n_w, n_x, rows, k, tile_lanes(t->n - k));
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL(tile_bf16_narrow_avx512, block, 0)
