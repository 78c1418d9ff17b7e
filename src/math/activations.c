#include "math/activations.h"

#include <assert.h>

#include "math/kernels.h"

void activations_swiglu(float *y, const float *gate, const float *up, size_t n)
{
	kernels_get()->silu_mul(y, gate, up, n);
}

void activations_softmax(float *x, size_t n)
{
	const struct kernels *k = kernels_get();

	assert(n > 0);
	k->scale(x, 1 / k->exp_sum(x, x, k->max(x, n), n), n);
}
