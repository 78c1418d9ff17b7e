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

/* Fewer tokens than this are prepared faster than threads can be woken. */
#define FEW_TOKENS 4

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

static void prepare_token(const struct job *job, size_t t)
{
	const struct model_config *config = job->config;
	int heads = config->num_attention_heads;
	int kv_heads = config->num_key_value_heads;
	size_t dim = (size_t)config->head_dim, first = first_wanted(job);
	float *k = job->ws->k + t * (size_t)kv_heads * dim;
	const float *v = job->ws->v + t * (size_t)kv_heads * dim;

	if (t >= first)
		prepare_heads(job,
		              job->ws->q + (t - first) * (size_t)heads * dim,
		              heads, job->weights->q_norm, t);
	prepare_heads(job, k, kv_heads, job->weights->k_norm, t);
	for (int h = 0; h < kv_heads; h++)
		kv_cache_store(job->cache, job->pos + t, job->layer, h,
		               k + (size_t)h * dim, v + (size_t)h * dim);
}

static void prepare(void *arg, int index, int n)
{
	const struct job *job = arg;
	size_t begin, end;

	threads_split(job->seq, 1, index, n, &begin, &end);
	for (size_t t = begin; t < end; t++)
		prepare_token(job, t);
}

void attention(struct workspace *ws, const struct attention_weights *weights,
               const struct model_config *config, struct kv_cache *cache, int l,
               size_t seq, size_t wanted, size_t pos)
{
	struct job job = { ws, weights, config, cache, l, seq, wanted, pos };
	size_t hidden = (size_t)config->hidden_size, first = seq - wanted;
	struct linear_job out = { weights->o_proj, ws->x, hidden, true };

	project(&job);
	threads_run(seq < FEW_TOKENS ? NULL : ws->pool, prepare, &job);
	if (!wanted)
		return;
	if (first)
		memmove(ws->x, ws->x + first * hidden,
		        wanted * hidden * sizeof *ws->x);
	paged_attention(ws->paged_attention, cache, l, ws->q, wanted,
	                pos + first, ws->exact);
	linear(ws->linear, &out, ws->q, (size_t)tensor_cols(weights->o_proj),
	       wanted, ws->exact);
}
