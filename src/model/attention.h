/*
 * attention.h - the first half of a block: tokens look at earlier tokens
 *
 *	q, k, v = x q_proj^T, x k_proj^T, x v_proj^T
 *	q, k    = rope(rmsnorm(q), pos), rope(rmsnorm(k), pos)   for each head
 *	cache k and v
 *	stream += softmax(q k^T / sqrt(head_dim)) v o_proj^T      causal
 *
 * Paper: Vaswani et al. 2017, arXiv:1706.03762, section 3.2, with grouped
 * queries (arXiv:2305.13245): query head h reads KV head
 * h / (n_heads / n_kv_heads).  Qwen3 has no biases, normalises each query and
 * key head before RoPE ("QK-norm"), and its query width n_heads * head_dim need
 * not be hidden_size.
 */
#ifndef CONFAB_ATTENTION_H
#define CONFAB_ATTENTION_H

#include <stddef.h>

struct attention_weights;
struct kv_cache;
struct model_config;
struct workspace;

/*
 * Adds to ws->x.  Reads the normalised rows from ws->normed and their
 * rotations from ws->cos and ws->sin; stores keys and values of layer l at
 * positions pos.. (reserved before); uses ws->q, k, v.
 *
 * wanted <= seq: only so many rows at the end look at earlier tokens, and they
 * alone remain, as the first rows of ws->x.
 */
void attention(struct workspace *ws, const struct attention_weights *weights,
               const struct model_config *config, struct kv_cache *cache, int l,
               size_t seq, size_t wanted, size_t pos);

#endif
