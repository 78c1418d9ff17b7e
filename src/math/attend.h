/*
 * attend.h - a few query rows against one page of keys and values
 *
 * The innermost loops of attention with a streaming softmax (Milakov &
 * Gimelshein 2018, arXiv:1805.02867; FlashAttention, arXiv:2205.14135,
 * section 3.1).  A row keeps the largest score so far (top), the sum of its
 * weights relative to that (sum), and the weighted values (acc); each page
 * updates them, so that no row of scores longer than a page is ever stored:
 *
 *	s[j]  = q . k[j]                                scores
 *	top'  = max(top, max s)
 *	p[j]  = 2^(s[j] - top')                         weights
 *	scale = 2^(top - top')
 *	sum   = scale sum + sum of p
 *	acc   = scale acc + sum over j of p[j] v[j]     values
 *
 * and in the end acc / sum is the answer.  Powers of two are cheaper than
 * powers of e and give the same softmax when q carries a factor log2(e) (with
 * 1 / sqrt(head_dim): the caller's business).
 *
 * A page is ATTEND_PAGE tokens of one KV head in f16, bf16 or f32:
 *	k  [ATTEND_PAGE / 16][head_dim][16]    lanes are positions
 *	v  [ATTEND_PAGE][head_dim]
 * so that both products are the same small matrix product, of rows by a block
 * whose vectors are contiguous: no sum across lanes, no transposition.  It is
 * read in place; all query heads of a KV head share each load.  A page in q8_0
 * has its own layout and products, attend_q8.h.
 *
 * Pure functions, one set per kind of CPU, chosen like kernels.h.  They add
 * and round in different orders; everything is float32 but the narrow ones and those of
 * attend_wide.h.
 */
#ifndef CONFAB_ATTEND_H
#define CONFAB_ATTEND_H

#include <stddef.h>
#include <stdint.h>

#include "math/attend_q8.h"
#include "math/attend_wide.h"
#include "math/tensor.h"

/* 6 rows by 64 tokens are 24 vectors of sums in AVX-512, 6 by 16 are 12 in
 * AVX2: what fits in the registers. */
#define ATTEND_ROWS  6                 /* query rows of a call */
#define ATTEND_PAGE  64                /* tokens */
#define ATTEND_GROUP 16                /* tokens that lie side by side in k */
#define ATTEND_SPAN  (4 * ATTEND_PAGE) /* what narrow products take at once */

struct attend {
	/* s[r][j] = q[r] . k[j] for all 16 tokens of the first `groups`
	 * groups, 1..4, whether they hold anything or not.
	 * s: [rows][ATTEND_PAGE]; q: [rows][head_dim]; 1 <= rows <=
	 * ATTEND_ROWS.  `ahead` is what will be read next (a block as large as
	 * k), or NULL: a hint to the cache. */
	void (*scores)(float *s, const float *q, int rows, const void *k,
	               enum dtype dtype, int head_dim, int groups,
	               const void *ahead);

	/* Turns scores into weights in place and updates top and sum, [rows]
	 * (-INFINITY and 0 at first).  Row r sees the first limit[r] tokens,
	 * 0..16 groups; the rest of its groups get weight 0.  scale: [rows],
	 * for values.  ahead: what values() asks for; this asks for its
	 * beginning, so that memory does not pause. */
	void (*weights)(float *s, int rows, int groups, const int *limit,
	                float *top, float *sum, float *scale,
	                const void *ahead);

	/* acc[r] = scale[r] acc[r] + sum over the first n tokens of
	 * p[r][j] v[j].  acc: [rows][head_dim]; p: [rows][ATTEND_PAGE]; 1 <= n
	 * <= ATTEND_PAGE. */
	void (*values)(float *acc, const float *p, const float *scale, int rows,
	               const void *v, enum dtype dtype, int head_dim, int n,
	               const void *ahead);

	/* Scores and values where dtype is DTYPE_Q8_0, which those above do
	 * not take. */
	const struct attend_q8 *q8;

	/* All of it by 16-bit integers, where dtype is none of those and rows
	 * are many; NULL where that is no faster. */
	const struct attend_wide *wide;

	/*
	 * The same with both factors in bf16 (relative error of each 2^-8,
	 * sums in float32), at twice the rate where the CPU multiplies pairs
	 * of bf16; NULL where it does not.  head_dim is even.
	 * pack() brings a page of n tokens, in any dtype, into pairs:
	 *	pairs k  [ATTEND_PAGE / 16][head_dim / 2][16][2]
	 *	pairs v  [ATTEND_PAGE / 2][head_dim][2], 0 where j >= n
	 * which pays when many rows meet the page.  The products take a span
	 * of such pages, one after the other, so that a row's maximum, its sum
	 * and acc's new top are paid once for them all: groups are up to
	 * ATTEND_SPAN / 16, n up to ATTEND_SPAN, s and p [rows][ATTEND_SPAN].
	 * sum is that of the rounded weights, so that they are parts of a
	 * whole, and p has zeros to the next multiple of 32.  end() tells that
	 * the thread has no more rows; NULL: nobody needs to know.
	 */
	void (*pack)(uint16_t *k_pairs, uint16_t *v_pairs, const void *k,
	             const void *v, enum dtype dtype, int head_dim, int n);
	void (*scores_narrow)(float *s, const uint16_t *q, int rows,
	                      const uint16_t *k_pairs, int head_dim,
	                      int groups);
	void (*weights_narrow)(uint16_t *p, const float *s, int rows,
	                       int groups, const int *limit, float *top,
	                       float *sum, float *scale);
	void (*values_narrow)(float *acc, const uint16_t *p, const float *scale,
	                      int rows, const uint16_t *v_pairs, int head_dim,
	                      int n);
	void (*end)(void);
};

/* The set that belongs to kernels_get(). */
const struct attend *attend_get(void);

/* A set by its name; NULL when there is none or this CPU cannot run it. */
const struct attend *attend_by_name(const char *name);

#endif
