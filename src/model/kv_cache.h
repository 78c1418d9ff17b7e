/*
 * kv_cache.h - keys and values of the tokens read so far, in shared pages
 *
 * A page holds KV_PAGE_TOKENS consecutive tokens of every layer.  Pages are
 * counted references, so that branches and conversations with a common
 * beginning share them; a cache owns one reference to each of its pages and
 * writes only to pages that nobody else holds (kv_cache_reserve() copies a
 * partly filled shared page first).
 *
 * Inside a page, for each layer and KV head (see attention.h for the readers):
 *	K  [KV_PAGE_TOKENS / 16][head_dim][16]   lanes are positions
 *	V  [KV_PAGE_TOKENS][head_dim]
 * in f16, bf16 or f32, or both as attend_q8.h says in q8_0 (head_dim a multiple
 * of 32 then); keys after QK-norm and RoPE.
 *
 * All caches that share pages belong to one thread (the engine's): the counts
 * are plain numbers.
 */
#ifndef CONFAB_KV_CACHE_H
#define CONFAB_KV_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

struct error;

#define KV_PAGE_TOKENS 64

struct kv_shape {
	int layers;
	int kv_heads;
	int head_dim;
	enum dtype dtype; /* DTYPE_F16, DTYPE_BF16, DTYPE_F32, DTYPE_Q8_0 */
};

struct kv_page; /* reference counted */

struct kv_cache {
	struct kv_shape shape;
	struct kv_page **pages; /* [n_pages], each KV_PAGE_TOKENS tokens */
	size_t n_pages;
	size_t length;     /* tokens stored, <= n_pages * KV_PAGE_TOKENS */
	size_t max_tokens; /* the context asked for */
};

/* Bytes that `tokens` tokens of this shape need, in whole pages; 0 on
 * overflow. */
size_t kv_shape_bytes(const struct kv_shape *shape, size_t tokens);

/* An empty cache; takes no memory yet.  Fails at once, with both numbers, when
 * max_tokens tokens could not fit in the memory that is available now. */
struct kv_cache *kv_cache_new(const struct kv_shape *shape, size_t max_tokens,
                              struct error *err);
void kv_cache_free(struct kv_cache *cache);

/* Room for `more` tokens after length, in pages that are this cache's alone.
 * Fails past max_tokens and where memory does not suffice (with both numbers),
 * leaving the cache as it was. */
int kv_cache_reserve(struct kv_cache *cache, size_t more, struct error *err);

/* Forgets all tokens from `length` on. */
void kv_cache_truncate(struct kv_cache *cache, size_t length);

/* A second cache with the first `length` tokens, sharing their pages. */
struct kv_cache *kv_cache_fork(const struct kv_cache *cache, size_t length,
                               struct error *err);

/* Bytes of the pages that only this cache holds, and of all it holds. */
size_t kv_cache_bytes_own(const struct kv_cache *cache);
size_t kv_cache_bytes(const struct kv_cache *cache);

/* How many of their first pages a and b hold in common.  No later ones are: a
 * cache begins as a fork, and a page that differs is followed by its own. */
size_t kv_cache_shared_pages(const struct kv_cache *a,
                             const struct kv_cache *b);

/* The K and V blocks of one layer and KV head of page p (layouts above). */
void *kv_cache_k(const struct kv_cache *cache, size_t p, int layer,
                 int kv_head);
void *kv_cache_v(const struct kv_cache *cache, size_t p, int layer,
                 int kv_head);

/* Writes one token's key and value of one layer and head at position pos
 * (reserved before).  k, v: [head_dim] float. */
void kv_cache_store(struct kv_cache *cache, size_t pos, int layer, int kv_head,
                    const float *k, const float *v);

/* Asks memory for what kv_cache_store() at pos will write and, on the first page, for
 * what attention reads then.  A hint. */
void kv_cache_ask(const struct kv_cache *cache, size_t pos, int layer,
                  int kv_head);

/* All bytes of page p, for snapshots: kv_page_bytes() of them. */
size_t kv_page_bytes(const struct kv_shape *shape);
void *kv_cache_page(const struct kv_cache *cache, size_t p);

#endif
