/*
 * attend_set.h - the sets themselves, for attend.c and the attend_*.c
 *
 * A vector set may run only where the CPU has its instructions.
 */
#ifndef CONFAB_ATTEND_SET_H
#define CONFAB_ATTEND_SET_H

#include "math/attend.h"

extern const struct attend attend_scalar;
#ifdef __x86_64__
extern const struct attend attend_avx2;
extern const struct attend attend_avx512;
extern const struct attend attend_avx512_bf16; /* and the narrow ones */
extern const struct attend attend_avx512_amx;  /* these by AMX */
#endif

/* 2^r = 1 + r p(r) for |r| <= 1/2, p as in the Cephes library's exp2f.  Error
 * under 2 units in the last place. */
#define EXP2_P0 1.535336188319500e-4f
#define EXP2_P1 1.339887440266574e-3f
#define EXP2_P2 9.618437357674640e-3f
#define EXP2_P3 5.550332471162809e-2f
#define EXP2_P4 2.402264791363012e-1f
#define EXP2_P5 6.931472028550421e-1f

#endif
