/*
 * quantize_legacy.h - Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1 from float32
 *
 * Included as quantize_fit.h is.
 */
#ifndef CONFAB_QUANTIZE_LEGACY_H
#define CONFAB_QUANTIZE_LEGACY_H

#include "math/quantize_fit.h"

/* Scale and base, as f16, and codes of 32 elements of y = scale q + base. */
INLINE void fit_affine_f16(const float *x, const float *w, int hi, int tries,
                           uint16_t *d, uint16_t *m, int8_t *q)
{
	struct affine_fit fit = fit_affine(x, w, QUANT_BLOCK, hi, false, tries);
	float base, wq;
	uint16_t away;

	*d = half_to_f16(fit.scale);
	*m = half_to_f16(fit.base);
	base = half_from_f16(*m);
	if (fit_away(fit.scale, &away) &&
	    affine_error(x, w, QUANT_BLOCK, hi, half_from_f16(away), base,
	                 &wq) < affine_error(x, w, QUANT_BLOCK, hi,
	                                     half_from_f16(*d), base, &wq))
		*d = away;
	affine_codes(x, QUANT_BLOCK, hi, half_from_f16(*d), base, q);
}

/* Scale, as f16, and codes of 32 elements of y = scale q. */
INLINE uint16_t fit_codes(int lo, int hi, const float *x, const float *w,
                          int tries, int8_t *q)
{
	struct levels levels = { lo, hi, false };
	uint16_t d = fit_signed_f16(levels, x, w, QUANT_BLOCK, tries);

	signed_codes(levels, x, QUANT_BLOCK, half_from_f16(d), q);
	return d;
}

/* The low four bits of 32 codes, in halves order. */
static void pack_low(const int8_t *q, int plus, uint8_t *qs)
{
	for (int j = 0; j < 16; j++)
		qs[j] = (uint8_t)(((q[j] + plus) & 15) |
		                  ((q[j + 16] + plus) & 15) << 4);
}

static void pack_fifth(const int8_t *q, int plus, uint8_t *qh)
{
	for (int j = 0; j < 4; j++)
		qh[j] = 0;
	for (int i = 0; i < QUANT_BLOCK; i++)
		qh[i / 8] |= (uint8_t)(((q[i] + plus) >> 4 & 1) << i % 8);
}

static void block_q8_0(const float *x, const float *w, struct quant_q8_0 *y)
{
	y->d = fit_codes(-127, 127, x, w, 8, y->qs);
}

static void block_q4_0(const float *x, const float *w, struct quant_q4_0 *y)
{
	int8_t q[QUANT_BLOCK];

	y->d = fit_codes(-8, 7, x, w, 16, q);
	pack_low(q, 8, y->qs);
}

static void block_q4_1(const float *x, const float *w, struct quant_q4_1 *y)
{
	int8_t q[QUANT_BLOCK];
	uint16_t d, m;

	fit_affine_f16(x, w, 15, 24, &d, &m, q);
	y->d = d;
	y->m = m;
	pack_low(q, 0, y->qs);
}

static void block_q5_0(const float *x, const float *w, struct quant_q5_0 *y)
{
	int8_t q[QUANT_BLOCK];

	y->d = fit_codes(-16, 15, x, w, 16, q);
	pack_low(q, 16, y->qs);
	pack_fifth(q, 16, y->qh);
}

static void block_q5_1(const float *x, const float *w, struct quant_q5_1 *y)
{
	int8_t q[QUANT_BLOCK];
	uint16_t d, m;

	fit_affine_f16(x, w, 31, 24, &d, &m, q);
	y->d = d;
	y->m = m;
	pack_low(q, 0, y->qs);
	pack_fifth(q, 0, y->qh);
}

#endif
