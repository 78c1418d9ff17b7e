#include "math/select.h"

#include <math.h>

static void block_max(const float *x, size_t n, float *max)
{
	for (size_t i = 0; i < n; i++) {
		float *m = &max[i / SELECT_BLOCK];

		if (i % SELECT_BLOCK == 0)
			*m = -INFINITY;
		if (x[i] > *m)
			*m = x[i];
	}
}

static struct select_sums sums(const float *x, size_t n, float top,
                               double scale, float least)
{
	struct select_sums s = { 0, 0, 0 };

	for (size_t i = 0; i < n; i++) {
		double d = ((double)x[i] - top) * scale, w;

		if (!(x[i] >= least))
			continue;
		s.count++;
		if (!(d > SELECT_EXP_MIN))
			continue;
		w = exp(d);
		s.mass += w;
		s.moment += w * d;
	}
	return s;
}

static size_t count_above(const float *x, size_t n, float value)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += x[i] > value;
	return count;
}

const struct select_ops select_scalar = {
	.block_max = block_max,
	.sums = sums,
	.count_above = count_above,
};
