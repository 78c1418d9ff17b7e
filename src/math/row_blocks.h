/*
 * row_blocks.h - rows cut into register blocks
 */
#ifndef CONFAB_ROW_BLOCKS_H
#define CONFAB_ROW_BLOCKS_H

#include <stddef.h>

/* How many of the rows that are left, > 0, the next block of at most `most`
 * takes: blocks of nearly equal size, 7 = 4 + 3. */
static inline size_t row_block(size_t left, size_t most)
{
	size_t blocks = (left + most - 1) / most;

	return (left + blocks - 1) / blocks;
}

#endif
