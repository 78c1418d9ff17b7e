/*
 * ask_for.h - prefetching that stays where it is written
 *
 * For the vector files alone.  Requests to memory that come all at once find the
 * queue full and wait, so kernels spread them over their work; but a compiler takes
 * __builtin_prefetch() for something that can be moved, and moves all that are in a
 * stretch without branches together: with q4_k on a Zen 3, 84% of the rate of plain
 * reading become 66%.
 */
#ifndef CONFAB_ASK_FOR_H
#define CONFAB_ASK_FOR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "math/unroll.h"

/* asks_near of the set in use (kernels.h), which kernels_use() puts here, where every
 * request can look at it. */
extern atomic_bool ask_for_near;

/* No processor without AVX-512 is known to gain, and none pays for the question. */
INLINE bool asks_near(void)
{
#ifdef __AVX512F__
	return atomic_load_explicit(&ask_for_near, memory_order_relaxed);
#else
	return false;
#endif
}

/* The line at `at`, any address, into the second level of cache: more requests can be
 * under way there than into the first. */
INLINE void ask_for(const char *at)
{
	__asm__ volatile("prefetcht1 %0" : : "m"(*at));
}

/* The same, or into the first where asks_near().  What takes least arithmetic for its
 * bytes, 8 bits a weight in one stream, is read faster by way of the second (by 3 to
 * 8% where neighbours read, too). */
INLINE void ask_for_soon(const char *at)
{
	if (asks_near())
		__asm__ volatile("prefetcht0 %0" : : "m"(*at));
	else
		ask_for(at);
}

#endif
