/*
 * unroll.h - loops whose counts are constants once their function is inlined,
 * so that arrays of vectors stay in registers
 *
 * Under clang's sanitizers such a function takes minutes to compile: there the
 * loops stay loops.
 */
#ifndef CONFAB_UNROLL_H
#define CONFAB_UNROLL_H

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/*
 * A sum that stays what it is.  Integer sums are associative, and GCC makes use of
 * it: it adds the products of several steps to one another first, for which the
 * registers do not suffice (half the speed).  For the x86 files.
 */
#define KEEP(v) __asm__("" : "+x"(v))

#endif
