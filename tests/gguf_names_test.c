#include "tests/support.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint/gguf_names.h"

static const struct {
	const char *hf, *gguf;
	int layer, expert;
} pairs[] = {
	{ "model.embed_tokens.weight", "token_embd.weight", -1, -1 },
	{ "model.norm.weight", "output_norm.weight", -1, -1 },
	{ "lm_head.weight", "output.weight", -1, -1 },
	{ "model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight", 0,
	  -1 },
	{ "model.layers.1.self_attn.q_proj.weight", "blk.1.attn_q.weight", 1,
	  -1 },
	{ "model.layers.2.self_attn.k_proj.weight", "blk.2.attn_k.weight", 2,
	  -1 },
	{ "model.layers.3.self_attn.v_proj.weight", "blk.3.attn_v.weight", 3,
	  -1 },
	{ "model.layers.4.self_attn.q_norm.weight", "blk.4.attn_q_norm.weight",
	  4, -1 },
	{ "model.layers.5.self_attn.k_norm.weight", "blk.5.attn_k_norm.weight",
	  5, -1 },
	{ "model.layers.6.self_attn.o_proj.weight", "blk.6.attn_output.weight",
	  6, -1 },
	{ "model.layers.7.post_attention_layernorm.weight",
	  "blk.7.ffn_norm.weight", 7, -1 },
	{ "model.layers.8.mlp.gate_proj.weight", "blk.8.ffn_gate.weight", 8,
	  -1 },
	{ "model.layers.9.mlp.up_proj.weight", "blk.9.ffn_up.weight", 9, -1 },
	{ "model.layers.35.mlp.down_proj.weight", "blk.35.ffn_down.weight", 35,
	  -1 },
	{ "model.layers.10.mlp.gate.weight", "blk.10.ffn_gate_inp.weight", 10,
	  -1 },
	{ "model.layers.11.mlp.experts.0.gate_proj.weight",
	  "blk.11.ffn_gate_exps.weight", 11, 0 },
	{ "model.layers.12.mlp.experts.127.up_proj.weight",
	  "blk.12.ffn_up_exps.weight", 12, 127 },
	{ "model.layers.13.mlp.experts.3.down_proj.weight",
	  "blk.13.ffn_down_exps.weight", 13, 3 },
};

#define N_PAIRS (sizeof pairs / sizeof pairs[0])

static void every_tensor_of_a_qwen3_has_both_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PAIRS; i++) {
		char gguf[GGUF_NAMES_MAX], hf[GGUF_NAMES_MAX];
		struct gguf_names_place place;
		bool stacked;

		assert_true(gguf_names_from_hf(pairs[i].hf, gguf, &place));
		assert_string_equal(gguf, pairs[i].gguf);
		assert_int_equal(place.layer, pairs[i].layer);
		assert_int_equal(place.expert, pairs[i].expert);
		assert_true(gguf_names_to_hf(gguf, place.expert, hf, &stacked));
		assert_string_equal(hf, pairs[i].hf);
		assert_int_equal(stacked, place.expert >= 0);
	}
}

static void other_names_have_no_partner(void **state)
{
	static const char *const names[] = {
		"",
		"weight",
		"model.layers.",
		"model.layers.x.mlp.up_proj.weight",
		"model.layers.01.mlp.up_proj.weight",
		"model.layers.1234567.mlp.up_proj.weight",
		"model.layers.-1.mlp.up_proj.weight",
		"model.layers.1.mlp.up_proj.weight2",
		"model.layers.1.mlp.up_proj.bias",
		"model.layers.1.mlp.experts.x.up_proj.weight",
		"model.layers.1.mlp.experts.1.q_proj.weight",
		"model.layers.1",
		"lm_head.bias",
		"blk.",
		"blk.1",
		"blk.1.",
		"blk.x.attn_q.weight",
		"blk.00.attn_q.weight",
		"blk.1.attn_q.bias",
		"token_embd",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char other[GGUF_NAMES_MAX];

		assert_false(gguf_names_from_hf(names[i], other, NULL));
		assert_false(gguf_names_to_hf(names[i], 0, other, NULL));
	}
}

/* A file's tensors follow the model's run; the order says how. */
static void the_order_is_the_models(void **state)
{
	static const char *const run[] = {
		"model.layers.0.input_layernorm.weight",
		"model.layers.0.self_attn.q_proj.weight",
		"model.layers.0.self_attn.o_proj.weight",
		"model.layers.0.post_attention_layernorm.weight",
		"model.layers.0.mlp.gate_proj.weight",
		"model.layers.0.mlp.down_proj.weight",
	};
	struct gguf_names_place before = { -1, -1, -1 }, place;
	char gguf[GGUF_NAMES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof run / sizeof run[0]; i++) {
		assert_true(gguf_names_from_hf(run[i], gguf, &place));
		assert_true(place.order > before.order);
		before = place;
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_tensor_of_a_qwen3_has_both_names),
	cmocka_unit_test(other_names_have_no_partner),
	cmocka_unit_test(the_order_is_the_models),
};

TEST_MAIN(tests)
