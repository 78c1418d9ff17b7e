/*
 * quantize_row.h - rows of float32 into any stored type
 *
 * F16 and BF16 round to nearest even.  The block types choose scales and codes
 * so that the weighted square error is small (quantize_fit.h, quantize_super.h),
 * which leaves 10-40% less of it than rounding each block by its largest value.
 * The result depends on the arguments alone: not on threads, not on what was
 * quantized before.
 */
#ifndef CONFAB_QUANTIZE_ROW_H
#define CONFAB_QUANTIZE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "math/tensor.h"

/* x: [n], n a multiple of the type's block, such that quantize_row_fits(x).
 * w: [n], what the square of an error in each element costs, >= 0 and within
 * 1e-6 to 1e6 or 0; NULL: all the same.  dst: dtype_row_bytes(dtype, n) bytes at
 * any address. */
void quantize_row(enum dtype dtype, const float *x, const float *w, void *dst,
                  int64_t n);

/* True when every x is finite and, but for F32 and BF16, within the range of
 * f16 (65504).  *bad: the index of the first that is not. */
bool quantize_row_fits(enum dtype dtype, const float *x, int64_t n,
                       int64_t *bad);

#endif
