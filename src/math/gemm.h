/*
 * gemm.h - dense float32 matrix products, by BLIS (the one door to it)
 *
 *	c = alpha a b + (add ? c : 0), or with b^T for b
 *
 * The dense float32 work on processors for which there are no kernels of our
 * own (kernels.h, "scalar"): BLIS has some for a dozen families.  A single row
 * must not come here: BLIS reads a matrix at a fraction of memory speed for it.
 *
 * Each call runs on the calling thread alone and any number of threads may
 * call at once, so that a product is shared out by our own pool.
 */
#ifndef CONFAB_GEMM_H
#define CONFAB_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Debian's BLIS 0.9.0 does not know recent AMD processors and would run them on
 * its portable kernels, ten times slower; there this sets BLIS_ARCH_TYPE in the
 * environment, unless the user has.  That is safe only while there is one thread:
 * main() calls it.
 */
void gemm_choose_arch(void);

/* Starts BLIS, lest the first product do.  Any thread, where the above was called. */
void gemm_init(void);

/* c: [m, n], a: [m, k], row-major; strides in floats from row to row.
 * b: [k, n], or [n, k] when b_transposed.  No overlap of c with a or b. */
void gemm(float *c, size_t c_stride, const float *a, size_t a_stride,
          const float *b, size_t b_stride, bool b_transposed, size_t m,
          size_t n, size_t k, float alpha, bool add);

#endif
