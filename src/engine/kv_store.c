#include "engine/kv_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/kv_cache.h"

/* A look compares every line and every pair of them; more than this many
 * branches nobody walks through. */
#define MAX_LINES 64

struct kv_store {
	size_t vocab_size;
	size_t budget;                        /* bytes */
	uint64_t clock;                       /* of the last use */
	struct kv_line *lines[MAX_LINES + 1]; /* [n], in no order */
	size_t n;
};

struct kv_store *kv_store_new(size_t vocab_size)
{
	struct kv_store *store = mem_zalloc(1, sizeof *store);

	store->vocab_size = vocab_size;
	return store;
}

static void line_free(struct kv_line *line)
{
	kv_cache_free(line->cache);
	ids_free(&line->ids);
	free(line->logits);
	free(line);
}

void kv_store_free(struct kv_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->n; i++)
		line_free(store->lines[i]);
	free(store);
}

size_t kv_line_reusable(const int *line, size_t n_line, bool has_logits,
                        const int *ids, size_t n)
{
	size_t common = ids_common_prefix(line, n_line, ids, n);

	if (common == n && !(n_line == n && has_logits))
		return n - 1;
	return common;
}

static void forget(struct kv_store *store, size_t i)
{
	line_free(store->lines[i]);
	store->lines[i] = store->lines[--store->n];
}

/* NULL where there is no memory: they can be computed from the last token. */
static float *copy_logits(const struct kv_store *store, const float *logits)
{
	float *copy = NULL;

	if (logits)
		copy = mem_try(store->vocab_size, sizeof *copy);
	if (copy)
		memcpy(copy, logits, store->vocab_size * sizeof *copy);
	return copy;
}

static bool begins_with(const struct kv_line *line, const int *ids, size_t n)
{
	return line->ids.n >= n &&
	       !memcmp(line->ids.data, ids, n * sizeof *ids);
}

/* A line that holds all of ids already: counted as used, and given the logits
 * if it is the same one. */
static bool is_held(struct kv_store *store, const int *ids, size_t n,
                    const float *logits)
{
	for (size_t i = 0; i < store->n; i++) {
		struct kv_line *line = store->lines[i];

		if (!begins_with(line, ids, n))
			continue;
		if (line->ids.n == n && !line->logits)
			line->logits = copy_logits(store, logits);
		line->used = ++store->clock;
		return true;
	}
	return false;
}

/* What the line holds itself need not be held by shorter ones. */
static void forget_beginnings(struct kv_store *store, const struct kv_line *of)
{
	for (size_t i = store->n; i-- > 0;) {
		const struct kv_line *line = store->lines[i];

		if (begins_with(of, line->ids.data, line->ids.n))
			forget(store, i);
	}
}

void kv_store_put(struct kv_store *store, const int *ids, size_t n,
                  struct kv_cache *cache, const float *logits)
{
	struct kv_line *line;

	if (!n || is_held(store, ids, n, logits)) {
		kv_cache_free(cache);
		return;
	}
	line = mem_zalloc(1, sizeof *line);
	ids_append(&line->ids, ids, n);
	line->cache = cache;
	line->logits = copy_logits(store, logits);
	line->used = ++store->clock;
	forget_beginnings(store, line);
	store->lines[store->n++] = line;
	if (store->n > MAX_LINES)
		kv_store_evict(store);
}

const struct kv_line *kv_store_find(struct kv_store *store, const int *ids,
                                    size_t n, size_t *reusable)
{
	struct kv_line *best = NULL;

	*reusable = 0;
	for (size_t i = 0; i < store->n; i++) {
		struct kv_line *line = store->lines[i];
		size_t k = kv_line_reusable(line->ids.data, line->ids.n,
		                            line->logits, ids, n);

		if (k > *reusable) {
			*reusable = k;
			best = line;
		}
	}
	if (best)
		best->used = ++store->clock;
	return best;
}

struct kv_cache *kv_store_take(struct kv_store *store,
                               const struct kv_line *line, float **logits)
{
	struct kv_cache *cache = line->cache;
	size_t i = 0;

	while (store->lines[i] != line)
		i++;
	*logits = line->logits;
	store->lines[i]->cache = NULL;
	store->lines[i]->logits = NULL;
	forget(store, i);
	return cache;
}

/* Pages of line i that neither live nor an earlier line holds.  Pages are
 * shared by common beginnings only, so the longest of these is all of them. */
static size_t new_pages(const struct kv_store *store, size_t i,
                        const struct kv_cache *live)
{
	const struct kv_cache *cache = store->lines[i]->cache;
	size_t most = live ? kv_cache_shared_pages(cache, live) : 0;

	for (size_t j = 0; j < i; j++) {
		size_t shared =
			kv_cache_shared_pages(cache, store->lines[j]->cache);

		if (shared > most)
			most = shared;
	}
	return cache->n_pages - most;
}

size_t kv_store_bytes(const struct kv_store *store, const struct kv_cache *live)
{
	size_t bytes = 0;

	for (size_t i = 0; i < store->n; i++) {
		const struct kv_line *line = store->lines[i];

		bytes += new_pages(store, i, live) *
		         kv_page_bytes(&line->cache->shape);
		if (line->logits)
			bytes += store->vocab_size * sizeof *line->logits;
	}
	return bytes;
}

size_t kv_store_lines(const struct kv_store *store)
{
	return store->n;
}

void kv_store_set_budget(struct kv_store *store, size_t bytes)
{
	store->budget = bytes;
}

void kv_store_trim(struct kv_store *store, const struct kv_cache *live)
{
	while (kv_store_bytes(store, live) > store->budget)
		kv_store_evict(store);
}

bool kv_store_evict(struct kv_store *store)
{
	size_t oldest = 0;

	if (!store->n)
		return false;
	for (size_t i = 1; i < store->n; i++)
		if (store->lines[i]->used < store->lines[oldest]->used)
			oldest = i;
	forget(store, oldest);
	return true;
}
