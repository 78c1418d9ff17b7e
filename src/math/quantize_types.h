/*
 * quantize_types.h - rows of every type, and the table of a set
 *
 * For the files that quantize_fit.h names.
 */
#ifndef CONFAB_QUANTIZE_TYPES_H
#define CONFAB_QUANTIZE_TYPES_H

#include "math/quantize_iq.h"
#include "math/quantize_k.h"
#include "math/quantize_legacy.h"

/* A row of n elements, block by block. */
#define QUANTIZER(type, elements) \
	static void quantize_##type(const float *x, const float *w, void *dst, \
	                            int64_t n) \
	{ \
		struct quant_##type *y = dst; \
\
		for (int64_t i = 0; i < n; i += (elements)) \
			block_##type(x + i, w + i, y++); \
	}

QUANTIZER(q8_0, QUANT_BLOCK)
QUANTIZER(q4_0, QUANT_BLOCK)
QUANTIZER(q4_1, QUANT_BLOCK)
QUANTIZER(q5_0, QUANT_BLOCK)
QUANTIZER(q5_1, QUANT_BLOCK)
QUANTIZER(iq4_nl, QUANT_BLOCK)
QUANTIZER(q2_k, QUANT_SUPER)
QUANTIZER(q3_k, QUANT_SUPER)
QUANTIZER(q4_k, QUANT_SUPER)
QUANTIZER(q5_k, QUANT_SUPER)
QUANTIZER(q6_k, QUANT_SUPER)
QUANTIZER(iq4_xs, QUANT_SUPER)

#define QUANTIZE_ROWS \
	{ \
		[DTYPE_Q8_0] = quantize_q8_0, [DTYPE_Q4_0] = quantize_q4_0, \
		[DTYPE_Q4_1] = quantize_q4_1, [DTYPE_Q5_0] = quantize_q5_0, \
		[DTYPE_Q5_1] = quantize_q5_1, [DTYPE_Q2_K] = quantize_q2_k, \
		[DTYPE_Q3_K] = quantize_q3_k, [DTYPE_Q4_K] = quantize_q4_k, \
		[DTYPE_Q5_K] = quantize_q5_k, [DTYPE_Q6_K] = quantize_q6_k, \
		[DTYPE_IQ4_NL] = quantize_iq4_nl, \
		[DTYPE_IQ4_XS] = quantize_iq4_xs, \
	}

#endif
