#include "model/workspace.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "math/linear.h"
#include "math/rope.h"
#include "model/moe.h"
#include "model/paged_attention.h"

static int max(int a, int b)
{
	return a > b ? a : b;
}

/* The widest row that any linear layer writes or reads. */
static int widest_inner(const struct model_config *c)
{
	return max(max(c->hidden_size, c->num_attention_heads * c->head_dim),
	           max(c->intermediate_size, c->moe_intermediate_size));
}

/* The head and a router may have more outputs than anything inside. */
static int widest_output(const struct model_config *c)
{
	return max(max(c->vocab_size, c->num_experts), widest_inner(c));
}

static bool reserve_rows(struct workspace *ws, const struct model_config *c)
{
	size_t rows = ws->max_rows, dim = (size_t)c->head_dim;
	size_t hidden = rows * (size_t)c->hidden_size;
	size_t kv = rows * (size_t)c->num_key_value_heads * dim;
	size_t inner =
		(size_t)max(c->intermediate_size, c->moe_intermediate_size);

	ws->x = mem_try(hidden, sizeof(float));
	ws->normed = mem_try(hidden, sizeof(float));
	ws->q = mem_try(rows * (size_t)c->num_attention_heads * dim,
	                sizeof(float));
	ws->k = mem_try(kv, sizeof(float));
	ws->v = mem_try(kv, sizeof(float));
	ws->inner = mem_try(rows * inner, sizeof(float));
	ws->cos = mem_try(rows * dim / 2, sizeof(float));
	ws->sin = mem_try(rows * dim / 2, sizeof(float));
	return ws->x && ws->normed && ws->q && ws->k && ws->v && ws->inner &&
	       ws->cos && ws->sin;
}

static struct rope *rope_of(const struct model_config *c, struct error *err)
{
	struct rope_settings settings = {
		.head_dim = c->head_dim,
		.theta = c->rope_theta,
		.factor = c->yarn.factor,
		.attention_factor = c->yarn.attention_factor,
		.beta_fast = c->yarn.beta_fast,
		.beta_slow = c->yarn.beta_slow,
		.original_max_position_embeddings =
			c->yarn.original_max_position_embeddings,
		.truncate = c->yarn.truncate,
	};

	return rope_new(&settings, err);
}

static int reserve_parts(struct workspace *ws, const struct model_config *c,
                         struct error *err)
{
	int inner = widest_inner(c);

	ws->rope = rope_of(c, err);
	if (!ws->rope)
		return -1;
	ws->linear = linear_work_new(ws->pool, ws->max_rows, inner,
	                             widest_output(c), err);
	if (!ws->linear)
		return -1;
	ws->paged_attention =
		paged_attention_new(ws->pool, c->num_attention_heads,
	                            c->num_key_value_heads, c->head_dim, err);
	if (!ws->paged_attention)
		return -1;
	if (!c->num_experts)
		return 0;
	ws->moe = moe_work_new(c, ws->max_rows, err);
	return ws->moe ? 0 : -1;
}

struct workspace *workspace_new(const struct model_config *config,
                                struct threads *pool, size_t max_rows,
                                struct error *err)
{
	struct workspace *ws = mem_zalloc(1, sizeof *ws);

	ws->pool = pool;
	ws->max_rows = max_rows;
	if (!reserve_rows(ws, config)) {
		error_set(err, "no memory for a workspace of %zu rows",
		          max_rows);
		goto fail;
	}
	if (reserve_parts(ws, config, err))
		goto fail;
	return ws;
fail:
	workspace_free(ws);
	return NULL;
}

void workspace_free(struct workspace *ws)
{
	if (!ws)
		return;
	moe_work_free(ws->moe);
	paged_attention_free(ws->paged_attention);
	linear_work_free(ws->linear);
	rope_free(ws->rope);
	free(ws->x);
	free(ws->normed);
	free(ws->q);
	free(ws->k);
	free(ws->v);
	free(ws->inner);
	free(ws->cos);
	free(ws->sin);
	free(ws);
}
