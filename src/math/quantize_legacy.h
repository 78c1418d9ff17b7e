/*
 * quantize_legacy.h - making blocks of the one-level types
 *
 * x, w: [n], n a multiple of 32, x finite and within the range of f16; w as in
 * quantize_row.h, never NULL here.  dst: n / 32 blocks at any address.
 */
#ifndef CONFAB_QUANTIZE_LEGACY_H
#define CONFAB_QUANTIZE_LEGACY_H

#include <stdint.h>

void quantize_legacy_q8_0(const float *x, const float *w, void *dst, int64_t n);
void quantize_legacy_q4_0(const float *x, const float *w, void *dst, int64_t n);
void quantize_legacy_q4_1(const float *x, const float *w, void *dst, int64_t n);
void quantize_legacy_q5_0(const float *x, const float *w, void *dst, int64_t n);
void quantize_legacy_q5_1(const float *x, const float *w, void *dst, int64_t n);

#endif
