/*
 * embedding.h - token ids to vectors
 *
 *	x[t] = embed_tokens[ids[t]]
 *
 * The table may be of any dtype; only the rows that are asked for are read and
 * widened.
 */
#ifndef CONFAB_EMBEDDING_H
#define CONFAB_EMBEDDING_H

#include <stddef.h>

#include "math/tensor.h"

/* x: [seq, hidden_size]; embed_tokens: [vocab_size, hidden_size];
 * 0 <= ids[t] < vocab_size. */
void embedding(float *x, const struct tensor *embed_tokens, const int *ids,
               size_t seq);

#endif
