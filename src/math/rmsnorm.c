#include "math/rmsnorm.h"

#include <assert.h>
#include <math.h>

#include "math/kernels.h"

void rmsnorm(float *y, size_t y_stride, const float *x, size_t x_stride,
             const float *weight, size_t rows, size_t dim, float eps)
{
	const struct kernels *k = kernels_get();

	assert(dim > 0);
	for (size_t r = 0; r < rows; r++) {
		float mean = k->dot(x, x, dim) / (float)dim;

		k->scale_mul(y, 1 / sqrtf(mean + eps), x, weight, dim);
		y += y_stride;
		x += x_stride;
	}
}
