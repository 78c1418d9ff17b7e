#include "engine/resume.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/ids.h"
#include "engine/kv_snapshot.h"
#include "engine/kv_store.h"
#include "engine/loaded_model.h"
#include "engine/session.h"
#include "engine/snapshot_folder.h"
#include "model/kv_cache.h"

/* Exact and narrow arithmetic give other keys for the same token. */
static struct kv_snapshot_key key_of(const struct loaded_model *m)
{
	return (struct kv_snapshot_key){
		.fingerprint = hash64_with(&m->exact, sizeof m->exact,
		                           m->facts.fingerprint),
		.shape = session_cache(m->session)->shape,
		.vocab_size = (size_t)m->facts.vocab_size,
	};
}

/* Of these tokens whole pages that memory and snapshot both hold. */
static size_t same_pages(const struct kv_snapshot *snapshot,
                         const struct session_beginning *held)
{
	size_t whole = held->length / KV_PAGE_TOKENS, p = 0;

	while (p < whole && kv_snapshot_same_page(snapshot, p, held->cache))
		p++;
	return p;
}

/* The snapshot's first `length` tokens, or as many as are sound. */
static struct kv_cache *read_pages(struct loaded_model *m,
                                   struct kv_snapshot *snapshot,
                                   const struct session_beginning *held,
                                   size_t length)
{
	size_t p = same_pages(snapshot, held), read = p * KV_PAGE_TOKENS;
	struct kv_cache *cache = kv_cache_fork(held->cache, read, NULL);

	if (session_reserve(m->session, cache, length - read, NULL)) {
		kv_cache_free(cache);
		return NULL;
	}
	while (read < length && kv_snapshot_read_page(snapshot, p, cache)) {
		read = ++p * KV_PAGE_TOKENS;
		if (read > length)
			read = length;
	}
	cache->length = read;
	return cache;
}

static size_t restore(struct loaded_model *m, struct kv_snapshot *snapshot,
                      const struct engine_generate *request)
{
	const int *ids = request->ids;
	size_t n = request->n_ids;
	const int *line = kv_snapshot_ids(snapshot);
	const float *logits = kv_snapshot_logits(snapshot);
	size_t n_line = kv_snapshot_length(snapshot), here, length;
	struct session_beginning held = session_find(m->session, ids, n);
	struct kv_cache *cache;

	here = kv_line_reusable(ids, held.length, held.logits, ids, n);
	length = kv_line_reusable(line, n_line, logits, ids, n);
	if (length <= here)
		return 0;
	cache = read_pages(m, snapshot, &held, length);
	if (!cache)
		return 0;
	/* Else resume_save() would take its ids for what it holds.  While its
	 * owner writes it, pages are newer than their hashes, too. */
	if (cache->length < length && !request->keep_snapshot)
		unlink(request->snapshot);
	length = cache->length;
	if (length <= here) {
		kv_cache_free(cache);
		return 0;
	}
	session_adopt(m->session, cache, ids, length == n_line ? logits : NULL);
	kv_snapshot_touch(snapshot);
	return length;
}

size_t resume_restore(struct loaded_model *m,
                      const struct engine_generate *request, struct error *why)
{
	struct kv_snapshot_key key = key_of(m);
	struct kv_snapshot *snapshot;
	size_t restored;

	if (request->n_ids > session_context(m->session))
		return 0;
	snapshot = kv_snapshot_open(request->snapshot, &key, why);
	if (!snapshot)
		return 0;
	restored = restore(m, snapshot, request);
	kv_snapshot_close(snapshot);
	return restored;
}

/* Does the file hold more of the line than memory?  That happens when a branch
 * was chosen but nothing asked of it. */
static bool is_better(const struct engine_save_line *request,
                      const struct kv_snapshot_key *key, size_t length)
{
	struct kv_snapshot *snapshot =
		kv_snapshot_open(request->path, key, NULL);
	bool better = snapshot &&
	              ids_common_prefix(kv_snapshot_ids(snapshot),
	                                kv_snapshot_length(snapshot),
	                                request->ids, request->n_ids) > length;

	kv_snapshot_close(snapshot);
	return better;
}

int resume_save(struct loaded_model *m, const struct engine_save_line *request,
                bool (*go_on)(void *arg), void *arg, struct error *err)
{
	struct kv_snapshot_key key = key_of(m);
	struct session_beginning line =
		session_find(m->session, request->ids, request->n_ids);

	if (!line.length || is_better(request, &key, line.length))
		return 0;
	if (!go_on(arg))
		return 1;
	if (snapshot_folder_make_room(request->path,
	                              kv_snapshot_bytes(&key, line.length),
	                              request->disk_budget, err))
		return -1;
	return kv_snapshot_write(request->path, &key, request->ids, line.length,
	                         line.cache, line.logits, go_on, arg, err);
}
