/* Portable C: what the vector sets are held to. */
#include "math/attend_set.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/half.h"

/* n stored values from element i on, as float32. */
static void widen(float *y, const void *x, enum dtype dtype, size_t i, size_t n)
{
	const uint16_t *half = (const uint16_t *)x + i;

	switch (dtype) {
	case DTYPE_F16:
		for (size_t j = 0; j < n; j++)
			y[j] = half_from_f16(half[j]);
		break;
	case DTYPE_BF16:
		for (size_t j = 0; j < n; j++)
			y[j] = half_from_bf16(half[j]);
		break;
	default:
		memcpy(y, (const float *)x + i, n * sizeof *y);
	}
}

static void add_scaled(float *y, float a, const float *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += a * x[i];
}

static void scores(float *s, const float *q, int rows, const void *k,
                   enum dtype dtype, int head_dim, int groups,
                   const void *ahead)
{
	float lanes[ATTEND_GROUP];

	(void)ahead;
	for (int r = 0; r < rows; r++)
		memset(s + r * ATTEND_PAGE, 0,
		       (size_t)groups * ATTEND_GROUP * sizeof *s);
	for (int g = 0; g < groups; g++) {
		for (int d = 0; d < head_dim; d++) {
			size_t at = (size_t)(g * head_dim + d) * ATTEND_GROUP;

			widen(lanes, k, dtype, at, ATTEND_GROUP);
			for (int r = 0; r < rows; r++)
				add_scaled(s + r * ATTEND_PAGE +
				                   g * ATTEND_GROUP,
				           q[(size_t)r * head_dim + d], lanes,
				           ATTEND_GROUP);
		}
	}
}

static void weights(float *s, int rows, int groups, const int *limit,
                    float *top, float *sum, float *scale, const void *ahead)
{
	(void)ahead;
	for (int r = 0; r < rows; r++, s += ATTEND_PAGE) {
		float highest = top[r], total = 0;

		for (int j = 0; j < limit[r]; j++)
			highest = s[j] > highest ? s[j] : highest;
		for (int j = 0; j < groups * ATTEND_GROUP; j++) {
			s[j] = j < limit[r] ? exp2f(s[j] - highest) : 0;
			total += s[j];
		}
		/* A row that sees nothing yet has top and highest -infinity. */
		scale[r] = limit[r] ? exp2f(top[r] - highest) : 1;
		sum[r] = sum[r] * scale[r] + total;
		top[r] = highest;
	}
}

/* Elements of V that are widened at once. */
#define STRIP 64

static void values(float *acc, const float *p, const float *scale, int rows,
                   const void *v, enum dtype dtype, int head_dim, int n,
                   const void *ahead)
{
	float strip[STRIP];

	(void)ahead;
	for (int r = 0; r < rows; r++)
		for (int d = 0; d < head_dim; d++)
			acc[(size_t)r * head_dim + d] *= scale[r];
	for (int j = 0; j < n; j++) {
		for (int d = 0, m; d < head_dim; d += m) {
			m = head_dim - d < STRIP ? head_dim - d : STRIP;
			widen(strip, v, dtype, (size_t)j * head_dim + d, m);
			for (int r = 0; r < rows; r++)
				add_scaled(acc + (size_t)r * head_dim + d,
				           p[r * ATTEND_PAGE + j], strip, m);
		}
	}
}

const struct attend attend_scalar = {
	.scores = scores,
	.weights = weights,
	.values = values,
	.q8 = &attend_q8_scalar,
};
