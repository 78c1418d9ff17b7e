/*
 * quantize_set.h - the quantizers of the block types, one set per kind of CPU
 *
 * For quantize_row.c and its test.  All sets make the same bytes.
 */
#ifndef CONFAB_QUANTIZE_SET_H
#define CONFAB_QUANTIZE_SET_H

#include <stdint.h>

#include "math/tensor.h"

struct quantize_set {
	/* As quantize_row(), with w; NULL for what is no block type. */
	void (*row[DTYPE_COUNT])(const float *x, const float *w, void *dst,
	                         int64_t n);
};

extern const struct quantize_set quantize_scalar;
extern const struct quantize_set quantize_avx2;   /* x86-64 only */
extern const struct quantize_set quantize_avx512; /* likewise */

#endif
