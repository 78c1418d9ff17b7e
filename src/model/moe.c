#include "model/moe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "math/softmax.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "model/load_weights.h"
#include "model/mlp.h"
#include "model/model_config.h"
#include "model/workspace.h"

/* A row that goes to an expert, and how much of the answer it takes. */
struct route {
	size_t row;
	float weight;
};

struct moe_work {
	size_t n_experts, per_row;
	float *p;             /* [max_rows, n_experts] */
	int *chosen;          /* [max_rows, per_row], best first */
	struct route *routes; /* [max_rows * per_row], sorted by expert */
	size_t *begin;        /* [n_experts + 1]: expert e has the routes
	                         * [begin[e], begin[e + 1]) */
	float *x, *y;         /* [max_rows, hidden_size], an expert's rows */
};

struct moe_work *moe_work_new(const struct model_config *config,
                              size_t max_rows, struct error *err)
{
	struct moe_work *work = mem_zalloc(1, sizeof *work);
	size_t hidden = (size_t)config->hidden_size;

	work->n_experts = (size_t)config->num_experts;
	work->per_row = (size_t)config->num_experts_per_tok;
	work->p = mem_try(max_rows * work->n_experts, sizeof *work->p);
	work->chosen = mem_try(max_rows * work->per_row, sizeof *work->chosen);
	work->routes = mem_try(max_rows * work->per_row, sizeof *work->routes);
	work->begin = mem_try(work->n_experts + 1, sizeof *work->begin);
	work->x = mem_try(max_rows * hidden, sizeof *work->x);
	work->y = mem_try(max_rows * hidden, sizeof *work->y);
	if (work->p && work->chosen && work->routes && work->begin && work->x &&
	    work->y)
		return work;
	moe_work_free(work);
	error_set(err, "no memory for %zu rows of %d experts", max_rows,
	          config->num_experts);
	return NULL;
}

void moe_work_free(struct moe_work *work)
{
	if (!work)
		return;
	free(work->p);
	free(work->chosen);
	free(work->routes);
	free(work->begin);
	free(work->x);
	free(work->y);
	free(work);
}

/* The sign of a probability says that its expert was chosen already. */
static int largest(const float *p, size_t n)
{
	size_t best = n;

	for (size_t e = 0; e < n; e++)
		if (!signbit(p[e]) && (best == n || p[e] > p[best]))
			best = e;
	return (int)best;
}

/* The best experts of a row, and their weights in the row's p, negated.  The
 * choice is of different experts even where broken weights made p NaN. */
static void choose(struct moe_work *work, size_t row, bool normalise)
{
	float *p = work->p + row * work->n_experts, sum = 0;
	int *chosen = work->chosen + row * work->per_row;

	softmax(p, work->n_experts);
	for (size_t e = 0; e < work->n_experts; e++)
		p[e] = fabsf(p[e]);
	for (size_t i = 0; i < work->per_row; i++) {
		chosen[i] = largest(p, work->n_experts);
		sum += p[chosen[i]];
		p[chosen[i]] = -p[chosen[i]];
	}
	for (size_t i = 0; i < work->per_row && normalise; i++)
		p[chosen[i]] /= sum;
}

/* Counting sort: begin[] counts, then says where each expert's next route
 * goes, and in the end where it begins. */
static void sort_routes(struct moe_work *work, size_t rows)
{
	size_t n = rows * work->per_row, total = 0;

	memset(work->begin, 0, (work->n_experts + 1) * sizeof *work->begin);
	for (size_t i = 0; i < n; i++)
		work->begin[work->chosen[i]]++;
	for (size_t e = 0; e <= work->n_experts; e++) {
		total += work->begin[e];
		work->begin[e] = total;
	}
	for (size_t i = n; i--;) {
		size_t row = i / work->per_row;
		size_t e = (size_t)work->chosen[i];

		work->routes[--work->begin[e]] =
			(struct route){ row,
			                -work->p[row * work->n_experts + e] };
	}
}

static void run_expert(struct workspace *ws, const struct mlp_weights *weights,
                       const struct route *routes, size_t n, size_t hidden)
{
	struct moe_work *work = ws->moe;

	for (size_t i = 0; i < n; i++)
		memcpy(work->x + i * hidden,
		       ws->normed + routes[i].row * hidden,
		       hidden * sizeof *work->x);
	mlp(ws, weights, work->y, false, work->x, n);
	for (size_t i = 0; i < n; i++)
		kernels_get()->axpy(ws->x + routes[i].row * hidden,
		                    routes[i].weight, work->y + i * hidden,
		                    hidden);
}

void moe(struct workspace *ws, const struct moe_weights *weights,
         const struct model_config *config, size_t rows)
{
	struct moe_work *work = ws->moe;
	size_t hidden = (size_t)config->hidden_size;
	struct linear_job router = { weights->gate, work->p, work->n_experts,
		                     false };

	/* Which expert is best must not hang on a rounding. */
	linear(ws->linear, &router, ws->normed, hidden, rows, true);
	for (size_t row = 0; row < rows; row++)
		choose(work, row, config->norm_topk_prob);
	sort_routes(work, rows);
	for (size_t e = 0; e < work->n_experts; e++) {
		size_t begin = work->begin[e], end = work->begin[e + 1];

		if (begin < end)
			run_expert(ws, &weights->experts[e],
			           work->routes + begin, end - begin, hidden);
	}
}
