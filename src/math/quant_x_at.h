/*
 * quant_x_at.h - one block of 32 activations, of a few rows at a time
 *
 * For the vector files: what they broadcast to all lanes.
 */
#ifndef CONFAB_QUANT_X_AT_H
#define CONFAB_QUANT_X_AT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/quant_x.h"
#include "math/unroll.h"

/* Block b of a quant_x; the first row's is at x. */
struct at {
	const char *x;
	size_t stride; /* bytes */
	size_t b;
};

INLINE int32_t dword_at(struct at at, int row, size_t offset)
{
	int32_t dword;

	memcpy(&dword, at.x + (size_t)row * at.stride + offset, 4);
	return dword;
}

/* q of elements 4 j to 4 j + 3. */
INLINE int32_t quad_at(struct at at, int row, int j)
{
	return dword_at(at, row,
	                offsetof(struct quant_x, q) + 32 * at.b +
	                        4 * (size_t)j);
}

/* The sums of q over the block's halves, a pair of int16. */
INLINE int32_t sums_at(struct at at, int row)
{
	return dword_at(at, row, offsetof(struct quant_x, sum) + 4 * at.b);
}

INLINE float scale_at(struct at at, int row)
{
	int32_t bits = dword_at(at, row, 4 * at.b);
	float d;

	memcpy(&d, &bits, sizeof d);
	return d;
}

/* By what a pair of sums is multiplied for factor times the sum over the
 * elements of scale `part` of n_parts. */
INLINE int32_t sum_factors(int n_parts, int part, int factor)
{
	int low = n_parts == 1 || part == 0 ? factor & 0xffff : 0;
	int high = n_parts == 1 || part == 1 ? factor * 0x10000 : 0;

	return low | high;
}

/* The block that is b further on, of the same quant_x. */
INLINE struct at block_at(struct at at, int b)
{
	at.b += (size_t)b;
	return at;
}

INLINE void next_block(struct at *at)
{
	if (++at->b == 8) {
		at->b = 0;
		at->x += sizeof(struct quant_x);
	}
}

#endif
