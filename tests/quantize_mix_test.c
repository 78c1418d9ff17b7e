#include "tests/support.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint/quantize_mix.h"

static enum dtype choose(const char *type, int layers, int group, bool tied,
                         const char *name, int64_t cols, bool *fallback)
{
	struct quantize_mix_model model = { layers, group, tied };
	const struct quantize_mix *mix = quantize_mix_find(type);
	bool unused;

	assert_non_null(mix);
	return quantize_mix_dtype(mix, &model, name,
	                          strstr(name, "norm") ? 1 : 2, cols,
	                          fallback ? fallback : &unused);
}

/* The lines of the table in the header, for a 4B: 36 layers, groups of 4. */
static void the_mixes_are_as_documented(void **state)
{
	static const struct {
		const char *type, *name;
		enum dtype dtype;
	} cases[] = {
		{ "q8_0", "token_embd.weight", DTYPE_Q8_0 },
		{ "q8_0", "blk.3.attn_v.weight", DTYPE_Q8_0 },
		{ "q4_0", "token_embd.weight", DTYPE_Q6_K },
		{ "q4_0", "blk.0.ffn_down.weight", DTYPE_Q4_0 },
		{ "q2_k", "blk.20.attn_v.weight", DTYPE_Q4_K },
		{ "q2_k", "blk.20.ffn_down.weight", DTYPE_Q3_K },
		{ "q2_k", "blk.20.attn_output.weight", DTYPE_Q3_K },
		{ "q2_k", "blk.20.ffn_up.weight", DTYPE_Q2_K },
		{ "q3_k_m", "blk.1.attn_v.weight", DTYPE_Q5_K },
		{ "q3_k_m", "blk.2.attn_v.weight", DTYPE_Q4_K },
		{ "q3_k_m", "blk.1.ffn_down.weight", DTYPE_Q5_K },
		{ "q3_k_m", "blk.2.ffn_down.weight", DTYPE_Q4_K },
		{ "q3_k_s", "blk.2.ffn_down.weight", DTYPE_Q3_K },
		{ "q4_k_s", "blk.3.attn_v.weight", DTYPE_Q5_K },
		{ "q4_k_s", "blk.4.attn_v.weight", DTYPE_Q4_K },
		{ "q4_k_s", "blk.3.ffn_down.weight", DTYPE_Q5_K },
		{ "q4_k_s", "blk.4.ffn_down.weight", DTYPE_Q4_K },
		{ "q4_k_pure", "token_embd.weight", DTYPE_Q4_K },
		{ "q4_k_pure", "blk.0.attn_v.weight", DTYPE_Q4_K },
		{ "q4_k_pure", "blk.0.ffn_down.weight", DTYPE_Q4_K },
		{ "q4_k_m", "token_embd.weight", DTYPE_Q6_K },
		{ "q4_k_m", "blk.3.attn_v.weight", DTYPE_Q6_K },
		{ "q4_k_m", "blk.4.attn_v.weight", DTYPE_Q4_K },
		{ "q4_k_m", "blk.6.attn_v.weight", DTYPE_Q6_K },
		{ "q4_k_m", "blk.6.ffn_down.weight", DTYPE_Q6_K },
		{ "q4_k_m", "blk.6.ffn_gate.weight", DTYPE_Q4_K },
		{ "q4_k_m", "blk.30.attn_v.weight", DTYPE_Q6_K },
		{ "q4_k_m", "blk.31.attn_v.weight", DTYPE_Q6_K },
		{ "q4_k_m", "blk.35.attn_k.weight", DTYPE_Q4_K },
		{ "q5_k_m", "blk.35.attn_v.weight", DTYPE_Q6_K },
		{ "q5_k_s", "blk.35.attn_v.weight", DTYPE_Q5_K },
		{ "iq4_xs", "blk.20.attn_v.weight", DTYPE_Q5_K },
		{ "iq4_xs", "blk.3.ffn_down.weight", DTYPE_Q5_K },
		{ "iq4_xs", "blk.4.ffn_down.weight", DTYPE_IQ4_XS },
		{ "q4_k_m", "blk.6.ffn_down_exps.weight", DTYPE_Q6_K },
		{ "q4_k_m", "blk.6.ffn_gate_inp.weight", DTYPE_F32 },
		{ "q4_k_m", "blk.6.attn_q_norm.weight", DTYPE_F32 },
		{ "bf16", "output_norm.weight", DTYPE_F32 },
		{ "bf16", "blk.6.attn_q.weight", DTYPE_BF16 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum dtype got = choose(cases[i].type, 36, 4, true,
		                        cases[i].name, 2560, NULL);

		if (got != cases[i].dtype)
			fail_msg("%s: %s is %s", cases[i].type, cases[i].name,
			         dtype_info(got)->name);
	}
}

static void about_half_the_layers_get_more_bits(void **state)
{
	int more = 0;

	(void)state;
	for (int l = 0; l < 36; l++) {
		char name[64];

		snprintf(name, sizeof name, "blk.%d.ffn_down.weight", l);
		more += choose("q4_k_m", 36, 4, true, name, 9728, NULL) ==
		        DTYPE_Q6_K;
	}
	assert_int_equal(more, 18);
}

static void the_embedding_is_only_special_where_it_makes_the_logits(
	void **state)
{
	(void)state;
	assert_int_equal(choose("q4_k_m", 36, 4, false, "token_embd.weight",
	                        4096, NULL),
	                 DTYPE_Q4_K);
	assert_int_equal(choose("q4_k_m", 36, 4, false, "output.weight", 4096,
	                        NULL),
	                 DTYPE_Q6_K);
}

static void groups_decide_where_the_table_says_so(void **state)
{
	(void)state;
	assert_int_equal(choose("q2_k", 28, 2, true, "blk.9.attn_v.weight",
	                        1024, NULL),
	                 DTYPE_Q3_K);
	assert_int_equal(choose("iq4_nl", 28, 2, true, "blk.9.attn_v.weight",
	                        1024, NULL),
	                 DTYPE_IQ4_NL);
}

static void rows_that_do_not_fit_get_smaller_blocks(void **state)
{
	static const struct {
		const char *type;
		int64_t cols;
		enum dtype dtype;
	} cases[] = {
		{ "q2_k", 96, DTYPE_Q4_0 },   { "q3_k_s", 96, DTYPE_Q4_0 },
		{ "q4_k_s", 96, DTYPE_Q5_0 }, { "q5_k_s", 96, DTYPE_Q5_1 },
		{ "q6_k", 96, DTYPE_Q8_0 },   { "iq4_xs", 96, DTYPE_IQ4_NL },
		{ "q4_k_s", 24, DTYPE_F16 },  { "q8_0", 24, DTYPE_F16 },
		{ "iq4_xs", 40, DTYPE_F16 },
	};
	bool fallback;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(choose(cases[i].type, 36, 4, true,
		                        "blk.9.attn_k.weight", cases[i].cols,
		                        &fallback),
		                 cases[i].dtype);
		assert_true(fallback);
	}
	choose("q4_0", 36, 4, true, "blk.9.attn_k.weight", 96, &fallback);
	assert_false(fallback);
	choose("bf16", 36, 4, true, "blk.9.attn_k.weight", 7, &fallback);
	assert_false(fallback);
}

/* Every name in the list for messages is one, and aliases are. */
static void names_are_found_in_any_case(void **state)
{
	char names[256], *rest = names, *name;
	int n = 0;

	(void)state;
	snprintf(names, sizeof names, "%s", quantize_mix_names());
	while ((name = strtok_r(rest, ", ", &rest)) != NULL) {
		const struct quantize_mix *mix = quantize_mix_find(name);

		assert_non_null(mix);
		assert_string_equal(quantize_mix_name(mix), name);
		n++;
	}
	assert_int_equal(n, 19);
	assert_string_equal(quantize_mix_name(quantize_mix_find("Q4_K")),
	                    "q4_k_m");
	assert_string_equal(quantize_mix_name(quantize_mix_find("q5_k")),
	                    "q5_k_m");
	assert_string_equal(quantize_mix_name(quantize_mix_find("Q3_K")),
	                    "q3_k_m");
	assert_int_equal(quantize_mix_file_type(quantize_mix_find("Q4_K_M")),
	                 15);
	assert_int_equal(quantize_mix_file_type(quantize_mix_find("q8_0")), 7);
	assert_null(quantize_mix_find("q4"));
	assert_null(quantize_mix_find(""));
	assert_null(quantize_mix_find("iq2_xs"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_mixes_are_as_documented),
	cmocka_unit_test(about_half_the_layers_get_more_bits),
	cmocka_unit_test(
		the_embedding_is_only_special_where_it_makes_the_logits),
	cmocka_unit_test(groups_decide_where_the_table_says_so),
	cmocka_unit_test(rows_that_do_not_fit_get_smaller_blocks),
	cmocka_unit_test(names_are_found_in_any_case),
};

TEST_MAIN(tests)
