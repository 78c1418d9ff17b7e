/*
 * tile.h - one block of y = x W^T, computed where the weights lie
 *
 *	y[r][o] = (add ? y[r][o] : 0) + sum over i < n of x[r][i] * w[o][i]
 *
 * Weights are row-major, so both factors run along i: a vector holds lanes of
 * i, and a register tile of TILE_W weight rows by a few activation rows keeps
 * as many running vectors.  Each is summed across its lanes once, at the end.
 * That needs no repacked copy of the weights, at any number of rows, and its
 * sums across lanes cost under 5% from n = 2,048 on.
 *
 * The caller cuts a product into tiles that suit the caches: weights stay near
 * while the tile's activation rows pass over them (linear.c does).
 */
#ifndef CONFAB_TILE_H
#define CONFAB_TILE_H

#include <stdbool.h>
#include <stddef.h>

#include "math/tensor.h"

struct tile {
	float *y;        /* row r at y + r * y_stride */
	size_t y_stride; /* floats */
	const void *w;   /* stored rows, any alignment */
	size_t w_stride; /* bytes */
	size_t n_w;      /* outputs, > 0 */
	const void *x;   /* rows in the form that the kernel multiplies */
	size_t x_stride; /* bytes */
	size_t rows;     /* of x, > 0 */
	size_t n;        /* length of a row */
	bool add;
	size_t ahead; /* packed types: how many bytes ahead of what is read to ask
	               * for more, 0: left to the processor */
};

/* Float32 activations, and the narrow one bf16. */
void tile_f32_scalar(const struct tile *t);
void tile_f16_scalar(const struct tile *t);
void tile_bf16_scalar(const struct tile *t);

void tile_f32_avx2(const struct tile *t);
void tile_f16_avx2(const struct tile *t);
void tile_bf16_avx2(const struct tile *t);

void tile_f32_avx512(const struct tile *t);
void tile_f16_avx512(const struct tile *t);
void tile_bf16_avx512(const struct tile *t);
void tile_bf16_narrow_avx512(const struct tile *t);

/* Block types by rows of struct quant_x.  n is a multiple of the type's block.
 * The integers are exact; they are scaled and added up in float32. */
#define TILE_INT8(name) \
	void tile_int8_##name##_scalar(const struct tile *t); \
	void tile_int8_##name##_avx2(const struct tile *t); \
	void tile_int8_##name##_avx512(const struct tile *t);

TILE_INT8(q8_0)
TILE_INT8(q4_0)
TILE_INT8(q4_1)
TILE_INT8(q5_0)
TILE_INT8(q5_1)
TILE_INT8(iq4_nl)
TILE_INT8(q4_k)
TILE_INT8(q5_k)
TILE_INT8(q6_k)

/* Of some of these, for two or three rows and more; the ones above call them. */
#define TILE_FEW(name) \
	void tile_few_##name##_avx2(const struct tile *t); \
	void tile_few_##name##_avx512(const struct tile *t);

TILE_FEW(q8_0)
TILE_FEW(q4_0)
TILE_FEW(q4_k)
TILE_FEW(q5_k)
TILE_FEW(q6_k)

/* Whether a set's tile by 8-bit activations brings a few rows' codes into lanes once
 * for them all, as those do and those of packed types; others take the blocks apart
 * for every two or three rows. */
static inline bool tile_is_for_few(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_Q8_0:
	case DTYPE_Q4_0:
	case DTYPE_Q4_K:
	case DTYPE_Q5_K:
	case DTYPE_Q6_K:
	case DTYPE_Q8_0_X16:
	case DTYPE_Q4_0_X16:
	case DTYPE_Q4_K_X16:
	case DTYPE_Q6_K_X16:
		return true;
	default:
		return false;
	}
}

/* Packed types (packed.h): w is a group, n_w a multiple of 16, w_stride a row's
 * bytes on average.  By float32 activations too, with the weights' exact values;
 * not in the portable set. */
TILE_INT8(q8_0_x16)
TILE_INT8(q4_0_x16)
TILE_INT8(q4_k_x16)
TILE_INT8(q6_k_x16)

#define TILE_EXACT(name) \
	void tile_exact_##name##_avx2(const struct tile *t); \
	void tile_exact_##name##_avx512(const struct tile *t);

TILE_EXACT(q8_0_x16)
TILE_EXACT(q4_0_x16)
TILE_EXACT(q4_k_x16)
TILE_EXACT(q6_k_x16)
TILE_EXACT(bf16_x16) /* and by nothing else */

/* Their places in struct kernels. */
#define TILE_INT8_SET(set) \
	{ \
		[DTYPE_Q8_0] = tile_int8_q8_0_##set, \
		[DTYPE_Q4_0] = tile_int8_q4_0_##set, \
		[DTYPE_Q4_1] = tile_int8_q4_1_##set, \
		[DTYPE_Q5_0] = tile_int8_q5_0_##set, \
		[DTYPE_Q5_1] = tile_int8_q5_1_##set, \
		[DTYPE_IQ4_NL] = tile_int8_iq4_nl_##set, \
		[DTYPE_Q4_K] = tile_int8_q4_k_##set, \
		[DTYPE_Q5_K] = tile_int8_q5_k_##set, \
		[DTYPE_Q6_K] = tile_int8_q6_k_##set, \
		[DTYPE_Q8_0_X16] = tile_int8_q8_0_x16_##set, \
		[DTYPE_Q4_0_X16] = tile_int8_q4_0_x16_##set, \
		[DTYPE_Q4_K_X16] = tile_int8_q4_k_x16_##set, \
		[DTYPE_Q6_K_X16] = tile_int8_q6_k_x16_##set, \
	}
#define TILE_EXACT_SET(set) \
	{ \
		[DTYPE_Q8_0_X16] = tile_exact_q8_0_x16_##set, \
		[DTYPE_Q4_0_X16] = tile_exact_q4_0_x16_##set, \
		[DTYPE_Q4_K_X16] = tile_exact_q4_k_x16_##set, \
		[DTYPE_Q6_K_X16] = tile_exact_q6_k_x16_##set, \
		[DTYPE_BF16_X16] = tile_exact_bf16_x16_##set, \
	}

#endif
