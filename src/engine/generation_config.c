#include "engine/generation_config.h"

#include <float.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "text/tokenizer.h"

static const struct sampler_settings transformers = {
	.temperature = 1, .top_k = 50, .top_p = 1, .repeat_penalty = 1
};
static const struct sampler_settings qwen3 = {
	.temperature = 0.7f, .top_k = 20, .top_p = 0.8f, .repeat_penalty = 1
};
static const struct sampler_settings qwen3_thinking = {
	.temperature = 0.6f, .top_k = 20, .top_p = 0.95f, .repeat_penalty = 1
};

/* Hybrid templates have a switch that is on unless set; thinking-only ones
 * open the block in the generation prompt. */
static bool thinks(const char *chat_template)
{
	return chat_template &&
	       (strstr(chat_template, "enable_thinking") ||
	        strstr(chat_template, "<|im_start|>assistant\\n<think>"));
}

/* A number between low and high; the key missing or null: out is untouched. */
static int read_float(const struct json *config, const char *path,
                      const char *key, double low, double high, float *out,
                      struct error *err)
{
	const struct json *value = json_get(config, key);
	double number;

	if (!value || json_is_null(value))
		return 0;
	if (!json_number(value, &number))
		return error_set(err, "%s: %s is no number", path, key);
	if (!(number >= low && number <= high))
		return error_set(err, "%s: %s %g is not between %g and %g",
		                 path, key, number, low, high);
	*out = (float)number;
	return 0;
}

static int read_top_k(const struct json *config, const char *path, int *out,
                      struct error *err)
{
	const struct json *value = json_get(config, "top_k");
	int64_t number;

	if (!value || json_is_null(value))
		return 0;
	if (!json_integer(value, &number))
		return error_set(err, "%s: top_k is no integer", path);
	if (number < 0 || number > INT32_MAX)
		return error_set(err, "%s: top_k %lld is not between 0 and %d",
		                 path, (long long)number, INT32_MAX);
	*out = (int)number;
	return 0;
}

int generation_config_sampling(const struct json *config, const char *path,
                               const char *chat_template,
                               struct sampler_settings *settings,
                               struct error *err)
{
	const struct json *do_sample = json_get(config, "do_sample");
	struct sampler_settings s =
		thinks(chat_template) ? qwen3_thinking : qwen3;

	if (json_is_true(do_sample))
		s = transformers;
	if (read_float(config, path, "temperature", 0, 1e6, &s.temperature,
	               err) ||
	    read_top_k(config, path, &s.top_k, err) ||
	    read_float(config, path, "top_p", 0, 1, &s.top_p, err) ||
	    read_float(config, path, "min_p", 0, 1, &s.min_p, err) ||
	    read_float(config, path, "repetition_penalty", FLT_MIN, 1e6,
	               &s.repeat_penalty, err))
		return -1;
	if (json_is_bool(do_sample) && !json_is_true(do_sample))
		s.temperature = 0;
	*settings = s;
	return 0;
}

static void add_stop(const struct json *value,
                     const struct tokenizer *tokenizer, struct ids *stops)
{
	int64_t id;

	if (json_integer(value, &id) && id >= 0 &&
	    id < tokenizer_n_ids(tokenizer))
		ids_add(stops, (int)id);
}

/* eos_token_id is an integer or a list of them. */
static void add_stops(const struct json *config,
                      const struct tokenizer *tokenizer, struct ids *stops)
{
	const struct json *eos = json_get(config, "eos_token_id");

	if (!json_is_array(eos)) {
		add_stop(eos, tokenizer, stops);
		return;
	}
	for (eos = json_first(eos); eos; eos = json_next(eos))
		add_stop(eos, tokenizer, stops);
}

void generation_config_stops(const struct json *generation_config,
                             const struct json *model_config,
                             const struct tokenizer *tokenizer,
                             struct ids *stops)
{
	static const char *const texts[] = { "<|im_end|>", "<|endoftext|>" };
	size_t before = stops->n;

	add_stops(generation_config, tokenizer, stops);
	if (stops->n == before)
		add_stops(model_config, tokenizer, stops);
	if (stops->n > before)
		return;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int id = tokenizer_added_id(tokenizer, texts[i]);

		if (id >= 0)
			ids_add(stops, id);
	}
}
