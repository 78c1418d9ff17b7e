/*
 * rmsnorm.h - root mean square layer normalisation
 *
 *	y[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i]
 *
 * Paper: Zhang & Sennrich 2019, arXiv:1910.07467, section 4.  No bias and no
 * mean subtraction.  Qwen3 applies it to rows of the residual stream
 * (dim = hidden_size) and to each query and key head (dim = head_dim).
 */
#ifndef CONFAB_RMSNORM_H
#define CONFAB_RMSNORM_H

#include <stddef.h>

/* y, x: [rows, dim], row r at y + r * y_stride and x + r * x_stride (in
 * floats); y may be x with the same stride, no other overlap.  weight: [dim].
 * dim > 0. */
void rmsnorm(float *y, size_t y_stride, const float *x, size_t x_stride,
             const float *weight, size_t rows, size_t dim, float eps);

#endif
