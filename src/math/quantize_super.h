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
 *
 * Included as quantize_fit.h is.
 */
#ifndef CONFAB_QUANTIZE_SUPER_H
#define CONFAB_QUANTIZE_SUPER_H

#include <string.h>

#include "math/quantize_fit.h"

#define MAX_SUBS     16
#define SUPER_ROUNDS 3 /* of least squares for d after the search */

INLINE float as_f16(float v)
{
	return half_from_f16(half_to_f16(v));
}

INLINE int clamp_int(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* ---- y = d sc(b) v, v from a set of levels ---- */

struct super_signed {
	int n; /* elements of a sub-block: 16 or 32 */
	struct levels levels;
	int sc_lo, sc_hi; /* sc */
	int tries_d;      /* values of d that are looked at, of each sign */
	int tries;        /* scales that are looked at for a sub-block alone */
};

/* What a search for d has found so far. */
struct signed_best {
	float d, error;
	int8_t sc[MAX_SUBS];
};

/* For a given d the best integer of each sub-block, whose best real scale is
 * scale[b].  *best is replaced when that is better. */
INLINE void signed_consider_f16(struct super_signed f, const float *x,
                                const float *w, const float *scale, float d,
                                struct signed_best *best)
{
	struct signed_best now = { .d = d };

	for (int b = 0; b < QUANT_SUPER / f.n; b++) {
		float at = d != 0 ? scale[b] / d : 0, least = INFINITY;
		int near = clamp_int((int)lrintf(at), f.sc_lo, f.sc_hi);

		for (int c = near - 1; c <= near + 1; c++) {
			float error;

			if (c < f.sc_lo || c > f.sc_hi)
				continue;
			error = signed_error(f.levels, x + b * f.n, w + b * f.n,
			                     f.n, d * (float)c);
			if (error < least) {
				least = error;
				now.sc[b] = (int8_t)c;
			}
		}
		now.error += least;
		if (now.error >= best->error)
			return;
	}
	*best = now;
}

/* With d as f16, and the next one where that may be better. */
INLINE void signed_consider(struct super_signed f, const float *x,
                            const float *w, const float *scale, float d,
                            struct signed_best *best)
{
	uint16_t at = half_to_f16(d);

	for (int away = 0; away < 2; away++) {
		signed_consider_f16(f, x, w, scale, half_from_f16(at), best);
		if (!fit_away(d, &at))
			break;
	}
}

/* The least-squares d for the integers of `best` and the codes they give. */
INLINE float signed_solve(struct super_signed f, const float *x, const float *w,
                          const struct signed_best *best)
{
	double yx = 0, yy = 0;

	for (int b = 0; b < QUANT_SUPER / f.n; b++) {
		float sc = best->sc[b], qx, qq;

		signed_sums(f.levels, x + b * f.n, w + b * f.n, f.n,
		            inverse(best->d * sc), &qx, &qq);
		yx += (double)(sc * qx);
		yy += (double)(sc * sc * qq);
	}
	return yy > 0 ? (float)(yx / yy) : 0;
}

/* x, w: [256].  sc: [256 / n], within [sc_lo, sc_hi]; q: [256], codes within
 * [lo, hi] (or [0, 15]).  Returns d, an f16. */
INLINE uint16_t super_signed(struct super_signed f, const float *x,
                             const float *w, int8_t *sc, int8_t *q)
{
	int n_subs = QUANT_SUPER / f.n;
	struct signed_best best = { .error = INFINITY };
	float scale[MAX_SUBS], most = 0;

	for (int b = 0; b < n_subs; b++) {
		scale[b] = fit_signed(f.levels, x + b * f.n, w + b * f.n, f.n,
		                      f.tries);
		if (fabsf(scale[b]) > fabsf(most))
			most = scale[b];
	}
	for (int t = 0; t < 2 * f.tries_d + SUPER_ROUNDS; t++) {
		bool search = t < 2 * f.tries_d;
		float before = best.error, d;

		if (search) {
			float side = (float)(t % 2 ? f.sc_hi : f.sc_lo);
			float back = (float)(t / 2) / (float)f.tries_d;

			/* The largest scale is at most an eighth below. */
			d = most / (side * (1 - 0.125f * back));
		} else {
			d = signed_solve(f, x, w, &best);
		}
		signed_consider(f, x, w, scale, d, &best);
		if (!search && !(best.error < before))
			break;
	}
	for (int b = 0; b < n_subs; b++) {
		sc[b] = best.sc[b];
		signed_codes(f.levels, x + b * f.n, f.n, best.d * (float)sc[b],
		             q + b * f.n);
	}
	return half_to_f16(best.d);
}

/*
 * ---- y = d sc(b) q - dmin mn(b), q in [0, hi], sc and mn in [0, sc_hi] ----
 *
 * With d and dmin below zero that says -x as well as it says x with both above.
 * The codes reach from a minimum upwards, so the two are different roundings, and
 * blocks that are all positive are far better said from their greatest value down.
 */

struct super_affine {
	int n;
	int hi;
	int sc_hi;
	int tries_d;
	int tries;
};

/* What a search for d and dmin has found so far. */
struct affine_best {
	float d, dmin, error;
	int8_t sc[MAX_SUBS], mn[MAX_SUBS];
};

INLINE int to_steps(float v, float step, int most)
{
	return step > 0 ? clamp_int((int)lrintf(v / step), 0, most) : 0;
}

/*
 * The best integers of one sub-block for given d and dmin: for each scale near
 * the best real one, the minimum that suits the real one, and the minimum that
 * suits the codes which come of that.  Returns their error.
 */
INLINE float affine_pick(struct super_affine f, const float *x, const float *w,
                         const struct affine_fit *fit, float d, float dmin,
                         int8_t *sc, int8_t *mn)
{
	int near = to_steps(fit->scale, d, f.sc_hi);
	int first = to_steps(-fit->base, dmin, f.sc_hi);
	float best = INFINITY;

	for (int c = near - 1; c <= near + 1; c++) {
		float scale = d * (float)c, wq, error;
		int m = first, last = -1;

		if (c < 0 || c > f.sc_hi)
			continue;
		while (m != last) {
			error = affine_error(x, w, f.n, f.hi, scale,
			                     -dmin * (float)m, &wq);
			if (error < best) {
				best = error;
				*sc = (int8_t)c;
				*mn = (int8_t)m;
			}
			if (last >= 0 || !(fit->w > 0))
				break;
			last = m;
			m = to_steps((scale * wq - fit->wx) / fit->w, dmin,
			             f.sc_hi);
		}
	}
	return best;
}

INLINE void affine_consider_f16(struct super_affine f, const float *x,
                                const float *w, const struct affine_fit *fits,
                                float d, float dmin, struct affine_best *best)
{
	struct affine_best now = { .d = d, .dmin = dmin };

	for (int b = 0; b < QUANT_SUPER / f.n; b++) {
		now.error += affine_pick(f, x + b * f.n, w + b * f.n, &fits[b],
		                         d, dmin, &now.sc[b], &now.mn[b]);
		if (now.error >= best->error)
			return;
	}
	*best = now;
}

/* With both as f16, and the next ones where these may be better. */
INLINE void affine_consider(struct super_affine f, const float *x,
                            const float *w, const struct affine_fit *fits,
                            float d, float dmin, struct affine_best *best)
{
	uint16_t at = half_to_f16(d), min = half_to_f16(dmin);
	bool more, more_min;

	for (int away = 0; away < 2; away++) {
		affine_consider_f16(f, x, w, fits, half_from_f16(at),
		                    half_from_f16(min), best);
		more = fit_away(d, &at);
		more_min = fit_away(dmin, &min);
		if (!more && !more_min)
			break;
	}
}

/* The least-squares d and dmin for the integers of `best`; they stay as they
 * are where there is no answer or it is not positive. */
INLINE void affine_solve_super(struct super_affine f, const float *x,
                               const float *w, const struct affine_fit *fits,
                               const struct affine_best *best, float *d,
                               float *dmin)
{
	double ss = 0, sm = 0, mm = 0, sx = 0, mx = 0, det, a, b;

	for (int i = 0; i < QUANT_SUPER / f.n; i++) {
		double sc = best->sc[i], mn = best->mn[i];
		struct affine_sums sums;

		affine_sums(x + i * f.n, w + i * f.n, f.n, f.hi,
		            inverse(best->d * (float)best->sc[i]),
		            -best->dmin * (float)best->mn[i], &sums);
		ss += sc * sc * (double)sums.qq;
		sm += sc * mn * (double)sums.q;
		mm += mn * mn * (double)fits[i].w;
		sx += sc * (double)sums.qx;
		mx += mn * (double)fits[i].wx;
	}
	*d = best->d;
	*dmin = best->dmin;
	det = ss * mm - sm * sm;
	if (!(det > 1e-6 * ss * mm)) { /* no minima, or no scales */
		if (ss > 0 && sx > 0 && mm <= 0)
			*d = (float)(sx / ss);
		return;
	}
	a = (sx * mm - mx * sm) / det;
	b = (sx * sm - mx * ss) / det;
	if (a > 0 && b >= 0) {
		*d = (float)a;
		*dmin = (float)b;
	}
}

/* Values of d and dmin that are looked at first: the largest scale is the largest
 * integer or up to a sixth below, the largest minimum too or with it. */
INLINE void affine_first(struct super_affine f, int t, float most,
                         float most_min, float *d, float *dmin)
{
	float back = (float)((t + 1) / 2) / (float)(3 * (f.tries_d + 1));
	float reach = (float)f.sc_hi * (1 - back);

	*d = most / reach;
	*dmin = most_min / (t % 2 ? (float)f.sc_hi : reach);
}

/* Of every sub-block what fits it best; returns what all gain. */
static float affine_fits(struct super_affine f, const float *x, const float *w,
                         struct affine_fit *fits)
{
	float gain = 0;

	for (int b = 0; b < QUANT_SUPER / f.n; b++) {
		fits[b] = fit_affine(x + b * f.n, w + b * f.n, f.n, f.hi, true,
		                     f.tries);
		gain += fits[b].gain;
	}
	return gain;
}

/* As super_signed(); mn: [256 / n]; *dmin is an f16 too. */
INLINE uint16_t super_affine(struct super_affine f, const float *x,
                             const float *w, uint16_t *dmin, int8_t *sc,
                             int8_t *mn, int8_t *q)
{
	int n_subs = QUANT_SUPER / f.n;
	struct affine_best best = { .error = INFINITY };
	struct affine_fit both[2][MAX_SUBS], *fits;
	float most = 0, most_min = 0, minus[QUANT_SUPER];
	bool turned;

	for (int i = 0; i < QUANT_SUPER; i++)
		minus[i] = -x[i];
	turned = affine_fits(f, minus, w, both[1]) >
	         affine_fits(f, x, w, both[0]);
	fits = both[turned];
	x = turned ? minus : x;
	for (int b = 0; b < n_subs; b++) {
		most = fmaxf(most, fits[b].scale);
		most_min = fmaxf(most_min, -fits[b].base);
	}
	for (int t = 0; t < f.tries_d + SUPER_ROUNDS; t++) {
		float before = best.error, d, min;

		if (t < f.tries_d)
			affine_first(f, t, most, most_min, &d, &min);
		else
			affine_solve_super(f, x, w, fits, &best, &d, &min);
		affine_consider(f, x, w, fits, d, min, &best);
		if (t >= f.tries_d && !(best.error < before))
			break;
	}
	for (int b = 0; b < n_subs; b++) {
		sc[b] = best.sc[b];
		mn[b] = best.mn[b];
		affine_codes(x + b * f.n, f.n, f.hi, best.d * (float)sc[b],
		             -best.dmin * (float)mn[b], q + b * f.n);
	}
	*dmin = half_to_f16(turned ? -best.dmin : best.dmin);
	return half_to_f16(turned ? -best.d : best.d);
}

#endif
