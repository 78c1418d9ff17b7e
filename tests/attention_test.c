#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "math/rope.h"
#include "model/attention.h"
#include "model/kv_cache.h"
#include "model/load_weights.h"
#include "model/workspace.h"
#include "tests/layer.h"

#define HIDDEN   20
#define HEADS    6
#define KV_HEADS 2
#define DIM      8
#define TOKENS   75 /* more than a page */
#define EPS      1e-6

static const struct model_config config = {
	.num_hidden_layers = 1,
	.hidden_size = HIDDEN,
	.num_attention_heads = HEADS,
	.num_key_value_heads = KV_HEADS,
	.head_dim = DIM,
	.intermediate_size = 16,
	.vocab_size = 3,
	.rms_norm_eps = (float)EPS,
	.rope_theta = 1e4,
};

struct layer {
	struct tensor q, k, v, o;
	float *q_norm, *k_norm;
	struct attention_weights weights;
};

static void make(struct layer *l, uint64_t *state)
{
	l->q = layer_matrix(state, HEADS * DIM, HIDDEN);
	l->k = layer_matrix(state, KV_HEADS * DIM, HIDDEN);
	l->v = layer_matrix(state, KV_HEADS * DIM, HIDDEN);
	l->o = layer_matrix(state, HIDDEN, HEADS * DIM);
	l->q_norm = layer_floats(state, DIM, 2);
	l->k_norm = layer_floats(state, DIM, 2);
	l->weights = (struct attention_weights){ &l->q, &l->k,     &l->v,
		                                 &l->o, l->q_norm, l->k_norm };
}

static void unmake(struct layer *l)
{
	layer_free(&l->q);
	layer_free(&l->k);
	layer_free(&l->v);
	layer_free(&l->o);
	free(l->q_norm);
	free(l->k_norm);
}

/* ---- the definition, in double ---- */

/* RMSNorm, then the rotation of halves by pos * 10000^(-2d / DIM). */
static void define_head(double *head, const float *norm, size_t pos)
{
	double squares = 0, scale;

	for (int d = 0; d < DIM; d++)
		squares += head[d] * head[d];
	scale = 1 / sqrt(squares / DIM + EPS);
	for (int d = 0; d < DIM; d++)
		head[d] *= scale * norm[d];
	for (int d = 0; d < DIM / 2; d++) {
		double angle = (double)pos * pow(1e4, -2. * d / DIM);
		double a = head[d], b = head[d + DIM / 2];

		head[d] = a * cos(angle) - b * sin(angle);
		head[d + DIM / 2] = b * cos(angle) + a * sin(angle);
	}
}

static void define(double *out, const struct layer *l, const double *x)
{
	static double q[TOKENS][HEADS * DIM], k[TOKENS][KV_HEADS * DIM],
		v[TOKENS][KV_HEADS * DIM], y[TOKENS][HEADS * DIM];

	memset(y, 0, sizeof y);
	for (size_t t = 0; t < TOKENS; t++) {
		layer_apply(q[t], &l->q, x + t * HIDDEN);
		layer_apply(k[t], &l->k, x + t * HIDDEN);
		layer_apply(v[t], &l->v, x + t * HIDDEN);
		for (int h = 0; h < HEADS; h++)
			define_head(q[t] + h * DIM, l->q_norm, t);
		for (int h = 0; h < KV_HEADS; h++)
			define_head(k[t] + h * DIM, l->k_norm, t);
		for (int h = 0; h < HEADS; h++) {
			int g = h / (HEADS / KV_HEADS) * DIM;
			double p[TOKENS], sum = 0;

			for (size_t j = 0; j <= t; j++) {
				p[j] = 0;
				for (int d = 0; d < DIM; d++)
					p[j] += q[t][h * DIM + d] * k[j][g + d];
				sum += p[j] = exp(p[j] / sqrt(DIM));
			}
			for (size_t j = 0; j <= t; j++)
				for (int d = 0; d < DIM; d++)
					y[t][h * DIM + d] +=
						p[j] / sum * v[j][g + d];
		}
		layer_apply(out + t * HIDDEN, &l->o, y[t]);
	}
}

/* ---- the layer, in pieces of `chunk` tokens ---- */

static void run(float *out, const struct layer *l, const float *x, size_t chunk)
{
	struct kv_shape shape = { 1, KV_HEADS, DIM, DTYPE_F32 };
	struct kv_cache *cache = kv_cache_new(&shape, TOKENS, NULL);
	struct threads *pool = threads_new(2, NULL);
	struct workspace *ws = workspace_new(&config, pool, TOKENS, NULL);

	ws->exact = true;
	assert_int_equal(kv_cache_reserve(cache, TOKENS, NULL), 0);
	for (size_t pos = 0, n; pos < TOKENS; pos += n) {
		n = TOKENS - pos < chunk ? TOKENS - pos : chunk;
		for (size_t t = 0; t < n; t++)
			rope_angles(ws->rope, (int64_t)(pos + t),
			            ws->cos + t * DIM / 2,
			            ws->sin + t * DIM / 2);
		memcpy(ws->normed, x + pos * HIDDEN, n * HIDDEN * sizeof *x);
		for (size_t i = 0; i < n * HIDDEN; i++)
			ws->x[i] = 1;
		attention(ws, &l->weights, &config, cache, 0, n, n, pos);
		memcpy(out + pos * HIDDEN, ws->x, n * HIDDEN * sizeof *x);
	}
	workspace_free(ws);
	threads_free(pool);
	kv_cache_free(cache);
}

static void it_is_the_definition_whatever_the_chunks(void **state_)
{
	static const size_t chunks[] = { 1, 2, 7, 64, TOKENS };
	float x[TOKENS * HIDDEN], out[TOKENS * HIDDEN];
	double wide[TOKENS * HIDDEN], want[TOKENS * HIDDEN];
	uint64_t state = 11;
	struct layer l;

	(void)state_;
	make(&l, &state);
	numbers_fill(&state, x, TOKENS * HIDDEN);
	for (int i = 0; i < TOKENS * HIDDEN; i++)
		wide[i] = x[i];
	define(want, &l, wide);
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		run(out, &l, x, chunks[i]);
		for (int j = 0; j < TOKENS * HIDDEN; j++)
			/* 1: it adds to the stream; angles are float32 */
			assert_true(fabs(out[j] - 1 - want[j]) < 2e-5);
	}
	unmake(&l);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(it_is_the_definition_whatever_the_chunks),
};

TEST_MAIN(tests)
