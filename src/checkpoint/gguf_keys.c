#include "checkpoint/gguf_keys.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_format.h"
#include "checkpoint/gguf_write.h"

/* Where keys come from and where they go. */
struct keys {
	struct gguf_write *w;
	const struct json *config;
	const char *path; /* of the checkpoint, for messages */
	const char *arch;
	struct error *err;
};

struct pair {
	const char *config, *gguf; /* gguf goes after ARCH */
	const char *otherwise;     /* what the config's default is, or NULL */
};

static const struct pair integers[] = {
	{ "num_hidden_layers", "block_count", NULL },
	{ "max_position_embeddings", "context_length", NULL },
	{ "hidden_size", "embedding_length", NULL },
	{ "num_attention_heads", "attention.head_count", NULL },
	{ "num_key_value_heads", "attention.head_count_kv",
	  "num_attention_heads" },
	{ "vocab_size", "vocab_size", NULL },
};

static const struct pair expert_integers[] = {
	{ "num_experts", "expert_count", NULL },
	{ "num_experts_per_tok", "expert_used_count", NULL },
	{ "moe_intermediate_size", "expert_feed_forward_length", NULL },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "qwen3.block_count" */
static const char *key(const struct keys *k, const char *name, char text[128])
{
	snprintf(text, 128, "%s.%s", k->arch, name);
	return text;
}

/* NULL where it is absent or null, which is the same. */
static const struct json *member(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static bool is_string(const struct json *value, const char *text)
{
	const char *string = json_string(value);

	return string && !strcmp(string, text);
}

/* "PATH: config: KEY is VALUE, WANTED"; value may be NULL. */
static int refuse(const struct keys *k, const char *config,
                  const struct json *value, const char *wanted)
{
	struct strbuf text = STRBUF_INIT;

	if (value)
		json_write_python(&text, value);
	error_set(k->err, "%s: config: %s is %.100s, %s", k->path, config,
	          value ? text.bytes : "missing", wanted);
	strbuf_free(&text);
	return -1;
}

static int put_integer(const struct keys *k, const struct json *object,
                       const struct pair *pair)
{
	const struct json *given = member(object, pair->config);
	char text[128];
	int64_t value;

	if (!given && pair->otherwise)
		given = member(k->config, pair->otherwise);
	if (!json_integer(given, &value) || value < 0 || value > UINT32_MAX)
		return refuse(k, pair->config, given,
		              "not a whole number that fits 32 bits");
	gguf_write_u32(k->w, key(k, pair->gguf, text), (uint32_t)value);
	return 0;
}

static int put_integers(const struct keys *k, const struct pair *pairs,
                        size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (put_integer(k, k->config, &pairs[i]))
			return -1;
	return 0;
}

static int put_head_dim(const struct keys *k)
{
	const struct json *given = member(k->config, "head_dim");
	int64_t dim = 0, hidden = 0, heads = 0;
	char text[128];

	if (!given) {
		json_integer(member(k->config, "hidden_size"), &hidden);
		json_integer(member(k->config, "num_attention_heads"), &heads);
		dim = heads > 0 ? hidden / heads : 0;
	} else {
		json_integer(given, &dim);
	}
	if (dim < 1 || dim > UINT32_MAX)
		return refuse(k, "head_dim", given,
		              "not a whole number from 1 on that fits 32 bits");
	gguf_write_u32(k->w, key(k, "attention.key_length", text),
	               (uint32_t)dim);
	gguf_write_u32(k->w, key(k, "attention.value_length", text),
	               (uint32_t)dim);
	return 0;
}

/* ---- rope ---- */

/* An optional number of an object. */
static void copy_f32(const struct keys *k, const struct json *object,
                     const char *config, const char *gguf)
{
	char text[128];
	double value;

	if (json_number(json_get(object, config), &value))
		gguf_write_f32(k->w, key(k, gguf, text), (float)value);
}

/* YaRN.  llama.cpp scales by attn_factor (0.1 ln(factor) + 1), Hugging Face by
 * attention_factor alone. */
static int put_yarn(const struct keys *k, const struct json *rope)
{
	static const struct pair original = {
		"original_max_position_embeddings",
		"rope.scaling.original_context_length",
		"max_position_embeddings",
	};
	const struct json *truncate = member(rope, "truncate");
	double factor, attention;
	char text[128];

	if (!json_number(json_get(rope, "factor"), &factor) || factor < 1)
		return refuse(k, "factor", member(rope, "factor"),
		              "not a number from 1 on");
	if (truncate && !json_is_true(truncate))
		return refuse(k, "truncate", truncate,
		              "and a GGUF can only say true");
	gguf_write_string(k->w, key(k, "rope.scaling.type", text), "yarn", 4);
	gguf_write_f32(k->w, key(k, "rope.scaling.factor", text),
	               (float)factor);
	if (put_integer(k, rope, &original))
		return -1;
	copy_f32(k, rope, "beta_fast", "rope.scaling.yarn_beta_fast");
	copy_f32(k, rope, "beta_slow", "rope.scaling.yarn_beta_slow");
	if (json_number(json_get(rope, "attention_factor"), &attention))
		gguf_write_f32(k->w, key(k, "rope.scaling.attn_factor", text),
		               (float)(attention / (0.1 * log(factor) + 1)));
	return 0;
}

/* In the object with the rope's settings, else beside it. */
static int put_theta(const struct keys *k, const struct json *rope)
{
	const struct json *theta = member(rope, "rope_theta");
	char text[128];
	double base;

	if (!theta)
		theta = member(k->config, "rope_theta");
	if (!json_number(theta, &base) || !(base > 1))
		return refuse(k, "rope_theta", theta, "not a number above 1");
	gguf_write_f32(k->w, key(k, "rope.freq_base", text), (float)base);
	return 0;
}

static int put_rope(const struct keys *k)
{
	/* transformers 5 has all of it in one object, 4 in two places. */
	const struct json *rope = member(k->config, "rope_parameters");
	const struct json *type;

	if (!rope)
		rope = member(k->config, "rope_scaling");
	if (put_theta(k, rope))
		return -1;
	type = member(rope, "rope_type");
	if (!type)
		type = member(rope, "type");
	if (!type || is_string(type, "default"))
		return 0;
	if (is_string(type, "yarn"))
		return put_yarn(k, rope);
	return refuse(k, "rope_type", type,
	              "and only default and yarn are known");
}

/* ---- sizes ---- */

static int put_experts(const struct keys *k)
{
	const struct json *norm = member(k->config, "norm_topk_prob");

	if (put_integers(k, expert_integers, COUNT(expert_integers)))
		return -1;
	if (!json_is_true(norm))
		return refuse(k, "norm_topk_prob", norm,
		              "and a GGUF can only say true");
	return 0;
}

/* Where there are experts no layer has it, and a config may leave it out. */
static int put_intermediate_size(const struct keys *k, bool experts)
{
	static const struct pair size = { "intermediate_size",
		                          "feed_forward_length", NULL };

	return experts && !member(k->config, size.config)
	               ? 0
	               : put_integer(k, k->config, &size);
}

static int put_eps(const struct keys *k)
{
	const struct json *given = member(k->config, "rms_norm_eps");
	double eps = 1e-6; /* what it is where it is absent */
	char text[128];

	if (given && !json_number(given, &eps))
		return refuse(k, "rms_norm_eps", given, "not a number");
	gguf_write_f32(k->w, key(k, "attention.layer_norm_rms_epsilon", text),
	               (float)eps);
	return 0;
}

static int put_architecture(const struct keys *k)
{
	bool experts = !strcmp(k->arch, "qwen3moe");

	if (put_integers(k, integers, COUNT(integers)) ||
	    put_intermediate_size(k, experts) || put_head_dim(k) ||
	    put_eps(k) || put_rope(k))
		return -1;
	return experts ? put_experts(k) : 0;
}

/* ---- generation_config.json ---- */

/* A number, or what it is where it is absent; below 0: then it is left out. */
static void put_float(const struct keys *k, const struct json *given,
                      const char *gguf, double absent)
{
	double value = absent;

	if (json_number(given, &value) || absent >= 0)
		gguf_write_f32(k->w, gguf, (float)value);
}

/* What a GGUF leaves out of general.sampling is as Qwen3's authors advise, but
 * "do_sample": true means transformers' defaults, and false no sampling. */
static void put_sampling(const struct keys *k, const struct json *generation)
{
	const struct json *mode = json_get(generation, "do_sample");
	bool sample = json_is_true(mode);
	bool greedy = json_is_bool(mode) && !sample;
	double absent = sample ? 1 : -1;
	int64_t top_k = sample ? 50 : -1;

	put_float(k, greedy ? NULL : json_get(generation, "temperature"),
	          "general.sampling.temp", greedy ? 0 : absent);
	put_float(k, json_get(generation, "top_p"), "general.sampling.top_p",
	          absent);
	put_float(k, json_get(generation, "min_p"), "general.sampling.min_p",
	          -1);
	put_float(k, json_get(generation, "repetition_penalty"),
	          "general.sampling.penalty_repeat", -1);
	json_integer(json_get(generation, "top_k"), &top_k);
	if (top_k >= 0 && top_k <= INT32_MAX)
		gguf_write_i32(k->w, "general.sampling.top_k", (int32_t)top_k);
}

static void add_id(const struct keys *k, struct ids *ids, const struct json *id)
{
	int64_t value, vocab_size = INT32_MAX;

	json_integer(member(k->config, "vocab_size"), &vocab_size);
	if (json_integer(id, &value) && value >= 0 && value < vocab_size)
		ids_add(ids, (int)value);
}

/* An id, or a list of them; none that no token can have. */
static void add_ids(const struct keys *k, struct ids *ids,
                    const struct json *given)
{
	if (!json_is_array(given)) {
		add_id(k, ids, given);
		return;
	}
	for (given = json_first(given); given; given = json_next(given))
		add_id(k, ids, given);
}

/* The ids of one file or the other. */
static struct ids read_ids(const struct keys *k, const struct json *generation,
                           const char *config)
{
	struct ids ids = { 0 };

	add_ids(k, &ids, json_get(generation, config));
	if (!ids.n)
		add_ids(k, &ids, json_get(k->config, config));
	return ids;
}

/* The first. */
static void put_id(const struct keys *k, const struct json *generation,
                   const char *config, const char *gguf)
{
	struct ids ids = read_ids(k, generation, config);

	if (ids.n)
		gguf_write_u32(k->w, gguf, (uint32_t)ids.data[0]);
	ids_free(&ids);
}

/* All of them. */
static int put_stops(const struct keys *k, const struct json *generation)
{
	struct ids ids = read_ids(k, generation, "eos_token_id");
	size_t n = ids.n;

	if (n > 0 && n <= GGUF_STOPS_MAX)
		gguf_write_i32_array(k->w, GGUF_STOPS, ids.data, n);
	ids_free(&ids);
	return n <= GGUF_STOPS_MAX
	               ? 0
	               : error_set(k->err,
	                           "%s: eos_token_id has %zu ids, at most %d",
	                           k->path, n, GGUF_STOPS_MAX);
}

static void put_strings(const struct keys *k, const struct checkpoint *cp)
{
	const char *name = checkpoint_name(cp);
	const char *template = checkpoint_chat_template(cp);

	gguf_write_string(k->w, "general.architecture", k->arch,
	                  strlen(k->arch));
	gguf_write_string(k->w, "general.type", "model", 5);
	gguf_write_string(k->w, "general.name", name, strlen(name));
	if (template)
		gguf_write_string(k->w, "tokenizer.chat_template", template,
		                  strlen(template));
}

int gguf_keys_write(struct gguf_write *w, const struct checkpoint *cp,
                    struct error *err)
{
	const struct json *generation = checkpoint_generation_config(cp);
	struct keys k = { .w = w,
		          .config = checkpoint_config(cp),
		          .path = checkpoint_path(cp),
		          .err = err };
	const struct json *type = member(k.config, "model_type");

	if (is_string(type, "qwen3"))
		k.arch = "qwen3";
	else if (is_string(type, "qwen3_moe"))
		k.arch = "qwen3moe";
	else
		return refuse(&k, "model_type", type, "not qwen3 or qwen3_moe");
	put_strings(&k, cp);
	if (put_architecture(&k) || put_stops(&k, generation))
		return -1;
	put_sampling(&k, generation);
	put_id(&k, generation, "eos_token_id", "tokenizer.ggml.eos_token_id");
	put_id(&k, generation, "pad_token_id",
	       "tokenizer.ggml.padding_token_id");
	put_id(&k, generation, "bos_token_id", "tokenizer.ggml.bos_token_id");
	gguf_write_bool(w, "tokenizer.ggml.add_bos_token", false);
	return 0;
}
