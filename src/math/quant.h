/*
 * quant.h - rows of any stored type, as float32
 *
 * The scalar reference for all types that are not packed; layouts and formulas are in
 * quant_blocks.h.  The vector kernels are held to it, and it serves where speed
 * does not matter.  How rows are made is in quantize_row.h.
 */
#ifndef CONFAB_QUANT_H
#define CONFAB_QUANT_H

#include <stdint.h>

#include "math/tensor.h"

/* dst[0..n) = the values of a stored row.  src: dtype_row_bytes(dtype, n)
 * bytes at any address; n >= 0 is a multiple of the type's block.  Exactly the
 * formula's value, rounded once to float32; NaN and infinite scales are not
 * treated specially. */
void quant_dequantize_row(enum dtype dtype, const void *src, float *dst,
                          int64_t n);

#endif
