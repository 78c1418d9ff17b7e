/*
 * kv_snapshot.h - a line of tokens on disk: ids, keys and values, logits
 *
 * One file holds one line, in the machine's own byte order:
 *
 *	header    magic, byte order, version, what it was made with, checksum
 *	end       logits after the last token [vocab_size] float, checksum;
 *	          for a line without logits: zeros
 *	slot 0    ids of the first page, checksums, the page's bytes (kv_cache.h)
 *	slot 1    ...
 *
 * Each slot stands for itself.  Its ids are chained: the hash of all ids up to
 * here, beginning with the fingerprint, so that a slot of another line never
 * follows.  What is damaged, torn by a crash or cut short therefore ends the
 * line before it, and what is left is right: the rest is computed anew.
 *
 * A line that has grown is not written again: slots whose ids and page are the
 * same stay, so a turn costs the pages it filled.  Nothing is synced to the
 * disk and nothing renamed: checksums tell what arrived.
 *
 * Pages are read into the cache's own memory, and the checksum is that of the
 * copy.  A mapping would save the copy, but its file may be cut (SIGBUS in the
 * middle of attention) or written to after it was checked, and lies in small
 * pages; against computing the tokens the copy costs nothing.
 *
 * Checksums are XXH3, against accidents.  Whoever may write here may write the
 * conversations too.
 *
 * NOTE: a page whose line was forked inside it still holds tokens of the other
 * line after its last one, until its own overwrite them; they are written too.
 */
#ifndef CONFAB_KV_SNAPSHOT_H
#define CONFAB_KV_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/kv_cache.h"

struct error;
struct kv_snapshot;

/* What a line was computed with; all of it must be the same. */
struct kv_snapshot_key {
	uint64_t fingerprint; /* of model and arithmetic */
	struct kv_shape shape;
	size_t vocab_size;
};

/* Bytes of a snapshot of n tokens. */
uint64_t kv_snapshot_bytes(const struct kv_snapshot_key *key, size_t n);

/*
 * Makes the file at path, whose folder must be there, a snapshot of the first n
 * tokens of cache: ids [n], n > 0, logits [vocab_size] after the last or NULL.
 * go_on is asked between pages and may stop it (then 1 is returned, and what is
 * there is a valid beginning).  Where writing fails the file is removed: on a
 * full disk a snapshot is the first that gives way.
 */
int kv_snapshot_write(const char *path, const struct kv_snapshot_key *key,
                      const int *ids, size_t n, const struct kv_cache *cache,
                      const float *logits, bool (*go_on)(void *arg), void *arg,
                      struct error *err);

/* Opens what was made with this key and reads its ids.  NULL: there is nothing
 * to be had; err tells why when a sound file is of no use to this key, and
 * stays empty for one that is not there or damaged. */
struct kv_snapshot *kv_snapshot_open(const char *path,
                                     const struct kv_snapshot_key *key,
                                     struct error *err);
void kv_snapshot_close(struct kv_snapshot *snapshot); /* NULL is fine */

/* [kv_snapshot_length()] > 0, borrowed. */
const int *kv_snapshot_ids(const struct kv_snapshot *snapshot);
size_t kv_snapshot_length(const struct kv_snapshot *snapshot);

/* The logits after the last token, or NULL; borrowed. */
const float *kv_snapshot_logits(const struct kv_snapshot *snapshot);

/* Is page p of cache, all of it, the same as here? */
bool kv_snapshot_same_page(const struct kv_snapshot *snapshot, size_t p,
                           const struct kv_cache *cache);

/* Fills page p of cache (reserved, its alone).  false: it is damaged. */
bool kv_snapshot_read_page(struct kv_snapshot *snapshot, size_t p,
                           struct kv_cache *cache);

/* Counts it as used now. */
void kv_snapshot_touch(struct kv_snapshot *snapshot);

#endif
