#include "model/model_config.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

/*
 * Bounds of what is believed, some ten times the largest Qwen3.  Products of
 * two of them fit an int, and products of any that the program forms fit 63
 * bits, except where it says that it checks.
 */
#define MAX_LAYERS   1024
#define MAX_HIDDEN   (1 << 17)
#define MAX_HEADS    1024
#define MAX_HEAD_DIM 1024
#define MAX_INTER    (1 << 20)
#define MAX_VOCAB    (1 << 24)
#define MAX_POSITION (1 << 28)
#define MAX_EXPERTS  4096

/* One JSON object of the file and where to complain. */
struct source {
	const struct json *object;
	const char *path;
	const char *inside; /* "rope_scaling.", or "" at the top */
	struct error *err;
};

/* "PATH: KEY is VALUE, WANTED"; value may be NULL. */
static int refuse(const struct source *s, const char *key,
                  const struct json *value, const char *wanted)
{
	struct strbuf text = STRBUF_INIT;

	if (value)
		json_write_python(&text, value);
	error_set(s->err, "%s: %s%s is %.100s, %s", s->path, s->inside, key,
	          value ? text.bytes : "missing", wanted);
	strbuf_free(&text);
	return -1;
}

static int read_int(const struct source *s, const char *key, int max, int *out)
{
	const struct json *value = json_get(s->object, key);
	char wanted[64];
	int64_t number;

	if (json_integer(value, &number) && number >= 1 && number <= max) {
		*out = (int)number;
		return 0;
	}
	snprintf(wanted, sizeof wanted, "not a whole number from 1 to %d", max);
	return refuse(s, key, value, wanted);
}

static bool is_absent(const struct source *s, const char *key)
{
	const struct json *value = json_get(s->object, key);

	return !value || json_is_null(value);
}

/* Leaves *out, the default, where the key is absent or null. */
static int maybe_int(const struct source *s, const char *key, int max, int *out)
{
	return is_absent(s, key) ? 0 : read_int(s, key, max, out);
}

/* A number above 0 that a float32 can hold. */
static int maybe_positive(const struct source *s, const char *key, double *out)
{
	const struct json *value = json_get(s->object, key);
	double number;

	if (is_absent(s, key))
		return 0;
	if (!json_number(value, &number) || !((float)number > 0) ||
	    !isfinite((float)number))
		return refuse(s, key, value, "not a number above 0");
	*out = number;
	return 0;
}

static int maybe_bool(const struct source *s, const char *key, bool *out)
{
	const struct json *value = json_get(s->object, key);

	if (is_absent(s, key))
		return 0;
	if (!json_is_bool(value))
		return refuse(s, key, value, "neither true nor false");
	*out = json_is_true(value);
	return 0;
}

static bool is_string(const struct json *value, const char *text)
{
	const char *string = json_string(value);

	return string && strcmp(string, text) == 0;
}

/* ---- what is not computed ---- */

static int check_layer_types(const struct source *s)
{
	const struct json *types = json_get(s->object, "layer_types");

	for (const struct json *t = json_first(types); t; t = json_next(t))
		if (!is_string(t, "full_attention"))
			return refuse(s, "layer_types", t,
			              "and only full_attention is known");
	return 0;
}

static int check_supported(const struct source *s)
{
	const struct json *act = json_get(s->object, "hidden_act");
	const struct json *quant = json_get(s->object, "quantization_config");
	bool bias = false, sliding = false;

	if (maybe_bool(s, "attention_bias", &bias) ||
	    maybe_bool(s, "use_sliding_window", &sliding))
		return -1;
	if (bias)
		return refuse(s, "attention_bias",
		              json_get(s->object, "attention_bias"),
		              "and attention without biases is known");
	if (sliding)
		return refuse(s, "use_sliding_window",
		              json_get(s->object, "use_sliding_window"),
		              "and only full attention is known");
	if (!is_absent(s, "hidden_act") && !is_string(act, "silu"))
		return refuse(s, "hidden_act", act, "and only silu is known");
	if (!is_absent(s, "quantization_config"))
		return refuse(s, "quantization_config", quant,
		              "and its weights' format is not known");
	return check_layer_types(s);
}

/* ---- rope ---- */

/* The object with the rope's settings, wherever it is; NULL: none. */
static struct source rope_source(const struct source *s)
{
	struct source rope = *s;

	rope.inside = "rope_parameters.";
	rope.object = json_get(s->object, "rope_parameters");
	if (rope.object && !json_is_null(rope.object))
		return rope;
	rope.inside = "rope_scaling.";
	rope.object = json_get(s->object, "rope_scaling");
	if (json_is_null(rope.object))
		rope.object = NULL;
	return rope;
}

static int read_theta(struct model_config *config, const struct source *top,
                      const struct source *rope)
{
	const struct source *s = is_absent(rope, "rope_theta") ? top : rope;
	double theta = 0;

	if (maybe_positive(s, "rope_theta", &theta))
		return -1;
	if (!(theta > 1))
		return refuse(s, "rope_theta",
		              json_get(s->object, "rope_theta"),
		              "not a number above 1");
	config->rope_theta = theta;
	return 0;
}

static int read_yarn(struct model_config *config, const struct source *rope)
{
	double factor = 0, attention_factor = 0, fast = 32, slow = 1;
	struct rope_yarn *yarn = &config->yarn;
	const char *mscale;

	yarn->original_max_position_embeddings =
		config->max_position_embeddings;
	yarn->truncate = true;
	if (maybe_positive(rope, "factor", &factor) ||
	    maybe_positive(rope, "attention_factor", &attention_factor) ||
	    maybe_positive(rope, "beta_fast", &fast) ||
	    maybe_positive(rope, "beta_slow", &slow) ||
	    maybe_bool(rope, "truncate", &yarn->truncate) ||
	    maybe_int(rope, "original_max_position_embeddings", MAX_POSITION,
	              &yarn->original_max_position_embeddings))
		return -1;
	if (factor < 1)
		return refuse(rope, "factor", json_get(rope->object, "factor"),
		              "not a number from 1 on");
	mscale = is_absent(rope, "mscale") ? "mscale_all_dim" : "mscale";
	if (!is_absent(rope, mscale))
		return refuse(rope, mscale, json_get(rope->object, mscale),
		              "and only attention_factor is known");
	yarn->factor = (float)factor;
	yarn->attention_factor = (float)attention_factor;
	yarn->beta_fast = (float)fast;
	yarn->beta_slow = (float)slow;
	return 0;
}

static int read_rope(struct model_config *config, const struct source *top)
{
	struct source rope = rope_source(top);
	const char *key;
	const struct json *type;

	if (rope.object && !json_is_object(rope.object))
		return refuse(top, "rope_scaling", rope.object,
		              "not an object");
	if (read_theta(config, top, &rope))
		return -1;
	key = is_absent(&rope, "rope_type") ? "type" : "rope_type";
	type = json_get(rope.object, key);
	if (is_absent(&rope, key) || is_string(type, "default"))
		return 0;
	if (is_string(type, "yarn"))
		return read_yarn(config, &rope);
	return refuse(&rope, key, type, "and only default and yarn are known");
}

/* ---- sizes ---- */

static int read_heads(struct model_config *config, const struct source *s)
{
	const struct json *hidden = json_get(s->object, "hidden_size");
	int heads;

	if (read_int(s, "num_attention_heads", MAX_HEADS,
	             &config->num_attention_heads))
		return -1;
	heads = config->num_attention_heads;
	config->num_key_value_heads = heads;
	if (maybe_int(s, "num_key_value_heads", MAX_HEADS,
	              &config->num_key_value_heads))
		return -1;
	if (heads % config->num_key_value_heads)
		return error_set(s->err,
		                 "%s: num_attention_heads is %d, not a "
		                 "multiple of num_key_value_heads, %d",
		                 s->path, heads, config->num_key_value_heads);
	if (is_absent(s, "head_dim") && config->hidden_size % heads)
		return refuse(s, "hidden_size", hidden,
		              "not a multiple of "
		              "num_attention_heads, and head_dim is missing");
	config->head_dim = config->hidden_size / heads;
	if (maybe_int(s, "head_dim", MAX_HEAD_DIM, &config->head_dim))
		return -1;
	if (config->head_dim % 2 || config->head_dim > MAX_HEAD_DIM)
		return error_set(s->err,
		                 "%s: head_dim is %d, not an even "
		                 "number up to %d",
		                 s->path, config->head_dim, MAX_HEAD_DIM);
	return 0;
}

static int read_sizes(struct model_config *config, const struct source *s)
{
	double eps = 1e-6;

	if (read_int(s, "num_hidden_layers", MAX_LAYERS,
	             &config->num_hidden_layers) ||
	    read_int(s, "hidden_size", MAX_HIDDEN, &config->hidden_size) ||
	    read_heads(config, s) ||
	    read_int(s, "vocab_size", MAX_VOCAB, &config->vocab_size) ||
	    read_int(s, "max_position_embeddings", MAX_POSITION,
	             &config->max_position_embeddings) ||
	    maybe_bool(s, "tie_word_embeddings",
	               &config->tie_word_embeddings) ||
	    maybe_positive(s, "rms_norm_eps", &eps))
		return -1;
	if (eps >= 1)
		return refuse(s, "rms_norm_eps",
		              json_get(s->object, "rms_norm_eps"),
		              "not below 1");
	config->rms_norm_eps = (float)eps;
	return 0;
}

static int read_moe(struct model_config *config, const struct source *s)
{
	const struct json *dense = json_get(s->object, "mlp_only_layers");
	int step = 1;

	if (read_int(s, "num_experts", MAX_EXPERTS, &config->num_experts) ||
	    read_int(s, "num_experts_per_tok", config->num_experts,
	             &config->num_experts_per_tok) ||
	    read_int(s, "moe_intermediate_size", MAX_INTER,
	             &config->moe_intermediate_size) ||
	    maybe_bool(s, "norm_topk_prob", &config->norm_topk_prob) ||
	    maybe_int(s, "decoder_sparse_step", MAX_LAYERS, &step))
		return -1;
	if (step != 1)
		return refuse(s, "decoder_sparse_step",
		              json_get(s->object, "decoder_sparse_step"),
		              "and only 1, experts in every layer, is known");
	if (json_count(dense) > 0)
		return refuse(s, "mlp_only_layers", dense,
		              "and only experts in every layer are known");
	return 0;
}

static int read_all(struct model_config *config, const struct source *s)
{
	const struct json *type = json_get(s->object, "model_type");

	if (!json_is_object(s->object))
		return error_set(s->err, "%s: not a JSON object", s->path);
	if (!is_string(type, "qwen3") && !is_string(type, "qwen3_moe"))
		return refuse(s, "model_type", type,
		              "and only qwen3 and qwen3_moe are known");
	if (check_supported(s) || read_sizes(config, s) || read_rope(config, s))
		return -1;
	if (is_string(type, "qwen3_moe"))
		return read_moe(config, s);
	return read_int(s, "intermediate_size", MAX_INTER,
	                &config->intermediate_size);
}

int model_config_read(struct model_config *config, const struct json *json,
                      const char *path, struct error *err)
{
	struct source top = { json, path, "", err };
	struct model_config read = { 0 };

	if (read_all(&read, &top))
		return -1;
	*config = read;
	return 0;
}

size_t model_config_max_context(const struct model_config *config)
{
	size_t tokens = (size_t)config->max_position_embeddings;
	double stretched = (double)config->yarn.factor *
	                   config->yarn.original_max_position_embeddings;

	if (stretched > (double)tokens && stretched < 1e9)
		tokens = (size_t)stretched;
	return tokens;
}
