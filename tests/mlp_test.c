#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "model/load_weights.h"
#include "model/mlp.h"
#include "model/workspace.h"
#include "tests/layer.h"

#define HIDDEN 22
#define INNER  37
#define ROWS   11

static const struct model_config config = {
	.num_hidden_layers = 1,
	.hidden_size = HIDDEN,
	.num_attention_heads = 2,
	.num_key_value_heads = 1,
	.head_dim = 8,
	.intermediate_size = INNER,
	.vocab_size = 3,
	.rope_theta = 1e4,
};

static void check(const struct mlp_weights *w, float *y, const float *start,
                  const float *x)
{
	double wide[HIDDEN], want[HIDDEN];

	for (int r = 0; r < ROWS; r++) {
		for (int d = 0; d < HIDDEN; d++)
			wide[d] = x[r * HIDDEN + d];
		layer_swiglu(want, w->gate_proj, w->up_proj, w->down_proj,
		             wide);
		for (int d = 0; d < HIDDEN; d++) {
			int i = r * HIDDEN + d;

			want[d] += start ? start[i] : 0;
			assert_true(fabs(y[i] - want[d]) < 1e-5);
		}
	}
}

static void it_is_the_definition_and_adds_where_asked(void **state_)
{
	uint64_t state = 3;
	struct threads *pool = threads_new(2, NULL);
	struct workspace *ws = workspace_new(&config, pool, ROWS, NULL);
	struct tensor gate = layer_matrix(&state, INNER, HIDDEN);
	struct tensor up = layer_matrix(&state, INNER, HIDDEN);
	struct tensor down = layer_matrix(&state, HIDDEN, INNER);
	struct mlp_weights w = { &gate, &up, &down };
	float *x = layer_floats(&state, ROWS * HIDDEN, 1);
	float *start = layer_floats(&state, ROWS * HIDDEN, 1);
	float y[ROWS * HIDDEN];

	(void)state_;
	ws->exact = true;
	mlp(ws, &w, y, false, x, ROWS);
	check(&w, y, NULL, x);
	memcpy(y, start, sizeof y);
	mlp(ws, &w, y, true, x, ROWS);
	check(&w, y, start, x);
	layer_free(&gate);
	layer_free(&up);
	layer_free(&down);
	free(x);
	free(start);
	workspace_free(ws);
	threads_free(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(it_is_the_definition_and_adds_where_asked),
};

TEST_MAIN(tests)
