/*
 * kv_store.h - lines of tokens that were read and may be wanted again
 *
 * A line is a sequence of tokens with the keys and values of each (kv_cache.h)
 * and the logits after the last.  The session reads one line; those that it
 * left (other branches, other open conversations, what a retry threw away) rest
 * here.  A prompt is looked up by content: whichever line has the longest
 * common beginning with it, whoever put it there.
 *
 * Lines with a common beginning hold the same pages, so that a second branch
 * costs what differs, in whole pages, and its logits.  The budget is for what
 * the store alone keeps in memory: pages that the session's own line holds too
 * would stay without it.  Past it the line goes that was not wanted for longest.
 */
#ifndef CONFAB_KV_STORE_H
#define CONFAB_KV_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"

struct kv_cache;
struct kv_store;

struct kv_line {
	struct ids ids;
	struct kv_cache *cache; /* of just these tokens, owned */
	float *logits; /* [vocab_size] after the last token, owned, or NULL */
	uint64_t used; /* the store's: higher is more recent */
};

/* Empty, with a budget of 0: nothing stays. */
struct kv_store *kv_store_new(size_t vocab_size);
void kv_store_free(struct kv_store *store);

/* How many of ids[0..n), n > 0, need not be computed by someone who holds these
 * n_line tokens: the common beginning, but not the last id of the prompt
 * unless the logits after it are there. */
size_t kv_line_reusable(const int *line, size_t n_line, bool has_logits,
                        const int *ids, size_t n);

/* Keeps a line: takes the cache, copies ids[0..n) and logits (NULL: none).  A
 * line whose tokens are all in another is not kept twice. */
void kv_store_put(struct kv_store *store, const int *ids, size_t n,
                  struct kv_cache *cache, const float *logits);

/* The line with the most reusable tokens, counted as used now, or NULL.
 * Borrowed until the next call that changes the store. */
const struct kv_line *kv_store_find(struct kv_store *store, const int *ids,
                                    size_t n, size_t *reusable);

/* Hands the cache and the logits (or NULL) of a found line over, to be freed,
 * and forgets the line. */
struct kv_cache *kv_store_take(struct kv_store *store,
                               const struct kv_line *line, float **logits);

/* Bytes that the store keeps in memory beyond the pages of `live` (may be
 * NULL). */
size_t kv_store_bytes(const struct kv_store *store,
                      const struct kv_cache *live);
size_t kv_store_lines(const struct kv_store *store);

void kv_store_set_budget(struct kv_store *store, size_t bytes);
/* Forgets lines until the budget holds. */
void kv_store_trim(struct kv_store *store, const struct kv_cache *live);

/* Forgets the line that was not wanted for longest; false: there is none. */
bool kv_store_evict(struct kv_store *store);

#endif
