/*
 * read_rate.h - how fast this machine reads a model's weights, and does nothing
 *
 * The limit of decoding: a token needs every weight once.  The same bytes in
 * the same mapping by as many threads, so that page sizes, caches and
 * neighbours are those that decoding meets.
 */
#ifndef CONFAB_READ_RATE_H
#define CONFAB_READ_RATE_H

#include <stddef.h>

struct checkpoint;
struct error;

/* Bytes a second, the best of a few passes; 0 on failure. */
double read_rate(const struct checkpoint *cp, int threads, struct error *err);

/* Bytes of weights that one token reads: all, but for the table of embeddings
 * where the head has its own; 0 for a mixture of experts, where that depends
 * on the token. */
size_t read_rate_token_bytes(const struct checkpoint *cp);

#endif
