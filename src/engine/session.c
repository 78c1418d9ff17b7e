#include "engine/session.h"

#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/mem.h"
#include "model/kv_cache.h"
#include "model/model.h"

/* Rows of a chunk.  The first is small, so that even the first cancel of a
 * slow machine is obeyed soon; multiples suit the matrix kernels. */
#define CHUNK_MULTIPLE 32
#define CHUNK_FIRST    64
#define CHUNK_SECONDS  0.5

struct session {
	struct model *model;
	struct kv_cache *cache;
	struct ids ids;    /* of the tokens in the cache: ids.n == its length */
	float *logits;     /* [vocab_size] */
	bool logits_valid; /* they are those after the last token */
	size_t chunk;      /* rows, fitted to the time the last ones took */
};

struct session *session_new(struct model *model, enum dtype kv_type,
                            size_t context, struct error *err)
{
	struct session *s = mem_zalloc(1, sizeof *s);
	size_t vocab_size = (size_t)model_config(model)->vocab_size;

	s->model = model;
	s->chunk = model_max_batch(model) < CHUNK_FIRST ? model_max_batch(model)
	                                                : CHUNK_FIRST;
	s->logits = mem_try(vocab_size, sizeof *s->logits);
	if (!s->logits) {
		error_set(err, "no memory for %zu logits", vocab_size);
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
	kv_cache_free(s->cache);
	ids_free(&s->ids);
	free(s->logits);
	free(s);
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

void session_truncate(struct session *s, size_t length)
{
	if (length >= s->ids.n)
		return;
	kv_cache_truncate(s->cache, length);
	s->ids.n = length;
	s->logits_valid = false;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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

static int read_chunk(struct session *s, const int *ids, size_t rows,
                      struct error *err)
{
	double start = now();

	if (kv_cache_reserve(s->cache, rows, err))
		return -1;
	s->logits_valid = false;
	model_forward(s->model, s->cache, ids, rows);
	ids_append(&s->ids, ids, rows);
	fit_chunk(s, rows, now() - start);
	return 0;
}

static void last_logits(struct session *s, size_t rows)
{
	model_logits(s->model, rows - 1, 1, s->logits);
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
	size_t first = s->ids.n, total = n - first, rows = 0;

	while (s->ids.n < n) {
		size_t done = s->ids.n - first;

		if (!progress(arg, done, total))
			return SESSION_CANCELLED;
		rows = total - done < s->chunk ? total - done : s->chunk;
		if (read_chunk(s, ids + s->ids.n, rows, err))
			return SESSION_FAILED;
	}
	last_logits(s, rows);
	progress(arg, total, total); /* too late to stop */
	return SESSION_SYNCED;
}

enum session_result session_sync(struct session *s, const int *ids, size_t n,
                                 session_progress *progress, void *arg,
                                 size_t *reused, struct error *err)
{
	size_t keep = ids_common_prefix(s->ids.data, s->ids.n, ids, n);

	*reused = 0;
	if (n > session_context(s)) {
		error_set(err, "a prompt of %zu tokens in a context of %zu", n,
		          session_context(s));
		return SESSION_FAILED;
	}
	session_truncate(s, keep);
	if (keep == n && !s->logits_valid)
		session_truncate(s, --keep);
	*reused = keep;
	if (keep == n)
		return SESSION_SYNCED;
	return read_rest(s, ids, n, progress ? progress : no_progress, arg,
	                 err);
}

int session_step(struct session *s, int id, struct error *err)
{
	if (s->ids.n >= session_context(s))
		return error_set(err, "the context of %zu tokens is full",
		                 session_context(s));
	if (kv_cache_reserve(s->cache, 1, err))
		return -1;
	model_forward(s->model, s->cache, &id, 1);
	ids_add(&s->ids, id);
	last_logits(s, 1);
	return 0;
}
