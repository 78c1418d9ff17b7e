/*
 * transformer_block.h - one layer of the model
 *
 *	x += attention(rmsnorm(x))
 *	x += mlp(rmsnorm(x))
 *
 * Norms come first (pre-norm: arXiv:2002.04745), so that the stream x runs
 * through all layers untouched but for what each adds.
 */
#ifndef CONFAB_TRANSFORMER_BLOCK_H
#define CONFAB_TRANSFORMER_BLOCK_H

#include <stddef.h>

struct kv_cache;
struct layer_weights;
struct model_config;
struct workspace;

/* Layer l on ws->x [seq, hidden_size], the tokens at positions pos..  Their keys
 * and values are stored; x becomes [wanted, hidden_size], wanted <= seq: the
 * rows at the end. */
void transformer_block(struct workspace *ws, const struct layer_weights *layer,
                       const struct model_config *config,
                       struct kv_cache *cache, int l, size_t seq, size_t wanted,
                       size_t pos);

#endif
