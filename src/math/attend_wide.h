/*
 * attend_wide.h - attend.h's products by integers of 16 bits
 *
 * Where a CPU adds up products of 16-bit integers (vpmaddwd) at one and a half times
 * the rate of float32, many rows that meet a page repay to have it as such integers,
 * each with the scale of what is summed over:
 *
 *	k  of a token		x = d q,	|q| <= ATTEND_WIDE_MOST
 *	v  of a channel, of the page's tokens		likewise
 *
 * and so are queries, each with a scale of its own, and a row's weights, as parts of
 * their largest one in the page, so that no page is lost beside another.  (With more
 * than 128 elements of a head those of k are smaller, that sums fit 32 bits.)  The
 * rounding is at most 1/8190 of the largest number that shares the scale.  Sums of
 * products are exact in 32 bits, all others are float32.
 *
 * A page of n tokens and one KV head:
 *
 *	k	[ATTEND_PAGE / 16][head_dim / 2][16][2]		int16: pairs of elements
 *	v	[channels / 16][ATTEND_PAGE / 2][16][2]	int16: pairs of tokens
 *	d_k	[ATTEND_PAGE]				float32
 *	d_v	[channels]				float32
 *
 * channels: head_dim rounded up to 16.  The second of a pair that does not exist is 0.
 */
#ifndef CONFAB_ATTEND_WIDE_H
#define CONFAB_ATTEND_WIDE_H

#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

#define ATTEND_WIDE_MOST 4095
#define ATTEND_WIDE_DIM  256 /* the largest head */

/* A query row. */
struct attend_wide_query {
	int16_t q[ATTEND_WIDE_DIM];
	float d;
};

struct attend_wide {
	/* to: [rows]; q: [rows][head_dim], head_dim even and at most
	 * ATTEND_WIDE_DIM; any rows. */
	void (*code)(struct attend_wide_query *to, const float *q, int rows,
	             int head_dim);

	/* page: attend_wide_bytes(), aligned to 64; k and v as in attend.h. */
	void (*pack)(void *page, const void *k, const void *v, enum dtype dtype,
	             int head_dim, int n);

	/* All that attend.h says of a page: updates acc: [rows][head_dim], top
	 * and sum.  1 <= rows <= ATTEND_ROWS; row r sees the first limit[r]
	 * tokens of n that were packed. */
	void (*attend)(float *acc, float *top, float *sum,
	               const struct attend_wide_query *q, int rows,
	               const void *page, int head_dim, const int *limit, int n);
};

#ifdef __x86_64__
extern const struct attend_wide attend_wide_avx2;
#endif

/* Bytes of a page, whole lines. */
size_t attend_wide_bytes(size_t head_dim);

#endif
