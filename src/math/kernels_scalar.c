/* Portable kernels: the reference for the vector ones. */
#include "math/kernels_set.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/attend_set.h"
#include "math/half.h"
#include "math/quant_x.h"
#include "math/quantize_set.h"
#include "math/select.h"
#include "math/tile.h"

static void bf16_to_f32(float *y, const void *x, size_t n)
{
	const char *from = x;
	uint16_t half;

	for (size_t i = 0; i < n; i++) {
		memcpy(&half, from + 2 * i, 2);
		y[i] = half_from_bf16(half);
	}
}

static void f16_to_f32(float *y, const void *x, size_t n)
{
	const char *from = x;
	uint16_t half;

	for (size_t i = 0; i < n; i++) {
		memcpy(&half, from + 2 * i, 2);
		y[i] = half_from_f16(half);
	}
}

static void f32_to_bf16(void *y, const float *x, size_t n)
{
	char *to = y;

	for (size_t i = 0; i < n; i++) {
		uint16_t half = half_to_bf16(x[i]);

		memcpy(to + 2 * i, &half, 2);
	}
}

static void f32_to_f16(void *y, const float *x, size_t n)
{
	char *to = y;

	for (size_t i = 0; i < n; i++) {
		uint16_t half = half_to_f16(x[i]);

		memcpy(to + 2 * i, &half, 2);
	}
}

/* Four sums, so that a long row loses no more to rounding than it must. */
static float dot(const float *a, const float *b, size_t n)
{
	float sum[4] = { 0 };
	size_t i = 0;

	for (; i + 4 <= n; i += 4)
		for (size_t lane = 0; lane < 4; lane++)
			sum[lane] += a[i + lane] * b[i + lane];
	for (; i < n; i++)
		sum[i % 4] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void axpy(float *y, float a, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += a * x[i];
}

static void scale(float *y, float a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] *= a;
}

static void scale_mul(float *y, float a, const float *x, const float *weight,
                      size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = a * x[i] * weight[i];
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

static void rotate(float *head, const float *cos, const float *sin, size_t half)
{
	for (size_t d = 0; d < half; d++) {
		float a = head[d], b = head[d + half];

		head[d] = a * cos[d] - b * sin[d];
		head[d + half] = b * cos[d] + a * sin[d];
	}
}

static float max(const float *x, size_t n)
{
	float top = -INFINITY;

	for (size_t i = 0; i < n; i++)
		top = x[i] > top ? x[i] : top;
	return top;
}

static float exp_sum(float *y, const float *x, float top, size_t n)
{
	float sum[4] = { 0 };

	for (size_t i = 0; i < n; i++) {
		y[i] = expf(x[i] - top);
		sum[i % 4] += y[i];
	}
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

const struct kernels kernels_scalar = {
	.name = "scalar",
	.bf16_to_f32 = bf16_to_f32,
	.f16_to_f32 = f16_to_f32,
	.f32_to_bf16 = f32_to_bf16,
	.f32_to_f16 = f32_to_f16,
	.quant_x = quant_x_scalar,
	.dot = dot,
	.axpy = axpy,
	.scale = scale,
	.scale_mul = scale_mul,
	.silu_mul = silu_mul,
	.rotate = rotate,
	.max = max,
	.exp_sum = exp_sum,
	.tile_f32 = tile_f32_scalar,
	.tile_f16 = tile_f16_scalar,
	.tile_bf16 = tile_bf16_scalar,
	.tile_int8 = TILE_INT8_SET(scalar),
	.attend = &attend_scalar,
	.select = &select_scalar,
	.quantize = &quantize_scalar,
};
