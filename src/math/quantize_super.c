#include "math/quantize_super.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/half.h"
#include "math/quant_blocks.h"
#include "math/quantize_fit.h"

#define MAX_SUBS 16
#define ROUNDS   3 /* of least squares for d after the search */

static float as_f16(float v)
{
	return half_from_f16(half_to_f16(v));
}

static int clamp_int(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static float signed_fit(const struct quantize_signed *f, const float *x,
                        const float *w)
{
	if (f->hi == 0)
		return quantize_fit_iq4(x, w, f->n, f->tries);
	return quantize_fit_signed(x, w, f->n, f->lo, f->hi, f->tries);
}

static float signed_error(const struct quantize_signed *f, const float *x,
                          const float *w, float scale)
{
	if (f->hi == 0)
		return quantize_fit_iq4_error(x, w, f->n, scale);
	return quantize_fit_signed_error(x, w, f->n, f->lo, f->hi, scale);
}

static void signed_codes(const struct quantize_signed *f, const float *x,
                         float scale, int8_t *q)
{
	if (f->hi == 0)
		quantize_fit_iq4_codes(x, f->n, scale, q);
	else
		quantize_fit_signed_codes(x, f->n, f->lo, f->hi, scale, q);
}

/* For a given d the best integer of each sub-block, whose best real scale is
 * scale[b].  Returns the error of all, or INFINITY once it exceeds `limit`. */
static float signed_pick(const struct quantize_signed *f, const float *x,
                         const float *w, const float *scale, float d,
                         float limit, int8_t *sc)
{
	float total = 0;

	for (int b = 0; b < QUANT_SUPER / f->n; b++) {
		const float *xb = x + b * f->n, *wb = w + b * f->n;
		float at = d != 0 ? scale[b] / d : 0, best = INFINITY;
		int near = clamp_int((int)lrintf(at), f->sc_lo, f->sc_hi);

		for (int c = near - 1; c <= near + 1; c++) {
			float error;

			if (c < f->sc_lo || c > f->sc_hi)
				continue;
			error = signed_error(f, xb, wb, d * (float)c);
			if (error < best) {
				best = error;
				sc[b] = (int8_t)c;
			}
		}
		total += best;
		if (total > limit)
			return INFINITY;
	}
	return total;
}

/* The least-squares d for the integers sc and the codes that they give. */
static float signed_solve(const struct quantize_signed *f, const float *x,
                          const float *w, float d, const int8_t *sc)
{
	double yx = 0, yy = 0;
	int8_t q[QUANT_BLOCK];

	for (int b = 0; b < QUANT_SUPER / f->n; b++) {
		signed_codes(f, x + b * f->n, d * (float)sc[b], q);
		for (int i = 0; i < f->n; i++) {
			float v = f->hi ? (float)q[i]
			                : (float)quant_iq4_values[q[i]];
			float y = (float)sc[b] * v, wy = w[b * f->n + i] * y;

			yx += (double)(wy * x[b * f->n + i]);
			yy += (double)(wy * y);
		}
	}
	return yy > 0 ? (float)(yx / yy) : 0;
}

/* What a search for d has found so far. */
struct signed_best {
	float d, error;
	int8_t sc[MAX_SUBS];
};

static void signed_consider_f16(const struct quantize_signed *f, const float *x,
                                const float *w, const float *scale, float d,
                                struct signed_best *best)
{
	int8_t sc[MAX_SUBS];
	float error;

	error = signed_pick(f, x, w, scale, d, best->error, sc);
	if (error < best->error) {
		best->error = error;
		best->d = d;
		memcpy(best->sc, sc, sizeof sc);
	}
}

static void signed_consider(const struct quantize_signed *f, const float *x,
                            const float *w, const float *scale, float d,
                            struct signed_best *best)
{
	uint16_t away;

	signed_consider_f16(f, x, w, scale, as_f16(d), best);
	if (quantize_fit_away(d, &away))
		signed_consider_f16(f, x, w, scale, half_from_f16(away), best);
}

void quantize_super_signed(const struct quantize_signed *f, const float *x,
                           const float *w, uint16_t *d, int8_t *sc, int8_t *q)
{
	int n_subs = QUANT_SUPER / f->n;
	struct signed_best best = { .error = INFINITY };
	float scale[MAX_SUBS], most = 0;

	for (int b = 0; b < n_subs; b++) {
		scale[b] = signed_fit(f, x + b * f->n, w + b * f->n);
		if (fabsf(scale[b]) > fabsf(most))
			most = scale[b];
	}
	for (int t = 0; t < 2 * f->tries_d; t++) {
		float side = (float)(t % 2 ? f->sc_hi : f->sc_lo);
		float back = (float)(t / 2) / (float)f->tries_d;

		/* The largest scale is at most an eighth below the end. */
		signed_consider(f, x, w, scale,
		                most / (side * (1 - 0.125f * back)), &best);
	}
	for (int round = 0; round < ROUNDS; round++) {
		float before = best.error;

		signed_consider(f, x, w, scale,
		                signed_solve(f, x, w, best.d, best.sc), &best);
		if (!(best.error < before))
			break;
	}
	*d = half_to_f16(best.d);
	for (int b = 0; b < n_subs; b++) {
		sc[b] = best.sc[b];
		signed_codes(f, x + b * f->n, best.d * (float)sc[b],
		             q + b * f->n);
	}
}

/* The best integers of one sub-block for given d and dmin: for each scale near
 * the best real one, the minimum that suits the real one and the minimum that
 * suits the codes. */
struct affine_sub {
	int sc, mn;
	float error;
};

static void affine_consider(const struct quantize_affine *f, const float *x,
                            const float *w, float d, float dmin, int sc, int mn,
                            struct affine_sub *best)
{
	float error =
		quantize_fit_affine_error(x, w, f->n, f->hi, d * (float)sc,
	                                  -dmin * (float)mn);

	if (error < best->error) {
		best->error = error;
		best->sc = sc;
		best->mn = mn;
	}
}

/* A sub-block and what suits it best alone. */
struct affine_fit {
	const float *x, *w;
	float scale, min;
	float sum_w, sum_wx;
};

/* The real minimum that suits codes made with this scale and minimum best. */
static float affine_minimum(const struct quantize_affine *f,
                            const struct affine_fit *fit, float scale,
                            float min)
{
	float sum_wq = quantize_fit_affine_weight(fit->x, fit->w, f->n, f->hi,
	                                          scale, -min);

	return fit->sum_w > 0 ? (scale * sum_wq - fit->sum_wx) / fit->sum_w
	                      : min;
}

static int to_steps(float v, float step, int most)
{
	return step > 0 ? clamp_int((int)lrintf(v / step), 0, most) : 0;
}

static struct affine_sub affine_pick(const struct quantize_affine *f,
                                     const struct affine_fit *fit, float d,
                                     float dmin)
{
	struct affine_sub best = { .error = INFINITY };
	int near = to_steps(fit->scale, d, f->sc_hi);
	int mn = to_steps(fit->min, dmin, f->sc_hi);

	for (int c = near - 1; c <= near + 1; c++) {
		int other;

		if (c < 0 || c > f->sc_hi)
			continue;
		affine_consider(f, fit->x, fit->w, d, dmin, c, mn, &best);
		other = to_steps(affine_minimum(f, fit, d * (float)c,
		                                dmin * (float)mn),
		                 dmin, f->sc_hi);
		if (other != mn)
			affine_consider(f, fit->x, fit->w, d, dmin, c, other,
			                &best);
	}
	return best;
}

/* What a search for d and dmin has found so far. */
struct affine_best {
	float d, dmin, error;
	int8_t sc[MAX_SUBS], mn[MAX_SUBS];
};

static void affine_consider_f16(const struct quantize_affine *f,
                                const struct affine_fit *fits, float d,
                                float dmin, struct affine_best *best)
{
	struct affine_best now = { .d = d, .dmin = dmin };

	for (int b = 0; b < QUANT_SUPER / f->n; b++) {
		struct affine_sub sub;

		sub = affine_pick(f, &fits[b], now.d, now.dmin);
		now.sc[b] = (int8_t)sub.sc;
		now.mn[b] = (int8_t)sub.mn;
		now.error += sub.error;
		if (now.error >= best->error)
			return;
	}
	*best = now;
}

static void affine_consider_d(const struct quantize_affine *f,
                              const struct affine_fit *fits, float d,
                              float dmin, struct affine_best *best)
{
	uint16_t up = half_to_f16(d), up_min = half_to_f16(dmin);
	bool d_away, dmin_away;

	affine_consider_f16(f, fits, as_f16(d), as_f16(dmin), best);
	d_away = quantize_fit_away(d, &up);
	dmin_away = quantize_fit_away(dmin, &up_min);
	if (d_away || dmin_away)
		affine_consider_f16(f, fits, half_from_f16(up),
		                    half_from_f16(up_min), best);
}

/* The least-squares d and dmin for the integers of `best`; they stay as they
 * are where there is no answer or it is not positive. */
static void affine_solve(const struct quantize_affine *f, const float *x,
                         const float *w, const struct affine_best *best,
                         float *d, float *dmin)
{
	double ss = 0, sm = 0, mm = 0, sx = 0, mx = 0, det, a, b;
	int8_t q[QUANT_BLOCK];

	for (int sub = 0; sub < QUANT_SUPER / f->n; sub++) {
		const float *xb = x + sub * f->n, *wb = w + sub * f->n;
		double sc = best->sc[sub], mn = best->mn[sub];

		quantize_fit_affine_codes(xb, f->n, f->hi, best->d * (float)sc,
		                          -best->dmin * (float)mn, q);
		for (int i = 0; i < f->n; i++) {
			double s = sc * q[i], ws = (double)wb[i] * s;
			double wm = (double)wb[i] * mn;

			ss += ws * s;
			sm += ws * mn;
			mm += wm * mn;
			sx += ws * (double)xb[i];
			mx += wm * (double)xb[i];
		}
	}
	*d = best->d;
	*dmin = best->dmin;
	det = ss * mm - sm * sm;
	if (!(det > 1e-9 * ss * mm)) { /* no minima, or no scales */
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

static struct affine_fit affine_fit_of(const struct quantize_affine *f,
                                       const float *x, const float *w)
{
	struct affine_fit fit = { .x = x, .w = w };
	float base;

	quantize_fit_affine(x, w, f->n, f->hi, true, f->tries, &fit.scale,
	                    &base);
	fit.min = -base;
	for (int i = 0; i < f->n; i++) {
		fit.sum_w += w[i];
		fit.sum_wx += w[i] * x[i];
	}
	return fit;
}

void quantize_super_affine(const struct quantize_affine *f, const float *x,
                           const float *w, uint16_t *d, uint16_t *dmin,
                           int8_t *sc, int8_t *mn, int8_t *q)
{
	int n_subs = QUANT_SUPER / f->n;
	struct affine_best best = { .error = INFINITY };
	struct affine_fit fits[MAX_SUBS];
	float most = 0, most_min = 0;

	for (int b = 0; b < n_subs; b++) {
		fits[b] = affine_fit_of(f, x + b * f->n, w + b * f->n);
		most = fmaxf(most, fits[b].scale);
		most_min = fmaxf(most_min, fits[b].min);
	}
	for (int t = 0; t < f->tries_d; t++) {
		/* The largest scale is at most a sixth below the end. */
		float back = (float)t / (float)(6 * f->tries_d);
		float reach = (float)f->sc_hi * (1 - back);

		affine_consider_d(f, fits, most / reach,
		                  most_min / (float)f->sc_hi, &best);
		if (t > 0)
			affine_consider_d(f, fits, most / reach,
			                  most_min / reach, &best);
	}
	for (int round = 0; round < ROUNDS; round++) {
		float before = best.error, new_d, new_dmin;

		affine_solve(f, x, w, &best, &new_d, &new_dmin);
		affine_consider_d(f, fits, new_d, new_dmin, &best);
		if (!(best.error < before))
			break;
	}
	*d = half_to_f16(best.d);
	*dmin = half_to_f16(best.dmin);
	for (int b = 0; b < n_subs; b++) {
		sc[b] = best.sc[b];
		mn[b] = best.mn[b];
		quantize_fit_affine_codes(x + b * f->n, f->n, f->hi,
		                          best.d * (float)sc[b],
		                          -best.dmin * (float)mn[b],
		                          q + b * f->n);
	}
}
