/*
 * linear.h - y = x W^T, the operation that a language model is made of
 *
 *	y[r][o] = sum over i of x[r][i] * W[o][i]
 *
 * W is a tensor [n_out, n_in] of any dtype, read in place from its file's
 * mapping and never copied or expanded whole; its rows may begin at any
 * address.  x and y are float32.  No bias: Qwen3 has none.
 *
 * One token (decode) is bound by memory: each weight is used once.  A prompt
 * (prefill) is bound by arithmetic: each weight is used by every row.  Both
 * are served, and every batch in between reads each weight from memory once.
 *
 * Numerics.  With `exact` every product is of float32 grade: the weight's
 * stored value times the float32 activation, accumulated in float32 in some
 * order.  Without it activations, and in some cases weights, are narrowed where the
 * set of kernels has such a product:
 *	BF16 weights, from LINEAR_NARROW_ROWS rows on	to bf16 (a relative
 *		error of 2^-8 an activation)
 *	block types, any number of rows			to 8-bit integers with
 *		a scale for every 32 (an error of at most 1/254 of the largest
 *		of the 32, see quant_x.h); sums over 16 or 32 products of
 *		integers are exact, and all sums of those are float32
 *	block types of up to six bits, many rows, AVX-512	weights to signed
 *		bytes with a scale for every 256 (an error of at most 1/254 of
 *		the largest that those can hold, see panel.h)
 *	all but F32, many rows, AMX			instead weights and
 *		activations to bf16 (a relative error of 2^-8 of each)
 *	16-bit floats and most block types, some rows, AVX2, and 16-bit floats that
 *		AVX-512 does not multiply as bf16	instead weights to
 *		12 bits and activations to 13, each with a scale for every 256
 *		(an error of at most 1/4094 of the largest weight, 1/8190 of the
 *		largest activation; of a block type's weights of 1/1811)
 * All else is computed as with `exact`; the portable set narrows few rows of
 * some block types only.  A row's result may depend in its last bits on how many
 * rows were computed with it.
 */
#ifndef CONFAB_LINEAR_H
#define CONFAB_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

struct error;
struct threads;
struct linear_work;

#define LINEAR_NARROW_ROWS 8

/* All scratch for calls with up to max_rows rows and weights of up to
 * [max_out, max_in], so that nothing is allocated in a forward pass.  Calls
 * run on `pool`, which is borrowed and may be NULL.  One call at a time. */
struct linear_work *linear_work_new(struct threads *pool, size_t max_rows,
                                    int64_t max_in, int64_t max_out,
                                    struct error *err);
void linear_work_free(struct linear_work *work);

/* One weight and where its product goes. */
struct linear_job {
	const struct tensor *w; /* 2-D, [n_out, n_in] */
	float *y;               /* [rows, n_out], row r at y + r * y_stride */
	size_t y_stride;        /* floats, >= n_out */
	bool add;               /* y += x W^T: a residual connection */
};

/* y = x W^T for each job, all over the same x [rows, n_in] (row r at
 * x + r * x_stride), in one fork and join of the pool: Q, K and V.  At most
 * LINEAR_MAX_JOBS jobs.  No y may overlap x or another y.  rows >= 1. */
#define LINEAR_MAX_JOBS 4
void linear_many(struct linear_work *work, const struct linear_job *jobs,
                 int n_jobs, const float *x, size_t x_stride, size_t rows,
                 bool exact);

/* One job. */
void linear(struct linear_work *work, const struct linear_job *job,
            const float *x, size_t x_stride, size_t rows, bool exact);

/* The first half of a SwiGLU feed-forward network (arXiv:2002.05202) as one
 * operation: y = silu(x gate^T) * (x up^T), silu(z) = z / (1 + e^-z).
 * gate and up have one shape [n_out, n_in]; y: [rows, n_out]. */
void linear_swiglu(struct linear_work *work, const struct tensor *gate,
                   const struct tensor *up, float *y, size_t y_stride,
                   const float *x, size_t x_stride, size_t rows, bool exact);

/* dst[i] = W[row][i]: an embedding's row, widened to float32. */
void linear_row(const struct tensor *w, int64_t row, float *dst);

#endif
