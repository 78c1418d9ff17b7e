/*
 * attention_strip.h - some query rows over some pages, by one thread
 *
 * For paged_attention.c alone, which cuts the work into items.  The rows of an
 * item are loaded into a strip, meet pages one after the other with a streaming
 * softmax (attend.h), and are stored: acc / sum is the result of rows that have
 * seen all pages, and acc, top and sum say what some of them gave.
 */
#ifndef CONFAB_ATTENTION_STRIP_H
#define CONFAB_ATTENTION_STRIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/attend.h"

struct kv_cache;

#define ATTENTION_SPAN_PAGES (ATTEND_SPAN / ATTEND_PAGE)

/* What one thread needs: the rows of its item, and a span in another form. */
struct attention_strip {
	float *q, *acc;                   /* [block_rows, head_dim] */
	float *top, *sum;                 /* [block_rows] */
	uint16_t *q_narrow;               /* [block_rows, head_dim] */
	struct attend_q8_query *q_coded;  /* [block_rows, head_dim / 32] */
	uint16_t *k_pairs, *v_pairs;      /* [ATTEND_SPAN, head_dim] */
	struct attend_wide_query *q_wide; /* [block_rows] */
	char *wide;                       /* ATTENTION_SPAN_PAGES of them */
};

/* A call of paged_attention(), as its items see it. */
struct attention_call {
	const struct attend *attend;
	const struct kv_cache *cache;
	int layer;
	int n_heads, group, head_dim; /* group: query heads of a KV head */
	float *q;                     /* [seq, n_heads, head_dim] */
	size_t pos;                   /* of the first new token */
	size_t end;                   /* after the last one */
	/* Spans of pages are brought into another form first: for bf16 products
	 * into pairs, for those of attend_wide.h. */
	bool narrow, wide;
};

/* A block of new tokens of some KV heads, over a range of pages.  Its query
 * rows are numbered by KV head, token, and head of the group. */
struct attention_item {
	size_t head, end_head; /* KV heads */
	size_t first, end;     /* new tokens */
	size_t range;
	size_t page, end_page;
};

/* Query rows of an item, and where row r lies in q: [seq, n_heads]. */
size_t attention_item_rows(const struct attention_call *call,
                           const struct attention_item *item);
size_t attention_item_place(const struct attention_call *call,
                            const struct attention_item *item, size_t r);

/* Room for so many rows; false: no memory.  Free it in either case. */
bool attention_strip_reserve(struct attention_strip *s, size_t rows,
                             size_t head_dim);
void attention_strip_free(struct attention_strip *s);

void attention_strip_load(const struct attention_call *call,
                          const struct attention_item *item,
                          struct attention_strip *strip);

/* Pages [page, end_page) of all heads: one, or ATTENTION_SPAN_PAGES at most where
 * the call is narrow or wide.  after: what will be read next, or NULL. */
void attention_strip_attend(const struct attention_call *call,
                            const struct attention_item *item,
                            struct attention_strip *strip, size_t page,
                            size_t end_page, const void *after);

/* Rows that have seen all pages, into q. */
void attention_strip_store(const struct attention_call *call,
                           const struct attention_item *item,
                           const struct attention_strip *strip);

#endif
