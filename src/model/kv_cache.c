#include "model/kv_cache.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/mem.h"
#include "math/attend_q8.h"
#include "math/kernels.h"
#include "model/available_memory.h"

#define GROUP 16 /* tokens that lie side by side in K */

/* Pages of this size and more are aligned to it and ask for huge pages, as many as they
 * fill: one token of attention walks through all of them, which would miss the TLB at
 * every 4 KiB, and their first touch is some times faster.  The rest stays in small
 * ones, or a page would take up to a quarter more memory than it holds. */
#define HUGE_PAGE ((size_t)2 << 20)

/* Bytes that stay free when a cache takes memory. */
#define MEMORY_RESERVE ((size_t)64 << 20)

/* One thread uses caches (the engine's), so the count is plain. */
struct kv_page {
	unsigned refs;  /* caches that hold this page, > 0 */
	uint8_t *bytes; /* [kv_page_bytes()] */
};

/* 0 on overflow. */
static size_t times(size_t a, size_t b)
{
	size_t product;

	return __builtin_mul_overflow(a, b, &product) ? 0 : product;
}

static size_t pages_for(size_t tokens)
{
	return tokens / KV_PAGE_TOKENS + (tokens % KV_PAGE_TOKENS != 0);
}

/* Bytes of one token's key, or value, of one layer and head. */
static size_t row_bytes(const struct kv_shape *shape)
{
	const struct dtype_info *type = dtype_info(shape->dtype);

	return (size_t)(shape->head_dim / type->block) * (size_t)type->bytes;
}

/* Bytes of K, or of V, of one layer and head in one page. */
static size_t block_bytes(const struct kv_shape *shape)
{
	return KV_PAGE_TOKENS * row_bytes(shape);
}

size_t kv_page_bytes(const struct kv_shape *shape)
{
	size_t heads = times((size_t)shape->layers, (size_t)shape->kv_heads);

	return times(times(heads, 2 * KV_PAGE_TOKENS), row_bytes(shape));
}

size_t kv_shape_bytes(const struct kv_shape *shape, size_t tokens)
{
	return times(kv_page_bytes(shape), pages_for(tokens));
}

static int check_memory(size_t bytes, size_t tokens, struct error *err)
{
	size_t available = available_memory();

	if (bytes <= available &&
	    (available == SIZE_MAX || available - bytes >= MEMORY_RESERVE))
		return 0;
	return error_set(err,
	                 "a cache for %zu more tokens takes %zu MiB, and "
	                 "%zu MiB of memory are available",
	                 tokens, bytes >> 20, available >> 20);
}

static int check_shape(const struct kv_shape *shape, struct error *err)
{
	if (shape->dtype != DTYPE_F16 && shape->dtype != DTYPE_BF16 &&
	    shape->dtype != DTYPE_F32 && shape->dtype != DTYPE_Q8_0)
		return error_set(err,
		                 "a cache in %s: f16, bf16, f32 and q8_0 are "
		                 "known",
		                 dtype_info(shape->dtype)->name);
	if (shape->dtype == DTYPE_Q8_0 && shape->head_dim % ATTEND_Q8_BLOCK)
		return error_set(err,
		                 "a cache in q8_0: heads of %d elements, not "
		                 "a multiple of %d",
		                 shape->head_dim, ATTEND_Q8_BLOCK);
	if (shape->layers <= 0 || shape->kv_heads <= 0 ||
	    shape->head_dim <= 0 || !kv_page_bytes(shape))
		return error_set(err,
		                 "a cache of %d layers, %d heads, %d "
		                 "elements a head",
		                 shape->layers, shape->kv_heads,
		                 shape->head_dim);
	return 0;
}

static struct kv_cache *cache_of(const struct kv_shape *shape,
                                 size_t max_tokens)
{
	struct kv_cache *cache = mem_zalloc(1, sizeof *cache);

	cache->shape = *shape;
	cache->max_tokens = max_tokens;
	return cache;
}

struct kv_cache *kv_cache_new(const struct kv_shape *shape, size_t max_tokens,
                              struct error *err)
{
	size_t bytes;

	if (check_shape(shape, err))
		return NULL;
	bytes = kv_shape_bytes(shape, max_tokens);
	if (!bytes) {
		error_set(err, "a cache of %zu tokens of %zu bytes each",
		          max_tokens, kv_page_bytes(shape) / KV_PAGE_TOKENS);
		return NULL;
	}
	if (check_memory(bytes, max_tokens, err))
		return NULL;
	return cache_of(shape, max_tokens);
}

static void page_unref(struct kv_page *page)
{
	if (--page->refs)
		return;
	free(page->bytes);
	free(page);
}

/* Zeroed: a snapshot writes whole pages, and what nobody stored must not be
 * somebody's old memory. */
static struct kv_page *page_new(const struct kv_shape *shape)
{
	size_t size = kv_page_bytes(shape), huge = size - size % HUGE_PAGE;
	size_t align = huge ? HUGE_PAGE : 64;
	struct kv_page *page;
	uint8_t *bytes;

	if (size > SIZE_MAX - align)
		return NULL;
	bytes = aligned_alloc(align, (size + align - 1) / align * align);
	if (!bytes)
		return NULL;
	if (huge)
		madvise(bytes, huge, MADV_HUGEPAGE); /* a wish */
	memset(bytes, 0, size);
	page = mem_alloc(sizeof *page);
	*page = (struct kv_page){ .refs = 1, .bytes = bytes };
	return page;
}

static void drop_pages(struct kv_cache *cache, size_t keep)
{
	while (cache->n_pages > keep)
		page_unref(cache->pages[--cache->n_pages]);
}

void kv_cache_free(struct kv_cache *cache)
{
	if (!cache)
		return;
	drop_pages(cache, 0);
	free(cache->pages);
	free(cache);
}

/* Is the last page partly filled and somebody else's too?  Then new tokens
 * must go to a copy of it. */
static bool must_copy_last(const struct kv_cache *cache)
{
	return cache->length % KV_PAGE_TOKENS &&
	       cache->pages[cache->length / KV_PAGE_TOKENS]->refs > 1;
}

/* pages[0..n) = fresh pages, or nothing. */
static int new_pages(struct kv_page **pages, size_t n,
                     const struct kv_shape *shape, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		pages[i] = page_new(shape);
		if (pages[i])
			continue;
		while (i--)
			page_unref(pages[i]);
		return error_set(err, "no memory for %zu bytes of cache",
		                 n * kv_page_bytes(shape));
	}
	return 0;
}

int kv_cache_reserve(struct kv_cache *cache, size_t more, struct error *err)
{
	size_t keep = cache->n_pages, need, fresh;
	struct kv_page **pages;

	if (more > cache->max_tokens - cache->length)
		return error_set(err,
		                 "%zu tokens after %zu: the context is "
		                 "%zu tokens",
		                 more, cache->length, cache->max_tokens);
	need = pages_for(cache->length + more);
	if (more && must_copy_last(cache))
		keep = cache->length / KV_PAGE_TOKENS;
	if (need <= keep)
		return 0;
	fresh = need - keep;
	if (check_memory(fresh * kv_page_bytes(&cache->shape),
	                 fresh * KV_PAGE_TOKENS, err))
		return -1;
	pages = mem_alloc(fresh * sizeof *pages);
	if (new_pages(pages, fresh, &cache->shape, err)) {
		free(pages);
		return -1;
	}
	if (keep < cache->n_pages)
		memcpy(pages[0]->bytes, cache->pages[keep]->bytes,
		       kv_page_bytes(&cache->shape));
	drop_pages(cache, keep);
	cache->pages = mem_realloc(cache->pages, need, sizeof *pages);
	memcpy(cache->pages + keep, pages, fresh * sizeof *pages);
	cache->n_pages = need;
	free(pages);
	return 0;
}

void kv_cache_truncate(struct kv_cache *cache, size_t length)
{
	if (length >= cache->length)
		return;
	cache->length = length;
	drop_pages(cache, pages_for(length));
}

struct kv_cache *kv_cache_fork(const struct kv_cache *cache, size_t length,
                               struct error *err)
{
	struct kv_cache *fork;

	if (length > cache->length) {
		error_set(err, "a fork of %zu tokens of a cache of %zu", length,
		          cache->length);
		return NULL;
	}
	fork = cache_of(&cache->shape, cache->max_tokens);
	fork->length = length;
	fork->n_pages = pages_for(length);
	fork->pages = mem_alloc(fork->n_pages * sizeof *fork->pages);
	for (size_t p = 0; p < fork->n_pages; p++) {
		fork->pages[p] = cache->pages[p];
		fork->pages[p]->refs++;
	}
	return fork;
}

size_t kv_cache_bytes_own(const struct kv_cache *cache)
{
	size_t own = 0;

	for (size_t p = 0; p < cache->n_pages; p++)
		own += cache->pages[p]->refs == 1;
	return own * kv_page_bytes(&cache->shape);
}

size_t kv_cache_bytes(const struct kv_cache *cache)
{
	return cache->n_pages * kv_page_bytes(&cache->shape);
}

size_t kv_cache_shared_pages(const struct kv_cache *a, const struct kv_cache *b)
{
	size_t n = 0;

	while (n < a->n_pages && n < b->n_pages && a->pages[n] == b->pages[n])
		n++;
	return n;
}

void *kv_cache_k(const struct kv_cache *cache, size_t p, int layer, int kv_head)
{
	size_t head =
		(size_t)layer * (size_t)cache->shape.kv_heads + (size_t)kv_head;

	assert(p < cache->n_pages);
	return cache->pages[p]->bytes + 2 * head * block_bytes(&cache->shape);
}

void *kv_cache_v(const struct kv_cache *cache, size_t p, int layer, int kv_head)
{
	return (uint8_t *)kv_cache_k(cache, p, layer, kv_head) +
	       block_bytes(&cache->shape);
}

/* y[i] = x[i] in the cache's type. */
static void narrow(void *y, const float *x, enum dtype dtype, size_t n)
{
	const struct kernels *kernels = kernels_get();

	if (dtype == DTYPE_F16)
		kernels->f32_to_f16(y, x, n);
	else if (dtype == DTYPE_BF16)
		kernels->f32_to_bf16(y, x, n);
	else
		memcpy(y, x, n * sizeof *x);
}

/* k [head_dim][16] of one group: element d of token t at d * 16 + t. */
static void store_k_float(float *group, size_t t, const float *k, size_t n)
{
	for (size_t d = 0; d < n; d++)
		group[d * GROUP + t] = k[d];
}

/* Narrowed in strips, so that a head of any size needs no memory. */
static void store_k_half(uint16_t *group, size_t t, const float *k,
                         enum dtype dtype, size_t n)
{
	uint16_t strip[64];

	for (size_t d = 0, m; d < n; d += m) {
		m = n - d < 64 ? n - d : 64;
		narrow(strip, k + d, dtype, m);
		for (size_t i = 0; i < m; i++)
			group[(d + i) * GROUP + t] = strip[i];
	}
}

void kv_cache_store(struct kv_cache *cache, size_t pos, int layer, int kv_head,
                    const float *k, const float *v)
{
	const struct kv_shape *shape = &cache->shape;
	size_t p = pos / KV_PAGE_TOKENS, t = pos % KV_PAGE_TOKENS;
	size_t n = (size_t)shape->head_dim, row = row_bytes(shape);
	uint8_t *k_block = kv_cache_k(cache, p, layer, kv_head);
	uint8_t *v_block = kv_cache_v(cache, p, layer, kv_head);
	void *group = k_block + t / GROUP * GROUP * row;

	if (shape->dtype == DTYPE_Q8_0) {
		attend_q8_store(k_block, v_block, t, k, v, n);
		return;
	}
	if (shape->dtype == DTYPE_F32)
		store_k_float(group, t % GROUP, k, n);
	else
		store_k_half(group, t % GROUP, k, shape->dtype, n);
	narrow(v_block + t * row, v, shape->dtype, n);
}

static void ask(const uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 64)
		__builtin_prefetch(at + i, 1);
}

void kv_cache_ask(const struct kv_cache *cache, size_t pos, int layer,
                  int kv_head)
{
	size_t p = pos / KV_PAGE_TOKENS, t = pos % KV_PAGE_TOKENS;
	size_t row = row_bytes(&cache->shape), from = p ? t : 0;
	size_t group = from / GROUP * GROUP;
	const uint8_t *k = kv_cache_k(cache, p, layer, kv_head);
	const uint8_t *v = kv_cache_v(cache, p, layer, kv_head);

	ask(k + group * row, (t / GROUP + 1) * GROUP * row - group * row);
	ask(v + from * row, (t + 1 - from) * row);
}

void *kv_cache_page(const struct kv_cache *cache, size_t p)
{
	assert(p < cache->n_pages);
	return cache->pages[p]->bytes;
}
