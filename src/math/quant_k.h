/*
 * quant_k.h - the "K" types: super-blocks of 256 with integer sub-scales
 *
 * src: n / 256 blocks at any address; dst: [n] float; n a multiple of 256.
 */
#ifndef CONFAB_QUANT_K_H
#define CONFAB_QUANT_K_H

#include <stdint.h>

void quant_k_q2_k(const void *src, float *dst, int64_t n);
void quant_k_q3_k(const void *src, float *dst, int64_t n);
void quant_k_q4_k(const void *src, float *dst, int64_t n);
void quant_k_q5_k(const void *src, float *dst, int64_t n);
void quant_k_q6_k(const void *src, float *dst, int64_t n);

#endif
