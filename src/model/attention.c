#include "model/attention.h"

#include <string.h>

#include "base/threads.h"
#include "math/linear.h"
#include "math/rmsnorm.h"
#include "math/rope.h"
#include "model/kv_cache.h"
#include "model/load_weights.h"
#include "model/model_config.h"
#include "model/paged_attention.h"
#include "model/workspace.h"

struct job {
	struct workspace *ws;
	const struct attention_weights *weights;
	const struct model_config *config;
	struct kv_cache *cache;
	int layer;
	size_t seq, wanted, pos;
};

/* Of the rows that are wanted. */
static size_t first_wanted(const struct job *job)
{
	return job->seq - job->wanted;
}

/* Queries of the rows that are wanted, keys and values of all. */
static void project(const struct job *job)
{
	struct workspace *ws = job->ws;
	const struct model_config *config = job->config;
	size_t hidden = (size_t)config->hidden_size;
	size_t dim = (size_t)config->head_dim;
	size_t q_width = (size_t)config->num_attention_heads * dim;
	size_t kv_width = (size_t)config->num_key_value_heads * dim;
	const struct linear_job jobs[] = {
		{ job->weights->k_proj, ws->k, kv_width, false },
		{ job->weights->v_proj, ws->v, kv_width, false },
		{ job->weights->q_proj, ws->q, q_width, false },
	};
	bool all = job->wanted == job->seq;

	linear_many(ws->linear, jobs, all ? 3 : 2, ws->normed, hidden, job->seq,
	            ws->exact);
	if (!all && job->wanted)
		linear(ws->linear, &jobs[2],
		       ws->normed + first_wanted(job) * hidden, hidden,
		       job->wanted, ws->exact);
}

/* Norm, then rope, of token t's n heads in place. */
static void prepare_heads(const struct job *job, float *heads, int n,
                          const float *norm, size_t t)
{
	const struct model_config *config = job->config;
	size_t dim = (size_t)config->head_dim;
	const float *cos = job->ws->cos + t * dim / 2;
	const float *sin = job->ws->sin + t * dim / 2;

	rmsnorm(heads, dim, heads, dim, norm, (size_t)n, dim,
	        config->rms_norm_eps);
	for (int h = 0; h < n; h++)
		rope_apply(heads + (size_t)h * dim, config->head_dim, cos, sin);
}

/* Token t's KV head h, and the query heads that read it. */
static void prepare_group(const struct job *job, size_t t, size_t h)
{
	const struct model_config *config = job->config;
	size_t kv_heads = (size_t)config->num_key_value_heads;
	size_t heads = (size_t)config->num_attention_heads;
	size_t group = heads / kv_heads, first = first_wanted(job);
	size_t dim = (size_t)config->head_dim;
	float *k = job->ws->k + (t * kv_heads + h) * dim;
	const float *v = job->ws->v + (t * kv_heads + h) * dim;

	if (t >= first)
		prepare_heads(job,
		              job->ws->q +
		                      ((t - first) * heads + h * group) * dim,
		              (int)group, job->weights->q_norm, t);
	prepare_heads(job, k, 1, job->weights->k_norm, t);
	kv_cache_store(job->cache, job->pos + t, job->layer, (int)h, k, v);
}

static void prepare(void *arg, int index, int n)
{
	const struct job *job = arg;
	size_t kv_heads = (size_t)job->config->num_key_value_heads;
	size_t begin, end;

	threads_split(job->seq * kv_heads, 1, index, n, &begin, &end);
	for (size_t i = begin; i < end; i++)
		prepare_group(job, i / kv_heads, i % kv_heads);
}

/* Of one token. */
static void prepare_head(void *arg, int h)
{
	const struct job *job = arg;

	kv_cache_ask(job->cache, job->pos, job->layer, h);
	prepare_group(job, 0, (size_t)h);
}

void attention(struct workspace *ws, const struct attention_weights *weights,
               const struct model_config *config, struct kv_cache *cache, int l,
               size_t seq, size_t wanted, size_t pos)
{
	struct job job = { ws, weights, config, cache, l, seq, wanted, pos };
	size_t hidden = (size_t)config->hidden_size, first = seq - wanted;
	struct linear_job out = { weights->o_proj, ws->x, hidden, true };

	project(&job);
	if (seq == 1 && wanted) {
		paged_attention_one(ws->paged_attention, cache, l, ws->q, pos,
		                    prepare_head, &job);
	} else {
		threads_run(ws->pool, prepare, &job);
		if (!wanted)
			return;
		if (first)
			memmove(ws->x, ws->x + first * hidden,
			        wanted * hidden * sizeof *ws->x);
		paged_attention(ws->paged_attention, cache, l, ws->q, wanted,
		                pos + first, ws->exact);
	}
	linear(ws->linear, &out, ws->q, (size_t)tensor_cols(weights->o_proj),
	       wanted, ws->exact);
}
