/*
 * kernels_set.h - the sets themselves, and the constants that they share
 *
 * For kernels.c, the kernels_*.c and their test; everybody else goes through
 * kernels_get().  A vector set may run only where the CPU has its instructions.
 */
#ifndef CONFAB_KERNELS_SET_H
#define CONFAB_KERNELS_SET_H

#include "math/kernels.h"

/* 2 to 16 KB are much the same. */
#define PACKED_AHEAD 4096

extern const struct kernels kernels_scalar;
#ifdef __x86_64__
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx2_vnni; /* and AVX-VNNI, for panels */
extern const struct kernels kernels_avx512;
extern const struct kernels kernels_avx512_bf16; /* and the narrow tile */
extern const struct kernels kernels_avx512_zen4; /* the same, never asking */
extern const struct kernels kernels_avx512_amx;  /* and AMX */
#endif

/*
 * e^x = 2^k e^r, k = round(x / ln 2), |r| <= ln(2) / 2.  ln 2 is split in two
 * so that k times its upper part is exact; e^r = 1 + r + r^2 p(r), p as in the
 * Cephes library's expf.  Error under 2 units in the last place.
 */
#define EXP_LOG2E  1.44269504088896341f
#define EXP_LN2_HI 0.693359375f
#define EXP_LN2_LO -2.12194440e-4f
#define EXP_P0     1.9875691500e-4f
#define EXP_P1     1.3981999507e-3f
#define EXP_P2     8.3334519073e-3f
#define EXP_P3     4.1665795894e-2f
#define EXP_P4     1.6666665459e-1f
#define EXP_P5     5.0000001201e-1f

#endif
