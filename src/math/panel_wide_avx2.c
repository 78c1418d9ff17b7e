/* vpmaddwd multiplies 16-bit integers and adds two products in 32 bits: no more
 * instructions than AVX2 needs for 8-bit ones, whose sums it must keep apart. */
#include "math/panel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/panel_block_avx2.h"
#include "math/wide_avx2.h"

/* The same of any n, as panel_wide_length() of it: what is missing is 0. */
static float integers_padded(int16_t *q, const float *x, size_t n, float most)
{
	float padded[PANEL_WIDE] = { 0 };

	if (n == panel_wide_length(n))
		return wide_integers(q, x, n, most);
	memcpy(padded, x, n * sizeof *x);
	return wide_integers(q, padded, panel_wide_length(n), most);
}

static void put_row(char *strip, const float *x, size_t n, size_t rows)
{
	for (size_t k = 0; k < n; k += PANEL_WIDE) {
		size_t left = n - k < PANEL_WIDE ? n - k : PANEL_WIDE;
		int16_t q[PANEL_WIDE];
		float d = integers_padded(q, x + k, left, PANEL_WIDE_X);

		memcpy(strip, &d, sizeof d);
		strip += sizeof d * rows;
		for (size_t i = 0; i < panel_wide_length(left); i += 2) {
			memcpy(strip, q + i, 4);
			strip += 4 * rows;
		}
	}
}

void panel_wide_x_avx2(char *strip, const float *x, size_t x_stride,
                       size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++)
		put_row(strip + 4 * r, x + r * x_stride, n, rows);
}

INLINE void add_products(__m256i *s0, __m256i *s1, __m256i w0, __m256i w1,
                         __m256i q)
{
	wide_add_products(s0, s1, w0, w1, q);
}

#include "math/panel_wide_avx2.h"

/* Zen 3.  To fill a panel takes as long as to multiply five rows of q8_0, and seven
 * of q5_k, which is the faster by its tile.  bf16 repays it from 12 rows on, f16 from
 * 24, packed bf16 from 6. */
static size_t from_rows(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_Q6_K:
	case DTYPE_Q6_K_X16:
		return 9;
	case DTYPE_BF16_X16:
		return 6;
	case DTYPE_BF16:
		return 12;
	case DTYPE_Q5_K:
		return 13;
	default:
		return panel_has_form(dtype) ? 8 : 20;
	}
}

PANEL_WIDE_KERNELS(panel_wide_avx2, panel_coded_avx2)
