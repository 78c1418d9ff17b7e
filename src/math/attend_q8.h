/*
 * attend_q8.h - attend.h's two products over pages in q8_0
 *
 * A page of one KV head holds, for K and for V, a scale (f16) for each token
 * and each 32 elements of its head, and then a code, -127..127, for each
 * element, which is scale * code.  Codes lie in quads along what the product
 * sums over:
 *	scales   [head_dim / 32][ATTEND_PAGE]
 *	codes k  [ATTEND_PAGE / 16][head_dim / 4][16][4]   quads of elements
 *	codes v  [ATTEND_PAGE / 4][head_dim][4]            quads of tokens
 * so that four products fall into the lane where they are summed: what
 * vpdpbusd and vpmaddwd do.  head_dim is a multiple of 32.
 *
 * The other factor (32 elements of a query; a page's weights times the scales
 * of V) is rounded to 16-bit codes too: unit * code with |code| <= 32512, so
 * that a code is 256 hi + lo with both in a byte.  Products of codes and their
 * sums are exact in 32-bit integers.  The rounding is at most 2^-16 of the
 * largest number of the block, below what a float32 sum of so many terms is
 * sure of and 200 times below the rounding of q8_0 itself.
 *
 * Pure functions, one set per kind of CPU; struct attend points to its own.
 */
#ifndef CONFAB_ATTEND_Q8_H
#define CONFAB_ATTEND_Q8_H

#include <stddef.h>
#include <stdint.h>

#define ATTEND_Q8_BLOCK 32    /* elements of a head that share a scale */
#define ATTEND_Q8_MOST  32512 /* the largest 16-bit code, 127 * 256 */

/* 32 elements of a query.  Which of the two forms the codes have is the set's
 * own business. */
struct attend_q8_query {
	float unit;
	int32_t sum; /* of the codes */
	union {
		int16_t code[ATTEND_Q8_BLOCK];
		struct {
			int8_t hi[ATTEND_Q8_BLOCK], lo[ATTEND_Q8_BLOCK];
		};
	};
};

struct attend_q8 {
	/* coded: [rows][head_dim / 32]; q: [rows][head_dim]; any rows. */
	void (*code)(struct attend_q8_query *coded, const float *q, int rows,
	             int head_dim);

	/* As in struct attend.  s may be written past the last group. */
	void (*scores)(float *s, const struct attend_q8_query *coded, int rows,
	               const void *k, int head_dim, int groups,
	               const void *ahead);
	void (*values)(float *acc, const float *p, const float *scale, int rows,
	               const void *v, int head_dim, int n, const void *ahead);
};

extern const struct attend_q8 attend_q8_scalar;
#ifdef __x86_64__
extern const struct attend_q8 attend_q8_avx2;
extern const struct attend_q8 attend_q8_avx512; /* needs VNNI */
#endif

/* Bytes of K, or of V, of one page and head. */
size_t attend_q8_bytes(size_t head_dim);

/* Codes one token's key and value, [head_dim] each, as token t of a page. */
void attend_q8_store(void *k_page, void *v_page, size_t t, const float *k,
                     const float *v, size_t head_dim);

/* The page's element d of token t, for whoever is in no hurry. */
float attend_q8_k(const void *k_page, size_t t, size_t d, size_t head_dim);
float attend_q8_v(const void *v_page, size_t t, size_t d, size_t head_dim);

#endif
