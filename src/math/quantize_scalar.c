/* 16 floats as four vectors of 4, which every compiler knows of. */
#include "math/quantize_set.h"

#include <string.h>

#include "math/unroll.h"

typedef float four __attribute__((vector_size(16)));
typedef int32_t mask __attribute__((vector_size(16)));

typedef struct {
	four at[4];
} vec;

#define EACH(i) UNROLL for (int i = 0; i < 4; i++)

INLINE vec v_load(const float *p)
{
	vec v;

	memcpy(&v, p, sizeof v);
	return v;
}

INLINE vec v_set1(float f)
{
	const four all = { f, f, f, f };

	return (vec){ { all, all, all, all } };
}

INLINE vec v_add(vec a, vec b)
{
	EACH(i) a.at[i] += b.at[i];
	return a;
}

INLINE vec v_sub(vec a, vec b)
{
	EACH(i) a.at[i] -= b.at[i];
	return a;
}

INLINE vec v_mul(vec a, vec b)
{
	EACH(i) a.at[i] *= b.at[i];
	return a;
}

/* yes where the mask is set, no elsewhere. */
INLINE four choose(mask m, four yes, four no)
{
	return (four)((m & (mask)yes) | (~m & (mask)no));
}

INLINE vec v_min(vec a, vec b)
{
	EACH(i) a.at[i] = choose(a.at[i] < b.at[i], a.at[i], b.at[i]);
	return a;
}

INLINE vec v_max(vec a, vec b)
{
	EACH(i) a.at[i] = choose(a.at[i] > b.at[i], a.at[i], b.at[i]);
	return a;
}

INLINE vec v_step(vec sum, vec v, vec at, vec step)
{
	const four none = { 0 };

	EACH(i)
	sum.at[i] += choose(v.at[i] >= at.at[i], step.at[i], none);
	return sum;
}

INLINE float v_sum(vec v)
{
	four sum = (v.at[0] + v.at[2]) + (v.at[1] + v.at[3]);

	return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

INLINE float v_greatest(vec v)
{
	float greatest = v.at[0][0];

	for (int i = 1; i < 16; i++)
		if (v.at[i / 4][i % 4] > greatest)
			greatest = v.at[i / 4][i % 4];
	return greatest;
}

INLINE float v_least(vec v)
{
	return -v_greatest(v_sub(v_set1(0), v));
}

INLINE void v_codes(int8_t *q, vec v)
{
	for (int i = 0; i < 16; i++)
		q[i] = (int8_t)v.at[i / 4][i % 4];
}

#include "math/quantize_types.h"

const struct quantize_set quantize_scalar = { QUANTIZE_ROWS };
