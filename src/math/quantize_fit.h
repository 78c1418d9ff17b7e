/*
 * quantize_fit.h - the best scale for a handful of numbers
 *
 * Given x[0..n) and what an error in each costs, w[i] >= 0, find the scale (and
 * minimum) for which the sum of w[i] (x[i] - y[i])^2 is least, where y[i] is the
 * nearest value that the format can say.  For a fixed choice of codes that is
 * linear least squares and has a closed form; for a fixed scale the best codes
 * are the nearest ones.  So: try a number of scales around the obvious one, give
 * each its codes and the codes their best scale, keep the best, and alternate
 * from there until nothing changes.  Everything is deterministic.
 *
 * n is 16 or 32 throughout; all x finite.
 */
#ifndef CONFAB_QUANTIZE_FIT_H
#define CONFAB_QUANTIZE_FIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * y = scale q, q in [lo, hi], lo < 0 < hi.  Returns the best scale, which may be
 * negative unless lo = -hi; 0 where all x are 0.  tries: how many scales of each
 * sign are looked at.
 */
float quantize_fit_signed(const float *x, const float *w, int n, int lo, int hi,
                          int tries);

/* The error of y = scale q with the nearest codes, and those codes. */
float quantize_fit_signed_error(const float *x, const float *w, int n, int lo,
                                int hi, float scale);
void quantize_fit_signed_codes(const float *x, int n, int lo, int hi,
                               float scale, int8_t *q);

/*
 * y = scale q + base, q in [0, hi], scale >= 0.  With `below_zero`, base must
 * not be positive.  tries: how many scales are looked at.
 */
void quantize_fit_affine(const float *x, const float *w, int n, int hi,
                         bool below_zero, int tries, float *scale, float *base);
float quantize_fit_affine_error(const float *x, const float *w, int n, int hi,
                                float scale, float base);
/* The sum of w q over those codes. */
float quantize_fit_affine_weight(const float *x, const float *w, int n, int hi,
                                 float scale, float base);
void quantize_fit_affine_codes(const float *x, int n, int hi, float scale,
                               float base, int8_t *q);

/* y = scale quant_iq4_values[q], as above. */
float quantize_fit_iq4(const float *x, const float *w, int n, int tries);
float quantize_fit_iq4_error(const float *x, const float *w, int n,
                             float scale);
void quantize_fit_iq4_codes(const float *x, int n, float scale, int8_t *q);

/*
 * A scale as f16.  Below 2^-14 halves are coarse, and a scale that is rounded
 * down cuts off the largest values: there the other neighbour, away from zero,
 * is worth trying too.  False where there is no such neighbour to try.
 */
bool quantize_fit_away(float scale, uint16_t *f16);

#endif
