/*
 * row_blocks.h - rows cut into register blocks
 */
#ifndef CONFAB_ROW_BLOCKS_H
#define CONFAB_ROW_BLOCKS_H

#include <stddef.h>

/* The blocks of at most `most` rows that so many are cut into. */
static inline size_t row_blocks(size_t rows, size_t most)
{
	return (rows + most - 1) / most;
}

/* How many of the rows that are left, > 0, the next of these takes: they are of
 * nearly equal size, 7 = 4 + 3. */
static inline size_t row_block(size_t left, size_t most)
{
	size_t blocks = row_blocks(left, most);

	return (left + blocks - 1) / blocks;
}

/* Rows [*begin, *end) of so many are block i of these. */
static inline void row_block_at(size_t rows, size_t most, size_t i,
                                size_t *begin, size_t *end)
{
	size_t blocks = row_blocks(rows, most);
	size_t each = rows / blocks, more = rows % blocks;

	*begin = i * each + (i < more ? i : more);
	*end = *begin + each + (i < more);
}

#endif
