#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "model/load_weights.h"
#include "model/moe.h"
#include "model/workspace.h"
#include "tests/layer.h"

#define HIDDEN  18
#define INNER   13
#define EXPERTS 7
#define CHOSEN  3
#define MANY    50 /* more than HIDDEN, INNER and the vocabulary */
#define ROWS    9

static struct model_config config = {
	.num_hidden_layers = 1,
	.hidden_size = HIDDEN,
	.num_attention_heads = 2,
	.num_key_value_heads = 1,
	.head_dim = 8,
	.vocab_size = 3,
	.rope_theta = 1e4,
	.num_experts = EXPERTS,
	.num_experts_per_tok = CHOSEN,
	.moe_intermediate_size = INNER,
	.norm_topk_prob = true,
};

struct experts {
	struct tensor gate, matrices[EXPERTS][3];
	struct mlp_weights mlps[EXPERTS];
	struct moe_weights weights;
};

static void make(struct experts *e, uint64_t *state)
{
	e->gate = layer_matrix(state, EXPERTS, HIDDEN);
	for (int i = 0; i < EXPERTS; i++) {
		struct tensor *m = e->matrices[i];

		m[0] = layer_matrix(state, INNER, HIDDEN);
		m[1] = layer_matrix(state, INNER, HIDDEN);
		m[2] = layer_matrix(state, HIDDEN, INNER);
		e->mlps[i] = (struct mlp_weights){ &m[0], &m[1], &m[2] };
	}
	e->weights = (struct moe_weights){ &e->gate, e->mlps };
}

static void unmake(struct experts *e)
{
	layer_free(&e->gate);
	for (int i = 0; i < EXPERTS; i++)
		for (int m = 0; m < 3; m++)
			layer_free(&e->matrices[i][m]);
}

/* The definition.  An expert's rank is how many are better. */
static void define(double *y, const struct experts *e, const double *x,
                   bool normalise)
{
	double p[EXPERTS], out[HIDDEN], all = 0, kept = 0;
	int rank[EXPERTS] = { 0 };

	layer_apply(p, &e->gate, x);
	for (int i = 0; i < EXPERTS; i++)
		all += p[i] = exp(p[i]);
	for (int i = 0; i < EXPERTS; i++)
		p[i] /= all;
	for (int i = 0; i < EXPERTS; i++) {
		for (int j = 0; j < EXPERTS; j++)
			rank[i] += p[j] > p[i];
		kept += rank[i] < CHOSEN ? p[i] : 0;
	}
	memset(y, 0, HIDDEN * sizeof *y);
	for (int i = 0; i < EXPERTS; i++) {
		if (rank[i] >= CHOSEN)
			continue;
		layer_swiglu(out, e->mlps[i].gate_proj, e->mlps[i].up_proj,
		             e->mlps[i].down_proj, x);
		for (int d = 0; d < HIDDEN; d++)
			y[d] += out[d] * p[i] / (normalise ? kept : 1);
	}
}

static void check(struct experts *e, uint64_t *state, size_t rows)
{
	struct threads *pool = threads_new(2, NULL);
	struct workspace *ws = workspace_new(&config, pool, rows, NULL);
	double x[HIDDEN], want[HIDDEN];

	ws->exact = true;
	numbers_fill(state, ws->normed, rows * HIDDEN);
	for (size_t i = 0; i < rows * HIDDEN; i++)
		ws->x[i] = 1;
	moe(ws, &e->weights, &config, rows);
	for (size_t r = 0; r < rows; r++) {
		for (size_t d = 0; d < HIDDEN; d++)
			x[d] = ws->normed[r * HIDDEN + d];
		define(want, e, x, config.norm_topk_prob);
		for (size_t d = 0; d < HIDDEN; d++)
			assert_true(fabs(ws->x[r * HIDDEN + d] - 1 - want[d]) <
			            1e-5);
	}
	workspace_free(ws);
	threads_free(pool);
}

static void it_is_the_definition_with_and_without_renormalising(void **state_)
{
	uint64_t state = 3;
	struct experts e;

	(void)state_;
	make(&e, &state);
	for (int normalise = 0; normalise < 2; normalise++) {
		config.norm_topk_prob = normalise;
		check(&e, &state, 1);
		check(&e, &state, ROWS);
	}
	unmake(&e);
}

/* A broken router must not send a row to one expert twice: an expert has room
 * for each row once. */
static void nan_in_the_router_stays_inside_its_memory(void **state_)
{
	uint64_t state = 3;
	struct workspace *ws = workspace_new(&config, NULL, ROWS, NULL);
	struct experts e;

	(void)state_;
	make(&e, &state);
	for (size_t i = 0; i < ROWS * HIDDEN; i++) {
		ws->normed[i] = i % 3 ? 1 : NAN;
		ws->x[i] = 0;
	}
	moe(ws, &e.weights, &config, ROWS);
	assert_true(isnan(ws->x[0]));
	unmake(&e);
	workspace_free(ws);
}

/* Experts that are all the same give what one of them does. */
static void experts_may_be_more_than_anything_is_wide(void **state_)
{
	uint64_t state = 5;
	struct model_config many = config;
	struct mlp_weights mlps[MANY];
	struct tensor gate = layer_matrix(&state, MANY, HIDDEN);
	struct moe_weights weights = { &gate, mlps };
	struct workspace *ws;
	struct experts e;
	double x[HIDDEN], want[HIDDEN];

	(void)state_;
	make(&e, &state);
	many.num_experts = MANY;
	many.norm_topk_prob = true;
	for (int i = 0; i < MANY; i++)
		mlps[i] = e.mlps[0];
	ws = workspace_new(&many, NULL, 1, NULL);
	ws->exact = true;
	numbers_fill(&state, ws->normed, HIDDEN);
	for (size_t d = 0; d < HIDDEN; d++) {
		x[d] = ws->normed[d];
		ws->x[d] = 0;
	}
	moe(ws, &weights, &many, 1);
	layer_swiglu(want, mlps[0].gate_proj, mlps[0].up_proj,
	             mlps[0].down_proj, x);
	for (size_t d = 0; d < HIDDEN; d++)
		assert_true(fabs(ws->x[d] - want[d]) < 1e-5);
	workspace_free(ws);
	layer_free(&gate);
	unmake(&e);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(it_is_the_definition_with_and_without_renormalising),
	cmocka_unit_test(nan_in_the_router_stays_inside_its_memory),
	cmocka_unit_test(experts_may_be_more_than_anything_is_wide),
};

TEST_MAIN(tests)
