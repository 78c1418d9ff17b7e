#include "engine/score.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/loaded_model.h"
#include "engine/logit_row.h"
#include "model/kv_cache.h"
#include "model/model.h"

/* Rows of one forward pass: a stop is obeyed after as many. */
#define CHUNK_ROWS 64
/* Rows of logits held at once: 10 MB of a Qwen3 vocabulary. */
#define HEAD_ROWS 16

struct pass {
	struct loaded_model *m;
	const struct engine_score *request;
	struct kv_cache *cache;
	float *logits;        /* [HEAD_ROWS, vocab_size] */
	float *picked;        /* [n_logit_ids] */
	struct sample sample; /* of the token at the row's position */
	score_token *token;
	score_progress *progress;
	void *arg;
};

static int begin(struct pass *pass, struct error *err)
{
	struct model *model = pass->m->model;
	size_t n = pass->request->n_ids;
	size_t vocab_size = (size_t)model_config(model)->vocab_size;
	const struct sampler_settings plain = { .temperature = 1,
		                                .top_p = 1,
		                                .repeat_penalty = 1 };

	if (n > pass->m->facts.max_context)
		return error_set(err, "%zu tokens to score, for a model of %zu",
		                 n, pass->m->facts.max_context);
	pass->picked = mem_alloc(pass->request->n_logit_ids * sizeof(float));
	pass->logits = mem_try(HEAD_ROWS * vocab_size, sizeof(float));
	if (!pass->logits)
		return error_set(err, "no memory for %d rows of %zu logits",
		                 HEAD_ROWS, vocab_size);
	pass->cache = model_new_cache(model, DTYPE_F32, n, err);
	if (!pass->cache)
		return -1;
	sampler_start(pass->m->sampler, &plain, NULL, 0);
	pass->sample = (struct sample){ .id = pass->request->ids[0],
		                        .logprob = NAN,
		                        .entropy = NAN };
	return 0;
}

static void end(struct pass *pass)
{
	kv_cache_free(pass->cache);
	free(pass->logits);
	free(pass->picked);
}

/* The row of the token at pos: tells of that token, then looks at the next. */
static int score_row(struct pass *pass, size_t pos, const float *logits,
                     struct error *err)
{
	const struct engine_score *request = pass->request;

	for (size_t i = 0; i < request->n_logit_ids; i++)
		pass->picked[i] = logits[request->logit_ids[i]];
	if (!pass->token(pass->arg, pos, &pass->sample,
	                 request->n_logit_ids ? pass->picked : NULL))
		return 1;
	if (pos + 1 < request->n_ids)
		sampler_describe(pass->m->sampler, logits,
		                 request->ids[pos + 1], &pass->sample);
	if (!pass->sample.broken)
		return 0;
	return logit_row_refuse(pass->m->facts.path, pos + 1, DTYPE_F32, err);
}

/* As score(). */
static int score_rows(struct pass *pass, size_t first, size_t rows,
                      struct error *err)
{
	struct model *model = pass->m->model;
	size_t vocab_size = (size_t)model_config(model)->vocab_size;
	int result = 0;

	for (size_t r = 0; r < rows && !result; r += HEAD_ROWS) {
		size_t n = rows - r < HEAD_ROWS ? rows - r : HEAD_ROWS;

		model_logits(model, r, n, pass->logits);
		for (size_t i = 0; i < n && !result; i++)
			result = score_row(pass, first + r + i,
			                   pass->logits + i * vocab_size, err);
	}
	return result;
}

static int run(struct pass *pass, struct error *err)
{
	size_t n = pass->request->n_ids, chunk = CHUNK_ROWS, rows;
	int result;

	if (chunk > model_max_batch(pass->m->model))
		chunk = model_max_batch(pass->m->model);
	for (size_t pos = 0; pos < n; pos += rows) {
		rows = n - pos < chunk ? n - pos : chunk;
		if (!pass->progress(pass->arg, pos, n))
			return 1;
		if (kv_cache_reserve(pass->cache, rows, err))
			return -1;
		model_forward(pass->m->model, pass->cache,
		              pass->request->ids + pos, rows, rows);
		result = score_rows(pass, pos, rows, err);
		if (result)
			return result;
	}
	pass->progress(pass->arg, n, n); /* too late to stop */
	return 0;
}

int score(struct loaded_model *m, const struct engine_score *request,
          score_token *token, score_progress *progress, void *arg,
          struct error *err)
{
	struct pass pass = { .m = m,
		             .request = request,
		             .token = token,
		             .progress = progress,
		             .arg = arg };
	int result = begin(&pass, err);

	if (result == 0) {
		model_set_exact(m->model, true);
		result = run(&pass, err);
		model_set_exact(m->model, m->exact);
	}
	end(&pass);
	return result;
}
