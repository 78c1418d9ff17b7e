/*
 * paged_attention.h - causal attention of new tokens over a cache's pages
 *
 *	out[t][h] = sum over j <= pos + t of softmax_j(q[t][h] . k[j][g] /
 *	            sqrt(head_dim)) v[j][g],    g = h / (n_heads / n_kv_heads)
 *
 * Grouped queries: arXiv:2305.13245.  Keys and values are read where they lie
 * (kv_cache.h), page by page with a streaming softmax (attend.h), so that no
 * [seq, context] matrix of scores is ever stored.
 *
 * The work is cut into items that threads take one after the other: one KV head
 * or, for few tokens, several, whose blocks lie side by side in a page and are
 * read in that order; times a block of new tokens whose query heads share each
 * page that is loaded; times (for few tokens over a long cache) a range of
 * pages.  Ranges are merged in the end as in Flash-Decoding (Dao et al. 2023):
 * partial sums are brought to a common top.  Ranges depend on the numbers of
 * tokens only, so a result does not depend on the number of threads.
 *
 * Numerics: float32 throughout with `exact`, and always below
 * LINEAR_NARROW_ROWS new tokens.  Otherwise, where the CPU multiplies bf16,
 * both factors of both products are rounded to bf16 and their sums are
 * float32, as flash attention does on a GPU.  On the reference's tiny models
 * that moves a position's distribution by at most 2e-5 nats, about as much as
 * the narrow linear layers do.  By AVX2 pages of 16-bit floats and of float32 become
 * integers of 13 bits (attend_wide.h), as does what they meet: less than 10^-6 nats of
 * the bundled model, on average.  A page's scales go by all the tokens that it has,
 * later ones of the same call too.
 */
#ifndef CONFAB_PAGED_ATTENTION_H
#define CONFAB_PAGED_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

#include "model/kv_cache.h"

struct error;
struct paged_attention;
struct threads;

/* All scratch.  pool is borrowed and may be NULL.  n_kv_heads divides n_heads;
 * head_dim is even. */
struct paged_attention *paged_attention_new(struct threads *pool, int n_heads,
                                            int n_kv_heads, int head_dim,
                                            struct error *err);
void paged_attention_free(struct paged_attention *work);

/* q: [seq, n_heads * head_dim], queries of positions pos.. after norm and
 * rope; replaced by the result.  The cache holds keys and values of `layer` up
 * to position pos + seq - 1 (whatever its length says).  seq > 0. */
void paged_attention(struct paged_attention *work, const struct kv_cache *cache,
                     int layer, float *q, size_t seq, size_t pos, bool exact);

/* The same for one token whose queries, keys and values are not ready yet: ready(arg, h)
 * makes those of KV head h so, keys and values in the cache.  Each head once, where
 * there is one range by the thread that reads it next: one fork and join, and what was
 * written last is in that core's cache. */
void paged_attention_one(struct paged_attention *work,
                         const struct kv_cache *cache, int layer, float *q,
                         size_t pos, void (*ready)(void *arg, int kv_head),
                         void *arg);

#endif
