/*
 * widen.h - rows of block types as float32, by vectors
 *
 * y[0..n) = the values of a stored row at any address, n a multiple of the
 * type's block: the same bits as quant_dequantize_row(), but that a NaN may be
 * another.  By way of kernels.h.
 */
#ifndef CONFAB_WIDEN_H
#define CONFAB_WIDEN_H

#include <stddef.h>

void widen_q8_0_avx2(float *y, const void *x, size_t n);
void widen_q4_0_avx2(float *y, const void *x, size_t n);
void widen_q4_1_avx2(float *y, const void *x, size_t n);
void widen_q5_0_avx2(float *y, const void *x, size_t n);
void widen_q5_1_avx2(float *y, const void *x, size_t n);
void widen_iq4_nl_avx2(float *y, const void *x, size_t n);
void widen_q4_k_avx2(float *y, const void *x, size_t n);
void widen_q5_k_avx2(float *y, const void *x, size_t n);
void widen_q6_k_avx2(float *y, const void *x, size_t n);

/* Their places in struct kernels. */
#define WIDEN_AVX2 \
	{ \
		[DTYPE_Q8_0] = widen_q8_0_avx2, \
		[DTYPE_Q4_0] = widen_q4_0_avx2, \
		[DTYPE_Q4_1] = widen_q4_1_avx2, \
		[DTYPE_Q5_0] = widen_q5_0_avx2, \
		[DTYPE_Q5_1] = widen_q5_1_avx2, \
		[DTYPE_IQ4_NL] = widen_iq4_nl_avx2, \
		[DTYPE_Q4_K] = widen_q4_k_avx2, \
		[DTYPE_Q5_K] = widen_q5_k_avx2, \
		[DTYPE_Q6_K] = widen_q6_k_avx2, \
	}

#endif
