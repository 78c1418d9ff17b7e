#include "tests/golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/model.h"

struct golden {
	struct json *json;
	struct ids prompt, watch, top, greedy, long_prompt, long_top;
};

static void read_ids(struct ids *ids, const struct json *array)
{
	int64_t id;

	for (const struct json *v = json_first(array); v; v = json_next(v))
		if (json_integer(v, &id))
			ids_add(ids, (int)id);
}

struct golden *golden_open(const char *path, struct error *err)
{
	struct golden *g = mem_zalloc(1, sizeof *g);
	const struct json *more;

	g->json = json_read(path, (size_t)16 << 20, err);
	if (!g->json) {
		free(g);
		return NULL;
	}
	more = json_get(g->json, "long");
	read_ids(&g->prompt, json_get(g->json, "prompt"));
	read_ids(&g->watch, json_get(g->json, "watch"));
	read_ids(&g->top, json_get(g->json, "last_top_ids"));
	read_ids(&g->greedy, json_get(g->json, "greedy"));
	read_ids(&g->long_prompt, json_get(more, "prompt"));
	read_ids(&g->long_top, json_get(more, "top_ids"));
	return g;
}

void golden_free(struct golden *g)
{
	if (!g)
		return;
	ids_free(&g->prompt);
	ids_free(&g->watch);
	ids_free(&g->top);
	ids_free(&g->greedy);
	ids_free(&g->long_prompt);
	ids_free(&g->long_top);
	json_free(g->json);
	free(g);
}

size_t golden_long(const struct golden *g)
{
	return g->long_prompt.n;
}

/* One pass over the prompt, chunk by chunk. */
struct pass {
	const struct golden *golden;
	struct model *model;
	struct kv_cache *cache;
	size_t vocab, hidden;
	size_t pos;      /* of the chunk's first token */
	float *logits;   /* [chunk, vocab_size] */
	double *squares; /* [layers + 1], of the stream after each step */
	struct golden_errors *errors;
};

/* A NaN counts as infinitely wrong. */
static void note(double *worst, double got, const struct json *want)
{
	double wanted = NAN, error;

	json_number(want, &wanted);
	error = fabs(got - wanted) / fmax(1, fabs(wanted));
	if (!(error <= *worst))
		*worst = isnan(error) ? INFINITY : error;
}

static const struct json *at(const struct json *array, size_t i)
{
	const struct json *v = json_first(array);

	while (v && i--)
		v = json_next(v);
	return v;
}

/* The reference keeps the first 8 numbers of the first token's row, the last 8
 * of the last token's, and the norm of all rows. */
static bool observe(void *arg, int step, const float *x, size_t seq)
{
	struct pass *pass = arg;
	const struct golden *g = pass->golden;
	const struct json *want =
		at(json_get(g->json, "hidden_states"), (size_t)step);
	const struct json *first = json_get(want, "first8");
	const struct json *last = json_get(want, "last8");
	double *worst = &pass->errors->hidden;
	size_t n = seq * pass->hidden;

	for (size_t i = 0; i < n; i++)
		pass->squares[step] += (double)x[i] * x[i];
	for (size_t i = 0; i < 8 && pass->pos == 0; i++)
		note(worst, x[i], at(first, i));
	if (pass->pos + seq < g->prompt.n)
		return true;
	for (size_t i = 0; i < 8; i++)
		note(worst, x[n - 8 + i], at(last, i));
	note(worst, sqrt(pass->squares[step]), json_get(want, "l2"));
	return true;
}

static double logsumexp(const float *x, size_t n)
{
	double top = -INFINITY, sum = 0;

	for (size_t i = 0; i < n; i++)
		top = fmax(top, x[i]);
	for (size_t i = 0; i < n; i++)
		sum += exp(x[i] - top);
	return top + log(sum);
}

static int argmax(const float *x, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	return (int)best;
}

static void note_all(double *worst, const float *logits, const struct ids *ids,
                     const struct json *wanted)
{
	const struct json *want = json_first(wanted);

	for (size_t i = 0; i < ids->n; i++, want = json_next(want))
		note(worst, logits[ids->data[i]], want);
}

static void read_prompt(struct pass *pass, size_t chunk)
{
	const struct golden *g = pass->golden;
	const struct json *row = json_first(json_get(g->json, "watch_logits"));
	const float *last = pass->logits;

	model_set_observer(pass->model, observe, pass);
	for (size_t n; pass->pos < g->prompt.n; pass->pos += n) {
		n = g->prompt.n - pass->pos;
		n = n < chunk ? n : chunk;
		model_forward(pass->model, pass->cache,
		              g->prompt.data + pass->pos, n, n);
		model_logits(pass->model, 0, n, pass->logits);
		for (size_t t = 0; t < n; t++, row = json_next(row)) {
			last = pass->logits + t * pass->vocab;
			note_all(&pass->errors->logits, last, &g->watch, row);
		}
	}
	model_set_observer(pass->model, NULL, NULL);
	note_all(&pass->errors->top, last, &g->top,
	         json_get(g->json, "last_top_logits"));
	note(&pass->errors->logsumexp, logsumexp(last, pass->vocab),
	     json_get(g->json, "last_logsumexp"));
	memmove(pass->logits, last, pass->vocab * sizeof *last);
}

/* Feeds the reference's tokens, so that one near tie does not end it. */
static void continue_greedily(struct pass *pass, double tolerance)
{
	const struct golden *g = pass->golden;
	const struct json *v = json_first(json_get(g->json, "greedy_margin"));
	struct golden_errors *errors = pass->errors;
	double margin = 0;

	for (size_t i = 0; i < g->greedy.n; i++, v = json_next(v)) {
		int id = g->greedy.data[i];

		if (json_number(v, &margin) && margin > tolerance) {
			errors->greedy_wanted++;
			errors->greedy +=
				argmax(pass->logits, pass->vocab) == id;
		}
		model_forward(pass->model, pass->cache, &id, 1, 1);
		model_logits(pass->model, 0, 1, pass->logits);
	}
}

static void read_long(struct pass *pass)
{
	const struct golden *g = pass->golden;
	size_t batch = model_max_batch(pass->model);

	kv_cache_truncate(pass->cache, 0);
	if (kv_cache_reserve(pass->cache, g->long_prompt.n, NULL)) {
		pass->errors->long_top = INFINITY;
		return;
	}
	for (size_t t = 0, n; t < g->long_prompt.n; t += n) {
		n = g->long_prompt.n - t;
		n = n < batch ? n : batch;
		model_forward(pass->model, pass->cache, g->long_prompt.data + t,
		              n, t + n == g->long_prompt.n);
	}
	model_logits(pass->model, 0, 1, pass->logits);
	note_all(&pass->errors->long_top, pass->logits, &g->long_top,
	         json_get(json_get(g->json, "long"), "top_logits"));
}

int golden_run(struct golden_errors *errors, const struct golden *golden,
               struct model *model, enum dtype dtype, size_t chunk,
               bool with_long, double tolerance, struct error *err)
{
	const struct model_config *config = model_config(model);
	size_t tokens = golden->prompt.n + golden->greedy.n;
	struct pass pass = {
		.golden = golden,
		.model = model,
		.vocab = (size_t)config->vocab_size,
		.hidden = (size_t)config->hidden_size,
		.errors = errors,
	};
	int failed = -1;

	memset(errors, 0, sizeof *errors);
	pass.squares = mem_zalloc((size_t)config->num_hidden_layers + 1,
	                          sizeof *pass.squares);
	pass.logits = mem_alloc(chunk * pass.vocab * sizeof *pass.logits);
	pass.cache = model_new_cache(model, dtype,
	                             tokens + golden->long_prompt.n, err);
	if (!pass.cache || kv_cache_reserve(pass.cache, tokens, err))
		goto done;
	read_prompt(&pass, chunk);
	continue_greedily(&pass, tolerance);
	if (with_long && golden->long_prompt.n)
		read_long(&pass);
	failed = 0;
done:
	kv_cache_free(pass.cache);
	free(pass.logits);
	free(pass.squares);
	return failed;
}
