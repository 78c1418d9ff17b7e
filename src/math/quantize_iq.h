/*
 * quantize_iq.h - making blocks of iq4_nl and iq4_xs
 *
 * x, w: [n], n a multiple of 32 (iq4_nl) or 256 (iq4_xs), x finite and within
 * the range of f16; w as in quantize_row.h, never NULL here.  dst: blocks at any
 * address.
 */
#ifndef CONFAB_QUANTIZE_IQ_H
#define CONFAB_QUANTIZE_IQ_H

#include <stdint.h>

void quantize_iq_iq4_nl(const float *x, const float *w, void *dst, int64_t n);
void quantize_iq_iq4_xs(const float *x, const float *w, void *dst, int64_t n);

#endif
