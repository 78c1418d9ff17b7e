#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "model/model_config.h"

/* Qwen3-4B-Instruct-2507's config.json, what counts of it. */
static const char qwen3_4b[] =
	"{\"architectures\": [\"Qwen3ForCausalLM\"], "
	"\"attention_bias\": false, \"head_dim\": 128, "
	"\"hidden_act\": \"silu\", \"hidden_size\": 2560, "
	"\"intermediate_size\": 9728, \"max_position_embeddings\": 262144, "
	"\"max_window_layers\": 36, \"model_type\": \"qwen3\", "
	"\"num_attention_heads\": 32, \"num_hidden_layers\": 36, "
	"\"num_key_value_heads\": 8, \"rms_norm_eps\": 1e-06, "
	"\"rope_scaling\": null, \"rope_theta\": 5000000, "
	"\"sliding_window\": null, \"tie_word_embeddings\": true, "
	"\"torch_dtype\": \"bfloat16\", \"use_sliding_window\": false, "
	"\"vocab_size\": 151936}";

static int read_text(struct model_config *config, const char *text,
                     struct error *err)
{
	struct json *json = json_parse(text, strlen(text), "test", err);
	int failed;

	if (!json)
		fail_msg("%s", err->text);
	failed = model_config_read(config, json, "dir/config.json", err);
	json_free(json);
	return failed;
}

/* The text with `from` (which must be there) replaced by `to`; free it. */
static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	struct strbuf s = STRBUF_INIT;

	assert_non_null(at);
	strbuf_add(&s, text, (size_t)(at - text));
	strbuf_add_str(&s, to);
	strbuf_add_str(&s, at + strlen(from));
	return strbuf_take(&s);
}

/* What reading the config with one change says. */
static void expect(const char *from, const char *to, const char *message)
{
	struct model_config config = { .vocab_size = 77 };
	struct error err = { "" };
	char *text = replaced(qwen3_4b, from, to);

	if (read_text(&config, text, &err) != -1)
		fail_msg("%s was accepted", to);
	assert_string_equal(err.text, message);
	assert_int_equal(config.vocab_size, 77); /* untouched */
	free(text);
}

static struct model_config accept(const char *from, const char *to)
{
	struct model_config config;
	struct error err = { "" };
	char *text = replaced(qwen3_4b, from, to);

	if (read_text(&config, text, &err))
		fail_msg("%s", err.text);
	free(text);
	return config;
}

static void a_real_config_is_read(void **state)
{
	struct model_config config;
	struct error err = { "" };

	(void)state;
	assert_int_equal(read_text(&config, qwen3_4b, &err), 0);
	assert_int_equal(config.num_hidden_layers, 36);
	assert_int_equal(config.hidden_size, 2560);
	assert_int_equal(config.num_attention_heads, 32);
	assert_int_equal(config.num_key_value_heads, 8);
	assert_int_equal(config.head_dim, 128);
	assert_int_equal(config.intermediate_size, 9728);
	assert_int_equal(config.vocab_size, 151936);
	assert_int_equal(config.max_position_embeddings, 262144);
	assert_true(config.tie_word_embeddings);
	assert_true(config.rms_norm_eps == 1e-6f);
	assert_true(config.rope_theta == 5e6);
	assert_true(config.yarn.factor == 0);
	assert_int_equal(config.num_experts, 0);
}

static void yarn_stretches_the_context(void **state)
{
	struct model_config config = { .max_position_embeddings = 40960 };

	(void)state;
	assert_int_equal(model_config_max_context(&config), 40960);
	config.yarn.original_max_position_embeddings = 32768;
	config.yarn.factor = 4;
	assert_int_equal(model_config_max_context(&config), 131072);
	config.yarn.factor = 1; /* never less than the file says */
	assert_int_equal(model_config_max_context(&config), 40960);
	config.yarn.factor = 1e9f;
	assert_int_equal(model_config_max_context(&config), 40960);
}

static void transformers_5_spells_rope_parameters(void **state)
{
	struct model_config config =
		accept("\"rope_scaling\": null, \"rope_theta\": 5000000",
	               "\"rope_parameters\": {\"rope_theta\": 1000000.0, "
	               "\"rope_type\": \"default\"}, \"dtype\": \"bfloat16\"");

	(void)state;
	assert_true(config.rope_theta == 1e6);
	assert_true(config.yarn.factor == 0);
}

static void check_yarn(const char *to)
{
	struct model_config config =
		accept("\"rope_scaling\": null, \"rope_theta\": 5000000", to);

	assert_true(config.rope_theta == 1e6);
	assert_true(config.yarn.factor == 4);
	assert_int_equal(config.yarn.original_max_position_embeddings, 32768);
	assert_true(config.yarn.beta_fast == 32);
	assert_true(config.yarn.beta_slow == 1);
	assert_true(config.yarn.attention_factor <= 0);
	assert_true(config.yarn.truncate);
}

static void yarn_is_read_in_every_spelling(void **state)
{
	(void)state;
	check_yarn("\"rope_theta\": 1e6, \"rope_scaling\": {\"type\": "
	           "\"yarn\", \"factor\": 4, "
	           "\"original_max_position_embeddings\": 32768}");
	check_yarn("\"rope_theta\": 1e6, \"rope_scaling\": {\"rope_type\": "
	           "\"yarn\", \"factor\": 4.0, "
	           "\"original_max_position_embeddings\": 32768}");
	check_yarn("\"rope_theta\": 5, \"rope_parameters\": {\"rope_theta\": "
	           "1000000, \"rope_type\": \"yarn\", \"factor\": 4.0, "
	           "\"original_max_position_embeddings\": 32768}");
}

static void yarn_takes_all_its_settings(void **state)
{
	struct model_config config = accept(
		"\"rope_scaling\": null",
		"\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2.5, "
		"\"attention_factor\": 1.25, \"beta_fast\": 16, "
		"\"beta_slow\": 2, \"truncate\": false}");

	(void)state;
	assert_true(config.yarn.factor == 2.5f);
	assert_true(config.yarn.attention_factor == 1.25f);
	assert_true(config.yarn.beta_fast == 16);
	assert_true(config.yarn.beta_slow == 2);
	assert_false(config.yarn.truncate);
	assert_int_equal(config.yarn.original_max_position_embeddings, 262144);
}

static void other_scalings_are_refused_by_name(void **state)
{
	(void)state;
	expect("\"rope_scaling\": null",
	       "\"rope_scaling\": {\"rope_type\": \"longrope\"}",
	       "dir/config.json: rope_scaling.rope_type is \"longrope\", and "
	       "only default and yarn are known");
	expect("\"rope_scaling\": null",
	       "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}",
	       "dir/config.json: rope_scaling.type is \"linear\", and only "
	       "default and yarn are known");
	expect("\"rope_scaling\": null", "\"rope_scaling\": 3",
	       "dir/config.json: rope_scaling is 3, not an object");
	expect("\"rope_scaling\": null",
	       "\"rope_scaling\": {\"type\": \"yarn\"}",
	       "dir/config.json: rope_scaling.factor is missing, not a number "
	       "from 1 on");
	expect("\"rope_scaling\": null",
	       "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 0.5}",
	       "dir/config.json: rope_scaling.factor is 0.5, not a number from "
	       "1 on");
	expect("\"rope_scaling\": null",
	       "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, "
	       "\"mscale\": 1.0}",
	       "dir/config.json: rope_scaling.mscale is 1.0, and only "
	       "attention_factor is known");
	expect("\"rope_scaling\": null",
	       "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, "
	       "\"mscale_all_dim\": 1.0}",
	       "dir/config.json: rope_scaling.mscale_all_dim is 1.0, and only "
	       "attention_factor is known");
}

/* transformers' Qwen3Config; num_key_value_heads is the number of all heads there where
 * it is null, and no Qwen3 leaves it out. */
static void what_is_absent_is_what_transformers_takes(void **state)
{
	struct model_config config = accept("\"rms_norm_eps\": 1e-06, ", "");

	(void)state;
	assert_true(config.rms_norm_eps == 1e-6f);
	config = accept("\"num_key_value_heads\": 8, ",
	                "\"num_key_value_heads\": null, ");
	assert_int_equal(config.num_key_value_heads, 32);
	config = accept("\"rope_scaling\": null, ",
	                "\"rope_parameters\": null, \"rope_scaling\": "
	                "{\"rope_type\": \"yarn\", \"factor\": 2}, ");
	assert_true(config.yarn.factor == 2);
	assert_int_equal(config.yarn.original_max_position_embeddings, 262144);
}

static void head_dim_may_be_absent(void **state)
{
	struct model_config config = accept("\"head_dim\": 128, ", "");

	(void)state;
	assert_int_equal(config.head_dim, 80); /* 2560 / 32 */
}

static void what_is_not_computed_is_refused(void **state)
{
	(void)state;
	expect("\"model_type\": \"qwen3\"", "\"model_type\": \"llama\"",
	       "dir/config.json: model_type is \"llama\", and only qwen3 and "
	       "qwen3_moe are known");
	expect("\"model_type\": \"qwen3\", ", "",
	       "dir/config.json: model_type is missing, and only qwen3 and "
	       "qwen3_moe are known");
	expect("\"attention_bias\": false", "\"attention_bias\": true",
	       "dir/config.json: attention_bias is true, and attention "
	       "without biases is known");
	expect("\"use_sliding_window\": false", "\"use_sliding_window\": true",
	       "dir/config.json: use_sliding_window is true, and only full "
	       "attention is known");
	expect("\"sliding_window\": null",
	       "\"layer_types\": [\"full_attention\", \"sliding_attention\"]",
	       "dir/config.json: layer_types is \"sliding_attention\", and "
	       "only full_attention is known");
	expect("\"silu\"", "\"gelu\"",
	       "dir/config.json: hidden_act is \"gelu\", and only silu is "
	       "known");
	expect("\"max_window_layers\": 36",
	       "\"quantization_config\": {\"quant_method\": \"fp8\"}",
	       "dir/config.json: quantization_config is {\"quant_method\": "
	       "\"fp8\"}, and its weights' format is not known");
}

static void head_counts_that_do_not_divide_are_refused(void **state)
{
	(void)state;
	expect("\"num_key_value_heads\": 8", "\"num_key_value_heads\": 5",
	       "dir/config.json: num_attention_heads is 32, not a multiple of "
	       "num_key_value_heads, 5");
	expect("\"num_key_value_heads\": 8", "\"num_key_value_heads\": 64",
	       "dir/config.json: num_attention_heads is 32, not a multiple of "
	       "num_key_value_heads, 64");
	expect("\"head_dim\": 128, \"hidden_act\": \"silu\", "
	       "\"hidden_size\": 2560",
	       "\"hidden_size\": 2561",
	       "dir/config.json: hidden_size is 2561, not a multiple of "
	       "num_attention_heads, and head_dim is missing");
	expect("\"head_dim\": 128", "\"head_dim\": 127",
	       "dir/config.json: head_dim is 127, not an even number up to "
	       "1024");
}

/* Every number: zero, negative, huge, a fraction, a string, missing. */
static void sizes_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *key, *value;
		int max;
	} keys[] = {
		{ "num_hidden_layers", "36", 1024 },
		{ "hidden_size", "2560", 1 << 17 },
		{ "num_attention_heads", "32", 1024 },
		{ "num_key_value_heads", "8", 1024 },
		{ "head_dim", "128", 1024 },
		{ "intermediate_size", "9728", 1 << 20 },
		{ "vocab_size", "151936", 1 << 24 },
		{ "max_position_embeddings", "262144", 1 << 28 },
	};
	static const char *const values[] = { "0",     "-1",   "4294967296",
		                              "1e300", "12.5", "\"8\"",
		                              "true" };
	char from[64], to[64], message[256];

	(void)state;
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
		for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
			struct model_config config;
			struct error err = { "" };
			char *text;

			snprintf(from, sizeof from, "\"%s\": %s", keys[k].key,
			         keys[k].value);
			snprintf(to, sizeof to, "\"%s\": %s", keys[k].key,
			         values[v]);
			snprintf(message, sizeof message,
			         "not a whole number from 1 to %d",
			         keys[k].max);
			text = replaced(qwen3_4b, from, to);
			assert_int_equal(read_text(&config, text, &err), -1);
			assert_non_null(strstr(err.text, "dir/config.json: "));
			assert_non_null(strstr(err.text, keys[k].key));
			assert_non_null(strstr(err.text, message));
			free(text);
		}
	}
	expect("\"vocab_size\": 151936", "\"vocab\": 1",
	       "dir/config.json: vocab_size is missing, not a whole number "
	       "from 1 to 16777216");
}

static void real_numbers_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	expect("\"rope_theta\": 5000000", "\"rope_theta\": 0",
	       "dir/config.json: rope_theta is 0, not a number above 0");
	expect("\"rope_theta\": 5000000", "\"rope_theta\": 1",
	       "dir/config.json: rope_theta is 1, not a number above 1");
	expect(", \"rope_theta\": 5000000", "",
	       "dir/config.json: rope_theta is missing, not a number above 1");
	expect("\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": -1e-06",
	       "dir/config.json: rms_norm_eps is -1e-06, not a number above "
	       "0");
	expect("\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": 1e39",
	       "dir/config.json: rms_norm_eps is 1e+39, not a number above 0");
	expect("\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": 2",
	       "dir/config.json: rms_norm_eps is 2, not below 1");
	expect("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": 1",
	       "dir/config.json: tie_word_embeddings is 1, neither true nor "
	       "false");
}

#define MOE \
	"\"model_type\": \"qwen3_moe\", \"num_experts\": 128, " \
	"\"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768, " \
	"\"norm_topk_prob\": true"

static void experts_are_read(void **state)
{
	struct model_config config = accept("\"model_type\": \"qwen3\"", MOE);

	(void)state;
	assert_int_equal(config.num_experts, 128);
	assert_int_equal(config.num_experts_per_tok, 8);
	assert_int_equal(config.moe_intermediate_size, 768);
	assert_true(config.norm_topk_prob);
}

static void layers_without_experts_are_refused(void **state)
{
	(void)state;
	expect("\"model_type\": \"qwen3\"", MOE ", \"mlp_only_layers\": [3]",
	       "dir/config.json: mlp_only_layers is [3], and only experts in "
	       "every layer are known");
	expect("\"model_type\": \"qwen3\"", MOE ", \"decoder_sparse_step\": 2",
	       "dir/config.json: decoder_sparse_step is 2, and only 1, experts "
	       "in every layer, is known");
	expect("\"model_type\": \"qwen3\"",
	       "\"model_type\": \"qwen3_moe\", \"num_experts\": 4, "
	       "\"num_experts_per_tok\": 5",
	       "dir/config.json: num_experts_per_tok is 5, not a whole number "
	       "from 1 to 4");
}

static void what_is_no_object_is_refused(void **state)
{
	struct model_config config;
	struct error err = { "" };

	(void)state;
	assert_int_equal(read_text(&config, "[1]", &err), -1);
	assert_string_equal(err.text, "dir/config.json: not a JSON object");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_real_config_is_read),
	cmocka_unit_test(yarn_stretches_the_context),
	cmocka_unit_test(transformers_5_spells_rope_parameters),
	cmocka_unit_test(yarn_is_read_in_every_spelling),
	cmocka_unit_test(yarn_takes_all_its_settings),
	cmocka_unit_test(other_scalings_are_refused_by_name),
	cmocka_unit_test(what_is_absent_is_what_transformers_takes),
	cmocka_unit_test(head_dim_may_be_absent),
	cmocka_unit_test(what_is_not_computed_is_refused),
	cmocka_unit_test(head_counts_that_do_not_divide_are_refused),
	cmocka_unit_test(sizes_that_make_no_sense_are_refused),
	cmocka_unit_test(real_numbers_that_make_no_sense_are_refused),
	cmocka_unit_test(experts_are_read),
	cmocka_unit_test(layers_without_experts_are_refused),
	cmocka_unit_test(what_is_no_object_is_refused),
};

TEST_MAIN(tests)
