#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "math/rope.h"
#include "model/embedding.h"
#include "model/kv_cache.h"
#include "model/load_weights.h"
#include "model/transformer_block.h"
#include "model/workspace.h"

/* The prompts of the reference. */
#define TOKENS 48

struct fixture {
	struct json *golden;
	char *dir;
	struct checkpoint *cp;
	struct model_config config;
	struct weights weights;
	struct workspace *ws;
	struct kv_cache *cache;
	int ids[TOKENS];
};

static void set_up(struct fixture *f, const char *name, const char *golden)
{
	struct error err = { "" };
	char *path = test_file(golden);
	struct kv_shape shape = { 1, 0, 0, DTYPE_F32 };
	const struct json *v;
	int64_t id;
	size_t n = 0;

	f->golden = json_read(path, 1 << 24, &err);
	f->dir = test_synth(name);
	f->cp = checkpoint_open(f->dir, &err);
	if (!f->golden || !f->cp ||
	    model_config_read(&f->config, checkpoint_config(f->cp), "x",
	                      &err) ||
	    load_weights(&f->weights, f->cp, &f->config, &err))
		fail_msg("%s", err.text);
	f->ws = workspace_new(&f->config, NULL, TOKENS, NULL);
	f->ws->exact = true;
	shape.layers = f->config.num_hidden_layers;
	shape.kv_heads = f->config.num_key_value_heads;
	shape.head_dim = f->config.head_dim;
	f->cache = kv_cache_new(&shape, TOKENS, NULL);
	assert_int_equal(kv_cache_reserve(f->cache, TOKENS, NULL), 0);
	for (v = json_first(json_get(f->golden, "prompt")); v;
	     v = json_next(v)) {
		assert_true(json_integer(v, &id) && n < TOKENS);
		f->ids[n++] = (int)id;
	}
	assert_int_equal(n, TOKENS);
	free(path);
}

static void tear_down(struct fixture *f)
{
	kv_cache_free(f->cache);
	workspace_free(f->ws);
	load_weights_free(&f->weights);
	checkpoint_free(f->cp);
	json_free(f->golden);
	free(f->dir);
}

static void check(const float *got, const struct json *want)
{
	double number;

	for (const struct json *v = json_first(want); v; v = json_next(v)) {
		assert_true(json_number(v, &number));
		assert_true(fabs(*got++ - number) <=
		            2e-5 * fmax(1, fabs(number)));
	}
}

/* The stream after each block but the last, whose reference is normalised. */
static void blocks_follow_the_reference(const char *name, const char *golden)
{
	struct fixture f;
	const struct json *step;
	size_t hidden, half;

	set_up(&f, name, golden);
	hidden = (size_t)f.config.hidden_size;
	half = (size_t)f.config.head_dim / 2;
	for (size_t t = 0; t < TOKENS; t++)
		rope_angles(f.ws->rope, (int64_t)t, f.ws->cos + t * half,
		            f.ws->sin + t * half);
	embedding(f.ws->x, f.weights.embed_tokens, f.ids, TOKENS);
	step = json_first(json_get(f.golden, "hidden_states"));
	for (int l = 0; l < f.config.num_hidden_layers; l++) {
		check(f.ws->x, json_get(step, "first8"));
		check(f.ws->x + TOKENS * hidden - 8, json_get(step, "last8"));
		transformer_block(f.ws, &f.weights.layers[l], &f.config,
		                  f.cache, l, TOKENS, TOKENS, 0);
		step = json_next(step);
	}
	tear_down(&f);
}

static void a_dense_block_is_the_references(void **state)
{
	(void)state;
	blocks_follow_the_reference("tiny-untied",
	                            "golden/model-tiny-untied.json");
	blocks_follow_the_reference("tiny-mha", "golden/model-tiny-mha.json");
}

static void a_block_of_experts_is_the_references(void **state)
{
	(void)state;
	blocks_follow_the_reference("tiny-moe", "golden/model-tiny-moe.json");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_dense_block_is_the_references),
	cmocka_unit_test(a_block_of_experts_is_the_references),
};

TEST_MAIN(tests)
