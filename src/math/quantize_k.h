/*
 * quantize_k.h - making super-blocks of the K types
 *
 * x, w: [n], n a multiple of 256, x finite and within the range of
 * f16; w as in quantize_row.h, never NULL here.  dst: n / 256 blocks at any address.
 */
#ifndef CONFAB_QUANTIZE_K_H
#define CONFAB_QUANTIZE_K_H

#include <stdint.h>

void quantize_k_q2_k(const float *x, const float *w, void *dst, int64_t n);
void quantize_k_q3_k(const float *x, const float *w, void *dst, int64_t n);
void quantize_k_q4_k(const float *x, const float *w, void *dst, int64_t n);
void quantize_k_q5_k(const float *x, const float *w, void *dst, int64_t n);
void quantize_k_q6_k(const float *x, const float *w, void *dst, int64_t n);

#endif
