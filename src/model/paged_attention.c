#include "model/paged_attention.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "math/attend.h"
#include "math/kernels.h"
#include "math/linear.h"

_Static_assert(KV_PAGE_TOKENS == ATTEND_PAGE, "a page is a page");

/* Query rows (tokens times heads of a group) that share a page's load: up to 32
 * register tiles, with which bringing the page into pairs costs some per cent
 * and q, acc and the page stay in L2 (250 KiB for heads of 128); fewer where
 * that leaves threads without work. */
#define MAX_BLOCK_ROWS   192
#define MIN_BLOCK_ROWS   24
#define ITEMS_PER_THREAD 4

/* A range of pages is at least this long, and there are at most MAX_RANGES for
 * one token, fewer for each of several. */
#define RANGE_PAGES 8
#define MAX_RANGES  32

/* What one thread needs: the rows of its item, and a page as pairs. */
struct strip {
	float *q, *acc;                  /* [block_rows, head_dim] */
	float *top, *sum;                /* [block_rows] */
	uint16_t *q_narrow;              /* [block_rows, head_dim] */
	struct attend_q8_query *q_coded; /* [block_rows, head_dim / 32] */
	uint16_t *k_pairs, *v_pairs;     /* [ATTEND_PAGE, head_dim] */
};

struct paged_attention {
	struct threads *pool;
	int n_heads, n_kv_heads, head_dim;
	int group;            /* query heads of a KV head */
	size_t block_tokens;  /* new tokens of an item, at most */
	struct strip *strips; /* [threads] */
	/* Of row (t, h) and range s at (t * n_heads + h) * n_ranges + s. */
	float *partial_acc;               /* [MAX_RANGES * n_heads, head_dim] */
	float *partial_top, *partial_sum; /* [MAX_RANGES * n_heads] */
};

/* One call. */
struct job {
	struct paged_attention *work;
	const struct attend *attend;
	const struct kv_cache *cache;
	int layer;
	float *q;
	size_t seq, pos;
	size_t block_tokens, n_blocks, n_ranges, n_items;
	bool narrow;
	atomic_size_t next; /* the item that nobody has taken yet */
};

/* A block of new tokens of one KV head, over a range of pages. */
struct item {
	int kv_head;
	size_t first, end; /* new tokens */
	size_t range;
	size_t page, end_page;
};

/* ---- memory ---- */

static bool strip_reserve(struct strip *s, size_t rows, size_t head_dim)
{
	s->q = mem_try(rows * head_dim, sizeof *s->q);
	s->acc = mem_try(rows * head_dim, sizeof *s->acc);
	s->top = mem_try(rows, sizeof *s->top);
	s->sum = mem_try(rows, sizeof *s->sum);
	s->q_narrow = mem_try(rows * head_dim, sizeof *s->q_narrow);
	s->q_coded = mem_try(rows * (head_dim / ATTEND_Q8_BLOCK + 1),
	                     sizeof *s->q_coded);
	s->k_pairs = mem_try(ATTEND_PAGE * head_dim, sizeof *s->k_pairs);
	s->v_pairs = mem_try(ATTEND_PAGE * head_dim, sizeof *s->v_pairs);
	return s->q && s->acc && s->top && s->sum && s->q_narrow &&
	       s->q_coded && s->k_pairs && s->v_pairs;
}

static void strip_free(struct strip *s)
{
	free(s->q);
	free(s->acc);
	free(s->top);
	free(s->sum);
	free(s->q_narrow);
	free(s->q_coded);
	free(s->k_pairs);
	free(s->v_pairs);
}

static bool reserve(struct paged_attention *work)
{
	size_t rows = work->block_tokens * (size_t)work->group;
	size_t partial = MAX_RANGES * (size_t)work->n_heads;
	size_t head_dim = (size_t)work->head_dim;

	for (int i = 0; i < threads_count(work->pool); i++)
		if (!strip_reserve(&work->strips[i], rows, head_dim))
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
		strip_free(&work->strips[i]);
	free(work->strips);
	free(work->partial_acc);
	free(work->partial_top);
	free(work->partial_sum);
	free(work);
}

/* ---- one item ---- */

/* Query head g of the item's group in new token t. */
static float *query(const struct job *job, const struct item *item, size_t t,
                    int g)
{
	const struct paged_attention *work = job->work;
	size_t head = (size_t)(item->kv_head * work->group + g);

	return job->q +
	       (t * (size_t)work->n_heads + head) * (size_t)work->head_dim;
}

static void load_rows(const struct job *job, const struct item *item,
                      struct strip *strip)
{
	const struct paged_attention *work = job->work;
	size_t head_dim = (size_t)work->head_dim, row = 0;
	/* Attend's weights are powers of two. */
	float factor = (float)(M_LOG2E / sqrt((double)head_dim));

	for (size_t t = item->first; t < item->end; t++) {
		for (int g = 0; g < work->group; g++, row++) {
			const float *q = query(job, item, t, g);
			float *to = strip->q + row * head_dim;

			for (size_t d = 0; d < head_dim; d++)
				to[d] = q[d] * factor;
			strip->top[row] = -INFINITY;
			strip->sum[row] = 0;
		}
	}
	memset(strip->acc, 0, row * head_dim * sizeof *strip->acc);
	if (job->narrow)
		kernels_get()->f32_to_bf16(strip->q_narrow, strip->q,
		                           row * head_dim);
	else if (job->cache->shape.dtype == DTYPE_Q8_0)
		job->attend->q8->code(strip->q_coded, strip->q, (int)row,
		                      work->head_dim);
}

/* One page and where its blocks are. */
struct page {
	const void *k, *v;
	const void *after; /* the next page's k, or NULL */
	size_t pos;        /* of its first token */
	int n;             /* its tokens that some row of the item sees */
};

static struct page page_at(const struct job *job, const struct item *item,
                           size_t p)
{
	size_t pos = p * ATTEND_PAGE, end = job->pos + item->end;
	int head = item->kv_head;
	struct page page = {
		.k = kv_cache_k(job->cache, p, job->layer, head),
		.v = kv_cache_v(job->cache, p, job->layer, head),
		.pos = pos,
		.n = end - pos < ATTEND_PAGE ? (int)(end - pos) : ATTEND_PAGE,
	};

	if (p + 1 < item->end_page)
		page.after = kv_cache_k(job->cache, p + 1, job->layer, head);
	return page;
}

/* How many tokens of the page row r of the item may see: those up to its own
 * position. */
static int limit_of(const struct job *job, const struct item *item,
                    const struct page *page, size_t r)
{
	size_t t = item->first + r / (size_t)job->work->group;
	size_t seen = job->pos + t + 1;

	if (seen <= page->pos)
		return 0;
	seen -= page->pos;
	return seen < (size_t)page->n ? (int)seen : page->n;
}

/* Rows [r, r + rows) of the item, at most ATTEND_ROWS, meet a page. */
static void attend_tile(const struct job *job, const struct item *item,
                        struct strip *strip, const struct page *page, size_t r,
                        int rows)
{
	const struct attend *a = job->attend;
	const enum dtype dtype = job->cache->shape.dtype;
	const int dim = job->work->head_dim;
	float s[ATTEND_ROWS * ATTEND_PAGE], scale[ATTEND_ROWS];
	float *acc = strip->acc + r * (size_t)dim;
	int limit[ATTEND_ROWS], groups, last;

	for (int i = 0; i < rows; i++)
		limit[i] = limit_of(job, item, page, r + (size_t)i);
	last = limit[rows - 1]; /* later tokens see more */
	if (last == 0)
		return;
	groups = (last + ATTEND_GROUP - 1) / ATTEND_GROUP;
	if (job->narrow)
		a->scores_narrow(s, strip->q_narrow + r * (size_t)dim, rows,
		                 strip->k_pairs, dim, groups);
	else if (dtype == DTYPE_Q8_0)
		a->q8->scores(s,
		              strip->q_coded +
		                      r * (size_t)(dim / ATTEND_Q8_BLOCK),
		              rows, page->k, dim, groups, r ? NULL : page->v);
	else
		a->scores(s, strip->q + r * (size_t)dim, rows, page->k, dtype,
		          dim, groups, r ? NULL : page->v);
	a->weights(s, rows, groups, limit, strip->top + r, strip->sum + r,
	           scale);
	if (job->narrow)
		a->values_narrow(acc, s, scale, rows, strip->v_pairs, dim,
		                 last);
	else if (dtype == DTYPE_Q8_0)
		a->q8->values(acc, s, scale, rows, page->v, dim, last,
		              r ? NULL : page->after);
	else
		a->values(acc, s, scale, rows, page->v, dtype, dim, last,
		          r ? NULL : page->after);
}

static void attend_page(const struct job *job, const struct item *item,
                        struct strip *strip, size_t p)
{
	const struct paged_attention *work = job->work;
	size_t rows = (item->end - item->first) * (size_t)work->group;
	size_t tiles = (rows + ATTEND_ROWS - 1) / ATTEND_ROWS;
	struct page page = page_at(job, item, p);

	if (job->narrow)
		job->attend->pack(strip->k_pairs, strip->v_pairs, page.k,
		                  page.v, job->cache->shape.dtype,
		                  work->head_dim, page.n);
	/* Tiles of nearly equal size: 8 rows are 4 + 4. */
	for (size_t i = 0, r = 0; i < tiles; i++) {
		size_t n = (rows - r + tiles - i - 1) / (tiles - i);

		attend_tile(job, item, strip, &page, r, (int)n);
		r += n;
	}
}

/* acc / sum is the result of rows that have seen all pages. */
static void store_rows(const struct job *job, const struct item *item,
                       const struct strip *strip)
{
	const struct paged_attention *work = job->work;
	size_t head_dim = (size_t)work->head_dim, row = 0;

	for (size_t t = item->first; t < item->end; t++) {
		for (int g = 0; g < work->group; g++, row++) {
			const float *acc = strip->acc + row * head_dim;
			float *out = query(job, item, t, g);
			float factor = 1 / strip->sum[row];

			for (size_t d = 0; d < head_dim; d++)
				out[d] = acc[d] * factor;
		}
	}
}

static void store_partial(const struct job *job, const struct item *item,
                          const struct strip *strip)
{
	struct paged_attention *work = job->work;
	size_t head_dim = (size_t)work->head_dim, row = 0;

	for (size_t t = item->first; t < item->end; t++) {
		for (int g = 0; g < work->group; g++, row++) {
			size_t head = (size_t)(item->kv_head * work->group + g);
			size_t to = (t * (size_t)work->n_heads + head) *
			                    job->n_ranges +
			            item->range;

			memcpy(work->partial_acc + to * head_dim,
			       strip->acc + row * head_dim,
			       head_dim * sizeof *strip->acc);
			work->partial_top[to] = strip->top[row];
			work->partial_sum[to] = strip->sum[row];
		}
	}
}

/* Items of the last block, which sees the most, are given out first. */
static struct item item_at(const struct job *job, size_t i)
{
	const struct paged_attention *work = job->work;
	size_t kv_heads = (size_t)work->n_kv_heads;
	size_t block = job->n_blocks - 1 - i / (kv_heads * job->n_ranges);
	struct item item;
	size_t pages;

	item.kv_head = (int)(i / job->n_ranges % kv_heads);
	item.range = i % job->n_ranges;
	item.first = block * job->block_tokens;
	item.end = item.first + job->block_tokens;
	if (item.end > job->seq)
		item.end = job->seq;
	pages = (job->pos + item.end + ATTEND_PAGE - 1) / ATTEND_PAGE;
	threads_split(pages, 1, (int)item.range, (int)job->n_ranges, &item.page,
	              &item.end_page);
	return item;
}

static void attend_item(const struct job *job, size_t i, struct strip *strip)
{
	struct item item = item_at(job, i);

	load_rows(job, &item, strip);
	for (size_t p = item.page; p < item.end_page; p++)
		attend_page(job, &item, strip, p);
	if (job->n_ranges == 1)
		store_rows(job, &item, strip);
	else
		store_partial(job, &item, strip);
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
	float *out = job->q + row * dim;

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

	while ((i = atomic_fetch_add(&job->next, 1)) < job->n_items)
		attend_item(job, i, &work->strips[index]);
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

/* Rows do not meet each other, so how they are cut changes no result. */
static size_t choose_block(const struct paged_attention *work, size_t seq)
{
	size_t group = (size_t)work->group, tokens = work->block_tokens;
	size_t heads = (size_t)work->n_kv_heads;
	size_t wanted = ITEMS_PER_THREAD * (size_t)threads_count(work->pool);

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

void paged_attention(struct paged_attention *work, const struct kv_cache *cache,
                     int layer, float *q, size_t seq, size_t pos, bool exact)
{
	struct job job = {
		.work = work,
		.attend = attend_get(),
		.cache = cache,
		.layer = layer,
		.q = q,
		.seq = seq,
		.pos = pos,
		.block_tokens = choose_block(work, seq),
		.n_ranges = count_ranges(seq, pos),
	};

	assert(seq > 0 && cache->shape.head_dim == work->head_dim);
	job.narrow = !exact && seq >= LINEAR_NARROW_ROWS && job.attend->pack;
	job.n_blocks = blocks_of(seq, job.block_tokens);
	job.n_items = job.n_blocks * (size_t)work->n_kv_heads * job.n_ranges;
	threads_run(work->pool, run, &job);
}
