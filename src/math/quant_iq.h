/*
 * quant_iq.h - the 4-bit types whose 16 levels are not evenly spaced
 *
 * src: n / 32 (iq4_nl) or n / 256 (iq4_xs) blocks at any address; dst: [n]
 * float; n a multiple of the block.
 */
#ifndef CONFAB_QUANT_IQ_H
#define CONFAB_QUANT_IQ_H

#include <stdint.h>

void quant_iq_iq4_nl(const void *src, float *dst, int64_t n);
void quant_iq_iq4_xs(const void *src, float *dst, int64_t n);

#endif
