/*
 * select.h - what a sampler asks of a row of logits, without sorting it
 *
 * A row of 151,936 logits is read a few times and never sorted.  It is seen in
 * blocks of SELECT_BLOCK: one pass finds the largest of each, and most later
 * questions touch only the few blocks whose largest is large enough.
 *
 * Weights are e^((x - top) * scale) and sums of them, all in double: with
 * scale 1 the softmax's denominator and entropy, with 1/temperature the mass
 * of what a sampler kept.  Results of the implementations differ in the
 * last places only (1e-13 relative over a full vocabulary).
 *
 * NaN is smaller than everything, counts for nothing and weighs nothing.
 */
#ifndef CONFAB_SELECT_H
#define CONFAB_SELECT_H

#include <stdbool.h>
#include <stddef.h>

#define SELECT_BLOCK 128

/* The blocks of a row of n, and where the one that begins at `first` ends. */
static inline size_t select_blocks(size_t n)
{
	return (n + SELECT_BLOCK - 1) / SELECT_BLOCK;
}

static inline size_t select_block_end(size_t n, size_t first)
{
	return n - first < SELECT_BLOCK ? n : first + SELECT_BLOCK;
}

/* A weight below e^-708 (the smallest normal double) is 0. */
#define SELECT_EXP_MIN (-708.0)

struct select_sums {
	double mass;   /* sum of w = e^d, d = (x - top) * scale */
	double moment; /* sum of w * d */
	size_t count;  /* terms */
};

struct select_ops {
	/* max[b] = the largest of x[b * SELECT_BLOCK..), -infinity where there
	 * is none.  max: [select_blocks(n)]. */
	void (*block_max)(const float *x, size_t n, float *max);

	/* The sums over those x >= least.  top finite, scale > 0. */
	struct select_sums (*sums)(const float *x, size_t n, float top,
	                           double scale, float least);

	/* How many x > value. */
	size_t (*count_above)(const float *x, size_t n, float value);
};

extern const struct select_ops select_scalar;
extern const struct select_ops select_avx2;   /* x86-64 only */
extern const struct select_ops select_avx512; /* likewise */

/* The one that belongs to kernels_get(). */
const struct select_ops *select_get(void);

/* ---- the likeliest, in order ---- */

struct pick {
	float score; /* not NaN */
	int id;
};

/* Larger score first, among equals the lower id: no two picks are equal. */
static inline bool pick_before(struct pick a, struct pick b)
{
	return a.score > b.score || (a.score == b.score && a.id < b.id);
}

/* Rearranges picks so that each of [0, mid) comes before each of [mid, n) and
 * returns mid, 0 < mid < n.  n >= 2.  (Hoare 1961, median of three.) */
size_t pick_split(struct pick *picks, size_t n);

/* Rearranges picks so that the first m in order are [0, m), the last of them
 * at m - 1, in linear time (Hoare's find).  0 < m <= n. */
void pick_part(struct pick *picks, size_t n, size_t m);

void pick_sort(struct pick *picks, size_t n);

#endif
