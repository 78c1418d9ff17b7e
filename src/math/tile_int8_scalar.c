/* Block types by 8-bit activations, in the portable set: every type is brought
 * to one form, and that is multiplied. */
#include "math/tile.h"

#include <stdint.h>
#include <string.h>

#include "math/half.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/unroll.h"

#define RUN    16 /* elements that share a scale in every type */
#define MAX_X  8  /* activation rows at a time */
#define N_RUNS (QUANT_SUPER / RUN)

/* Up to 256 elements of a weight row: w = scale q - min in each run of 16. */
struct codes {
	int8_t q[QUANT_SUPER];
	float scale[N_RUNS], min[N_RUNS];
};

/* A block of 32 at elements [at, at + 32): w = d (q - bias) + m. */
INLINE void set_scale(struct codes *to, size_t at, size_t n, float scale,
                      float min)
{
	for (size_t i = at / RUN; i < (at + n) / RUN; i++) {
		to->scale[i] = scale;
		to->min[i] = min;
	}
}

INLINE void nibbles(int8_t *q, const uint8_t *qs, int bias)
{
	for (int j = 0; j < 16; j++) {
		q[j] = (int8_t)((qs[j] & 15) - bias);
		q[j + 16] = (int8_t)((qs[j] >> 4) - bias);
	}
}

INLINE void fifth_bits(int8_t *q, const uint8_t *qh)
{
	for (int i = 0; i < 32; i++)
		q[i] = (int8_t)(q[i] + ((qh[i / 8] >> i % 8 & 1) << 4));
}

static void unpack_q8_0(struct codes *to, size_t at, const void *block)
{
	const struct quant_q8_0 *b = block;

	memcpy(to->q + at, b->qs, 32);
	set_scale(to, at, 32, half_from_f16(b->d), 0);
}

static void unpack_q4_0(struct codes *to, size_t at, const void *block)
{
	const struct quant_q4_0 *b = block;

	nibbles(to->q + at, b->qs, 8);
	set_scale(to, at, 32, half_from_f16(b->d), 0);
}

static void unpack_q4_1(struct codes *to, size_t at, const void *block)
{
	const struct quant_q4_1 *b = block;

	nibbles(to->q + at, b->qs, 0);
	set_scale(to, at, 32, half_from_f16(b->d), -half_from_f16(b->m));
}

static void unpack_q5_0(struct codes *to, size_t at, const void *block)
{
	const struct quant_q5_0 *b = block;
	int8_t *q = to->q + at;

	nibbles(q, b->qs, 16);
	fifth_bits(q, b->qh);
	set_scale(to, at, 32, half_from_f16(b->d), 0);
}

static void unpack_q5_1(struct codes *to, size_t at, const void *block)
{
	const struct quant_q5_1 *b = block;
	int8_t *q = to->q + at;

	nibbles(q, b->qs, 0);
	fifth_bits(q, b->qh);
	set_scale(to, at, 32, half_from_f16(b->d), -half_from_f16(b->m));
}

static void unpack_iq4_nl(struct codes *to, size_t at, const void *block)
{
	const struct quant_iq4_nl *b = block;
	int8_t *q = to->q + at;

	nibbles(q, b->qs, 0);
	for (int i = 0; i < 32; i++)
		q[i] = quant_iq4_values[q[i]];
	set_scale(to, at, 32, half_from_f16(b->d), 0);
}

/* Scales, minima and the low four bits of a q4_k or q5_k. */
INLINE void unpack_k(struct codes *to, uint16_t d, uint16_t dmin,
                     const uint8_t *scales, const uint8_t *qs)
{
	for (int b = 0; b < 8; b++) {
		int sc, mn;

		quant_scale_min(scales, b, &sc, &mn);
		set_scale(to, 32 * (size_t)b, 32, half_from_f16(d) * (float)sc,
		          half_from_f16(dmin) * (float)mn);
		for (int l = 0; l < 32; l++)
			to->q[32 * b + l] =
				qs[32 * (b / 2) + l] >> 4 * (b % 2) & 15;
	}
}

static void unpack_q4_k(struct codes *to, size_t at, const void *block)
{
	const struct quant_q4_k *b = block;

	(void)at;
	unpack_k(to, b->d, b->dmin, b->scales, b->qs);
}

static void unpack_q5_k(struct codes *to, size_t at, const void *block)
{
	const struct quant_q5_k *b = block;

	(void)at;
	unpack_k(to, b->d, b->dmin, b->scales, b->qs);
	for (int i = 0; i < QUANT_SUPER; i++)
		to->q[i] |= (int8_t)((b->qh[i % 32] >> i / 32 & 1) << 4);
}

static void unpack_q6_k(struct codes *to, size_t at, const void *block)
{
	const struct quant_q6_k *b = block;

	(void)at;
	for (int i = 0; i < QUANT_SUPER; i++) {
		int half = i / 128, s = i / 32 % 4, l = i % 32;
		int low = b->ql[64 * half + 32 * (s % 2) + l] >> 4 * (s / 2);
		int high = b->qh[32 * half + l] >> 2 * s & 3;

		to->q[i] = (int8_t)(((low & 15) | high << 4) - 32);
	}
	for (size_t i = 0; i < N_RUNS; i++)
		set_scale(to, RUN * i, RUN,
		          half_from_f16(b->d) * (float)b->scales[i], 0);
}

/* What elements [at, at + n) of the codes add to the sum. */
static float multiply(const struct codes *w, const struct quant_x *x, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n / RUN; i++) {
		int dot = 0;

		for (size_t k = RUN * i; k < RUN * i + RUN; k++)
			dot += w->q[k] * x->q[k];
		sum += x->d[i / 2] * (w->scale[i] * (float)dot -
		                      w->min[i] * (float)x->sum[i]);
	}
	return sum;
}

/* One weight row by n_x <= MAX_X activation rows. */
INLINE void row(const struct tile *t, const char *w, const char *x, float *y,
                size_t n_x, enum dtype dtype,
                void (*unpack)(struct codes *, size_t, const void *))
{
	size_t block = (size_t)dtype_info(dtype)->block;
	size_t bytes = (size_t)dtype_info(dtype)->bytes;
	float sum[MAX_X] = { 0 };
	struct codes codes;

	for (size_t k = 0; k < t->n; k += QUANT_SUPER) {
		size_t n = t->n - k < QUANT_SUPER ? t->n - k : QUANT_SUPER;

		for (size_t at = 0; at < n; at += block, w += bytes)
			unpack(&codes, at, w);
		for (size_t r = 0; r < n_x; r++)
			sum[r] += multiply(
				&codes,
				(const struct quant_x *)(x + r * t->x_stride) +
					k / QUANT_SUPER,
				n);
	}
	for (size_t r = 0; r < n_x; r++)
		y[r * t->y_stride] = (t->add ? y[r * t->y_stride] : 0) + sum[r];
}

INLINE void tile(const struct tile *t, enum dtype dtype,
                 void (*unpack)(struct codes *, size_t, const void *))
{
	for (size_t r = 0, n_x; r < t->rows; r += n_x) {
		n_x = t->rows - r < MAX_X ? t->rows - r : MAX_X;
		for (size_t o = 0; o < t->n_w; o++)
			row(t, (const char *)t->w + o * t->w_stride,
			    (const char *)t->x + r * t->x_stride,
			    t->y + r * t->y_stride + o, n_x, dtype, unpack);
	}
}

#define KERNEL(name, dtype) \
	void tile_int8_##name##_scalar(const struct tile *t) \
	{ \
		tile(t, dtype, unpack_##name); \
	}

KERNEL(q8_0, DTYPE_Q8_0)
KERNEL(q4_0, DTYPE_Q4_0)
KERNEL(q4_1, DTYPE_Q4_1)
KERNEL(q5_0, DTYPE_Q5_0)
KERNEL(q5_1, DTYPE_Q5_1)
KERNEL(iq4_nl, DTYPE_IQ4_NL)
KERNEL(q4_k, DTYPE_Q4_K)
KERNEL(q5_k, DTYPE_Q5_K)
KERNEL(q6_k, DTYPE_Q6_K)
