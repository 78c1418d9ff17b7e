/*
 * norm.h - RMSNorm of the residual stream's rows, on all threads
 */
#ifndef CONFAB_NORM_H
#define CONFAB_NORM_H

#include <stddef.h>

struct threads;

/* y, x: [rows, dim], y may be x; weight: [dim].  See math/rmsnorm.h. */
void norm_rows(struct threads *pool, float *y, const float *x,
               const float *weight, size_t rows, size_t dim, float eps);

#endif
