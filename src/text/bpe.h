/*
 * bpe.h - byte pair encoding of one piece of text
 *
 *	start:   one symbol a byte
 *	repeat:  of all neighbours that the table has a merge for, join those of
 *	         the lowest rank, the leftmost first
 *
 * Sennrich et al. 2016, arXiv:1508.07909, section 3.2, over bytes as in
 * Radford et al. 2019.  A piece of n bytes takes O(n^2) steps while n is small
 * (what words are) and O(n log n) with a heap when it is long.
 */
#ifndef CONFAB_BPE_H
#define CONFAB_BPE_H

#include <stddef.h>
#include <stdint.h>

struct ids;

/* An entry of the table.  left is -1 where it is empty. */
struct bpe_merge {
	int32_t left, right; /* ids of the two neighbours */
	int32_t rank;        /* >= 0, the lower the sooner */
	int32_t id;          /* what they become */
};

struct bpe {
	/* [n_slots], a power of two, at least one of them empty; found by
	 * bpe_put()'s hash, linear probing.  Borrowed. */
	const struct bpe_merge *merges;
	uint32_t n_slots;
	const int32_t *byte_id; /* [256], the id of each byte alone; borrowed */
};

/* Puts a merge into the table, which has room; the last one of the same
 * neighbours stays. */
void bpe_put(struct bpe_merge *merges, uint32_t n_slots,
             const struct bpe_merge *merge);

/* Appends the ids of the piece to out. */
void bpe_encode(const struct bpe *bpe, const char *piece, size_t len,
                struct ids *out);

#endif
