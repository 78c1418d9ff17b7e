/*
 * quantize_k.h - Q2_K to Q6_K from float32
 *
 * Included as quantize_fit.h is.
 */
#ifndef CONFAB_QUANTIZE_K_H
#define CONFAB_QUANTIZE_K_H

#include "math/quantize_super.h"

/* The fewer bits, the more a better scale is worth looking for. */
static const struct super_affine q2_k = { 16, 3, 15, 5, 16 };
static const struct super_affine q4_k = { 32, 15, 63, 3, 12 };
static const struct super_affine q5_k = { 32, 31, 63, 3, 8 };
static const struct super_signed q3_k = { 16, { -4, 3, false }, -32, 31, 2, 6 };
static const struct super_signed q6_k = { 16, { -32, 31, false }, -128, 127, 2,
	                                  4 };

static void block_q2_k(const float *x, const float *w, struct quant_q2_k *y)
{
	int8_t sc[16], mn[16], q[QUANT_SUPER];
	uint16_t dmin;

	memset(y, 0, sizeof *y);
	y->d = super_affine(q2_k, x, w, &dmin, sc, mn, q);
	y->dmin = dmin;
	for (int b = 0; b < 16; b++)
		y->scales[b] = (uint8_t)(sc[b] | mn[b] << 4);
	for (int i = 0; i < QUANT_SUPER; i++)
		y->qs[32 * (i / 128) + i % 32] |=
			(uint8_t)(q[i] << 2 * (i / 32 % 4));
}

/* The 16 scales, already 32 greater, into 12 bytes: see quant_q3_k. */
static void pack_q3_k_scales(const int8_t *sc, uint8_t *scales)
{
	for (int b = 0; b < 16; b++) {
		int stored = sc[b] + 32;

		scales[b % 8] |= (uint8_t)((stored & 15) << 4 * (b / 8));
		scales[8 + b % 4] |= (uint8_t)(stored >> 4 << 2 * (b / 4));
	}
}

static void block_q3_k(const float *x, const float *w, struct quant_q3_k *y)
{
	int8_t sc[16], q[QUANT_SUPER];

	memset(y, 0, sizeof *y);
	y->d = super_signed(q3_k, x, w, sc, q);
	pack_q3_k_scales(sc, y->scales);
	for (int i = 0; i < QUANT_SUPER; i++) {
		int half = i / 128, s = i / 32 % 4, l = i % 32;
		int code = q[i] + 4;

		y->qs[32 * half + l] |= (uint8_t)((code & 3) << 2 * s);
		y->hmask[l] |= (uint8_t)(code >> 2 << (4 * half + s));
	}
}

/* See quant_scale_min(). */
static void pack_scale_min(const int8_t *sc, const int8_t *mn, uint8_t *scales)
{
	for (int b = 0; b < 4; b++) {
		scales[b] = (uint8_t)(sc[b] | sc[b + 4] >> 4 << 6);
		scales[b + 4] = (uint8_t)(mn[b] | mn[b + 4] >> 4 << 6);
		scales[b + 8] =
			(uint8_t)((sc[b + 4] & 15) | (mn[b + 4] & 15) << 4);
	}
}

/* The low four bits of 256 codes: the 32 of an odd block above the 32 of the even
 * one before it. */
static void pack_low_k(const int8_t *q, uint8_t *qs)
{
	for (int j = 0; j < 128; j++) {
		const int8_t *low = q + 64 * (j / 32) + j % 32;

		qs[j] = (uint8_t)((low[0] & 15) | (low[32] & 15) << 4);
	}
}

static void block_q4_k(const float *x, const float *w, struct quant_q4_k *y)
{
	int8_t sc[8], mn[8], q[QUANT_SUPER];
	uint16_t dmin;

	y->d = super_affine(q4_k, x, w, &dmin, sc, mn, q);
	y->dmin = dmin;
	pack_scale_min(sc, mn, y->scales);
	pack_low_k(q, y->qs);
}

static void block_q5_k(const float *x, const float *w, struct quant_q5_k *y)
{
	int8_t sc[8], mn[8], q[QUANT_SUPER];
	uint16_t dmin;

	y->d = super_affine(q5_k, x, w, &dmin, sc, mn, q);
	y->dmin = dmin;
	pack_scale_min(sc, mn, y->scales);
	pack_low_k(q, y->qs);
	memset(y->qh, 0, sizeof y->qh);
	for (int i = 0; i < QUANT_SUPER; i++)
		y->qh[i % 32] |= (uint8_t)(q[i] >> 4 << i / 32);
}

static void block_q6_k(const float *x, const float *w, struct quant_q6_k *y)
{
	int8_t sc[16], q[QUANT_SUPER];

	memset(y, 0, sizeof *y);
	y->d = super_signed(q6_k, x, w, sc, q);
	memcpy(y->scales, sc, sizeof sc);
	for (int i = 0; i < QUANT_SUPER; i++) {
		int half = i / 128, s = i / 32 % 4, l = i % 32;
		int code = q[i] + 32;

		y->ql[64 * half + 32 * (s % 2) + l] |=
			(uint8_t)((code & 15) << 4 * (s / 2));
		y->qh[32 * half + l] |= (uint8_t)(code >> 4 << 2 * s);
	}
}

#endif
