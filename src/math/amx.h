/*
 * amx.h - the tile registers of AMX (Intel SDM 1, chapter 18)
 *
 * A thread has eight tiles of up to 16 rows of 64 bytes, whose sizes are set before
 * they are used.  tdpbf16ps adds to a tile of [rows][16] float32 sums the products
 * of [rows][32] bf16 by 32 x 16, which lie as pairs, [16][16][2].  For kernels
 * alone: only where kernels.c has found AMX may any of this run.
 */
#ifndef CONFAB_AMX_H
#define CONFAB_AMX_H

#include <stddef.h>

#define AMX_ROWS 16 /* of a tile, at most */

/*
 * Sets the sizes for so many rows of a left factor, 1..2 AMX_ROWS: the first
 * AMX_ROWS of them have tile 4, and sums in 0 and 1, the others 5 with 2 and 3; if
 * there are no others, 0 to 5 are alike.  6 and 7 are whole, for the right factor.
 * Does nothing when they are set so.
 */
void amx_set_up(size_t rows);

/* Gives the tiles up, lest every switch to another thread save them. */
void amx_release(void);

/* The instructions name their tiles, and reach memory unseen by the compiler. */
#define AMX_LOAD(tile, from, stride) \
	__asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile \
	                 : \
	                 : "r"(from), "r"((size_t)(stride)) \
	                 : "memory")
#define AMX_STORE(tile, to, stride) \
	__asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" \
	                 : \
	                 : "r"(to), "r"((size_t)(stride)) \
	                 : "memory")
#define AMX_ZERO(tile) __asm__ volatile("tilezero %%tmm" #tile : :)
#define AMX_MULTIPLY(sum, left, right) \
	__asm__ volatile("tdpbf16ps %%tmm" #right ", %%tmm" #left \
	                 ", %%tmm" #sum \
	                 : \
	                 :)

#endif
