/* Portable C: what the vector sets are held to. */
#include "math/attend_q8.h"

#include <math.h>
#include <string.h>

#include "math/attend.h"
#include "math/half.h"

#define BLOCK ATTEND_Q8_BLOCK

/* code[i] = round(x[i] * MOST / bound), |x[i]| <= bound.  Returns the unit; a
 * bound too small to divide by makes all codes 0. */
static float code16(const float *x, int n, float bound, int16_t *code)
{
	float inverse = bound > 0x1p-100f ? ATTEND_Q8_MOST / bound : 0;

	for (int i = 0; i < n; i++)
		code[i] = (int16_t)lrintf(x[i] * inverse);
	return bound / ATTEND_Q8_MOST;
}

static void code_queries(struct attend_q8_query *coded, const float *q,
                         int rows, int head_dim)
{
	int blocks = rows * (head_dim / BLOCK);

	for (int b = 0; b < blocks; b++, coded++, q += BLOCK) {
		float bound = 0;

		for (int i = 0; i < BLOCK; i++)
			bound = fmaxf(bound, fabsf(q[i]));
		coded->unit = code16(q, BLOCK, bound, coded->code);
		coded->sum = 0;
		for (int i = 0; i < BLOCK; i++)
			coded->sum += coded->code[i];
	}
}

/* One token and 32 elements: quads are 64 codes apart. */
static int32_t dot_key(const int16_t *q, const int8_t *k)
{
	int32_t sum = 0;

	for (int i = 0; i < BLOCK; i++)
		sum += q[i] * k[i / 4 * 64 + i % 4];
	return sum;
}

static void scores(float *s, const struct attend_q8_query *coded, int rows,
                   const void *k, int head_dim, int groups, const void *ahead)
{
	int blocks = head_dim / BLOCK;
	const uint16_t *scales = k;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);

	(void)ahead;
	for (int r = 0; r < rows; r++, s += ATTEND_PAGE, coded += blocks) {
		for (int t = 0; t < groups * ATTEND_GROUP; t++) {
			const int8_t *token =
				codes +
				t / ATTEND_GROUP * ATTEND_GROUP * head_dim +
				t % ATTEND_GROUP * 4;

			s[t] = 0;
			for (int b = 0; b < blocks; b++)
				s[t] += (float)dot_key(
						coded[b].code,
						token + b * BLOCK *
								ATTEND_GROUP) *
				        (half_from_f16(
						 scales[b * ATTEND_PAGE + t]) *
				         coded[b].unit);
		}
	}
}

/* One row and 32 elements; code: its weights times V's scales. */
static void add_values(float *acc, const int16_t *code, float unit,
                       const int8_t *v, int head_dim, int n)
{
	for (int d = 0; d < BLOCK; d++) {
		int32_t sum = 0;

		for (int j = 0; j < n; j++)
			sum += code[j] *
			       v[j / 4 * 4 * head_dim + d * 4 + j % 4];
		acc[d] += (float)sum * unit;
	}
}

static float largest(const float *x, int n)
{
	float most = 0;

	for (int i = 0; i < n; i++)
		most = fmaxf(most, x[i]);
	return most;
}

static void values(float *acc, const float *p, const float *scale, int rows,
                   const void *v, int head_dim, int n, const void *ahead)
{
	int blocks = head_dim / BLOCK;
	const uint16_t *scales = v;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);
	float wide[ATTEND_PAGE], x[ATTEND_PAGE];
	int16_t code[ATTEND_PAGE];

	(void)ahead;
	for (int r = 0; r < rows; r++)
		for (int d = 0; d < head_dim; d++)
			acc[r * head_dim + d] *= scale[r];
	for (int b = 0; b < blocks; b++) {
		for (int j = 0; j < n; j++)
			wide[j] = half_from_f16(scales[b * ATTEND_PAGE + j]);
		for (int r = 0; r < rows; r++) {
			const float *weight = p + r * ATTEND_PAGE;
			float bound = largest(weight, n) * largest(wide, n);
			float unit;

			for (int j = 0; j < n; j++)
				x[j] = weight[j] * wide[j];
			unit = code16(x, n, bound, code);
			add_values(acc + r * head_dim + b * BLOCK, code, unit,
			           codes + b * BLOCK * 4, head_dim, n);
		}
	}
}

const struct attend_q8 attend_q8_scalar = {
	.code = code_queries,
	.scores = scores,
	.values = values,
};
