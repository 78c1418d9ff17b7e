#include "engine/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/mem.h"
#include "engine/draft.h"
#include "engine/kv_store.h"
#include "model/kv_cache.h"
#include "model/model.h"

/* Rows of a chunk: enough for the matrix kernels, which expand the weights anew for
 * each, and no more than a cancelled prompt may lose.  A cancel is obeyed after a
 * layer, and progress is told as often. */
#define CHUNK_MULTIPLE 32
#define CHUNK_FIRST    64
#define CHUNK_SECONDS  5.0

/* A draft that the cache holds beyond the line's tokens. */
struct ahead {
	int ids[DRAFT_MOST];
	size_t n, taken; /* of them, into the line */
	/* [1 + DRAFT_MOST][vocab_size], after the token before it and after each; NULL:
	 * there are no drafts. */
	float *logits;
};

struct session {
	struct model *model;
	struct kv_store *store; /* lines that were left */
	struct kv_cache *cache;
	struct ids ids; /* of the cache's tokens, but those that are ahead */
	struct ahead ahead;
	float *logits;     /* [vocab_size] */
	bool logits_valid; /* they are those after the last token */
	size_t chunk;      /* rows, fitted to the time the last ones took */
};

static size_t vocab_size(const struct session *s)
{
	return (size_t)model_config(s->model)->vocab_size;
}

struct session *session_new(struct model *model, enum dtype kv_type,
                            size_t context, struct error *err)
{
	struct session *s = mem_zalloc(1, sizeof *s);

	s->model = model;
	s->store = kv_store_new(vocab_size(s));
	s->chunk = model_max_batch(model) < CHUNK_FIRST ? model_max_batch(model)
	                                                : CHUNK_FIRST;
	s->logits = mem_try(vocab_size(s), sizeof *s->logits);
	if (!s->logits) {
		error_set(err, "no memory for %zu logits", vocab_size(s));
		goto fail;
	}
	s->cache = model_new_cache(model, kv_type, context, err);
	if (!s->cache)
		goto fail;
	return s;
fail:
	session_free(s);
	return NULL;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	kv_store_free(s->store);
	kv_cache_free(s->cache);
	ids_free(&s->ids);
	free(s->ahead.logits);
	free(s->logits);
	free(s);
}

void session_speculate(struct session *s)
{
	if (!s->ahead.logits)
		s->ahead.logits = mem_try(vocab_size(s) * (1 + DRAFT_MOST),
		                          sizeof *s->ahead.logits);
}

size_t session_length(const struct session *s)
{
	return s->ids.n;
}

const int *session_ids(const struct session *s)
{
	return s->ids.data;
}

size_t session_context(const struct session *s)
{
	return s->cache->max_tokens;
}

const struct kv_cache *session_cache(const struct session *s)
{
	return s->cache;
}

const float *session_logits(const struct session *s)
{
	return s->logits_valid ? s->logits : NULL;
}

void session_keep_lines(struct session *s, size_t bytes)
{
	kv_store_set_budget(s->store, bytes);
	kv_store_trim(s->store, s->cache);
}

size_t session_kept_bytes(const struct session *s)
{
	return kv_store_bytes(s->store, s->cache);
}

static void drop_ahead(struct session *s)
{
	kv_cache_truncate(s->cache, s->ids.n);
	s->ahead.n = s->ahead.taken = 0;
}

/* Fits the chunk to what `rows` rows took.  A short rest of a prompt says
 * little about full chunks, unless it was too slow itself. */
static void fit_chunk(struct session *s, size_t rows, double seconds)
{
	double fit = (double)rows * CHUNK_SECONDS / (seconds + 1e-9);
	size_t max = model_max_batch(s->model);

	if (rows < s->chunk && seconds < CHUNK_SECONDS)
		return;
	s->chunk = fit < (double)max ? (size_t)fit : max;
	s->chunk -= s->chunk % CHUNK_MULTIPLE;
	if (s->chunk < CHUNK_MULTIPLE)
		s->chunk = max < CHUNK_MULTIPLE ? max : CHUNK_MULTIPLE;
}

int session_reserve(struct session *s, struct kv_cache *cache, size_t more,
                    struct error *err)
{
	struct error full;

	while (kv_cache_reserve(cache, more, &full))
		if (!kv_store_evict(s->store))
			return error_set(err, "%s", full.text);
	return 0;
}

/* A prompt that is read: `done` of `total` tokens, and `rows` under way. */
struct reading {
	session_progress *progress;
	void *arg;
	size_t done, rows, total;
	size_t layers;
};

static bool go_on(void *arg, int layer, const float *x, size_t seq)
{
	const struct reading *r = arg;

	(void)x;
	(void)seq;
	return r->progress(r->arg,
	                   r->done + r->rows * (size_t)layer / r->layers,
	                   r->total);
}

static enum session_result read_chunk(struct session *s, const int *ids,
                                      struct reading *r, struct error *err)
{
	double start = clock_seconds();
	bool whole;

	if (session_reserve(s, s->cache, r->rows, err))
		return SESSION_FAILED;
	s->logits_valid = false;
	model_set_observer(s->model, go_on, r);
	whole = model_forward(s->model, s->cache, ids, r->rows,
	                      r->done + r->rows == r->total ? 1 : 0);
	model_set_observer(s->model, NULL, NULL);
	if (!whole)
		return SESSION_CANCELLED;
	ids_append(&s->ids, ids, r->rows);
	r->done += r->rows;
	fit_chunk(s, r->rows, clock_seconds() - start);
	return SESSION_SYNCED;
}

/* Of the only row that was wanted. */
static void last_logits(struct session *s)
{
	model_logits(s->model, 0, 1, s->logits);
	s->logits_valid = true;
}

static bool no_progress(void *arg, size_t done, size_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return true;
}

/* Reads the rest of ids[0..n); 0 < n - the line's length. */
static enum session_result read_rest(struct session *s, const int *ids,
                                     size_t n, session_progress *progress,
                                     void *arg, struct error *err)
{
	struct reading r = {
		.progress = progress,
		.arg = arg,
		.total = n - s->ids.n,
		.layers = (size_t)model_config(s->model)->num_hidden_layers,
	};

	while (r.done < r.total) {
		size_t left = r.total - r.done;
		enum session_result result;

		r.rows = left < s->chunk ? left : s->chunk;
		result = read_chunk(s, ids + s->ids.n, &r, err);
		if (result != SESSION_SYNCED)
			return result;
	}
	last_logits(s);
	progress(arg, r.total, r.total); /* too late to stop */
	return SESSION_SYNCED;
}

/* Leaves the line to the store and goes on with `cache`, which holds its
 * tokens ids[0..keep), or those of a line that was left. */
static void change_line(struct session *s, struct kv_cache *cache,
                        const int *ids, size_t keep)
{
	kv_store_put(s->store, s->ids.data, s->ids.n, s->cache,
	             session_logits(s));
	s->cache = cache;
	s->ids.n = 0;
	ids_append(&s->ids, ids, keep);
	s->logits_valid = false;
}

/* Goes on from a line that was left, or from its beginning. */
static void return_to(struct session *s, const struct kv_line *line,
                      const int *ids, size_t keep)
{
	struct kv_cache *cache;
	float *logits = NULL;

	if (keep == line->ids.n)
		cache = kv_store_take(s->store, line, &logits);
	else
		cache = kv_cache_fork(line->cache, keep, NULL);
	change_line(s, cache, ids, keep);
	if (logits) {
		free(s->logits);
		s->logits = logits;
		s->logits_valid = true;
	}
}

/* Makes the line the longest beginning of ids that is in memory, and gives its
 * length; the logits are there if it is all of them. */
static size_t find_beginning(struct session *s, const int *ids, size_t n)
{
	size_t own = kv_line_reusable(s->ids.data, s->ids.n, s->logits_valid,
	                              ids, n);
	size_t keep;
	const struct kv_line *line = kv_store_find(s->store, ids, n, &keep);

	if (keep > own) {
		return_to(s, line, ids, keep);
	} else {
		keep = own;
		if (keep < s->ids.n)
			change_line(s, kv_cache_fork(s->cache, keep, NULL), ids,
			            keep);
	}
	return keep;
}

struct session_beginning session_find(struct session *s, const int *ids,
                                      size_t n)
{
	struct session_beginning found = { .cache = s->cache };
	size_t end = s->ids.n, reusable;
	const struct kv_line *line = kv_store_find(s->store, ids, n, &reusable);

	drop_ahead(s);
	found.length = ids_common_prefix(s->ids.data, end, ids, n);
	found.logits = session_logits(s);
	if (line && reusable > kv_line_reusable(s->ids.data, end, found.logits,
	                                        ids, n)) {
		end = line->ids.n;
		found.cache = line->cache;
		found.length = ids_common_prefix(line->ids.data, end, ids, n);
		found.logits = line->logits;
	}
	if (found.length < end)
		found.logits = NULL;
	return found;
}

void session_adopt(struct session *s, struct kv_cache *cache, const int *ids,
                   const float *logits)
{
	drop_ahead(s);
	change_line(s, cache, ids, cache->length);
	if (logits)
		memcpy(s->logits, logits, vocab_size(s) * sizeof *logits);
	s->logits_valid = logits;
	kv_store_trim(s->store, s->cache);
}

enum session_result session_sync(struct session *s, const int *ids, size_t n,
                                 session_progress *progress, void *arg,
                                 size_t *reused, struct error *err)
{
	enum session_result result = SESSION_SYNCED;

	*reused = 0;
	drop_ahead(s);
	if (n > session_context(s)) {
		error_set(err, "prompt: %zu tokens in a context of %zu", n,
		          session_context(s));
		return SESSION_FAILED;
	}
	*reused = find_beginning(s, ids, n);
	if (*reused < n)
		result = read_rest(s, ids, n, progress ? progress : no_progress,
		                   arg, err);
	kv_store_trim(s->store, s->cache);
	return result;
}

/* Those after token `taken` of what was read at once. */
static void copy_logits(struct session *s)
{
	size_t n = vocab_size(s);

	memcpy(s->logits, s->ahead.logits + s->ahead.taken * n,
	       n * sizeof *s->logits);
	s->logits_valid = true;
}

/* Goes on with what was read ahead, where that is the token. */
static bool take_ahead(struct session *s, int id)
{
	struct ahead *ahead = &s->ahead;

	if (ahead->taken == ahead->n || ahead->ids[ahead->taken] != id)
		return false;
	ahead->taken++;
	ids_add(&s->ids, id);
	copy_logits(s);
	return true;
}

/* A draft of what follows the line, as far as there is room. */
static size_t draft(struct session *s, int ids[DRAFT_MOST])
{
	size_t room = session_context(s) - s->ids.n;
	size_t n = draft_next(s->ids.data, s->ids.n, ids);

	if (room > model_max_batch(s->model) - 1)
		room = model_max_batch(s->model) - 1;
	n = n < room ? n : room;
	return n && session_reserve(s, s->cache, 1 + n, NULL) ? 0 : n;
}

/* Reads the line's last token, which is not in the cache yet. */
static int read_token(struct session *s, struct error *err)
{
	struct ahead *ahead = &s->ahead;
	int ids[1 + DRAFT_MOST] = { s->ids.data[s->ids.n - 1] };
	size_t n = ahead->logits ? draft(s, ahead->ids) : 0;

	if (!n && session_reserve(s, s->cache, 1, err))
		return -1;
	memcpy(ids + 1, ahead->ids, n * sizeof *ids);
	model_forward(s->model, s->cache, ids, 1 + n, 1 + n);
	ahead->n = n;
	if (n) {
		model_logits(s->model, 0, 1 + n, ahead->logits);
		copy_logits(s);
	} else {
		last_logits(s);
	}
	return 0;
}

int session_step(struct session *s, int id, struct error *err)
{
	if (s->ids.n >= session_context(s))
		return error_set(err, "the context of %zu tokens is full",
		                 session_context(s));
	if (take_ahead(s, id))
		return 0;
	drop_ahead(s);
	ids_add(&s->ids, id);
	if (!read_token(s, err))
		return 0;
	s->ids.n--;
	return -1;
}
