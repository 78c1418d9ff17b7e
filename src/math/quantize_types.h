/*
 * quantize_types.h - the table of a set, for the files that quantize_fit.h names
 */
#ifndef CONFAB_QUANTIZE_TYPES_H
#define CONFAB_QUANTIZE_TYPES_H

#include "math/quantize_iq.h"
#include "math/quantize_k.h"
#include "math/quantize_legacy.h"

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
