#include "math/attend_q8.h"

#include <string.h>

#include "math/attend.h"
#include "math/half.h"

#define BLOCK ATTEND_Q8_BLOCK

/* ---- where things lie ---- */

static size_t scales_bytes(size_t head_dim)
{
	return head_dim / BLOCK * ATTEND_PAGE * sizeof(uint16_t);
}

size_t attend_q8_bytes(size_t head_dim)
{
	return scales_bytes(head_dim) + head_dim * ATTEND_PAGE;
}

static size_t scale_at(size_t t, size_t d)
{
	return d / BLOCK * ATTEND_PAGE + t;
}

static size_t k_code_at(size_t t, size_t d, size_t head_dim)
{
	size_t group = t / ATTEND_GROUP, lane = t % ATTEND_GROUP;

	return ((group * head_dim + d / 4 * 4) * ATTEND_GROUP) + lane * 4 +
	       d % 4;
}

static size_t v_code_at(size_t t, size_t d, size_t head_dim)
{
	return t / 4 * 4 * head_dim + d * 4 + t % 4;
}

static float element(const void *page, size_t scale, size_t code,
                     size_t head_dim)
{
	const int8_t *codes = (const int8_t *)page + scales_bytes(head_dim);

	return half_from_f16(((const uint16_t *)page)[scale]) *
	       (float)codes[code];
}

float attend_q8_k(const void *k_page, size_t t, size_t d, size_t head_dim)
{
	return element(k_page, scale_at(t, d), k_code_at(t, d, head_dim),
	               head_dim);
}

float attend_q8_v(const void *v_page, size_t t, size_t d, size_t head_dim)
{
	return element(v_page, scale_at(t, d), v_code_at(t, d, head_dim),
	               head_dim);
}

/* ---- storing ---- */

/* The largest magnitude.  That of floats is also the order of their bits
 * without the sign, and a loop over integers becomes vectors. */
static float largest(const float *x)
{
	int32_t bits[BLOCK], most = 0;
	float result;

	memcpy(bits, x, sizeof bits);
	for (int i = 0; i < BLOCK; i++) {
		int32_t magnitude = bits[i] & 0x7fffffff;

		most = magnitude > most ? magnitude : most;
	}
	memcpy(&result, &most, sizeof result);
	return result;
}

/* x rounded to the nearest code.  The sum with 1.5 * 2^23 has its last place
 * at 1, so the code stands in its low bits; a scale below f16's normal numbers
 * can be so rough that x / scale exceeds 127. */
static void code_block(const float *x, float inverse, int8_t *code)
{
	float sums[BLOCK];
	int32_t bits[BLOCK];

	for (int i = 0; i < BLOCK; i++) {
		float y = x[i] * inverse;

		y = y < 127 ? y : 127;
		y = y > -127 ? y : -127;
		sums[i] = y + 0x1.8p23f;
	}
	memcpy(bits, sums, sizeof bits);
	for (int i = 0; i < BLOCK; i++)
		code[i] = (int8_t)bits[i];
}

/* Codes 32 elements and returns the scale in f16. */
static uint16_t quantize(const float *x, int8_t *code)
{
	uint16_t half = half_to_f16(largest(x) / 127);
	float scale = half_from_f16(half);

	code_block(x, scale > 0 ? 1 / scale : 0, code);
	return half;
}

void attend_q8_store(void *k_page, void *v_page, size_t t, const float *k,
                     const float *v, size_t head_dim)
{
	int8_t *k_codes = (int8_t *)k_page + scales_bytes(head_dim);
	int8_t *v_codes = (int8_t *)v_page + scales_bytes(head_dim);
	int8_t code[BLOCK];

	for (size_t d = 0; d < head_dim; d += BLOCK) {
		((uint16_t *)k_page)[scale_at(t, d)] = quantize(k + d, code);
		for (size_t i = 0; i < BLOCK; i += 4)
			memcpy(k_codes + k_code_at(t, d + i, head_dim),
			       code + i, 4);
		((uint16_t *)v_page)[scale_at(t, d)] = quantize(v + d, code);
		for (size_t i = 0; i < BLOCK; i++)
			v_codes[v_code_at(t, d + i, head_dim)] = code[i];
	}
}
