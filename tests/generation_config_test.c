#include "tests/bundled.h"
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "engine/generation_config.h"
#include "text/tokenizer.h"

static struct json *parse(const char *text)
{
	struct json *json = json_parse(text, strlen(text), "test", NULL);

	assert_non_null(json);
	return json;
}

static struct sampler_settings settings_of(const char *text,
                                           const char *template)
{
	struct json *json = text ? parse(text) : NULL;
	struct sampler_settings s;

	assert_int_equal(generation_config_sampling(json, "x.json", template,
	                                            &s, NULL),
	                 0);
	json_free(json);
	return s;
}

static void assert_settings(struct sampler_settings s, float temperature,
                            int top_k, float top_p)
{
	assert_true(s.temperature == temperature);
	assert_int_equal(s.top_k, top_k);
	assert_true(s.top_p == top_p);
	assert_true(s.presence_penalty == 0);
	assert_int_equal(s.seed, 0);
}

static void every_key_is_read(void **unused)
{
	struct sampler_settings s = settings_of(
		"{\"do_sample\": true, \"temperature\": 0.5, \"top_k\": 7, "
		"\"top_p\": 0.25, \"min_p\": 0.125, "
		"\"repetition_penalty\": 1.5}",
		NULL);

	(void)unused;
	assert_settings(s, 0.5f, 7, 0.25f);
	assert_true(s.min_p == 0.125f && s.repeat_penalty == 1.5f);
}

static void missing_keys_are_transformers_when_sampling_is_on(void **unused)
{
	struct sampler_settings s = settings_of("{\"do_sample\": true}", NULL);

	(void)unused;
	assert_settings(s, 1, 50, 1);
	assert_true(s.min_p == 0 && s.repeat_penalty == 1);
}

static void do_sample_false_is_greedy(void **unused)
{
	(void)unused;
	assert_true(settings_of("{\"do_sample\": false, \"temperature\": 0.7}",
	                        NULL)
	                    .temperature == 0);
}

static void a_model_that_says_nothing_gets_qwen3s_advice(void **unused)
{
	const char *thinking = "{{- '<|im_start|>assistant\\n<think>\\n' }}";
	const char *hybrid = "{%- if enable_thinking is false %}";
	/* It only strips old thoughts. */
	const char *instruct = "{%- if '</think>' in content %}";

	(void)unused;
	assert_settings(settings_of(NULL, NULL), 0.7f, 20, 0.8f);
	assert_settings(settings_of(NULL, instruct), 0.7f, 20, 0.8f);
	assert_settings(settings_of(NULL, thinking), 0.6f, 20, 0.95f);
	assert_settings(settings_of(NULL, hybrid), 0.6f, 20, 0.95f);
	assert_settings(settings_of("{\"top_k\": 0}", hybrid), 0.6f, 0, 0.95f);
}

static void the_real_templates_are_told_apart(void **unused)
{
	static const struct {
		const char *name;
		float temperature;
	} cases[] = {
		{ "golden/templates/qwen3-instruct-2507.jinja", 0.7f },
		{ "golden/templates/qwen3-thinking-2507.jinja", 0.6f },
		{ "golden/templates/qwen3-hybrid.jinja", 0.6f },
	};

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		char *path = test_file(cases[i].name), text[8192] = "";
		FILE *f = fopen(path, "r");

		assert_non_null(f);
		assert_true(fread(text, 1, sizeof text - 1, f) > 1000);
		fclose(f);
		free(path);
		assert_true(settings_of(NULL, text).temperature ==
		            cases[i].temperature);
	}
}

static void what_is_out_of_range_is_refused_by_name_and_number(void **unused)
{
	static const char *const bad[][3] = {
		{ "{\"temperature\": -1}", "temperature", "-1" },
		{ "{\"top_p\": 1.5}", "top_p", "1.5" },
		{ "{\"min_p\": -0.5}", "min_p", "-0.5" },
		{ "{\"top_k\": -2}", "top_k", "-2" },
		{ "{\"top_k\": 99999999999}", "top_k", "99999999999" },
		{ "{\"top_k\": 2.5}", "top_k", "integer" },
		{ "{\"repetition_penalty\": 0}", "repetition_penalty", "0" },
		{ "{\"temperature\": \"hot\"}", "temperature", "number" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct json *json = parse(bad[i][0]);
		struct sampler_settings s = { .top_k = 123 };
		struct error err = { "" };

		assert_int_equal(generation_config_sampling(json, "x.json",
		                                            NULL, &s, &err),
		                 -1);
		assert_non_null(strstr(err.text, "x.json: "));
		assert_non_null(strstr(err.text, bad[i][1]));
		assert_non_null(strstr(err.text, bad[i][2]));
		assert_int_equal(s.top_k, 123);
		json_free(json);
	}
}

static void assert_stops(const char *generation, const char *config,
                         const int *want, size_t n)
{
	struct tokenizer *tokenizer = test_bundled_tokenizer();
	struct json *a = generation ? parse(generation) : NULL;
	struct json *b = parse(config);
	struct ids stops = { 0 };

	generation_config_stops(a, b, tokenizer, &stops);
	assert_int_equal(stops.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(stops.data[i], want[i]);
	ids_free(&stops);
	json_free(a);
	json_free(b);
	tokenizer_free(tokenizer);
}

static void stop_ids_come_from_the_first_source_that_has_any(void **unused)
{
	(void)unused;
	assert_stops("{\"eos_token_id\": [3, 5]}", "{\"eos_token_id\": 7}",
	             (const int[]){ 3, 5 }, 2);
	assert_stops("{\"eos_token_id\": 3}", "{}", (const int[]){ 3 }, 1);
	assert_stops("{}", "{\"eos_token_id\": 7}", (const int[]){ 7 }, 1);
	assert_stops(NULL, "{\"eos_token_id\": [7]}", (const int[]){ 7 }, 1);
	/* <|im_end|> and <|endoftext|> of this vocabulary */
	assert_stops(NULL, "{\"eos_token_id\": null}",
	             (const int[]){ 8191, 8189 }, 2);
	/* No ids of the tokenizer. */
	assert_stops("{\"eos_token_id\": [-1, 8192, 1e9, \"x\", 9]}", "{}",
	             (const int[]){ 9 }, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_key_is_read),
	cmocka_unit_test(missing_keys_are_transformers_when_sampling_is_on),
	cmocka_unit_test(do_sample_false_is_greedy),
	cmocka_unit_test(a_model_that_says_nothing_gets_qwen3s_advice),
	cmocka_unit_test(the_real_templates_are_told_apart),
	cmocka_unit_test(what_is_out_of_range_is_refused_by_name_and_number),
	cmocka_unit_test(stop_ids_come_from_the_first_source_that_has_any),
};

TEST_MAIN(tests)
