/* Portable tiles: the reference for the vector ones, and what runs on other
 * processors.  Eight running sums and dtypes that are constants leave the
 * compiler room to use vectors, which makes it ten times faster. */
#include "math/tile.h"

#include <stdint.h>
#include <string.h>

#include "math/half.h"
#include "math/tensor.h"
#include "math/unroll.h"

#define LANES 8

INLINE float load(enum dtype dtype, const char *w, size_t k)
{
	uint16_t half;
	float f;

	if (dtype == DTYPE_F32) {
		memcpy(&f, w + 4 * k, 4);
		return f;
	}
	memcpy(&half, w + 2 * k, 2);
	return dtype == DTYPE_F16 ? half_from_f16(half) : half_from_bf16(half);
}

/* One weight row, widened eight elements at a time, by one activation row. */
INLINE float dot(enum dtype dtype, const char *w, const float *x, size_t n)
{
	float sum[LANES] = { 0 }, wide[LANES], total = 0;
	size_t k = 0;

	for (; k + LANES <= n; k += LANES) {
		for (size_t d = 0; d < LANES; d++)
			wide[d] = load(dtype, w, k + d);
		for (size_t d = 0; d < LANES; d++)
			sum[d] += wide[d] * x[k + d];
	}
	for (; k < n; k++)
		sum[k % LANES] += load(dtype, w, k) * x[k];
	for (size_t d = 0; d < LANES; d++)
		total += sum[d];
	return total;
}

INLINE void tile(enum dtype dtype, const struct tile *t)
{
	for (size_t o = 0; o < t->n_w; o++) {
		const char *w = (const char *)t->w + o * t->w_stride;

		for (size_t r = 0; r < t->rows; r++) {
			const void *x = (const char *)t->x + r * t->x_stride;
			float *y = t->y + r * t->y_stride + o;

			*y = (t->add ? *y : 0) + dot(dtype, w, x, t->n);
		}
	}
}

void tile_f32_scalar(const struct tile *t)
{
	tile(DTYPE_F32, t);
}

void tile_f16_scalar(const struct tile *t)
{
	tile(DTYPE_F16, t);
}

void tile_bf16_scalar(const struct tile *t)
{
	tile(DTYPE_BF16, t);
}
