#include "math/quant_iq.h"

#include "math/half.h"
#include "math/quant_blocks.h"

const int8_t quant_iq4_values[16] = {
	-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
};

/* 32 elements in halves order. */
static void levels(const uint8_t *qs, float scale, float *dst)
{
	for (int j = 0; j < 16; j++) {
		dst[j] = scale * (float)quant_iq4_values[qs[j] & 15];
		dst[j + 16] = scale * (float)quant_iq4_values[qs[j] >> 4];
	}
}

void quant_iq_iq4_nl(const void *src, float *dst, int64_t n)
{
	const struct quant_iq4_nl *x = src;

	for (; n > 0; n -= QUANT_BLOCK, dst += QUANT_BLOCK, x++)
		levels(x->qs, half_from_f16(x->d), dst);
}

void quant_iq_iq4_xs(const void *src, float *dst, int64_t n)
{
	const struct quant_iq4_xs *x = src;

	for (; n > 0; n -= QUANT_SUPER, dst += QUANT_SUPER, x++) {
		float d = half_from_f16(x->d);

		for (int b = 0; b < 8; b++) {
			int scale = quant_iq4_xs_scale(x, b) - 32;

			levels(x->qs + 16 * b, d * (float)scale, dst + 32 * b);
		}
	}
}
