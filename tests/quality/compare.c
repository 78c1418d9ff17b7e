#include "tests/quality/compare.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"

#define ROWS 32 /* positions whose logits are held at once */

struct side {
	struct model *model;
	struct kv_cache *cache;
	float *logits; /* [ROWS, vocab_size] */
	double *kls;   /* [n], of the positions so far */
	size_t n, agreed;
	double nll;
};

static int open_side(struct side *side,
                     const struct compare_candidate *candidate, int threads,
                     int vocab_size, size_t positions, struct error *err)
{
	const struct checkpoint *cp = candidate->checkpoint;
	enum dtype kv_type = candidate->exact ? DTYPE_F32 : DTYPE_F16;
	struct model_options options = { .threads = threads,
		                         .exact = candidate->exact,
		                         .max_batch = COMPARE_WINDOW };
	int vocab;

	side->model = model_load(cp, &options, err);
	if (!side->model)
		return -1;
	vocab = model_config(side->model)->vocab_size;
	if (vocab_size && vocab != vocab_size)
		return error_set(err, "%s: %d tokens, the reference has %d",
		                 checkpoint_path(cp), vocab, vocab_size);
	side->cache =
		model_new_cache(side->model, kv_type, COMPARE_WINDOW, err);
	side->logits = mem_try((size_t)ROWS * (size_t)vocab, sizeof(float));
	side->kls = mem_try(positions, sizeof *side->kls);
	return side->cache && side->logits && side->kls ? 0 : -1;
}

static void close_side(struct side *side)
{
	free(side->kls);
	free(side->logits);
	kv_cache_free(side->cache);
	model_free(side->model);
}

static int read_window(struct side *side, const int *ids, size_t n,
                       struct error *err)
{
	kv_cache_truncate(side->cache, 0);
	if (kv_cache_reserve(side->cache, n, err))
		return -1;
	model_forward(side->model, side->cache, ids, n, n);
	return 0;
}

static int most_likely(const float *logits, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		if (logits[i] > logits[best])
			best = i;
	return best;
}

static double log_sum(const float *logits, int n)
{
	double max = logits[most_likely(logits, n)], total = 0;

	for (int i = 0; i < n; i++)
		total += exp((double)logits[i] - max);
	return max + log(total);
}

/* One position; next: the token that follows in the text, or -1. */
static void add_row(struct side *side, const float *p, double p_sum,
                    const float *q, int n, int next)
{
	double q_sum = log_sum(q, n), kl = 0;

	for (int i = 0; i < n; i++) {
		double lp = (double)p[i] - p_sum, lq = (double)q[i] - q_sum;

		kl += exp(lp) * (lp - lq);
	}
	side->kls[side->n++] = kl;
	side->agreed += most_likely(p, n) == most_likely(q, n);
	if (next >= 0)
		side->nll -= (double)q[next] - q_sum;
}

static void add_rows(struct side *reference, struct side *sides, size_t n,
                     size_t first, size_t rows, const int *ids, size_t seq)
{
	int vocab = model_config(reference->model)->vocab_size;

	model_logits(reference->model, first, rows, reference->logits);
	for (size_t i = 0; i < n; i++)
		model_logits(sides[i].model, first, rows, sides[i].logits);
	for (size_t r = 0; r < rows; r++) {
		const float *p = reference->logits + r * (size_t)vocab;
		double p_sum = log_sum(p, vocab);
		size_t pos = first + r;

		for (size_t i = 0; i < n; i++)
			add_row(&sides[i], p, p_sum,
			        sides[i].logits + r * (size_t)vocab, vocab,
			        pos + 1 < seq ? ids[pos + 1] : -1);
	}
}

static int compare_window(struct side *reference, struct side *sides, size_t n,
                          const int *ids, size_t seq, struct error *err)
{
	if (read_window(reference, ids, seq, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (read_window(&sides[i], ids, seq, err))
			return -1;
	for (size_t first = 0; first < seq; first += ROWS)
		add_rows(reference, sides, n, first,
		         seq - first < ROWS ? seq - first : ROWS, ids, seq);
	return 0;
}

double compare_mean(const double *x, size_t n, double *error)
{
	double sum = 0, square = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	for (size_t i = 0; i < n; i++)
		square += (x[i] - sum / (double)n) * (x[i] - sum / (double)n);
	*error = sqrt(square) / (double)n;
	return sum / (double)n;
}

/* Takes the side's list of KLs with it. */
static void finish(struct compare_result *result, struct side *side,
                   size_t predicted)
{
	*result = (struct compare_result){
		.kls = side->kls,
		.agreement = (double)side->agreed / (double)side->n,
		.nll = side->nll / (double)predicted,
		.positions = side->n,
	};
	result->kl = compare_mean(side->kls, side->n, &result->kl_error);
	side->kls = NULL;
}

int compare_models(const struct checkpoint *reference,
                   const struct compare_candidate *candidates, size_t n,
                   const struct ids *text, int threads,
                   struct compare_result *results, struct error *err)
{
	struct side first = { 0 }, *sides = mem_zalloc(n, sizeof *sides);
	size_t predicted = 0;
	int result = open_side(&first,
	                       &(struct compare_candidate){ reference, true },
	                       threads, 0, text->n, err);

	for (size_t i = 0; i < n && !result; i++)
		result = open_side(&sides[i], &candidates[i], threads,
		                   model_config(first.model)->vocab_size,
		                   text->n, err);
	for (size_t at = 0; at < text->n && !result; at += COMPARE_WINDOW) {
		size_t seq = text->n - at < COMPARE_WINDOW ? text->n - at
		                                           : COMPARE_WINDOW;

		result = compare_window(&first, sides, n, text->data + at, seq,
		                        err);
		predicted += seq - 1;
	}
	for (size_t i = 0; i < n && !result; i++)
		finish(&results[i], &sides[i], predicted);
	for (size_t i = 0; i < n; i++)
		close_side(&sides[i]);
	close_side(&first);
	free(sides);
	return result;
}
