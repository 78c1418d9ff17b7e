#include "math/softmax.h"

#include <assert.h>

#include "math/kernels.h"

void softmax(float *x, size_t n)
{
	const struct kernels *k = kernels_get();

	assert(n > 0);
	k->scale(x, 1 / k->exp_sum(x, x, k->max(x, n), n), n);
}
