#include "model/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "math/rope.h"
#include "model/embedding.h"
#include "model/load_weights.h"
#include "model/norm.h"
#include "model/transformer_block.h"
#include "model/workspace.h"

#define DEFAULT_BATCH 512  /* tokens */
#define MAX_BATCH     8192 /* tokens: 2 GB of workspace for a 32B */

struct model {
	struct model_config config;
	struct weights weights;
	struct threads *pool;
	struct workspace *ws; /* after a forward pass ws->x holds the final,
	                       * normalised rows */
	size_t rows;          /* of the last forward pass */
	model_observer *observer;
	void *observer_arg;
};

static int read_config(struct model_config *config, const struct checkpoint *cp,
                       struct error *err)
{
	bool folder = strcmp(checkpoint_format(cp), "gguf") != 0;
	char *path = folder ? paths_join(checkpoint_path(cp), "config.json")
	                    : mem_strdup(checkpoint_path(cp));
	int failed =
		model_config_read(config, checkpoint_config(cp), path, err);

	free(path);
	return failed;
}

static size_t batch_of(const struct model_options *options)
{
	size_t batch = options->max_batch ? options->max_batch : DEFAULT_BATCH;

	return batch < MAX_BATCH ? batch : MAX_BATCH;
}

struct model *model_load(const struct checkpoint *cp,
                         const struct model_options *options, struct error *err)
{
	struct model *model = mem_zalloc(1, sizeof *model);
	int threads = options->threads;

	if (read_config(&model->config, cp, err) ||
	    load_weights(&model->weights, cp, &model->config, err))
		goto fail;
	model->pool =
		threads_new(threads > 0 ? threads : threads_default_count(),
	                    err);
	if (!model->pool)
		goto fail;
	model->ws = workspace_new(&model->config, model->pool,
	                          batch_of(options), err);
	if (!model->ws)
		goto fail;
	model->ws->exact = options->exact;
	return model;
fail:
	model_free(model);
	return NULL;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	workspace_free(model->ws);
	threads_free(model->pool);
	load_weights_free(&model->weights);
	free(model);
}

const struct model_config *model_config(const struct model *model)
{
	return &model->config;
}

int model_threads(const struct model *model)
{
	return threads_count(model->pool);
}

size_t model_max_batch(const struct model *model)
{
	return model->ws->max_rows;
}

const char *model_kernels(const struct model *model)
{
	(void)model; /* one set serves the whole program */
	return kernels_get()->name;
}

void model_set_exact(struct model *model, bool exact)
{
	model->ws->exact = exact;
}

struct kv_cache *model_new_cache(const struct model *model, enum dtype dtype,
                                 size_t max_tokens, struct error *err)
{
	struct kv_shape shape = {
		.layers = model->config.num_hidden_layers,
		.kv_heads = model->config.num_key_value_heads,
		.head_dim = model->config.head_dim,
		.dtype = dtype,
	};

	return kv_cache_new(&shape, max_tokens, err);
}

/* May the pass go on? */
static bool observe(const struct model *model, int step, size_t seq)
{
	return !model->observer ||
	       model->observer(model->observer_arg, step, model->ws->x, seq);
}

bool model_forward(struct model *model, struct kv_cache *cache, const int *ids,
                   size_t seq, size_t wanted)
{
	const struct model_config *config = &model->config;
	const struct weights *weights = &model->weights;
	struct workspace *ws = model->ws;
	size_t half = (size_t)config->head_dim / 2, pos = cache->length;
	int layers = config->num_hidden_layers;

	assert(seq > 0 && seq <= ws->max_rows && wanted <= seq);
	assert(pos + seq <= cache->n_pages * KV_PAGE_TOKENS);
	for (size_t t = 0; t < seq; t++)
		rope_angles(ws->rope, (int64_t)(pos + t), ws->cos + t * half,
		            ws->sin + t * half);

	embedding(ws->x, weights->embed_tokens, ids, seq);
	if (!observe(model, 0, seq))
		return false;
	for (int l = 0; l < layers; l++) {
		bool last = l + 1 == layers;

		transformer_block(ws, &weights->layers[l], config, cache, l,
		                  seq, last ? wanted : seq, pos);
		if (!last && !observe(model, l + 1, seq))
			return false;
	}
	if (wanted)
		norm_rows(ws->pool, ws->x, ws->x, weights->norm, wanted,
		          (size_t)config->hidden_size, config->rms_norm_eps);
	observe(model, layers, wanted);

	cache->length = pos + seq;
	model->rows = wanted;
	return true;
}

void model_logits(struct model *model, size_t first, size_t rows, float *logits)
{
	struct workspace *ws = model->ws;
	size_t hidden = (size_t)model->config.hidden_size;
	struct linear_job head = { model->weights.lm_head, logits,
		                   (size_t)model->config.vocab_size, false };

	assert(rows > 0 && first + rows <= model->rows);
	linear(ws->linear, &head, ws->x + first * hidden, hidden, rows,
	       ws->exact);
}

void model_set_observer(struct model *model, model_observer *observer,
                        void *arg)
{
	model->observer = observer;
	model->observer_arg = arg;
}
