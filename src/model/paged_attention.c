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
#include "math/row_blocks.h"

_Static_assert(KV_PAGE_TOKENS == ATTEND_PAGE, "a page is a page");

#define SPAN_PAGES (ATTEND_SPAN / ATTEND_PAGE)

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

/* What one thread needs: the rows of its item, and a span as pairs. */
struct strip {
	float *q, *acc;                  /* [block_rows, head_dim] */
	float *top, *sum;                /* [block_rows] */
	uint16_t *q_narrow;              /* [block_rows, head_dim] */
	struct attend_q8_query *q_coded; /* [block_rows, head_dim / 32] */
	uint16_t *k_pairs, *v_pairs;     /* [ATTEND_SPAN, head_dim] */
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
	size_t block_tokens, n_blocks, n_ranges;
	size_t n_sets; /* into which the KV heads are cut */
	size_t n_items;
	bool narrow;
	atomic_size_t next; /* the item that nobody has taken yet */
};

/* A block of new tokens of some KV heads, over a range of pages.  Its query
 * rows are numbered by KV head, token, and head of the group. */
struct item {
	size_t head, end_head; /* KV heads */
	size_t first, end;     /* new tokens */
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
	s->k_pairs = mem_try(ATTEND_SPAN * head_dim, sizeof *s->k_pairs);
	s->v_pairs = mem_try(ATTEND_SPAN * head_dim, sizeof *s->v_pairs);
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

/* The query rows of each of its KV heads. */
static size_t rows_of(const struct job *job, const struct item *item)
{
	return (item->end - item->first) * (size_t)job->work->group;
}

static size_t all_rows(const struct job *job, const struct item *item)
{
	return (item->end_head - item->head) * rows_of(job, item);
}

/* Where row r lies in q: [seq, n_heads]. */
static size_t place_of(const struct job *job, const struct item *item, size_t r)
{
	size_t group = (size_t)job->work->group, rows = rows_of(job, item);
	size_t t = item->first + r % rows / group;

	return t * (size_t)job->work->n_heads +
	       (item->head + r / rows) * group + r % group;
}

static void load_rows(const struct job *job, const struct item *item,
                      struct strip *strip)
{
	const struct kernels *kernels = kernels_get();
	size_t head_dim = (size_t)job->work->head_dim;
	size_t rows = all_rows(job, item);
	/* Attend's weights are powers of two. */
	float factor = (float)(M_LOG2E / sqrt((double)head_dim));

	for (size_t r = 0; r < rows; r++) {
		const float *q = job->q + place_of(job, item, r) * head_dim;
		float *to = strip->q + r * head_dim;

		memcpy(to, q, head_dim * sizeof *to);
		kernels->scale(to, factor, head_dim);
		strip->top[r] = -INFINITY;
		strip->sum[r] = 0;
	}
	memset(strip->acc, 0, rows * head_dim * sizeof *strip->acc);
	if (job->narrow)
		kernels->f32_to_bf16(strip->q_narrow, strip->q,
		                     rows * head_dim);
	else if (job->cache->shape.dtype == DTYPE_Q8_0)
		job->attend->q8->code(strip->q_coded, strip->q, (int)rows,
		                      job->work->head_dim);
}

/* Some of an item's pages, and the rows of one KV head that meet them. */
struct span {
	size_t head;
	size_t page, end_page; /* one page, SPAN_PAGES at most as pairs */
	size_t row;            /* of the strip, the head's first */
	int n;                 /* tokens that some row sees */
	const void *k, *v;     /* blocks of the first page */
	const void *after;     /* what is read next, or NULL */
};

/* Up to ATTEND_ROWS of them. */
struct tile {
	size_t row; /* of the strip */
	int rows;
	int limit[ATTEND_ROWS]; /* tokens of the span that each sees */
	int last;               /* the largest, > 0 */
};

/* How many tokens of the span row r of its head may see: those up to its own
 * position. */
static int limit_of(const struct job *job, const struct item *item,
                    const struct span *span, size_t r)
{
	size_t t = item->first + r / (size_t)job->work->group;
	size_t seen = job->pos + t + 1, pos = span->page * ATTEND_PAGE;

	if (seen <= pos)
		return 0;
	seen -= pos;
	return seen < (size_t)span->n ? (int)seen : span->n;
}

/* A page as it lies.  The first tile of a head's rows is the one that waits for
 * memory, so it asks for what comes next. */
static void attend_tile(const struct job *job, struct strip *strip,
                        const struct span *span, const struct tile *tile)
{
	const struct attend *a = job->attend;
	const enum dtype dtype = job->cache->shape.dtype;
	const int dim = job->work->head_dim, rows = tile->rows;
	const size_t at = tile->row * (size_t)dim;
	const bool waits = tile->row == span->row;
	const void *then = waits ? span->v : NULL;
	const void *after = waits ? span->after : NULL;
	float s[ATTEND_ROWS * ATTEND_PAGE], scale[ATTEND_ROWS];
	int groups = (tile->last + ATTEND_GROUP - 1) / ATTEND_GROUP;

	if (dtype == DTYPE_Q8_0)
		a->q8->scores(s, strip->q_coded + at / ATTEND_Q8_BLOCK, rows,
		              span->k, dim, groups, then);
	else
		a->scores(s, strip->q + at, rows, span->k, dtype, dim, groups,
		          then);
	a->weights(s, rows, groups, tile->limit, strip->top + tile->row,
	           strip->sum + tile->row, scale);
	if (dtype == DTYPE_Q8_0)
		a->q8->values(strip->acc + at, s, scale, rows, span->v, dim,
		              tile->last, after);
	else
		a->values(strip->acc + at, s, scale, rows, span->v, dtype, dim,
		          tile->last, after);
}

static void attend_tile_narrow(const struct job *job, struct strip *strip,
                               const struct tile *tile)
{
	const struct attend *a = job->attend;
	const int dim = job->work->head_dim, rows = tile->rows;
	const size_t at = tile->row * (size_t)dim;
	float s[ATTEND_ROWS * ATTEND_SPAN], scale[ATTEND_ROWS];
	uint16_t p[ATTEND_ROWS * ATTEND_SPAN];
	int groups = (tile->last + ATTEND_GROUP - 1) / ATTEND_GROUP;

	a->scores_narrow(s, strip->q_narrow + at, rows, strip->k_pairs, dim,
	                 groups);
	a->weights_narrow(p, s, rows, groups, tile->limit,
	                  strip->top + tile->row, strip->sum + tile->row,
	                  scale);
	a->values_narrow(strip->acc + at, p, scale, rows, strip->v_pairs, dim,
	                 tile->last);
}

static void attend_span(const struct job *job, const struct item *item,
                        struct strip *strip, const struct span *span)
{
	size_t rows = rows_of(job, item);

	for (size_t r = 0, n; r < rows; r += n) {
		struct tile tile = { .row = span->row + r };

		n = row_block(rows - r, ATTEND_ROWS);
		tile.rows = (int)n;
		for (size_t j = 0; j < n; j++)
			tile.limit[j] = limit_of(job, item, span, r + j);
		tile.last = tile.limit[n - 1]; /* later tokens see more */
		if (tile.last == 0)
			continue;
		if (job->narrow)
			attend_tile_narrow(job, strip, &tile);
		else
			attend_tile(job, strip, span, &tile);
	}
}

static void pack_span(const struct job *job, struct strip *strip,
                      const struct span *span)
{
	const int dim = job->work->head_dim;
	int n = span->n;

	for (size_t p = span->page; p < span->end_page; p++, n -= ATTEND_PAGE) {
		size_t to = (p - span->page) * ATTEND_PAGE * (size_t)dim;

		job->attend->pack(strip->k_pairs + to, strip->v_pairs + to,
		                  kv_cache_k(job->cache, p, job->layer,
		                             (int)span->head),
		                  kv_cache_v(job->cache, p, job->layer,
		                             (int)span->head),
		                  job->cache->shape.dtype, dim,
		                  n < ATTEND_PAGE ? n : ATTEND_PAGE);
	}
}

/* Pages [page, end_page), of all heads.  A page's heads lie side by side, so
 * that one after the other is also how memory likes to be read. */
static void attend_pages(const struct job *job, const struct item *item,
                         struct strip *strip, size_t page, size_t end_page,
                         const void *after)
{
	size_t seen = job->pos + item->end;
	size_t end =
		end_page * ATTEND_PAGE < seen ? end_page * ATTEND_PAGE : seen;

	for (size_t h = item->head; h < item->end_head; h++) {
		struct span span = {
			.head = h,
			.page = page,
			.end_page = end_page,
			.row = (h - item->head) * rows_of(job, item),
			.n = (int)(end - page * ATTEND_PAGE),
			.k = kv_cache_k(job->cache, page, job->layer, (int)h),
			.v = kv_cache_v(job->cache, page, job->layer, (int)h),
			.after = after,
		};

		if (h + 1 < item->end_head)
			span.after = kv_cache_k(job->cache, page, job->layer,
			                        (int)h + 1);
		if (job->narrow)
			pack_span(job, strip, &span);
		attend_span(job, item, strip, &span);
	}
}

/* acc / sum is the result of rows that have seen all pages. */
static void store_rows(const struct job *job, const struct item *item,
                       const struct strip *strip)
{
	size_t head_dim = (size_t)job->work->head_dim;
	size_t rows = all_rows(job, item);

	for (size_t r = 0; r < rows; r++) {
		float *out = job->q + place_of(job, item, r) * head_dim;

		memcpy(out, strip->acc + r * head_dim, head_dim * sizeof *out);
		kernels_get()->scale(out, 1 / strip->sum[r], head_dim);
	}
}

static void store_partial(const struct job *job, const struct item *item,
                          const struct strip *strip)
{
	struct paged_attention *work = job->work;
	size_t head_dim = (size_t)work->head_dim, rows = all_rows(job, item);

	for (size_t r = 0; r < rows; r++) {
		size_t to =
			place_of(job, item, r) * job->n_ranges + item->range;

		memcpy(work->partial_acc + to * head_dim,
		       strip->acc + r * head_dim,
		       head_dim * sizeof *strip->acc);
		work->partial_top[to] = strip->top[r];
		work->partial_sum[to] = strip->sum[r];
	}
}

/* Items of the last block, which sees the most, are given out first. */
static struct item item_at(const struct job *job, size_t i)
{
	size_t block = job->n_blocks - 1 - i / (job->n_sets * job->n_ranges);
	size_t set = i / job->n_ranges % job->n_sets, pages;
	struct item item;

	threads_split((size_t)job->work->n_kv_heads, 1, (int)set,
	              (int)job->n_sets, &item.head, &item.end_head);
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

static size_t take(struct job *job)
{
	return atomic_fetch_add(&job->next, 1);
}

/* What item i reads first, or NULL. */
static const void *start_of(const struct job *job, size_t i)
{
	struct item item;

	if (i >= job->n_items)
		return NULL;
	item = item_at(job, i);
	return kv_cache_k(job->cache, item.page, job->layer, (int)item.head);
}

/* Returns the item to do next, which is taken before the last pages are read so
 * that memory does not pause between the two.  No item is without pages. */
static size_t attend_item(struct job *job, size_t i, struct strip *strip)
{
	struct item item = item_at(job, i);
	size_t step = job->narrow ? SPAN_PAGES : 1, next = 0, end;

	assert(item.page < item.end_page);
	load_rows(job, &item, strip);
	for (size_t p = item.page; p < item.end_page; p = end) {
		const void *after;

		if (p + step < item.end_page) {
			end = p + step;
			after = kv_cache_k(job->cache, end, job->layer,
			                   (int)item.head);
		} else {
			end = item.end_page;
			next = take(job);
			after = start_of(job, next);
		}
		attend_pages(job, &item, strip, p, end, after);
	}
	if (job->n_ranges == 1)
		store_rows(job, &item, strip);
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
	size_t begin, end, i = take(job);

	while (i < job->n_items)
		i = attend_item(job, i, &work->strips[index]);
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
 * As pairs, a page of one head is enough for many rows. */
static size_t choose_sets(const struct job *job)
{
	size_t heads = (size_t)job->work->n_kv_heads, sets = 1;
	size_t items = job->n_blocks * job->n_ranges;
	size_t tokens = job->n_blocks > 1 ? job->block_tokens : job->seq;

	if (job->narrow)
		return heads;
	while (sets < heads &&
	       (items * sets < wanted_items(job->work) ||
	        (heads + sets - 1) / sets * tokens > job->work->block_tokens))
		sets *= 2;
	return sets < heads ? sets : heads;
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
	job.n_sets = choose_sets(&job);
	job.n_items = job.n_blocks * job.n_sets * job.n_ranges;
	threads_run(work->pool, run, &job);
}
