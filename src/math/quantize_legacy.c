#include "math/quantize_legacy.h"

#include "math/half.h"
#include "math/quant_blocks.h"
#include "math/quantize_fit.h"

/* Scale (as f16) and codes of 32 elements of y = scale q. */
static uint16_t fit_signed(const float *x, const float *w, int lo, int hi,
                           int tries, int8_t *q)
{
	float scale = quantize_fit_signed(x, w, QUANT_BLOCK, lo, hi, tries);
	uint16_t d = half_to_f16(scale), away;

	if (quantize_fit_away(scale, &away) &&
	    quantize_fit_signed_error(x, w, QUANT_BLOCK, lo, hi,
	                              half_from_f16(away)) <
	            quantize_fit_signed_error(x, w, QUANT_BLOCK, lo, hi,
	                                      half_from_f16(d)))
		d = away;
	quantize_fit_signed_codes(x, QUANT_BLOCK, lo, hi, half_from_f16(d), q);
	return d;
}

/* Likewise for y = scale q + base. */
static void fit_affine(const float *x, const float *w, int hi, int tries,
                       uint16_t *d, uint16_t *m, int8_t *q)
{
	float scale, base;
	uint16_t away;

	quantize_fit_affine(x, w, QUANT_BLOCK, hi, false, tries, &scale, &base);
	*d = half_to_f16(scale);
	*m = half_to_f16(base);
	base = half_from_f16(*m);
	if (quantize_fit_away(scale, &away) &&
	    quantize_fit_affine_error(x, w, QUANT_BLOCK, hi,
	                              half_from_f16(away), base) <
	            quantize_fit_affine_error(x, w, QUANT_BLOCK, hi,
	                                      half_from_f16(*d), base))
		*d = away;
	quantize_fit_affine_codes(x, QUANT_BLOCK, hi, half_from_f16(*d), base,
	                          q);
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

void quantize_legacy_q8_0(const float *x, const float *w, void *dst, int64_t n)
{
	struct quant_q8_0 *y = dst;

	for (; n > 0; n -= QUANT_BLOCK, x += QUANT_BLOCK, w += QUANT_BLOCK, y++)
		y->d = fit_signed(x, w, -127, 127, 8, y->qs);
}

void quantize_legacy_q4_0(const float *x, const float *w, void *dst, int64_t n)
{
	struct quant_q4_0 *y = dst;
	int8_t q[QUANT_BLOCK];

	for (; n > 0;
	     n -= QUANT_BLOCK, x += QUANT_BLOCK, w += QUANT_BLOCK, y++) {
		y->d = fit_signed(x, w, -8, 7, 16, q);
		pack_low(q, 8, y->qs);
	}
}

void quantize_legacy_q4_1(const float *x, const float *w, void *dst, int64_t n)
{
	struct quant_q4_1 *y = dst;
	int8_t q[QUANT_BLOCK];

	for (; n > 0;
	     n -= QUANT_BLOCK, x += QUANT_BLOCK, w += QUANT_BLOCK, y++) {
		uint16_t d, m;

		fit_affine(x, w, 15, 24, &d, &m, q);
		y->d = d;
		y->m = m;
		pack_low(q, 0, y->qs);
	}
}

void quantize_legacy_q5_0(const float *x, const float *w, void *dst, int64_t n)
{
	struct quant_q5_0 *y = dst;
	int8_t q[QUANT_BLOCK];

	for (; n > 0;
	     n -= QUANT_BLOCK, x += QUANT_BLOCK, w += QUANT_BLOCK, y++) {
		y->d = fit_signed(x, w, -16, 15, 16, q);
		pack_low(q, 16, y->qs);
		pack_fifth(q, 16, y->qh);
	}
}

void quantize_legacy_q5_1(const float *x, const float *w, void *dst, int64_t n)
{
	struct quant_q5_1 *y = dst;
	int8_t q[QUANT_BLOCK];

	for (; n > 0;
	     n -= QUANT_BLOCK, x += QUANT_BLOCK, w += QUANT_BLOCK, y++) {
		uint16_t d, m;

		fit_affine(x, w, 31, 24, &d, &m, q);
		y->d = d;
		y->m = m;
		pack_low(q, 0, y->qs);
		pack_fifth(q, 0, y->qh);
	}
}
