/*
 * workspace.h - every activation of a forward pass, reserved once
 *
 * Rows are tokens of one call, at most max_rows.  A block reads and writes the
 * residual stream x; the rest is scratch that lives from one line of
 * transformer_block.c to the next.
 */
#ifndef CONFAB_WORKSPACE_H
#define CONFAB_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/model_config.h"

struct error;
struct linear_work;
struct moe_work;
struct paged_attention;
struct rope;
struct threads;

struct workspace {
	struct threads *pool; /* borrowed; NULL: the caller alone */
	bool exact;           /* float32-grade products */
	size_t max_rows;

	float *x;         /* [max_rows, hidden_size], the residual stream */
	float *normed;    /* [max_rows, hidden_size] */
	float *q;         /* [max_rows, n_heads * head_dim]; then the heads'
	                  * output */
	float *k, *v;     /* [max_rows, n_kv_heads * head_dim] */
	float *inner;     /* [max_rows, intermediate_size] */
	float *cos, *sin; /* [max_rows, head_dim / 2], by position */

	struct rope *rope;
	struct linear_work *linear;
	struct paged_attention *paged_attention;
	struct moe_work *moe; /* NULL in a dense model */
};

struct workspace *workspace_new(const struct model_config *config,
                                struct threads *pool, size_t max_rows,
                                struct error *err);
void workspace_free(struct workspace *ws);

#endif
