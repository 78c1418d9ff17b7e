/*
 * quant_x.h - activations as 8-bit integers, for products with block types
 *
 *	x[i] ~ d[i / 32] q[i],	d = max |x| / 127 over the 32,
 *				q = x / d rounded to the nearest, ties to even
 *
 * q lies in [-127, 127].  A rounding error is at most d / 2 and so at most
 * 1/254 of the largest of its 32 neighbours; spread evenly it is d / sqrt(12)
 * of standard deviation.
 *
 * Integer dot products take the weights as unsigned bytes, w + c with c such as
 * 128 for q8_0: sum q w = sum q (w + c) - c sum q, hence the sums.
 */
#ifndef CONFAB_QUANT_X_H
#define CONFAB_QUANT_X_H

#include <stddef.h>
#include <stdint.h>

/*
 * 256 elements of a row, five cache lines.  A row is an array of these, the
 * elements past its end and their scales and sums zero.  Where x is all zero,
 * or below 2^-100, d and q are 0.  Where it holds an infinity or a NaN, d is
 * NaN and q is 0, so that it comes through as NaN.
 */
struct quant_x {
	_Alignas(64) float d[8]; /* of 32 elements */
	int16_t sum[16];         /* of q, of 16 elements */
	int8_t q[256];
};

_Static_assert(sizeof(struct quant_x) == 320, "quant_x");

/* Of a row of n elements. */
static inline size_t quant_x_count(size_t n)
{
	return (n + 255) / 256;
}

/* Writes quant_x_count(n) of them.  Every set of kernels makes the same bytes;
 * call by way of kernels.h. */
void quant_x_scalar(struct quant_x *dst, const float *x, size_t n);
void quant_x_avx2(struct quant_x *dst, const float *x, size_t n);
void quant_x_avx512(struct quant_x *dst, const float *x, size_t n);

/* The same with unsigned q + 128 in the place of q, for products with signed
 * weights; the sums are left 0. */
void quant_x_biased_avx512(struct quant_x *dst, const float *x, size_t n);

#endif
