#include "tests/support.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_format.h"
#include "checkpoint/quantize.h"
#include "engine/generation_config.h"
#include "math/quant.h"
#include "model/model_config.h"

/* Opens SRC and writes its GGUF of that type. */
static int write_as(const char *source, const char *out, const char *type,
                    int threads, struct quantize_report *report,
                    struct error *err)
{
	struct checkpoint *cp = checkpoint_open(source, err);
	struct quantize_options options = { .type = type };
	int result;

	if (!cp)
		fail_msg("%s", err ? err->text : source);
	options.pool = threads_new(threads, NULL);
	result = quantize(cp, out, &options, report, err);
	threads_free(options.pool);
	checkpoint_free(cp);
	return result;
}

static struct checkpoint *made_from(const char *source, const char *dir,
                                    const char *type)
{
	char *out = paths_join(dir, "made.gguf");
	struct error err = { "" };
	struct checkpoint *cp;

	write_as(source, out, type, 2, NULL, &err);
	assert_string_equal(err.text, "");
	cp = checkpoint_open(out, &err);
	assert_string_equal(err.text, "");
	free(out);
	return cp;
}

static void read_tensor(const struct tensor *t, float **x, size_t *n)
{
	int64_t cols = tensor_cols(t), rows = tensor_rows(t);
	size_t row;

	*n = (size_t)(rows * cols);
	*x = malloc(*n * sizeof **x);
	dtype_row_bytes(t->dtype, cols, &row);
	for (int64_t r = 0; r < rows; r++)
		quant_dequantize_row(t->dtype,
		                     (const char *)t->data + (size_t)r * row,
		                     *x + r * cols, cols);
}

/* sum (a - b)^2 / sum a^2 */
static double relative_error(const struct tensor *a, const struct tensor *b)
{
	double error = 0, size = 0;
	float *x, *y;
	size_t n, n_b;

	read_tensor(a, &x, &n);
	read_tensor(b, &y, &n_b);
	assert_int_equal(n, n_b);
	for (size_t i = 0; i < n; i++) {
		error += pow((double)x[i] - (double)y[i], 2);
		size += pow((double)x[i], 2);
	}
	free(x);
	free(y);
	return error / size;
}

/* Every tensor is there, under its Hugging Face name, with its shape and within
 * the error of its type. */
static void check_tensors(const struct checkpoint *from,
                          const struct checkpoint *to, double error)
{
	assert_int_equal(checkpoint_n_tensors(from), checkpoint_n_tensors(to));
	for (size_t i = 0; i < checkpoint_n_tensors(from); i++) {
		const char *name = checkpoint_tensor_name(from, i);
		const struct tensor *a = checkpoint_tensor_at(from, i);
		const struct tensor *b = checkpoint_tensor(to, name);
		double got;

		if (!b)
			fail_msg("%s is missing", name);
		assert_int_equal(a->n_dims, b->n_dims);
		for (int d = 0; d < a->n_dims; d++)
			assert_int_equal(a->shape[d], b->shape[d]);
		got = relative_error(a, b);
		if (a->n_dims == 1 ? got != 0 : !(got <= error))
			fail_msg("%s: relative square error %g", name, got);
	}
}

static void check_config(const struct checkpoint *from,
                         const struct checkpoint *to)
{
	static const char *const keys[] = {
		"num_hidden_layers",
		"hidden_size",
		"intermediate_size",
		"num_attention_heads",
		"num_key_value_heads",
		"head_dim",
		"max_position_embeddings",
		"vocab_size",
		"tie_word_embeddings",
		"model_type",
		"num_experts",
		"num_experts_per_tok",
		"moe_intermediate_size",
		"norm_topk_prob",
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
		const struct json *x, *y;

		x = json_get(checkpoint_config(from), keys[i]);
		y = json_get(checkpoint_config(to), keys[i]);
		if (!x)
			continue;
		assert_non_null(y);
		json_write_python(&a, x);
		json_write_python(&b, y);
		if (strcmp(a.bytes, b.bytes))
			fail_msg("%s: %s became %s", keys[i], a.bytes, b.bytes);
		strbuf_free(&a);
		strbuf_free(&b);
	}
}

static const char *const synths[] = { "tiny-tied", "tiny-untied", "tiny-mha",
	                              "tiny-gqa8", "tiny-yarn",   "tiny-moe" };

static void every_shape_of_model_survives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof synths / sizeof synths[0]; i++) {
		char *source = test_synth(synths[i]), *dir = test_tmp_dir();
		struct checkpoint *from = checkpoint_open(source, NULL);
		struct checkpoint *to = made_from(source, dir, "bf16");

		assert_non_null(from);
		check_tensors(from, to, 0);
		check_config(from, to);
		checkpoint_free(to);
		to = made_from(source, dir, "q8_0");
		check_tensors(from, to, 1e-4);
		checkpoint_free(to);
		to = made_from(source, dir, "q4_k_m");
		check_tensors(from, to, 1e-2);
		checkpoint_free(to);
		checkpoint_free(from);
		free(source);
		free(dir);
	}
}

static double yarn_number(const struct checkpoint *cp, const char *key)
{
	const struct json *config = checkpoint_config(cp);
	const struct json *yarn = json_get(config, "rope_scaling");
	double value = -1;

	if (!json_is_object(yarn))
		yarn = json_get(config, "rope_parameters");
	json_number(json_get(yarn, key), &value);
	return value;
}

static void yarn_survives(void **state)
{
	char *source = test_synth("tiny-yarn"), *dir = test_tmp_dir();
	struct checkpoint *from = checkpoint_open(source, NULL);
	struct checkpoint *to = made_from(source, dir, "bf16");

	(void)state;
	assert_true(yarn_number(from, "factor") > 1);
	assert_true(yarn_number(to, "factor") == yarn_number(from, "factor"));
	assert_true(yarn_number(to, "original_max_position_embeddings") ==
	            yarn_number(from, "original_max_position_embeddings"));
	checkpoint_free(to);
	checkpoint_free(from);
	free(source);
	free(dir);
}

/* The bundled model: a vocabulary, a template, a generation_config. */
static void the_vocabulary_is_the_tokenizers(void **state)
{
	char *source = test_source("data/confab-20m"), *dir = test_tmp_dir();
	struct checkpoint *cp = made_from(source, dir, "q8_0");
	const struct gguf *gguf = checkpoint_gguf(cp);
	struct gguf_string *tokens = calloc(8192, sizeof *tokens), s;
	int64_t *types = calloc(8192, sizeof *types), id;
	bool bos = true;
	size_t n;

	(void)state;
	assert_true(gguf_array(gguf, "tokenizer.ggml.tokens", &n) && n == 8192);
	assert_true(gguf_string_array(gguf, "tokenizer.ggml.tokens", tokens));
	assert_true(
		gguf_integer_array(gguf, "tokenizer.ggml.token_type", types));
	assert_int_equal(tokens[0].len, 1);
	assert_memory_equal(tokens[0].bytes, "!", 1);
	assert_int_equal(types[0], GGUF_TOKEN_NORMAL);
	assert_int_equal(tokens[8191].len, 10);
	assert_memory_equal(tokens[8191].bytes, "<|im_end|>", 10);
	assert_int_equal(types[8191], GGUF_TOKEN_CONTROL);
	assert_true(gguf_array(gguf, "tokenizer.ggml.merges", &n) && n == 7933);
	assert_true(gguf_string_array(gguf, "tokenizer.ggml.merges", tokens));
	assert_int_equal(tokens[0].len, 4);
	assert_memory_equal(tokens[0].bytes, "\xc4\xa0 t", 4); /* "Ġ t" */
	assert_true(gguf_string(gguf, "tokenizer.ggml.model", &s));
	assert_memory_equal(s.bytes, "gpt2", 4);
	assert_true(gguf_string(gguf, "tokenizer.ggml.pre", &s));
	assert_memory_equal(s.bytes, "qwen2", 5);
	assert_true(gguf_integer(gguf, "tokenizer.ggml.eos_token_id", &id));
	assert_int_equal(id, 8191);
	assert_true(gguf_integer(gguf, "tokenizer.ggml.padding_token_id", &id));
	assert_int_equal(id, 8189);
	assert_true(gguf_bool(gguf, "tokenizer.ggml.add_bos_token", &bos));
	assert_false(bos);
	assert_true(gguf_integer(gguf, "general.file_type", &id) && id == 7);
	assert_string_equal(checkpoint_name(cp), "confab-20m");
	assert_non_null(strstr(checkpoint_chat_template(cp), "<|im_start|>"));
	checkpoint_free(cp);
	free(tokens);
	free(types);
	free(source);
	free(dir);
}

static const char small_config[] =
	"{\"model_type\":\"qwen3\",\"num_hidden_layers\":1,\"hidden_size\":32,"
	"\"intermediate_size\":32,\"num_attention_heads\":1,"
	"\"num_key_value_heads\":1,\"head_dim\":32,\"vocab_size\":6,"
	"\"max_position_embeddings\":64,\"rms_norm_eps\":1e-6,"
	"\"rope_theta\":10000,\"tie_word_embeddings\":true}";

/* A directory with one tensor, the embedding [6, 32] in f32, all x. */
static char *small_model(const char *tokenizer, float x)
{
	static const char header[] =
		"{\"model.embed_tokens.weight\":{\"dtype\":\"F32\","
		"\"shape\":[6,32],\"data_offsets\":[0,768]}}     ";
	char *dir = test_tmp_dir();
	struct strbuf s = STRBUF_INIT;

	strbuf_add_char(&s, (char)(sizeof header - 1));
	strbuf_add(&s, "\0\0\0\0\0\0\0", 7);
	strbuf_add_str(&s, header);
	for (int i = 0; i < 6 * 32; i++)
		strbuf_add(&s, i == 70 ? &x : &(float){ 0.5f }, sizeof x);
	test_write(dir, "model.safetensors", s.bytes, s.len);
	test_write(dir, "config.json", small_config, strlen(small_config));
	if (tokenizer)
		test_write(dir, "tokenizer.json", tokenizer, strlen(tokenizer));
	strbuf_free(&s);
	return dir;
}

/* ---- what a config says, or leaves out ---- */

/* small_model() whose config.json ends in that. */
static char *model_that_says(const char *type, const char *tail)
{
	char *dir = small_model(NULL, 0.5f);
	struct strbuf s = STRBUF_INIT;

	strbuf_printf(&s,
	              "{\"model_type\":\"%s\",\"num_hidden_layers\":1,"
	              "\"hidden_size\":32,\"num_attention_heads\":2,"
	              "\"vocab_size\":6,\"max_position_embeddings\":64,"
	              "\"tie_word_embeddings\":true,%s}",
	              type, tail);
	test_write(dir, "config.json", s.bytes, s.len);
	strbuf_free(&s);
	return dir;
}

static struct model_config config_of(const struct checkpoint *cp)
{
	struct model_config c = { 0 };
	struct error err = { "" };

	model_config_read(&c, checkpoint_config(cp), "config", &err);
	assert_string_equal(err.text, "");
	return c;
}

static void assert_same_config(const struct checkpoint *from,
                               const struct checkpoint *to)
{
	struct model_config a = config_of(from), b = config_of(to);

	assert_int_equal(a.num_key_value_heads, b.num_key_value_heads);
	assert_int_equal(a.head_dim, b.head_dim);
	assert_int_equal(a.intermediate_size, b.intermediate_size);
	assert_int_equal(a.max_position_embeddings, b.max_position_embeddings);
	assert_true(a.rms_norm_eps == b.rms_norm_eps);
	assert_true(a.rope_theta == b.rope_theta);
	assert_true(a.yarn.factor == b.yarn.factor);
	assert_int_equal(a.yarn.original_max_position_embeddings,
	                 b.yarn.original_max_position_embeddings);
	/* It is stored as a quotient. */
	assert_true(fabsf(a.yarn.attention_factor - b.yarn.attention_factor) <
	            1e-6f);
	assert_true(a.yarn.beta_fast == b.yarn.beta_fast);
	assert_true(a.yarn.beta_slow == b.yarn.beta_slow);
	assert_true(a.yarn.truncate == b.yarn.truncate);
	assert_int_equal(a.num_experts, b.num_experts);
	assert_int_equal(a.num_experts_per_tok, b.num_experts_per_tok);
	assert_int_equal(a.moe_intermediate_size, b.moe_intermediate_size);
	assert_true(a.norm_topk_prob == b.norm_topk_prob);
}

static void the_file_says_what_the_loader_reads_of_the_config(void **state)
{
	static const char *const cases[][2] = {
		{ "qwen3", "\"intermediate_size\":32,\"rope_parameters\":null,"
		           "\"rope_theta\":1e6" },
		{ "qwen3", "\"intermediate_size\":32,\"rope_parameters\":"
		           "{\"rope_type\":\"default\"},\"rope_theta\":1e6" },
		{ "qwen3", "\"intermediate_size\":32,\"rope_scaling\":"
		           "{\"rope_type\":\"default\",\"rope_theta\":1e6}" },
		{ "qwen3", "\"intermediate_size\":32,\"rope_parameters\":"
		           "{\"rope_theta\":1e6},\"rope_theta\":5" },
		{ "qwen3", "\"intermediate_size\":32,\"rms_norm_eps\":null,"
		           "\"num_key_value_heads\":null,\"head_dim\":null,"
		           "\"rope_theta\":7,\"rope_scaling\":{\"type\":"
		           "\"yarn\",\"factor\":4,\"rope_type\":null,"
		           "\"truncate\":null,\"beta_slow\":2}" },
		{ "qwen3", "\"intermediate_size\":32,\"rms_norm_eps\":1e-5,"
		           "\"num_key_value_heads\":1,\"head_dim\":8,"
		           "\"rope_theta\":7,\"rope_scaling\":{\"rope_type\":"
		           "\"yarn\",\"factor\":4,\"attention_factor\":1.25,"
		           "\"original_max_position_embeddings\":16}" },
		{ "qwen3_moe", "\"rope_theta\":7,\"num_experts\":4,"
		               "\"num_experts_per_tok\":2,\"norm_topk_prob\":"
		               "true,\"moe_intermediate_size\":24" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *source = model_that_says(cases[i][0], cases[i][1]);
		char *dir = test_tmp_dir();
		struct checkpoint *from = checkpoint_open(source, NULL);
		struct checkpoint *to = made_from(source, dir, "bf16");

		assert_same_config(from, to);
		checkpoint_free(from);
		checkpoint_free(to);
		free(source);
		free(dir);
	}
}

static void configs_that_no_file_can_say_are_refused_by_key(void **state)
{
	static const char *const cases[][3] = {
		{ "qwen3", "\"intermediate_size\":32",
		  "rope_theta is missing, not a number above 1" },
		{ "qwen3", "\"intermediate_size\":\"big\"",
		  "intermediate_size is \"big\", not a whole number" },
		{ "qwen3", "\"rope_theta\":7", "intermediate_size is missing" },
		{ "qwen3",
		  "\"intermediate_size\":32,\"rope_theta\":7,"
		  "\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4,"
		  "\"truncate\":false}",
		  "truncate is false, and a GGUF can only say true" },
		{ "qwen3",
		  "\"intermediate_size\":32,\"rope_theta\":7,"
		  "\"rope_scaling\":{\"type\":\"yarn\"}",
		  "factor is missing, not a number from 1 on" },
		{ "qwen3",
		  "\"intermediate_size\":32,\"rope_theta\":7,"
		  "\"rope_scaling\":{\"type\":\"linear\"}",
		  "rope_type is \"linear\", and only default and yarn" },
		{ "qwen3_moe",
		  "\"rope_theta\":7,\"num_experts\":4,"
		  "\"num_experts_per_tok\":2,"
		  "\"moe_intermediate_size\":24",
		  "norm_topk_prob is missing, and a GGUF can only say true" },
		{ "llama", "\"rope_theta\":7", "model_type is \"llama\", not" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *source = model_that_says(cases[i][0], cases[i][1]);
		char *dir = test_tmp_dir(), *out = paths_join(dir, "x.gguf");
		struct error err = { "" };

		assert_int_equal(write_as(source, out, "bf16", 1, NULL, &err),
		                 QUANTIZE_BAD_SOURCE);
		if (!strstr(err.text, cases[i][2]) ||
		    !strstr(err.text, ": config: "))
			fail_msg("%s", err.text);
		assert_false(file_exists(out));
		free(out);
		free(dir);
		free(source);
	}
}

/* ---- how it is sampled, and where it stops ---- */

static struct sampler_settings sampling_of(const struct checkpoint *cp)
{
	struct sampler_settings s = { 0 };
	struct error err = { "" };

	generation_config_sampling(checkpoint_generation_config(cp), "x", NULL,
	                           &s, &err);
	assert_string_equal(err.text, "");
	return s;
}

static void assert_same_sampling(const struct checkpoint *from,
                                 const struct checkpoint *to)
{
	struct sampler_settings a = sampling_of(from), b = sampling_of(to);

	assert_true(a.temperature == b.temperature);
	assert_int_equal(a.top_k, b.top_k);
	assert_true(a.top_p == b.top_p);
	assert_true(a.min_p == b.min_p);
	assert_true(a.repeat_penalty == b.repeat_penalty);
}

static void the_file_is_sampled_as_the_generation_config_says(void **state)
{
	static const char *const cases[] = {
		"{}",
		"{\"do_sample\":true}",
		"{\"do_sample\":true,\"temperature\":0.3,\"top_k\":null}",
		"{\"do_sample\":true,\"top_k\":0,\"top_p\":0.5,\"min_p\":0.1}",
		"{\"do_sample\":false}",
		"{\"do_sample\":false,\"temperature\":0.6,\"top_k\":7}",
		"{\"do_sample\":null,\"top_k\":5,\"repetition_penalty\":1.1}",
	};
	char *dir = test_tmp_dir();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *source = small_model(NULL, 0.5f);
		struct checkpoint *from, *to;

		test_write(source, "generation_config.json", cases[i],
		           strlen(cases[i]));
		from = checkpoint_open(source, NULL);
		to = made_from(source, dir, "bf16");
		assert_same_sampling(from, to);
		checkpoint_free(from);
		checkpoint_free(to);
		free(source);
	}
	free(dir);
}

static void the_file_stops_at_every_id_and_at_no_other(void **state)
{
	static const struct {
		const char *generation, *stops; /* NULL: none is told */
	} cases[] = {
		{ "{\"eos_token_id\":[5,2,4]}", "[5, 2, 4]" },
		{ "{\"eos_token_id\":[\"x\",3]}", "[3]" },
		{ "{\"eos_token_id\":1}", "[1]" },
		{ "{\"eos_token_id\":null}", NULL },
	};
	char *dir = test_tmp_dir();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *source = small_model(NULL, 0.5f);
		struct strbuf text = STRBUF_INIT;
		const struct json *stops;
		struct checkpoint *cp;

		test_write(source, "generation_config.json",
		           cases[i].generation, strlen(cases[i].generation));
		cp = made_from(source, dir, "bf16");
		stops = json_get(checkpoint_generation_config(cp),
		                 "eos_token_id");
		if (stops)
			json_write_python(&text, stops);
		assert_int_equal(!stops, !cases[i].stops);
		assert_string_equal(text.bytes,
		                    cases[i].stops ? cases[i].stops : "");
		strbuf_free(&text);
		checkpoint_free(cp);
		free(source);
	}
	free(dir);
}

#define SPLIT \
	"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{" \
	"\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll" \
	"|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p" \
	"{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s" \
	"+\"}},{\"type\":\"ByteLevel\"}]}"

#define QWEN "\"normalizer\":{\"type\":\"NFC\"}," SPLIT

/* What converters do with the ids that no token has, with added tokens that are
 * special, look so or neither, and with both spellings of a merge. */
static void gaps_and_added_tokens_are_as_converters_have_them(void **state)
{
	static const char tokenizer[] =
		"{" QWEN ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,"
		"\"b\":1,\"ab\":2},\"merges\":[\"a b\",[\"ab\",\"a\"]]},"
		"\"added_tokens\":["
		"{\"id\":3,\"content\":\"<think>\",\"special\":false},"
		"{\"id\":4,\"content\":\"<|fim|>\",\"special\":false}]}";
	static const char *const names[] = { "a",       "b",       "ab",
		                             "<think>", "<|fim|>", "[PAD5]" };
	static const int64_t kinds[] = { 1, 1, 1, 4, 3, 5 };
	char *source = small_model(tokenizer, 0.5f), *dir = test_tmp_dir();
	struct checkpoint *cp = made_from(source, dir, "q4_0");
	const struct gguf *gguf = checkpoint_gguf(cp);
	struct gguf_string tokens[6];
	int64_t types[6];
	size_t n;

	(void)state;
	assert_true(gguf_array(gguf, "tokenizer.ggml.tokens", &n) && n == 6);
	assert_true(gguf_string_array(gguf, "tokenizer.ggml.tokens", tokens));
	assert_true(
		gguf_integer_array(gguf, "tokenizer.ggml.token_type", types));
	for (int i = 0; i < 6; i++) {
		assert_int_equal(tokens[i].len, strlen(names[i]));
		assert_memory_equal(tokens[i].bytes, names[i], tokens[i].len);
		assert_int_equal(types[i], kinds[i]);
	}
	assert_true(gguf_array(gguf, "tokenizer.ggml.merges", &n) && n == 2);
	assert_true(gguf_string_array(gguf, "tokenizer.ggml.merges", tokens));
	assert_memory_equal(tokens[0].bytes, "a b", 3);
	assert_memory_equal(tokens[1].bytes, "ab a", 4);
	checkpoint_free(cp);
	free(source);
	free(dir);
}

static void bad_vocabularies_are_refused_by_name(void **state)
{
	static const char *const cases[][2] = {
		{ "{" QWEN ",\"model\":{\"vocab\":{\"a\":6},\"merges\":[]}}",
		  "token a has id 6, but the embedding has 6 rows" },
		{ "{" QWEN ",\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}",
		  "token a has id -1" },
		{ "{" QWEN ",\"model\":{\"vocab\":{\"a\":0,\"b\":0},"
		  "\"merges\":[]}}",
		  "tokens a and b share id 0" },
		{ "{" QWEN ",\"model\":{\"vocab\":{\"a\":0.5},"
		  "\"merges\":[]}}",
		  "token a has no integer id" },
		{ "{" QWEN ",\"model\":{\"vocab\":{\"a\":0},"
		  "\"merges\":[[\"a\"]]}}",
		  "merge 0 is not two strings" },
		{ "{" QWEN ",\"model\":{\"vocab\":{\"a\":0},"
		  "\"merges\":[[\"a\",\"b\",\"c\"]]}}",
		  "merge 0 is not two strings" },
		{ "{" QWEN ",\"model\":{\"vocab\":{\"a\":0}}}",
		  "model.merges is no array" },
		{ "{" QWEN ",\"model\":{\"merges\":[]}}",
		  "model.vocab is no object" },
		{ "{" QWEN ",\"model\":{\"type\":\"Unigram\"}}",
		  "model.type is Unigram" },
		{ "{" SPLIT ",\"model\":{\"vocab\":{},\"merges\":[]}}",
		  "normalizer is none, not NFC" },
		{ "{\"normalizer\":{\"type\":\"NFKC\"}," SPLIT
		  ",\"model\":{\"vocab\":{},\"merges\":[]}}",
		  "normalizer is NFKC, not NFC" },
		{ "{" QWEN ",\"model\":{\"ignore_merges\":true}}",
		  "model.ignore_merges is true" },
		{ "{\"model\":{\"vocab\":{},\"merges\":[]}}",
		  "splits text by \"nothing\"" },
		{ "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":"
		  "{\"Regex\":\"x\"}},\"model\":{\"vocab\":{},\"merges\":[]}}",
		  "splits text by \"x\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *source = small_model(cases[i][0], 0.5f);
		char *dir = test_tmp_dir(), *out = paths_join(dir, "x.gguf");
		struct error err = { "" };

		assert_int_equal(write_as(source, out, "bf16", 1, NULL, &err),
		                 QUANTIZE_BAD_SOURCE);
		if (!strstr(err.text, cases[i][1]) ||
		    !strstr(err.text, "tokenizer.json: "))
			fail_msg("%s", err.text);
		assert_false(file_exists(out));
		free(out);
		free(dir);
		free(source);
	}
}

static void without_a_tokenizer_there_is_no_vocabulary(void **state)
{
	char *source = small_model(NULL, 0.5f), *dir = test_tmp_dir();
	struct checkpoint *cp = made_from(source, dir, "f16");
	struct gguf_string model;
	size_t n;

	(void)state;
	assert_true(gguf_string(checkpoint_gguf(cp), "tokenizer.ggml.model",
	                        &model));
	assert_memory_equal(model.bytes, "none", 4);
	assert_false(
		gguf_array(checkpoint_gguf(cp), "tokenizer.ggml.tokens", &n));
	checkpoint_free(cp);
	free(source);
	free(dir);
}

static size_t files_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

static void weights_that_a_type_cannot_say_are_named(void **state)
{
	static const struct {
		const char *type, *says;
		float x;
	} cases[] = {
		{ "q8_0", "row 2, column 6 is nan, which q8_0", NAN },
		{ "f16", "row 2, column 6 is 1e+06, which f16", 1e6f },
		{ "bf16", "row 2, column 6 is -inf, which bf16", -INFINITY },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *source = small_model(NULL, cases[i].x);
		char *dir = test_tmp_dir(), *out = paths_join(dir, "x.gguf");
		struct error err = { "" };

		assert_int_equal(write_as(source, out, cases[i].type, 2, NULL,
		                          &err),
		                 QUANTIZE_BAD_SOURCE);
		if (!strstr(err.text, cases[i].says) ||
		    !strstr(err.text, "tensor token_embd.weight"))
			fail_msg("%s", err.text);
		assert_int_equal(files_in(dir), 0);
		free(out);
		free(dir);
		free(source);
	}
}

static void the_file_does_not_depend_on_the_number_of_threads(void **state)
{
	char *source = test_synth("tiny-mha"), *dir = test_tmp_dir();
	char *one = paths_join(dir, "1.gguf");
	char *three = paths_join(dir, "3.gguf");
	struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	struct quantize_report report;

	(void)state;
	assert_int_equal(write_as(source, one, "q4_k_m", 1, &report, NULL), 0);
	assert_int_equal(write_as(source, three, "q4_k_m", 3, NULL, NULL), 0);
	assert_int_equal(file_read(&a, one, 1 << 28, NULL), 0);
	assert_int_equal(file_read(&b, three, 1 << 28, NULL), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.bytes, b.bytes, a.len);
	assert_int_equal(report.bytes, a.len);
	assert_true(report.n_fallbacks > 0 &&
	            report.n_fallbacks < report.n_tensors);
	strbuf_free(&a);
	strbuf_free(&b);
	free(one);
	free(three);
	free(source);
	free(dir);
}

static bool keys_equal(const struct gguf *a, const struct gguf *b)
{
	if (gguf_n_fields(a) != gguf_n_fields(b))
		return false;
	for (size_t i = 0; i < gguf_n_fields(a); i++) {
		const struct gguf_field *x = gguf_field(a, i);
		const struct gguf_field *y = gguf_field(b, i);

		if (x->key.len != y->key.len || x->bytes != y->bytes ||
		    memcmp(x->key.bytes, y->key.bytes, x->key.len) ||
		    memcmp(x->value, y->value, x->bytes))
			return false;
	}
	return true;
}

/* bf16 -> q8_0 by way of a GGUF is what it is directly, but for the source. */
static void a_gguf_is_a_source_too(void **state)
{
	char *source = test_synth("tiny-untied"), *dir = test_tmp_dir();
	char *bf16 = paths_join(dir, "bf16.gguf"), *q8 = paths_join(dir, "q8");
	struct checkpoint *direct, *indirect;
	struct error err = { "" };

	(void)state;
	write_as(source, bf16, "bf16", 1, NULL, &err);
	write_as(bf16, q8, "q8_0", 1, NULL, &err);
	assert_string_equal(err.text, "");
	direct = made_from(source, dir, "q8_0");
	indirect = checkpoint_open(q8, &err);
	assert_string_equal(err.text, "");
	assert_true(
		keys_equal(checkpoint_gguf(direct), checkpoint_gguf(indirect)));
	for (size_t i = 0; i < checkpoint_n_tensors(direct); i++) {
		const struct tensor *a = checkpoint_tensor_at(direct, i);
		const struct tensor *b = checkpoint_tensor_at(indirect, i);

		assert_int_equal(a->bytes, b->bytes);
		assert_memory_equal(a->data, b->data, a->bytes);
	}
	checkpoint_free(direct);
	checkpoint_free(indirect);
	free(bf16);
	free(q8);
	free(source);
	free(dir);
}

struct stopping {
	int calls, stop_at;
	uint64_t last, total;
};

static bool count_and_stop(void *arg, const char *tensor, uint64_t done,
                           uint64_t total)
{
	struct stopping *s = arg;

	assert_true(*tensor && done > s->last && done <= total);
	s->last = done;
	s->total = total;
	return ++s->calls != s->stop_at;
}

static void progress_grows_and_can_stop_it(void **state)
{
	char *source = test_synth("tiny-tied"), *dir = test_tmp_dir();
	char *out = paths_join(dir, "x.gguf");
	struct checkpoint *cp = checkpoint_open(source, NULL);
	struct stopping counting = { 0 }, stopping = { .stop_at = 5 };
	struct quantize_options options = { .type = "q4_k",
		                            .progress = count_and_stop,
		                            .arg = &counting };

	(void)state;
	assert_int_equal(quantize(cp, out, &options, NULL, NULL), 0);
	assert_int_equal(counting.calls, checkpoint_n_tensors(cp));
	assert_int_equal(counting.last, counting.total);
	assert_int_equal(counting.total, checkpoint_bytes(cp));
	remove(out);
	options.arg = &stopping;
	assert_int_equal(quantize(cp, out, &options, NULL, NULL), 1);
	assert_int_equal(stopping.calls, 5);
	assert_int_equal(files_in(dir), 0);
	checkpoint_free(cp);
	free(out);
	free(source);
	free(dir);
}

static void an_unknown_type_is_told_with_those_that_are_known(void **state)
{
	char *source = test_synth("tiny-tied"), *dir = test_tmp_dir();
	char *out = paths_join(dir, "x.gguf");
	struct error err = { "" };

	(void)state;
	assert_int_equal(write_as(source, out, "q9_9", 1, NULL, &err), -1);
	assert_non_null(strstr(err.text, "type q9_9 is none of f32, "));
	assert_false(file_exists(out));
	free(out);
	free(source);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_shape_of_model_survives),
	cmocka_unit_test(yarn_survives),
	cmocka_unit_test(the_vocabulary_is_the_tokenizers),
	cmocka_unit_test(the_file_says_what_the_loader_reads_of_the_config),
	cmocka_unit_test(configs_that_no_file_can_say_are_refused_by_key),
	cmocka_unit_test(the_file_is_sampled_as_the_generation_config_says),
	cmocka_unit_test(the_file_stops_at_every_id_and_at_no_other),
	cmocka_unit_test(gaps_and_added_tokens_are_as_converters_have_them),
	cmocka_unit_test(bad_vocabularies_are_refused_by_name),
	cmocka_unit_test(without_a_tokenizer_there_is_no_vocabulary),
	cmocka_unit_test(weights_that_a_type_cannot_say_are_named),
	cmocka_unit_test(the_file_does_not_depend_on_the_number_of_threads),
	cmocka_unit_test(a_gguf_is_a_source_too),
	cmocka_unit_test(progress_grows_and_can_stop_it),
	cmocka_unit_test(an_unknown_type_is_told_with_those_that_are_known),
};

TEST_MAIN(tests)
