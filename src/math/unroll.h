/*
 * unroll.h - loops whose counts are constants once their function is inlined,
 * so that arrays of vectors stay in registers
 */
#ifndef CONFAB_UNROLL_H
#define CONFAB_UNROLL_H

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#endif
