#include "math/quantize_iq.h"

#include "math/half.h"
#include "math/quant_blocks.h"
#include "math/quantize_fit.h"
#include "math/quantize_super.h"

static const struct quantize_signed iq4_xs = { 32, 0, 0, -32, 31, 1, 6 };

/* 32 codes in halves order. */
static void pack(const int8_t *q, uint8_t *qs)
{
	for (int j = 0; j < 16; j++)
		qs[j] = (uint8_t)(q[j] | q[j + 16] << 4);
}

static uint16_t fit_scale(const float *x, const float *w)
{
	float scale = quantize_fit_iq4(x, w, QUANT_BLOCK, 6);
	uint16_t d = half_to_f16(scale), away;

	if (quantize_fit_away(scale, &away) &&
	    quantize_fit_iq4_error(x, w, QUANT_BLOCK, half_from_f16(away)) <
	            quantize_fit_iq4_error(x, w, QUANT_BLOCK, half_from_f16(d)))
		d = away;
	return d;
}

void quantize_iq_iq4_nl(const float *x, const float *w, void *dst, int64_t n)
{
	struct quant_iq4_nl *y = dst;
	int8_t q[QUANT_BLOCK];

	for (; n > 0;
	     n -= QUANT_BLOCK, x += QUANT_BLOCK, w += QUANT_BLOCK, y++) {
		y->d = fit_scale(x, w);
		quantize_fit_iq4_codes(x, QUANT_BLOCK, half_from_f16(y->d), q);
		pack(q, y->qs);
	}
}

void quantize_iq_iq4_xs(const float *x, const float *w, void *dst, int64_t n)
{
	struct quant_iq4_xs *y = dst;

	for (; n > 0;
	     n -= QUANT_SUPER, x += QUANT_SUPER, w += QUANT_SUPER, y++) {
		int8_t sc[8], q[QUANT_SUPER];
		uint16_t d;

		quantize_super_signed(&iq4_xs, x, w, &d, sc, q);
		y->d = d;
		y->scales_h = 0;
		for (int b = 0; b < 4; b++)
			y->scales_l[b] = 0;
		for (int b = 0; b < 8; b++) {
			int stored = sc[b] + 32;

			y->scales_l[b / 2] |=
				(uint8_t)((stored & 15) << 4 * (b % 2));
			y->scales_h |= (uint16_t)(stored >> 4 << 2 * b);
			pack(q + 32 * b, y->qs + 16 * b);
		}
	}
}
