#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "math/half.h"
#include "model/load_weights.h"
#include "model/model_config.h"

/* A synthetic checkpoint and the config that belongs to it, which a test may
 * bend. */
struct fixture {
	char *dir;
	struct checkpoint *cp;
	struct model_config config;
};

static struct fixture open_synth(const char *name)
{
	struct fixture f = { .dir = test_synth(name) };
	struct error err = { "" };

	f.cp = checkpoint_open(f.dir, &err);
	if (!f.cp ||
	    model_config_read(&f.config, checkpoint_config(f.cp), "x", &err))
		fail_msg("%s", err.text);
	return f;
}

static void close_synth(struct fixture *f)
{
	checkpoint_free(f->cp);
	free(f->dir);
}

static bool is(const struct fixture *f, const struct tensor *t,
               const char *name)
{
	return t && t == checkpoint_tensor(f->cp, name);
}

static void matrices_are_views_of_the_file(void **state)
{
	struct fixture f = open_synth("tiny-untied");
	struct error err = { "" };
	struct weights w;

	(void)state;
	assert_int_equal(load_weights(&w, f.cp, &f.config, &err), 0);
	assert_true(is(&f, w.embed_tokens, "model.embed_tokens.weight"));
	assert_true(is(&f, w.lm_head, "lm_head.weight"));
	assert_true(is(&f, w.layers[2].self_attn.q_proj,
	               "model.layers.2.self_attn.q_proj.weight"));
	assert_true(is(&f, w.layers[0].self_attn.o_proj,
	               "model.layers.0.self_attn.o_proj.weight"));
	assert_true(is(&f, w.layers[1].mlp.down_proj,
	               "model.layers.1.mlp.down_proj.weight"));
	load_weights_free(&w);
	close_synth(&f);
}

static void norms_are_widened(void **state)
{
	struct fixture f = open_synth("tiny-tied");
	const uint16_t *stored =
		checkpoint_tensor(f.cp,
	                          "model.layers.1.self_attn.k_norm.weight")
			->data;
	struct weights w;

	(void)state;
	assert_int_equal(load_weights(&w, f.cp, &f.config, NULL), 0);
	for (int d = 0; d < f.config.head_dim; d++)
		assert_true(w.layers[1].self_attn.k_norm[d] ==
		            half_from_bf16(stored[d]));
	load_weights_free(&w);
	load_weights_free(&w); /* a second time is fine */
	close_synth(&f);
}

static void a_tied_head_is_the_embedding(void **state)
{
	struct fixture f = open_synth("tiny-tied");
	struct weights w;

	(void)state;
	assert_int_equal(load_weights(&w, f.cp, &f.config, NULL), 0);
	assert_ptr_equal(w.lm_head, w.embed_tokens);
	load_weights_free(&w);
	close_synth(&f);
}

/* tiny-untied's own head is not asked for when the config says tied. */
static void an_unexpected_tensor_is_ignored(void **state)
{
	struct fixture f = open_synth("tiny-untied");
	struct weights w;

	(void)state;
	f.config.tie_word_embeddings = true;
	assert_int_equal(load_weights(&w, f.cp, &f.config, NULL), 0);
	assert_ptr_equal(w.lm_head, w.embed_tokens);
	load_weights_free(&w);
	close_synth(&f);
}

static void experts_are_found(void **state)
{
	struct fixture f = open_synth("tiny-moe");
	struct weights w;

	(void)state;
	assert_int_equal(load_weights(&w, f.cp, &f.config, NULL), 0);
	assert_true(
		is(&f, w.layers[1].moe.gate, "model.layers.1.mlp.gate.weight"));
	assert_true(is(&f, w.layers[1].moe.experts[7].up_proj,
	               "model.layers.1.mlp.experts.7.up_proj.weight"));
	load_weights_free(&w);
	close_synth(&f);
}

/* The error that a bent config meets, without the folder in front. */
static void expect(struct fixture *f, const char *file, const char *message)
{
	struct weights w = { 0 };
	struct error err = { "" };
	size_t dir = strlen(f->dir);

	assert_int_equal(load_weights(&w, f->cp, &f->config, &err), -1);
	assert_null(w.layers); /* untouched */
	assert_true(strncmp(err.text, f->dir, dir) == 0);
	assert_true(strncmp(err.text + dir, file, strlen(file)) == 0);
	assert_string_equal(err.text + dir + strlen(file), message);
}

static void a_missing_tensor_is_named(void **state)
{
	struct fixture f = open_synth("tiny-tied");

	(void)state;
	f.config.tie_word_embeddings = false;
	expect(&f, "",
	       ": tensor lm_head.weight, of shape [512, 64], is missing");
	f.config.num_hidden_layers = 3;
	expect(&f, "",
	       ": tensor model.layers.2.input_layernorm.weight, of shape [64], "
	       "is missing");
	close_synth(&f);
}

static void a_misshapen_tensor_is_named_with_both_shapes(void **state)
{
	struct fixture f = open_synth("tiny-tied");
	struct model_config right = f.config;

	(void)state;
	f.config.vocab_size = 513;
	expect(&f, "/model.safetensors",
	       ": tensor model.embed_tokens.weight has shape [512, 64], the "
	       "config asks for [513, 64]");
	f.config = right;
	f.config.num_key_value_heads = 1;
	expect(&f, "/model.safetensors",
	       ": tensor model.layers.0.self_attn.k_proj.weight has shape "
	       "[64, 64], the config asks for [32, 64]");
	f.config = right;
	f.config.head_dim = 16;
	f.config.num_attention_heads = 8;
	f.config.num_key_value_heads = 4;
	expect(&f, "/model.safetensors",
	       ": tensor model.layers.0.self_attn.q_norm.weight has shape "
	       "[32], the config asks for [16]");
	f.config = right;
	f.config.intermediate_size = 161;
	expect(&f, "/model.safetensors",
	       ": tensor model.layers.0.mlp.gate_proj.weight has shape "
	       "[160, 64], the config asks for [161, 64]");
	close_synth(&f);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(matrices_are_views_of_the_file),
	cmocka_unit_test(norms_are_widened),
	cmocka_unit_test(a_tied_head_is_the_embedding),
	cmocka_unit_test(an_unexpected_tensor_is_ignored),
	cmocka_unit_test(experts_are_found),
	cmocka_unit_test(a_missing_tensor_is_named),
	cmocka_unit_test(a_misshapen_tensor_is_named_with_both_shapes),
};

TEST_MAIN(tests)
