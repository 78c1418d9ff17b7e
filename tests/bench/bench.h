/*
 * bench.h - what the benchmarks of this directory share
 */
#ifndef CONFAB_BENCH_H
#define CONFAB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/packed.h"
#include "math/tensor.h"

static inline int bench_by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts values[n], n > 0. */
static inline double bench_median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, bench_by_value);
	return values[n / 2];
}

/* False where no dtype has that name. */
static inline bool bench_dtype(const char *name, enum dtype *dtype)
{
	for (int d = 0; d < DTYPE_COUNT; d++) {
		*dtype = (enum dtype)d;
		if (strcmp(dtype_info(*dtype)->name, name) == 0)
			return true;
	}
	return false;
}

/* Small weights in every dtype: 0x3c repeated is about 0.01 in bf16 and f32.  Of
 * packed bf16 a weight in every record is rare.  Free with free(); NULL where there is
 * no memory. */
static inline char *bench_weights(enum dtype dtype, size_t bytes)
{
	char *weights = mem_try(1, bytes);
	struct packed_bf16 *records = (void *)weights;

	if (!weights)
		return NULL;
	memset(weights, 0x3c, bytes);
	for (size_t i = 0;
	     dtype == DTYPE_BF16_X16 && i < bytes / sizeof *records; i++)
		records[i].n_rare = 1;
	return weights;
}

/* rows of n, likewise. */
static inline float *bench_activations(size_t rows, size_t n)
{
	float *x = mem_try(rows, n * sizeof *x);

	for (size_t i = 0; x && i < rows * n; i++)
		x[i] = (float)(i % 13) * .01f;
	return x;
}

#endif
