/*
 * layer.h - small random layers for the tests of src/model, and the definition
 * of a linear layer in double
 */
#ifndef CONFAB_TESTS_LAYER_H
#define CONFAB_TESTS_LAYER_H

#include <stdlib.h>

#include "math/tensor.h"
#include "tests/numbers.h"

static inline float *layer_floats(uint64_t *state, size_t n, float scale)
{
	float *x = malloc(n * sizeof *x);

	for (size_t i = 0; i < n; i++)
		x[i] = scale * numbers_uniform(state);
	return x;
}

/* A float32 matrix of random numbers; free its data. */
static inline struct tensor layer_matrix(uint64_t *state, int rows, int cols)
{
	size_t n = (size_t)rows * (size_t)cols;

	return (struct tensor){ .dtype = DTYPE_F32,
		                .n_dims = 2,
		                .shape = { rows, cols },
		                .data = layer_floats(state, n, 0.5f),
		                .bytes = n * sizeof(float) };
}

static inline void layer_free(struct tensor *t)
{
	free((void *)(uintptr_t)t->data);
}

/* y = W x, one row. */
static inline void layer_apply(double *y, const struct tensor *w,
                               const double *x)
{
	const float *row = w->data;

	for (int64_t o = 0; o < w->shape[0]; o++, row += w->shape[1]) {
		y[o] = 0;
		for (int64_t i = 0; i < w->shape[1]; i++)
			y[o] += (double)row[i] * x[i];
	}
}

/* y = down(silu(gate x) * up x), one row; inner numbers at most 64. */
static inline void layer_swiglu(double *y, const struct tensor *gate,
                                const struct tensor *up,
                                const struct tensor *down, const double *x)
{
	double g[64], u[64];

	layer_apply(g, gate, x);
	layer_apply(u, up, x);
	for (int64_t i = 0; i < gate->shape[0]; i++)
		g[i] = g[i] / (1 + exp(-g[i])) * u[i];
	layer_apply(y, down, g);
}

#endif
