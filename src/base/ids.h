/*
 * ids.h - a list of token ids
 *
 * Token ids are the truth of a conversation: they go from the tokenizer to the
 * engine, to the cache and to the library, and are never made a second time.
 * Zero-initialise; ids_free() when done.
 */
#ifndef CONFAB_IDS_H
#define CONFAB_IDS_H

#include <stddef.h>

struct ids {
	int *data;       /* [n], owned */
	size_t n;        /* tokens */
	size_t capacity; /* tokens */
};

void ids_free(struct ids *ids);
void ids_add(struct ids *ids, int id);
void ids_append(struct ids *ids, const int *data, size_t n);

/* The length of the longest common beginning of a and b, in tokens. */
size_t ids_common_prefix(const int *a, size_t n_a, const int *b, size_t n_b);

#endif
