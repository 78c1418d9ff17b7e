#include "model/attention_strip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/kernels.h"
#include "math/row_blocks.h"
#include "model/kv_cache.h"

_Static_assert(KV_PAGE_TOKENS == ATTEND_PAGE, "a page is a page");

bool attention_strip_reserve(struct attention_strip *s, size_t rows,
                             size_t head_dim)
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
	s->q_wide = mem_try(rows, sizeof *s->q_wide);
	s->wide = mem_try(ATTENTION_SPAN_PAGES, attend_wide_bytes(head_dim));
	return s->q && s->acc && s->top && s->sum && s->q_narrow &&
	       s->q_coded && s->k_pairs && s->v_pairs && s->q_wide && s->wide;
}

void attention_strip_free(struct attention_strip *s)
{
	free(s->q);
	free(s->acc);
	free(s->top);
	free(s->sum);
	free(s->q_narrow);
	free(s->q_coded);
	free(s->k_pairs);
	free(s->v_pairs);
	free(s->q_wide);
	free(s->wide);
}

/* The query rows of each of its KV heads. */
static size_t rows_of(const struct attention_call *call,
                      const struct attention_item *item)
{
	return (item->end - item->first) * (size_t)call->group;
}

size_t attention_item_rows(const struct attention_call *call,
                           const struct attention_item *item)
{
	return (item->end_head - item->head) * rows_of(call, item);
}

size_t attention_item_place(const struct attention_call *call,
                            const struct attention_item *item, size_t r)
{
	size_t group = (size_t)call->group, rows = rows_of(call, item);
	size_t t = item->first + r % rows / group;

	return t * (size_t)call->n_heads + (item->head + r / rows) * group +
	       r % group;
}

void attention_strip_load(const struct attention_call *call,
                          const struct attention_item *item,
                          struct attention_strip *strip)
{
	const struct kernels *kernels = kernels_get();
	size_t head_dim = (size_t)call->head_dim;
	size_t rows = attention_item_rows(call, item);
	/* Attend's weights are powers of two. */
	float factor = (float)(M_LOG2E / sqrt((double)head_dim));

	for (size_t r = 0; r < rows; r++) {
		const float *q = call->q +
		                 attention_item_place(call, item, r) * head_dim;
		float *to = strip->q + r * head_dim;

		memcpy(to, q, head_dim * sizeof *to);
		kernels->scale(to, factor, head_dim);
		strip->top[r] = -INFINITY;
		strip->sum[r] = 0;
	}
	memset(strip->acc, 0, rows * head_dim * sizeof *strip->acc);
	if (call->narrow)
		kernels->f32_to_bf16(strip->q_narrow, strip->q,
		                     rows * head_dim);
	else if (call->wide)
		call->attend->wide->code(strip->q_wide, strip->q, (int)rows,
		                         call->head_dim);
	else if (call->cache->shape.dtype == DTYPE_Q8_0)
		call->attend->q8->code(strip->q_coded, strip->q, (int)rows,
		                       call->head_dim);
}

/* Some of an item's pages, and the rows of one KV head that meet them. */
struct span {
	size_t head;
	size_t page, end_page; /* one page, or more in another form */
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
static int limit_of(const struct attention_call *call,
                    const struct attention_item *item, const struct span *span,
                    size_t r)
{
	size_t t = item->first + r / (size_t)call->group;
	size_t seen = call->pos + t + 1, pos = span->page * ATTEND_PAGE;

	if (seen <= pos)
		return 0;
	seen -= pos;
	return seen < (size_t)span->n ? (int)seen : span->n;
}

/* Of the first n tokens of a span those of the page that begins with token j. */
static int tokens_from(int n, int j)
{
	if (n <= j)
		return 0;
	return n - j < ATTEND_PAGE ? n - j : ATTEND_PAGE;
}

/* A page as it lies.  The first tile of a head's rows is the one that waits for
 * memory, so it asks for what comes next. */
static void attend_tile(const struct attention_call *call,
                        struct attention_strip *strip, const struct span *span,
                        const struct tile *tile)
{
	const struct attend *a = call->attend;
	const enum dtype dtype = call->cache->shape.dtype;
	const int dim = call->head_dim, rows = tile->rows;
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
	           strip->sum + tile->row, scale, after);
	if (dtype == DTYPE_Q8_0)
		a->q8->values(strip->acc + at, s, scale, rows, span->v, dim,
		              tile->last, after);
	else
		a->values(strip->acc + at, s, scale, rows, span->v, dtype, dim,
		          tile->last, after);
}

static void attend_tile_narrow(const struct attention_call *call,
                               struct attention_strip *strip,
                               const struct tile *tile)
{
	const struct attend *a = call->attend;
	const int dim = call->head_dim, rows = tile->rows;
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

/* Page by page. */
static void attend_tile_wide(const struct attention_call *call,
                             struct attention_strip *strip,
                             const struct tile *tile)
{
	const size_t bytes = attend_wide_bytes((size_t)call->head_dim);
	const char *page = strip->wide;

	for (int j = 0; j < tile->last; j += ATTEND_PAGE, page += bytes) {
		int n = tokens_from(tile->last, j), limit[ATTEND_ROWS];

		for (int r = 0; r < tile->rows; r++)
			limit[r] = tokens_from(tile->limit[r], j);
		call->attend->wide->attend(
			strip->acc + tile->row * (size_t)call->head_dim,
			strip->top + tile->row, strip->sum + tile->row,
			strip->q_wide + tile->row, tile->rows, page,
			call->head_dim, limit, n);
	}
}

static void attend_span(const struct attention_call *call,
                        const struct attention_item *item,
                        struct attention_strip *strip, const struct span *span)
{
	size_t rows = rows_of(call, item);

	for (size_t r = 0, n; r < rows; r += n) {
		struct tile tile = { .row = span->row + r };

		n = row_block(rows - r, ATTEND_ROWS);
		tile.rows = (int)n;
		for (size_t j = 0; j < n; j++)
			tile.limit[j] = limit_of(call, item, span, r + j);
		tile.last = tile.limit[n - 1]; /* later tokens see more */
		if (tile.last == 0)
			continue;
		if (call->narrow)
			attend_tile_narrow(call, strip, &tile);
		else if (call->wide)
			attend_tile_wide(call, strip, &tile);
		else
			attend_tile(call, strip, span, &tile);
	}
}

/* Into the form that its products take.  What a page becomes goes by all of its tokens
 * and not by those that an item sees, which depend on the number of threads. */
static void pack_span(const struct attention_call *call,
                      struct attention_strip *strip, const struct span *span)
{
	const struct attend *a = call->attend;
	const enum dtype dtype = call->cache->shape.dtype;
	const int dim = call->head_dim;

	for (size_t p = span->page; p < span->end_page; p++) {
		const size_t i = p - span->page;
		const size_t to = i * ATTEND_PAGE * (size_t)dim;
		const void *k = kv_cache_k(call->cache, p, call->layer,
		                           (int)span->head);
		const void *v = kv_cache_v(call->cache, p, call->layer,
		                           (int)span->head);
		const size_t left = call->end - p * ATTEND_PAGE;
		const int n = left < ATTEND_PAGE ? (int)left : ATTEND_PAGE;

		if (call->narrow)
			a->pack(strip->k_pairs + to, strip->v_pairs + to, k, v,
			        dtype, dim, n);
		else
			a->wide->pack(strip->wide + i * attend_wide_bytes(
								(size_t)dim),
			              k, v, dtype, dim, n);
	}
}

/* A page's heads lie side by side, so that one after the other is also how memory
 * likes to be read. */
void attention_strip_attend(const struct attention_call *call,
                            const struct attention_item *item,
                            struct attention_strip *strip, size_t page,
                            size_t end_page, const void *after)
{
	size_t seen = call->pos + item->end;
	size_t end =
		end_page * ATTEND_PAGE < seen ? end_page * ATTEND_PAGE : seen;

	for (size_t h = item->head; h < item->end_head; h++) {
		struct span span = {
			.head = h,
			.page = page,
			.end_page = end_page,
			.row = (h - item->head) * rows_of(call, item),
			.n = (int)(end - page * ATTEND_PAGE),
			.k = kv_cache_k(call->cache, page, call->layer, (int)h),
			.v = kv_cache_v(call->cache, page, call->layer, (int)h),
			.after = after,
		};

		if (h + 1 < item->end_head)
			span.after = kv_cache_k(call->cache, page, call->layer,
			                        (int)h + 1);
		if (call->narrow || call->wide)
			pack_span(call, strip, &span);
		attend_span(call, item, strip, &span);
	}
}

void attention_strip_store(const struct attention_call *call,
                           const struct attention_item *item,
                           const struct attention_strip *strip)
{
	size_t head_dim = (size_t)call->head_dim;
	size_t rows = attention_item_rows(call, item);

	for (size_t r = 0; r < rows; r++) {
		float *out = call->q +
		             attention_item_place(call, item, r) * head_dim;

		memcpy(out, strip->acc + r * head_dim, head_dim * sizeof *out);
		kernels_get()->scale(out, 1 / strip->sum[r], head_dim);
	}
}
