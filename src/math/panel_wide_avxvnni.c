/* vpdpwssd multiplies 16-bit integers, adds two products and the sum: what takes
 * two instructions without it. */
#include "math/panel.h"

#include "math/panel_block_avx2.h"

INLINE void add_products(__m256i *s0, __m256i *s1, __m256i w0, __m256i w1,
                         __m256i q)
{
	*s0 = _mm256_dpwssd_avx_epi32(*s0, w0, q);
	*s1 = _mm256_dpwssd_avx_epi32(*s1, w1, q);
}

#include "math/panel_wide_avx2.h"

/* All that is not for panel_coded_avxvnni.c, but for float32. */
static bool takes(enum dtype dtype)
{
	return dtype != DTYPE_F32 && !panel_coded_avxvnni.takes(dtype);
}

static void multiply_panel(const struct panel_tile *t)
{
	walk(t, &panel_wide_avxvnni, any);
}

const struct panel_kernels panel_wide_avxvnni = {
	.takes = takes,
	.float_rows = 20,
	.strip = ROWS,
	.piece = 2560,
	.group = panel_wide_bytes,
	.x_bytes = panel_wide_x_bytes,
	.x = panel_wide_x_avx2,
	.fill = panel_fill_wide_avx2,
	.multiply = multiply_panel,
};
