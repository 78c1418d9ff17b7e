/*
 * quantize_fit.h - the best scale for a handful of numbers
 *
 * Given x[0..n) and what an error in each costs, w[i] >= 0, find the scale (and
 * base) for which the sum of w[i] (x[i] - y[i])^2 is least, where y[i] is the
 * nearest value that the format can say.  For a fixed choice of codes that is
 * linear least squares and has a closed form; for a fixed scale the best codes
 * are the nearest ones.  So: try a number of scales around the obvious one, give
 * each its codes and the codes their best scale, keep the best, and alternate
 * from there until nothing changes.  Everything is deterministic.
 *
 * n is 16 or 32 throughout; all x finite.
 *
 * Included by quantize_scalar.c and its vector brothers alone, after they have
 * defined
 *
 *	vec			16 floats
 *	v_load, v_set1, v_add, v_sub, v_mul, v_min, v_max	the obvious
 *	v_step(sum, v, at, step)	sum, where v >= at sum + step
 *	v_sum, v_least, v_greatest	of the 16; see below for the order of a sum
 *	v_codes(q, v)		integers within int8_t, stored as such
 *
 * which do the same arithmetic to the bit: a file that is quantized on one
 * machine is the file of another.  A sum of 16 is that of v[i] + v[i + 8], and
 * these of 4 apart, and then (0 + 2) + (1 + 3).
 */
#ifndef CONFAB_QUANTIZE_FIT_H
#define CONFAB_QUANTIZE_FIT_H

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "math/half.h"
#include "math/quant_blocks.h"
#include "math/unroll.h"

/* Or sums would be rounded otherwise where the CPU can fuse. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define LANES  16
#define ROUNDS 4 /* of alternation; most blocks stop after one or two */

/* To the nearest integer, ties to even, for |v| < 2^22: adding 1.5 * 2^23 pushes
 * the fraction out of a float32. */
INLINE vec v_nearest(vec v)
{
	const vec magic = v_set1(12582912.0f);

	return v_sub(v_add(v, magic), magic);
}

/* 1 / scale, or 0 for a scale that is so small that there is nothing to say. */
INLINE float inverse(float scale)
{
	return fabsf(scale) > 1e-30f ? 1.0f / scale : 0.0f;
}

/*
 * A scale as f16.  Below 2^-14 halves are coarse, and a scale that is rounded
 * down cuts off the largest values: there the other neighbour, away from zero,
 * is worth trying too.  False where there is no such neighbour to try.
 */
static bool fit_away(float scale, uint16_t *f16)
{
	uint16_t near = half_to_f16(scale);

	if (scale == 0 || fabsf(scale) >= 0x1p-14f ||
	    fabsf(half_from_f16(near)) >= fabsf(scale))
		return false;
	*f16 = (uint16_t)(near + 1); /* the next one of the same sign */
	return true;
}

/* ---- y = scale q, q in [lo, hi], lo < 0 < hi ---- */

/*
 * What q may be: integers, or those of quant_iq4_values, of which lo and hi are
 * the ends too.  What a fit looks at are scales at which the extreme value is
 * `reach` plus up to `width`, by the size of the end that it is taken to.
 */
struct levels {
	int lo, hi;
	bool iq4;
};

INLINE vec iq4_nearest(vec v)
{
	vec level = v_set1(quant_iq4_values[0]);

	for (int k = 0; k < 15; k++) {
		float low = quant_iq4_values[k], high = quant_iq4_values[k + 1];

		level = v_step(level, v, v_set1(0.5f * (low + high)),
		               v_set1(high - low));
	}
	return level;
}

/* The nearest of the levels. */
INLINE vec level_of(struct levels levels, vec v)
{
	if (levels.iq4)
		return iq4_nearest(v);
	return v_nearest(v_min(v_max(v, v_set1((float)levels.lo)),
	                       v_set1((float)levels.hi)));
}

/* Sums over the levels that 1 / scale = inv gives: of w q x and of w q q. */
INLINE void signed_sums(struct levels levels, const float *x, const float *w,
                        int n, float inv, float *qx, float *qq)
{
	vec a = v_set1(0), b = v_set1(0), by = v_set1(inv);

	for (int i = 0; i < n; i += LANES) {
		vec v = v_load(x + i);
		vec q = level_of(levels, v_mul(v, by));
		vec wq = v_mul(v_load(w + i), q);

		a = v_add(a, v_mul(wq, v));
		b = v_add(b, v_mul(wq, q));
	}
	*qx = v_sum(a);
	*qq = v_sum(b);
}

/* The best scale for those levels; *gain is what it takes off the error that
 * y = 0 would have. */
INLINE float signed_try(struct levels levels, const float *x, const float *w,
                        int n, float inv, float *gain)
{
	float qx, qq;

	signed_sums(levels, x, w, n, inv, &qx, &qq);
	*gain = qq > 0 ? qx * qx / qq : 0;
	return qq > 0 ? qx / qq : 0;
}

/* The value of largest size, with its sign; of equal sizes the positive. */
INLINE float extreme(const float *x, int n)
{
	vec low = v_load(x), high = low;
	float least, greatest;

	for (int i = LANES; i < n; i += LANES) {
		low = v_min(low, v_load(x + i));
		high = v_max(high, v_load(x + i));
	}
	least = v_least(low);
	greatest = v_greatest(high);
	return greatest >= -least ? greatest : least;
}

/* Where the extreme value is put in turn, at either end of the range: between
 * one code short of it and three quarters of a code past it, or, where levels are
 * not evenly spaced, from four fifths to nine eighths of it. */
INLINE float signed_first(struct levels levels, int t, int tries)
{
	float at = (float)(t / 2) / (float)(tries > 1 ? tries - 1 : 1);
	float end = (float)(t % 2 ? levels.hi : -levels.lo);
	float size =
		levels.iq4 ? end * (0.80f + 0.32f * at) : end - 1 + 1.75f * at;

	return t % 2 ? size : -size;
}

/*
 * The best scale, which may be negative unless lo = -hi; 0 where all x are 0.
 * tries: how many scales of each sign are looked at.
 */
INLINE float fit_signed(struct levels levels, const float *x, const float *w,
                        int n, int tries)
{
	float most = extreme(x, n), best = 0, best_gain = 0, gain, scale;
	bool symmetric = levels.lo == -levels.hi; /* one sign will do */

	if (fabsf(most) < 1e-30f)
		return 0;
	if (symmetric)
		most = fabsf(most);
	for (int t = symmetric; t < 2 * tries + ROUNDS;
	     t += 1 + (symmetric && t + 1 < 2 * tries)) {
		float inv = t < 2 * tries
		                    ? signed_first(levels, t, tries) / most
		                    : inverse(best);

		scale = signed_try(levels, x, w, n, inv, &gain);
		if (gain > best_gain) {
			best_gain = gain;
			best = scale;
		} else if (t >= 2 * tries) {
			break;
		}
	}
	return best;
}

/* The error with the nearest levels. */
INLINE float signed_error(struct levels levels, const float *x, const float *w,
                          int n, float scale)
{
	vec part = v_set1(0), by = v_set1(inverse(scale)), s = v_set1(scale);

	for (int i = 0; i < n; i += LANES) {
		vec v = v_load(x + i);
		vec r = v_sub(v, v_mul(s, level_of(levels, v_mul(v, by))));

		part = v_add(part, v_mul(v_mul(v_load(w + i), r), r));
	}
	return v_sum(part);
}

/* The nearest integers, or the indices of the nearest levels. */
INLINE void signed_codes(struct levels levels, const float *x, int n,
                         float scale, int8_t *q)
{
	vec by = v_set1(inverse(scale));

	for (int i = 0; i < n; i += LANES) {
		vec v = v_mul(v_load(x + i), by), code = v_set1(0);

		if (!levels.iq4) {
			v_codes(q + i, level_of(levels, v));
			continue;
		}
		for (int k = 0; k < 15; k++)
			code = v_step(code, v,
			              v_set1(0.5f * (quant_iq4_values[k] +
			                             quant_iq4_values[k + 1])),
			              v_set1(1));
		v_codes(q + i, code);
	}
}

/* The scale as f16, of a block that has no other. */
INLINE uint16_t fit_signed_f16(struct levels levels, const float *x,
                               const float *w, int n, int tries)
{
	float scale = fit_signed(levels, x, w, n, tries);
	uint16_t d = half_to_f16(scale), away;

	if (fit_away(scale, &away) &&
	    signed_error(levels, x, w, n, half_from_f16(away)) <
	            signed_error(levels, x, w, n, half_from_f16(d)))
		d = away;
	return d;
}

/* ---- y = scale q + base, q in [0, hi], scale >= 0 ---- */

/* Sums over a block that the least squares of scale and base need. */
struct affine_sums {
	float w, x;      /* of w, and of w x */
	float q, qq, qx; /* of w q, w q q, w q x */
};

/* The code of v in base + scale q, as a number. */
INLINE vec affine_code(vec v, vec base, vec inv, vec hi)
{
	v = v_mul(v_sub(v, base), inv);
	return v_nearest(v_min(v_max(v, v_set1(0)), hi));
}

/* All but w and x. */
INLINE void affine_sums(const float *x, const float *w, int n, int hi,
                        float inv, float base, struct affine_sums *s)
{
	vec a = v_set1(0), b = a, c = a;

	for (int i = 0; i < n; i += LANES) {
		vec v = v_load(x + i);
		vec q = affine_code(v, v_set1(base), v_set1(inv),
		                    v_set1((float)hi));
		vec wq = v_mul(v_load(w + i), q);

		a = v_add(a, wq);
		b = v_add(b, v_mul(wq, q));
		c = v_add(c, v_mul(wq, v));
	}
	s->q = v_sum(a);
	s->qq = v_sum(b);
	s->qx = v_sum(c);
}

/* Scale and base for those codes.  False where there is no answer of use: all
 * codes alike, or a scale that is not positive. */
INLINE bool affine_solve(const struct affine_sums *s, bool below_zero,
                         float *scale, float *base)
{
	float det = s->w * s->qq - s->q * s->q;

	if (!(det > 0))
		return false;
	*scale = (s->w * s->qx - s->x * s->q) / det;
	*base = (s->qq * s->x - s->q * s->qx) / det;
	if (below_zero && *base > 0) {
		*base = 0;
		*scale = s->qx / s->qq;
	}
	return *scale > 0;
}

/* The part of the error that depends on the codes: all but the sum of w x x. */
INLINE float affine_gain(const struct affine_sums *s, float scale, float base)
{
	return scale * (2 * s->qx - scale * s->qq - 2 * base * s->q) +
	       base * (2 * s->x - base * s->w);
}

/* What fits a block best, what it takes off the error that y = 0 would have, and
 * the block's sums of w and of w x. */
struct affine_fit {
	float scale, base, gain;
	float w, wx;
};

/* With the codes that 1 / scale = inv and base give; true when that is better
 * than *fit, which is then replaced. */
INLINE bool affine_try(const float *x, const float *w, int n, int hi,
                       bool below_zero, float inv, float base,
                       struct affine_fit *fit)
{
	struct affine_sums sums = { .w = fit->w, .x = fit->wx };
	float s, b, gain;

	affine_sums(x, w, n, hi, inv, base, &sums);
	if (!affine_solve(&sums, below_zero, &s, &b))
		return false;
	gain = affine_gain(&sums, s, b);
	if (!(gain > fit->gain))
		return false;
	fit->gain = gain;
	fit->scale = s;
	fit->base = b;
	return true;
}

/* With `below_zero`, base must not be positive.  tries: how many scales are
 * looked at. */
INLINE struct affine_fit fit_affine(const float *x, const float *w, int n,
                                    int hi, bool below_zero, int tries)
{
	vec least = v_load(x), greatest = least, a = v_set1(0), b = a;
	struct affine_fit fit = { 0 };
	float low, range;

	for (int i = 0; i < n; i += LANES) {
		least = v_min(least, v_load(x + i));
		greatest = v_max(greatest, v_load(x + i));
		a = v_add(a, v_load(w + i));
		b = v_add(b, v_mul(v_load(w + i), v_load(x + i)));
	}
	fit.w = v_sum(a);
	fit.wx = v_sum(b);
	low = v_least(least) + 0.0f; /* never -0: sets differ there */
	if (below_zero && low > 0)
		low = 0;
	fit.base = low;
	fit.gain = low * (2 * fit.wx - low * fit.w);
	range = v_greatest(greatest) - low;
	if (!(range > 1e-30f) || !(fit.w > 0))
		return fit;
	fit.scale = range / (float)hi;
	fit.gain = -INFINITY;
	for (int t = 0; t < tries + ROUNDS; t++) {
		/* The range is taken as up to one code wider or narrower. */
		float at = (float)t / (float)(tries > 1 ? tries - 1 : 1);
		float inv = ((float)hi - 0.9f + 2.0f * at) / range;
		bool search = t < tries;

		if (!affine_try(x, w, n, hi, below_zero,
		                search ? inv : inverse(fit.scale),
		                search ? low : fit.base, &fit) &&
		    !search)
			break;
	}
	return fit;
}

/* The error with the nearest codes; *wq: the sum of w q over these. */
INLINE float affine_error(const float *x, const float *w, int n, int hi,
                          float scale, float base, float *wq)
{
	vec part = v_set1(0), codes = part, s = v_set1(scale);
	vec inv = v_set1(inverse(scale)), b = v_set1(base);

	for (int i = 0; i < n; i += LANES) {
		vec v = v_load(x + i), cost = v_load(w + i);
		vec q = affine_code(v, b, inv, v_set1((float)hi));
		vec r = v_sub(v_sub(v, b), v_mul(s, q));

		part = v_add(part, v_mul(v_mul(cost, r), r));
		codes = v_add(codes, v_mul(cost, q));
	}
	*wq = v_sum(codes);
	return v_sum(part);
}

INLINE void affine_codes(const float *x, int n, int hi, float scale, float base,
                         int8_t *q)
{
	vec inv = v_set1(inverse(scale)), b = v_set1(base);

	for (int i = 0; i < n; i += LANES)
		v_codes(q + i,
		        affine_code(v_load(x + i), b, inv, v_set1((float)hi)));
}

#endif
