#include "model/paged_attention.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "math/attend.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "model/attention_strip.h"

/* Query rows (tokens times heads of a group) that share a page's load: up to 64
 * register tiles, with which bringing a span into pairs costs some per cent and
 * q, acc and the span stay in L2 (420 KiB for heads of 128); fewer where that
 * leaves threads without work. */
#define MAX_BLOCK_ROWS   384
#define MIN_BLOCK_ROWS   24
#define ITEMS_PER_THREAD 4

/* A range of pages is at least this long, and there are at most MAX_RANGES for
 * one token, fewer for each of several. */
#define RANGE_PAGES 8
#define MAX_RANGES  32

struct paged_attention {
	struct threads *pool;
	int n_heads, n_kv_heads, head_dim;
	int group;                      /* query heads of a KV head */
	size_t block_tokens;            /* new tokens of an item, at most */
	struct attention_strip *strips; /* [threads] */
	/* Of row (t, h) and range s at (t * n_heads + h) * n_ranges + s. */
	float *partial_acc;               /* [MAX_RANGES * n_heads, head_dim] */
	float *partial_top, *partial_sum; /* [MAX_RANGES * n_heads] */
};

/* One call. */
struct job {
	struct paged_attention *work;
	struct attention_call call;
	size_t seq;
	size_t block_tokens, n_blocks, n_ranges;
	size_t n_sets; /* into which the KV heads are cut */
	size_t n_items;
	atomic_size_t next; /* the item that nobody has taken yet */
	void (*ready)(void *arg, int kv_head); /* NULL: all heads are */
	void *arg;
};

/* ---- memory ---- */

static bool reserve(struct paged_attention *work)
{
	size_t rows = work->block_tokens * (size_t)work->group;
	size_t partial = MAX_RANGES * (size_t)work->n_heads;
	size_t head_dim = (size_t)work->head_dim;

	for (int i = 0; i < threads_count(work->pool); i++)
		if (!attention_strip_reserve(&work->strips[i], rows, head_dim))
			return false;
	work->partial_acc = mem_try(partial * head_dim, sizeof(float));
	work->partial_top = mem_try(partial, sizeof(float));
	work->partial_sum = mem_try(partial, sizeof(float));
	return work->partial_acc && work->partial_top && work->partial_sum;
}

struct paged_attention *paged_attention_new(struct threads *pool, int n_heads,
                                            int n_kv_heads, int head_dim,
                                            struct error *err)
{
	struct paged_attention *work = mem_zalloc(1, sizeof *work);
	int group = n_heads / n_kv_heads;

	assert(n_heads % n_kv_heads == 0 && head_dim % 2 == 0);
	work->pool = pool;
	work->n_heads = n_heads;
	work->n_kv_heads = n_kv_heads;
	work->head_dim = head_dim;
	work->group = group;
	work->block_tokens =
		group < MAX_BLOCK_ROWS ? MAX_BLOCK_ROWS / (size_t)group : 1;
	work->strips =
		mem_zalloc((size_t)threads_count(pool), sizeof *work->strips);
	if (reserve(work))
		return work;
	paged_attention_free(work);
	error_set(err, "no memory for the attention of %d heads of %d elements",
	          n_heads, head_dim);
	return NULL;
}

void paged_attention_free(struct paged_attention *work)
{
	if (!work)
		return;
	for (int i = 0; i < threads_count(work->pool); i++)
		attention_strip_free(&work->strips[i]);
	free(work->strips);
	free(work->partial_acc);
	free(work->partial_top);
	free(work->partial_sum);
	free(work);
}

/* ---- items ---- */

static void store_partial(const struct job *job,
                          const struct attention_item *item,
                          const struct attention_strip *strip)
{
	struct paged_attention *work = job->work;
	size_t head_dim = (size_t)work->head_dim;
	size_t rows = attention_item_rows(&job->call, item);

	for (size_t r = 0; r < rows; r++) {
		size_t to = attention_item_place(&job->call, item, r) *
		                    job->n_ranges +
		            item->range;

		memcpy(work->partial_acc + to * head_dim,
		       strip->acc + r * head_dim,
		       head_dim * sizeof *strip->acc);
		work->partial_top[to] = strip->top[r];
		work->partial_sum[to] = strip->sum[r];
	}
}

/* Items of the last block, which sees the most, are given out first. */
static struct attention_item item_at(const struct job *job, size_t i)
{
	size_t block = job->n_blocks - 1 - i / (job->n_sets * job->n_ranges);
	size_t set = i / job->n_ranges % job->n_sets, pages;
	struct attention_item item;

	threads_split((size_t)job->work->n_kv_heads, 1, (int)set,
	              (int)job->n_sets, &item.head, &item.end_head);
	item.range = i % job->n_ranges;
	item.first = block * job->block_tokens;
	item.end = item.first + job->block_tokens;
	if (item.end > job->seq)
		item.end = job->seq;
	pages = (job->call.pos + item.end + ATTEND_PAGE - 1) / ATTEND_PAGE;
	threads_split(pages, 1, (int)item.range, (int)job->n_ranges, &item.page,
	              &item.end_page);
	return item;
}

static size_t take(struct job *job)
{
	return atomic_fetch_add(&job->next, 1);
}

/* What item i reads first, or NULL. */
static const void *start_of(const struct job *job, size_t i)
{
	struct attention_item item;

	if (i >= job->n_items)
		return NULL;
	item = item_at(job, i);
	return kv_cache_k(job->call.cache, item.page, job->call.layer,
	                  (int)item.head);
}

static void make_ready(const struct job *job, size_t head, size_t end)
{
	for (; job->ready && head < end; head++)
		job->ready(job->arg, (int)head);
}

/* Returns the item to do next, which is taken before the last pages are read so
 * that memory does not pause between the two.  No item is without pages. */
static size_t attend_item(struct job *job, size_t i,
                          struct attention_strip *strip)
{
	struct attention_item item = item_at(job, i);
	bool spans = job->call.narrow || job->call.wide;
	size_t step = spans ? ATTENTION_SPAN_PAGES : 1, next = 0, end;

	assert(item.page < item.end_page);
	if (job->n_ranges == 1)
		make_ready(job, item.head, item.end_head);
	attention_strip_load(&job->call, &item, strip);
	for (size_t p = item.page; p < item.end_page; p = end) {
		const void *after;

		if (p + step < item.end_page) {
			end = p + step;
			after = kv_cache_k(job->call.cache, end,
			                   job->call.layer, (int)item.head);
		} else {
			end = item.end_page;
			next = take(job);
			after = start_of(job, next);
		}
		attention_strip_attend(&job->call, &item, strip, p, end, after);
	}
	if (job->n_ranges == 1)
		attention_strip_store(&job->call, &item, strip);
	else
		store_partial(job, &item, strip);
	return next;
}

/* ---- ranges ---- */

/* out = sum of w acc / sum of w sum, w = 2^(top - highest): what one pass over
 * all ranges would have given.  The first range is never empty. */
static void merge_row(const struct job *job, size_t row)
{
	const struct paged_attention *work = job->work;
	const struct kernels *kernels = kernels_get();
	size_t dim = (size_t)work->head_dim, at = row * job->n_ranges;
	const float *top = work->partial_top + at;
	float highest = kernels->max(top, job->n_ranges), sum = 0;
	float *out = job->call.q + row * dim;

	memset(out, 0, dim * sizeof *out);
	for (size_t s = 0; s < job->n_ranges; s++) {
		float weight = exp2f(top[s] - highest);

		sum += weight * work->partial_sum[at + s];
		kernels->axpy(out, weight, work->partial_acc + (at + s) * dim,
		              dim);
	}
	kernels->scale(out, 1 / sum, dim);
}

static void run(void *arg, int index, int n)
{
	struct job *job = arg;
	struct paged_attention *work = job->work;
	size_t begin, end, i;

	if (job->ready && job->n_ranges > 1) {
		threads_split((size_t)work->n_kv_heads, 1, index, n, &begin,
		              &end);
		make_ready(job, begin, end);
		threads_barrier(work->pool);
	}
	i = take(job);
	while (i < job->n_items)
		i = attend_item(job, i, &work->strips[index]);
	if (job->call.narrow && job->call.attend->end)
		job->call.attend->end();
	if (job->n_ranges == 1)
		return;
	threads_barrier(work->pool);
	threads_split(job->seq * (size_t)work->n_heads, 1, index, n, &begin,
	              &end);
	for (size_t row = begin; row < end; row++)
		merge_row(job, row);
}

static size_t blocks_of(size_t seq, size_t block_tokens)
{
	return (seq + block_tokens - 1) / block_tokens;
}

static size_t wanted_items(const struct paged_attention *work)
{
	return ITEMS_PER_THREAD * (size_t)threads_count(work->pool);
}

/* Rows do not meet each other, so how they are cut changes no result. */
static size_t choose_block(const struct paged_attention *work, size_t seq)
{
	size_t group = (size_t)work->group, tokens = work->block_tokens;
	size_t heads = (size_t)work->n_kv_heads, wanted = wanted_items(work);

	while (tokens / 2 * group >= MIN_BLOCK_ROWS &&
	       blocks_of(seq, tokens) * heads < wanted)
		tokens /= 2;
	return tokens;
}

/* At least 1.  seq * n_ranges <= MAX_RANGES where it is more than 1. */
static size_t count_ranges(size_t seq, size_t pos)
{
	size_t pages = (pos + seq + ATTEND_PAGE - 1) / ATTEND_PAGE;
	size_t most = MAX_RANGES / seq, n = pages / RANGE_PAGES;

	n = n < most ? n : most;
	return n ? n : 1;
}

/* Heads in one item as long as there are items enough and its rows fit a strip.
 * In another form, a page of one head is enough for many rows. */
static size_t choose_sets(const struct job *job)
{
	size_t heads = (size_t)job->work->n_kv_heads, sets = 1;
	size_t items = job->n_blocks * job->n_ranges;
	size_t tokens = job->n_blocks > 1 ? job->block_tokens : job->seq;

	if (job->call.narrow || job->call.wide)
		return heads;
	while (sets < heads &&
	       (items * sets < wanted_items(job->work) ||
	        (heads + sets - 1) / sets * tokens > job->work->block_tokens))
		sets *= 2;
	return sets < heads ? sets : heads;
}

static void attend(struct paged_attention *work, struct job *job)
{
	job->n_blocks = blocks_of(job->seq, job->block_tokens);
	job->n_sets = choose_sets(job);
	job->n_items = job->n_blocks * job->n_sets * job->n_ranges;
	threads_run(work->pool, run, job);
}

static struct job job_of(struct paged_attention *work,
                         const struct kv_cache *cache, int layer, float *q,
                         size_t seq, size_t pos)
{
	assert(seq > 0 && cache->shape.head_dim == work->head_dim);
	return (struct job){
		.work = work,
		.call = {
			.attend = attend_get(),
			.cache = cache,
			.layer = layer,
			.n_heads = work->n_heads,
			.group = work->group,
			.head_dim = work->head_dim,
			.q = q,
			.pos = pos,
			.end = pos + seq,
		},
		.seq = seq,
		.block_tokens = choose_block(work, seq),
		.n_ranges = count_ranges(seq, pos),
	};
}

void paged_attention(struct paged_attention *work, const struct kv_cache *cache,
                     int layer, float *q, size_t seq, size_t pos, bool exact)
{
	struct job job = job_of(work, cache, layer, q, seq, pos);

	if (!exact && seq >= LINEAR_NARROW_ROWS) {
		job.call.narrow = job.call.attend->pack;
		job.call.wide = job.call.attend->wide &&
		                cache->shape.dtype != DTYPE_Q8_0 &&
		                work->head_dim <= ATTEND_WIDE_DIM;
	}
	attend(work, &job);
}

void paged_attention_one(struct paged_attention *work,
                         const struct kv_cache *cache, int layer, float *q,
                         size_t pos, void (*ready)(void *arg, int kv_head),
                         void *arg)
{
	struct job job = job_of(work, cache, layer, q, 1, pos);

	job.ready = ready;
	job.arg = arg;
	attend(work, &job);
}
