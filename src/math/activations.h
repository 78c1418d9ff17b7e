/*
 * activations.h - the two functions of a Qwen3 that are not linear
 *
 *	silu(z) = z / (1 + e^-z)          (arXiv:1702.03118, also "swish")
 *	softmax(x)[i] = e^x[i] / sum over j of e^x[j]
 *
 * A SwiGLU network multiplies silu(gate) by up (arXiv:2002.05202); dense
 * layers get that from linear_swiglu(), in one pass.
 */
#ifndef CONFAB_ACTIVATIONS_H
#define CONFAB_ACTIVATIONS_H

#include <stddef.h>

/* y[i] = silu(gate[i]) * up[i]; y may be gate or up. */
void activations_swiglu(float *y, const float *gate, const float *up, size_t n);

/* x[i] becomes softmax(x)[i].  n > 0; -inf gives 0, and at least one element
 * must be finite. */
void activations_softmax(float *x, size_t n);

#endif
