/*
 * quantize_super.h - the scales of a super-block of 256
 *
 * The sub-blocks' scales are themselves small integers times a scale d of the
 * whole, so the best scale of a sub-block alone (quantize_fit.h) is not to be
 * had exactly.  What is sought is the d (and dmin) and the integers that leave
 * the least error together: for each of several d near the one at which the
 * largest scale is the largest integer, every sub-block picks the integer that
 * suits it best, its codes chosen anew; the winning d then gets its least-squares
 * value for the codes that came out, as long as that helps.
 */
#ifndef CONFAB_QUANTIZE_SUPER_H
#define CONFAB_QUANTIZE_SUPER_H

#include <stdint.h>

/* y = d sc(b) v, v from a set of levels. */
struct quantize_signed {
	int n;            /* elements of a sub-block: 16 or 32 */
	int lo, hi;       /* codes, or 0, 0: the levels of quant_iq4_values */
	int sc_lo, sc_hi; /* sc */
	int tries_d;      /* values of d that are looked at, of each sign */
	int tries;        /* scales that are looked at for a sub-block alone */
};

/* x, w: [256].  sc: [256 / n], within [sc_lo, sc_hi]; q: [256], codes within
 * [lo, hi] (or [0, 15]).  *d is an f16. */
void quantize_super_signed(const struct quantize_signed *format, const float *x,
                           const float *w, uint16_t *d, int8_t *sc, int8_t *q);

/* y = d sc(b) q - dmin mn(b), q in [0, hi], sc and mn in [0, sc_hi]. */
struct quantize_affine {
	int n;
	int hi;
	int sc_hi;
	int tries_d;
	int tries;
};

void quantize_super_affine(const struct quantize_affine *format, const float *x,
                           const float *w, uint16_t *d, uint16_t *dmin,
                           int8_t *sc, int8_t *mn, int8_t *q);

#endif
