/*
 * softmax.h - softmax(x)[i] = e^x[i] / sum over j of e^x[j]
 */
#ifndef CONFAB_SOFTMAX_H
#define CONFAB_SOFTMAX_H

#include <stddef.h>

/* x[i] becomes softmax(x)[i].  n > 0; -inf gives 0, and at least one element
 * must be finite. */
void softmax(float *x, size_t n);

#endif
