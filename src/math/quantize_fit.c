#include "math/quantize_fit.h"

#include <assert.h>
#include <math.h>

#include "math/half.h"
#include "math/quant_blocks.h"

#define LANES \
	16 /* elements that a loop takes at once, for the compiler's sake */
#define ROUNDS 4 /* of alternation; most blocks stop after one or two */

/* Adds up LANES partial sums, always in the same order. */
static float sum(float *part)
{
	for (int i = 0; i < 8; i++)
		part[i] += part[i + 8];
	for (int i = 0; i < 4; i++)
		part[i] += part[i + 4];
	return part[0] + part[2] + (part[1] + part[3]);
}

static float clamp(float v, float lo, float hi)
{
	v = v < lo ? lo : v;
	return v > hi ? hi : v;
}

/* To the nearest integer, ties to even, for |v| < 2^22: adding 1.5 * 2^23 pushes
 * the fraction out of a float32.  The compiler makes vectors of it, which it
 * cannot of a library call. */
static float nearest(float v)
{
	return (v + 12582912.0f) - 12582912.0f;
}

/* 1 / scale, or 0 for a scale that is so small that there is nothing to say. */
static float inverse(float scale)
{
	return fabsf(scale) > 1e-30f ? 1.0f / scale : 0.0f;
}

/* The value of largest size, with its sign. */
static float extreme(const float *x, int n)
{
	float most = 0;

	for (int i = 0; i < n; i++)
		if (fabsf(x[i]) > fabsf(most))
			most = x[i];
	return most;
}

/* Sums over the codes that 1 / scale = inv gives: of w q x and of w q q. */
static void signed_sums(const float *x, const float *w, int n, float lo,
                        float hi, float inv, float *qx, float *qq)
{
	float a[LANES] = { 0 }, b[LANES] = { 0 };

	for (int i = 0; i < n; i += LANES)
		for (int j = 0; j < LANES; j++) {
			float q = nearest(clamp(x[i + j] * inv, lo, hi));
			float wq = w[i + j] * q;

			a[j] += wq * x[i + j];
			b[j] += wq * q;
		}
	*qx = sum(a);
	*qq = sum(b);
}

/* The best scale for those codes; *gain is what it takes off the error that
 * y = 0 would have. */
static float signed_try(const float *x, const float *w, int n, int lo, int hi,
                        float inv, float *gain)
{
	float qx, qq;

	signed_sums(x, w, n, (float)lo, (float)hi, inv, &qx, &qq);
	*gain = qq > 0 ? qx * qx / qq : 0;
	return qq > 0 ? qx / qq : 0;
}

float quantize_fit_signed(const float *x, const float *w, int n, int lo, int hi,
                          int tries)
{
	float most = extreme(x, n), best = 0, best_gain = 0, gain, scale;
	bool symmetric = lo == -hi; /* the sign makes no difference */

	assert(n % LANES == 0 && n <= QUANT_BLOCK);
	if (fabsf(most) < 1e-30f)
		return 0;
	if (symmetric)
		most = fabsf(most);
	for (int t = symmetric; t < 2 * tries; t += 1 + symmetric) {
		int side = t % 2 ? hi : lo;
		/* The extreme code lies between one code short of the end of
		 * the range and three quarters of a code past it. */
		float at = (float)(t / 2) / (float)(tries > 1 ? tries - 1 : 1);
		float reach = (float)(side < 0 ? -side : side) - 1 + 1.75f * at;

		scale = signed_try(x, w, n, lo, hi,
		                   (side < 0 ? -reach : reach) / most, &gain);
		if (gain > best_gain) {
			best_gain = gain;
			best = scale;
		}
	}
	for (int round = 0; round < ROUNDS; round++) {
		scale = signed_try(x, w, n, lo, hi, inverse(best), &gain);
		if (!(gain > best_gain))
			break;
		best_gain = gain;
		best = scale;
	}
	return best;
}

float quantize_fit_signed_error(const float *x, const float *w, int n, int lo,
                                int hi, float scale)
{
	float part[LANES] = { 0 }, inv = inverse(scale);

	for (int i = 0; i < n; i += LANES)
		for (int j = 0; j < LANES; j++) {
			float v = clamp(x[i + j] * inv, (float)lo, (float)hi);
			float r = x[i + j] - scale * nearest(v);

			part[j] += w[i + j] * r * r;
		}
	return sum(part);
}

void quantize_fit_signed_codes(const float *x, int n, int lo, int hi,
                               float scale, int8_t *q)
{
	float inv = inverse(scale);

	for (int i = 0; i < n; i++)
		q[i] = (int8_t)nearest(clamp(x[i] * inv, (float)lo, (float)hi));
}

/* Sums over a block that the least squares of scale and base need. */
struct affine_sums {
	float w, x;      /* of w, and of w x */
	float q, qq, qx; /* of w q, w q q, w q x */
};

/* The code of x in base + scale q, as a number. */
static inline float affine_code(float x, float base, float inv, float hi)
{
	return nearest(clamp((x - base) * inv, 0.0f, hi));
}

static void affine_sums(const float *x, const float *w, int n, float hi,
                        float inv, float base, struct affine_sums *s)
{
	float a[LANES] = { 0 }, b[LANES] = { 0 }, c[LANES] = { 0 };

	for (int i = 0; i < n; i += LANES)
		for (int j = 0; j < LANES; j++) {
			float q = affine_code(x[i + j], base, inv, hi);
			float wq = w[i + j] * q;

			a[j] += wq;
			b[j] += wq * q;
			c[j] += wq * x[i + j];
		}
	s->q = sum(a);
	s->qq = sum(b);
	s->qx = sum(c);
}

/* Scale and base for those codes.  False where there is no answer of use: all
 * codes alike, or a scale that is not positive. */
static bool affine_solve(const struct affine_sums *s, bool below_zero,
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
static float affine_gain(const struct affine_sums *s, float scale, float base)
{
	return scale * (2 * s->qx - scale * s->qq - 2 * base * s->q) +
	       base * (2 * s->x - base * s->w);
}

void quantize_fit_affine(const float *x, const float *w, int n, int hi,
                         bool below_zero, int tries, float *scale, float *base)
{
	float low = x[0], high = x[0], best_gain = -INFINITY, s, b, gain;
	float part[LANES] = { 0 }, weight[LANES] = { 0 };
	struct affine_sums sums;

	assert(n % LANES == 0 && n <= QUANT_BLOCK);
	for (int i = 0; i < n; i++) {
		low = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
		weight[i % LANES] += w[i];
		part[i % LANES] += w[i] * x[i];
	}
	sums.w = sum(weight);
	sums.x = sum(part);
	if (below_zero && low > 0)
		low = 0;
	*base = low;
	*scale = 0;
	if (!(high - low > 1e-30f) || !(sums.w > 0))
		return;
	*scale = (high - low) / (float)hi;
	for (int t = 0; t < tries; t++) {
		/* The range is taken as up to one code wider or narrower. */
		float at = (float)t / (float)(tries > 1 ? tries - 1 : 1);
		float inv = ((float)hi - 0.9f + 2.0f * at) / (high - low);

		affine_sums(x, w, n, (float)hi, inv, low, &sums);
		if (!affine_solve(&sums, below_zero, &s, &b))
			continue;
		gain = affine_gain(&sums, s, b);
		if (gain > best_gain) {
			best_gain = gain;
			*scale = s;
			*base = b;
		}
	}
	for (int round = 0; round < ROUNDS; round++) {
		affine_sums(x, w, n, (float)hi, inverse(*scale), *base, &sums);
		if (!affine_solve(&sums, below_zero, &s, &b))
			break;
		gain = affine_gain(&sums, s, b);
		if (!(gain > best_gain))
			break;
		best_gain = gain;
		*scale = s;
		*base = b;
	}
}

float quantize_fit_affine_error(const float *x, const float *w, int n, int hi,
                                float scale, float base)
{
	float part[LANES] = { 0 }, inv = inverse(scale);

	for (int i = 0; i < n; i += LANES)
		for (int j = 0; j < LANES; j++) {
			float q = affine_code(x[i + j], base, inv, (float)hi);
			float r = x[i + j] - base - scale * q;

			part[j] += w[i + j] * r * r;
		}
	return sum(part);
}

float quantize_fit_affine_weight(const float *x, const float *w, int n, int hi,
                                 float scale, float base)
{
	float part[LANES] = { 0 }, inv = inverse(scale);

	for (int i = 0; i < n; i += LANES)
		for (int j = 0; j < LANES; j++)
			part[j] += w[i + j] *
			           affine_code(x[i + j], base, inv, (float)hi);
	return sum(part);
}

void quantize_fit_affine_codes(const float *x, int n, int hi, float scale,
                               float base, int8_t *q)
{
	float inv = inverse(scale);

	for (int i = 0; i < n; i++)
		q[i] = (int8_t)affine_code(x[i], base, inv, (float)hi);
}

/* Levels are compared in 16.16 fixed point: integers can be compared without
 * branches, and the middle between two levels is a multiple of a half. */
static int32_t fixed(float v)
{
	return (int32_t)(clamp(v, -128.0f, 128.0f) * 65536.0f);
}

static int32_t iq4_middle(int k)
{
	return (quant_iq4_values[k] + quant_iq4_values[k + 1]) * 32768;
}

/* The level nearest to each of LANES numbers: the lowest one, and for every pair
 * of neighbours whose middle is not above the number the step between them. */
static void iq4_levels(const float *v, float *level)
{
	int32_t f[LANES], l[LANES];

	for (int j = 0; j < LANES; j++) {
		f[j] = fixed(v[j]);
		l[j] = quant_iq4_values[0];
	}
	for (int k = 0; k < 15; k++) {
		int32_t middle = iq4_middle(k);
		int32_t step = quant_iq4_values[k + 1] - quant_iq4_values[k];

		for (int j = 0; j < LANES; j++)
			l[j] += f[j] >= middle ? step : 0;
	}
	for (int j = 0; j < LANES; j++)
		level[j] = (float)l[j];
}

/* As signed_sums(), with levels for codes. */
static void iq4_sums(const float *x, const float *w, int n, float inv,
                     float *qx, float *qq)
{
	float a[LANES] = { 0 }, b[LANES] = { 0 }, v[LANES], q[LANES];

	for (int i = 0; i < n; i += LANES) {
		for (int j = 0; j < LANES; j++)
			v[j] = x[i + j] * inv;
		iq4_levels(v, q);
		for (int j = 0; j < LANES; j++) {
			float wq = w[i + j] * q[j];

			a[j] += wq * x[i + j];
			b[j] += wq * q[j];
		}
	}
	*qx = sum(a);
	*qq = sum(b);
}

static float iq4_try(const float *x, const float *w, int n, float inv,
                     float *gain)
{
	float qx, qq;

	iq4_sums(x, w, n, inv, &qx, &qq);
	*gain = qq > 0 ? qx * qx / qq : 0;
	return qq > 0 ? qx / qq : 0;
}

float quantize_fit_iq4(const float *x, const float *w, int n, int tries)
{
	float most = extreme(x, n), best = 0, best_gain = 0, gain, scale;

	assert(n % LANES == 0 && n <= QUANT_BLOCK);
	if (fabsf(most) < 1e-30f)
		return 0;
	for (int t = 0; t < 2 * tries; t++) {
		float side = t % 2 ? 113.0f : -127.0f;
		float at = (float)(t / 2) / (float)(tries > 1 ? tries - 1 : 1);

		scale = iq4_try(x, w, n, side * (0.80f + 0.32f * at) / most,
		                &gain);
		if (gain > best_gain) {
			best_gain = gain;
			best = scale;
		}
	}
	for (int round = 0; round < ROUNDS; round++) {
		scale = iq4_try(x, w, n, inverse(best), &gain);
		if (!(gain > best_gain))
			break;
		best_gain = gain;
		best = scale;
	}
	return best;
}

float quantize_fit_iq4_error(const float *x, const float *w, int n, float scale)
{
	float part[LANES] = { 0 }, v[LANES], q[LANES], inv = inverse(scale);

	for (int i = 0; i < n; i += LANES) {
		for (int j = 0; j < LANES; j++)
			v[j] = x[i + j] * inv;
		iq4_levels(v, q);
		for (int j = 0; j < LANES; j++) {
			float r = x[i + j] - scale * q[j];

			part[j] += w[i + j] * r * r;
		}
	}
	return sum(part);
}

void quantize_fit_iq4_codes(const float *x, int n, float scale, int8_t *q)
{
	float inv = inverse(scale);

	for (int i = 0; i < n; i++) {
		int32_t f = fixed(x[i] * inv);
		int code = 0;

		for (int k = 0; k < 15; k++)
			code += f >= iq4_middle(k);
		q[i] = (int8_t)code;
	}
}

bool quantize_fit_away(float scale, uint16_t *f16)
{
	uint16_t near = half_to_f16(scale);

	if (scale == 0 || fabsf(scale) >= 0x1p-14f ||
	    fabsf(half_from_f16(near)) >= fabsf(scale))
		return false;
	*f16 = (uint16_t)(near + 1); /* the next one of the same sign */
	return true;
}
