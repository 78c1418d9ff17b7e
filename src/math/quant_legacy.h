/*
 * quant_legacy.h - the one-level types: blocks of 32 with a scale of their own
 *
 * src: n / 32 blocks at any address; dst: [n] float; n a multiple of 32.
 */
#ifndef CONFAB_QUANT_LEGACY_H
#define CONFAB_QUANT_LEGACY_H

#include <stdint.h>

void quant_legacy_q8_0(const void *src, float *dst, int64_t n);
void quant_legacy_q4_0(const void *src, float *dst, int64_t n);
void quant_legacy_q4_1(const void *src, float *dst, int64_t n);
void quant_legacy_q5_0(const void *src, float *dst, int64_t n);
void quant_legacy_q5_1(const void *src, float *dst, int64_t n);

#endif
