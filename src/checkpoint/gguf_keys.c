#include "checkpoint/gguf_keys.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
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
};

static const struct pair integers[] = {
	{ "num_hidden_layers", "block_count" },
	{ "max_position_embeddings", "context_length" },
	{ "hidden_size", "embedding_length" },
	{ "intermediate_size", "feed_forward_length" },
	{ "num_attention_heads", "attention.head_count" },
	{ "num_key_value_heads", "attention.head_count_kv" },
	{ "vocab_size", "vocab_size" },
};

static const struct pair expert_integers[] = {
	{ "num_experts", "expert_count" },
	{ "num_experts_per_tok", "expert_used_count" },
	{ "moe_intermediate_size", "expert_feed_forward_length" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "qwen3.block_count" */
static const char *key(const struct keys *k, const char *name, char text[128])
{
	snprintf(text, 128, "%s.%s", k->arch, name);
	return text;
}

static int put_integer(const struct keys *k, const struct json *object,
                       const char *config, const char *gguf)
{
	char text[128];
	int64_t value;

	if (!json_integer(json_get(object, config), &value) || value < 0 ||
	    value > UINT32_MAX)
		return error_set(k->err,
		                 "%s: config: %s is no integer that "
		                 "fits 32 bits",
		                 k->path, config);
	gguf_write_u32(k->w, key(k, gguf, text), (uint32_t)value);
	return 0;
}

static int put_integers(const struct keys *k, const struct pair *pairs,
                        size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (put_integer(k, k->config, pairs[i].config, pairs[i].gguf))
			return -1;
	return 0;
}

static int put_head_dim(const struct keys *k)
{
	int64_t dim, hidden = 0, heads = 0;
	char text[128];

	if (!json_integer(json_get(k->config, "head_dim"), &dim)) {
		json_integer(json_get(k->config, "hidden_size"), &hidden);
		json_integer(json_get(k->config, "num_attention_heads"),
		             &heads);
		dim = heads > 0 ? hidden / heads : 0;
	}
	if (dim < 1 || dim > UINT32_MAX)
		return error_set(k->err, "%s: config: head_dim is %" PRId64,
		                 k->path, dim);
	gguf_write_u32(k->w, key(k, "attention.key_length", text),
	               (uint32_t)dim);
	gguf_write_u32(k->w, key(k, "attention.value_length", text),
	               (uint32_t)dim);
	return 0;
}

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
static int put_yarn(const struct keys *k, const struct json *scaling)
{
	double factor, attention;
	char text[128];

	if (!json_number(json_get(scaling, "factor"), &factor) || factor < 1)
		return error_set(k->err,
		                 "%s: config: YaRN without a factor of "
		                 "at least 1",
		                 k->path);
	gguf_write_string(k->w, key(k, "rope.scaling.type", text), "yarn", 4);
	gguf_write_f32(k->w, key(k, "rope.scaling.factor", text),
	               (float)factor);
	if (put_integer(k, scaling, "original_max_position_embeddings",
	                "rope.scaling.original_context_length"))
		return -1;
	copy_f32(k, scaling, "beta_fast", "rope.scaling.yarn_beta_fast");
	copy_f32(k, scaling, "beta_slow", "rope.scaling.yarn_beta_slow");
	if (json_number(json_get(scaling, "attention_factor"), &attention))
		gguf_write_f32(k->w, key(k, "rope.scaling.attn_factor", text),
		               (float)(attention / (0.1 * log(factor) + 1)));
	return 0;
}

static int put_rope(const struct keys *k)
{
	/* transformers 5 has all of it in one object, 4 in two places. */
	const struct json *all = json_get(k->config, "rope_parameters");
	const struct json *scaling =
		all ? all : json_get(k->config, "rope_scaling");
	const struct json *theta =
		json_get(all ? all : k->config, "rope_theta");
	const char *type = json_string(json_get(scaling, "rope_type"));
	double base = 10000; /* what both libraries take where it is absent */
	char text[128];

	json_number(theta, &base);
	gguf_write_f32(k->w, key(k, "rope.freq_base", text), (float)base);
	if (!type)
		type = json_string(json_get(scaling, "type"));
	if (!type || !strcmp(type, "default"))
		return 0;
	if (!strcmp(type, "yarn"))
		return put_yarn(k, scaling);
	return error_set(k->err,
	                 "%s: config: rope_type is %.40s, not default "
	                 "or yarn",
	                 k->path, type);
}

static int put_experts(const struct keys *k)
{
	const struct json *norm = json_get(k->config, "norm_topk_prob");

	if (put_integers(k, expert_integers, COUNT(expert_integers)))
		return -1;
	if (!json_is_true(norm))
		return error_set(k->err,
		                 "%s: config: norm_topk_prob is not "
		                 "true, which a GGUF cannot say",
		                 k->path);
	return 0;
}

static int put_architecture(const struct keys *k)
{
	char text[128];
	double eps;

	if (put_integers(k, integers, COUNT(integers)) || put_head_dim(k))
		return -1;
	if (!json_number(json_get(k->config, "rms_norm_eps"), &eps))
		return error_set(k->err, "%s: config: rms_norm_eps is missing",
		                 k->path);
	gguf_write_f32(k->w, key(k, "attention.layer_norm_rms_epsilon", text),
	               (float)eps);
	if (put_rope(k))
		return -1;
	return strcmp(k->arch, "qwen3moe") ? 0 : put_experts(k);
}

/* How to sample; keys of generation_config.json. */
static void put_sampling(const struct keys *k, const struct json *generation)
{
	static const struct pair floats[] = {
		{ "temperature", "general.sampling.temp" },
		{ "top_p", "general.sampling.top_p" },
		{ "min_p", "general.sampling.min_p" },
		{ "repetition_penalty", "general.sampling.penalty_repeat" },
	};
	int64_t top_k;
	double value;

	for (size_t i = 0; i < COUNT(floats); i++)
		if (json_number(json_get(generation, floats[i].config), &value))
			gguf_write_f32(k->w, floats[i].gguf, (float)value);
	if (json_integer(json_get(generation, "top_k"), &top_k) && top_k >= 0 &&
	    top_k <= INT32_MAX)
		gguf_write_i32(k->w, "general.sampling.top_k", (int32_t)top_k);
}

/* An id, or the first of a list, of either file. */
static void put_id(const struct keys *k, const struct json *generation,
                   const char *config, const char *gguf)
{
	const struct json *id = json_get(generation, config);
	int64_t value;

	if (!id || json_is_null(id))
		id = json_get(k->config, config);
	if (json_is_array(id))
		id = json_first(id);
	if (json_integer(id, &value) && value >= 0 && value <= UINT32_MAX)
		gguf_write_u32(k->w, gguf, (uint32_t)value);
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
	const char *type = json_string(json_get(k.config, "model_type"));

	if (type && !strcmp(type, "qwen3"))
		k.arch = "qwen3";
	else if (type && !strcmp(type, "qwen3_moe"))
		k.arch = "qwen3moe";
	else
		return error_set(err,
		                 "%s: config: model_type is %.40s, not "
		                 "qwen3 or qwen3_moe",
		                 k.path, type ? type : "missing");
	put_strings(&k, cp);
	if (put_architecture(&k))
		return -1;
	put_sampling(&k, generation);
	put_id(&k, generation, "eos_token_id", "tokenizer.ggml.eos_token_id");
	put_id(&k, generation, "pad_token_id",
	       "tokenizer.ggml.padding_token_id");
	put_id(&k, generation, "bos_token_id", "tokenizer.ggml.bos_token_id");
	gguf_write_bool(w, "tokenizer.ggml.add_bos_token", false);
	return 0;
}
