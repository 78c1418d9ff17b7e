/*
 * quantize_iq.h - IQ4_NL and IQ4_XS from float32
 *
 * Included as quantize_fit.h is.
 */
#ifndef CONFAB_QUANTIZE_IQ_H
#define CONFAB_QUANTIZE_IQ_H

#include "math/quantize_super.h"

static const struct levels iq4 = { -127, 113, true };
static const struct super_signed iq4_xs = { 32, { -127, 113, true }, -32, 31, 1,
	                                    6 };

/* 32 codes in halves order. */
static void pack_iq4(const int8_t *q, uint8_t *qs)
{
	for (int j = 0; j < 16; j++)
		qs[j] = (uint8_t)(q[j] | q[j + 16] << 4);
}

static void block_iq4_nl(const float *x, const float *w, struct quant_iq4_nl *y)
{
	int8_t q[QUANT_BLOCK];

	y->d = fit_signed_f16(iq4, x, w, QUANT_BLOCK, 6);
	signed_codes(iq4, x, QUANT_BLOCK, half_from_f16(y->d), q);
	pack_iq4(q, y->qs);
}

static void block_iq4_xs(const float *x, const float *w, struct quant_iq4_xs *y)
{
	int8_t sc[8], q[QUANT_SUPER];

	y->d = super_signed(iq4_xs, x, w, sc, q);
	y->scales_h = 0;
	for (int b = 0; b < 4; b++)
		y->scales_l[b] = 0;
	for (int b = 0; b < 8; b++) {
		int stored = sc[b] + 32;

		y->scales_l[b / 2] |= (uint8_t)((stored & 15) << 4 * (b % 2));
		y->scales_h |= (uint16_t)(stored >> 4 << 2 * b);
		pack_iq4(q + 32 * b, y->qs + 16 * b);
	}
}

#endif
