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

/* Sapphire Rapids: six rows of q6_k gain 1.5 times by their tile, ten 1.2, twelve
 * nothing.  Floats as on a Zen 3. */
static size_t from_rows(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_BF16_X16:
		return 6;
	case DTYPE_BF16:
	case DTYPE_Q6_K:
	case DTYPE_Q6_K_X16:
		return 12;
	default:
		return panel_has_form(dtype) ? 8 : 20;
	}
}

PANEL_WIDE_KERNELS(panel_wide_avxvnni, panel_coded_avxvnni)
