#include "checkpoint/gguf_config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_format.h"

#define KEY_MAX 192 /* bytes of a metadata key made here */

/* An object under construction. */
struct object {
	struct strbuf *out;
	const struct gguf *gguf;
	const char *arch; /* put in front of keys that begin with '.' */
	const char *path; /* for messages */
	struct error *err;
	bool empty;
	bool failed; /* a number was refused */
};

static void begin(struct object *o)
{
	strbuf_add_char(o->out, '{');
	o->empty = true;
}

static void name_member(struct object *o, const char *name)
{
	if (!o->empty)
		strbuf_add_str(o->out, ", ");
	o->empty = false;
	json_write_string(o->out, name, strlen(name));
	strbuf_add_str(o->out, ": ");
}

static const char *full_key(const struct object *o, const char *key,
                            char text[KEY_MAX])
{
	snprintf(text, KEY_MAX, "%s%s", key[0] == '.' ? o->arch : "", key);
	return text;
}

static bool get_integer(const struct object *o, const char *key, int64_t *out)
{
	char text[KEY_MAX];

	return gguf_integer(o->gguf, full_key(o, key, text), out);
}

static bool get_number(const struct object *o, const char *key, double *out)
{
	char text[KEY_MAX];

	return gguf_number(o->gguf, full_key(o, key, text), out);
}

/* Is the metadata key this string? */
static bool string_is(const struct object *o, const char *key, const char *is)
{
	char text[KEY_MAX];
	struct gguf_string s;

	return gguf_string(o->gguf, full_key(o, key, text), &s) &&
	       s.len == strlen(is) && !memcmp(s.bytes, is, s.len);
}

static void put_integer(struct object *o, const char *name, int64_t value)
{
	name_member(o, name);
	strbuf_printf(o->out, "%" PRId64, value);
}

/* JSON has no NaN: it would become a null, for which there are defaults. */
static void put_number(struct object *o, const char *name, const char *key,
                       double value)
{
	char text[KEY_MAX];

	if (!isfinite(value)) {
		error_set(o->err, "%s: key %s: %s is %g, not a finite number",
		          o->path, full_key(o, key, text), name, value);
		o->failed = true;
		return;
	}
	name_member(o, name);
	json_write_number(o->out, value);
}

static void put_text(struct object *o, const char *name, const char *value)
{
	name_member(o, name);
	json_write_string(o->out, value, strlen(value));
}

static void copy_integer(struct object *o, const char *name, const char *key)
{
	int64_t value;

	if (get_integer(o, key, &value))
		put_integer(o, name, value);
}

static void copy_number(struct object *o, const char *name, const char *key)
{
	double value;

	if (get_number(o, key, &value))
		put_number(o, name, key, value);
}

static const struct tensor *find_tensor(const struct gguf *gguf,
                                        const char *name)
{
	for (size_t i = 0; i < gguf_n_tensors(gguf); i++)
		if (!strcmp(gguf_tensor_name(gguf, i), name))
			return gguf_tensor(gguf, i);
	return NULL;
}

/* The embedding has rows for ids that no token has; all of them count. */
static void put_vocab(struct object *o)
{
	const struct tensor *embedding =
		find_tensor(o->gguf, "token_embd.weight");
	size_t n;

	if (embedding)
		put_integer(o, "vocab_size", tensor_rows(embedding));
	else if (gguf_array(o->gguf, "tokenizer.ggml.tokens", &n))
		put_integer(o, "vocab_size", (int64_t)n);
	name_member(o, "tie_word_embeddings");
	strbuf_add_str(o->out, find_tensor(o->gguf, "output.weight") ? "false"
	                                                             : "true");
}

/* llama.cpp scales attention by attn_factor * (0.1 ln(factor) + 1), Hugging
 * Face by attention_factor alone. */
static void put_attention_factor(struct object *o)
{
	const char *key = ".rope.scaling.attn_factor";
	double attn_factor, factor;

	if (get_number(o, key, &attn_factor) &&
	    get_number(o, ".rope.scaling.factor", &factor) && factor >= 1)
		put_number(o, "attention_factor", key,
		           attn_factor * (0.1 * log(factor) + 1));
}

static void put_scaling(struct object *o)
{
	struct gguf_string type;
	char key[KEY_MAX], name[32];

	if (!gguf_string(o->gguf, full_key(o, ".rope.scaling.type", key),
	                 &type) ||
	    string_is(o, ".rope.scaling.type", "none"))
		return;
	snprintf(name, sizeof name, "%.*s",
	         (int)(type.len < 31 ? type.len : 31), type.bytes);
	name_member(o, "rope_scaling");
	begin(o);
	put_text(o, "rope_type", name);
	copy_number(o, "factor", ".rope.scaling.factor");
	copy_integer(o, "original_max_position_embeddings",
	             ".rope.scaling.original_context_length");
	copy_number(o, "beta_fast", ".rope.scaling.yarn_beta_fast");
	copy_number(o, "beta_slow", ".rope.scaling.yarn_beta_slow");
	put_attention_factor(o);
	strbuf_add_char(o->out, '}');
	o->empty = false;
}

static void put_experts(struct object *o)
{
	int64_t n;

	if (!get_integer(o, ".expert_count", &n) || n == 0)
		return;
	put_integer(o, "num_experts", n);
	copy_integer(o, "num_experts_per_tok", ".expert_used_count");
	copy_integer(o, "moe_intermediate_size", ".expert_feed_forward_length");
	/* A GGUF does not say; for qwen3moe llama.cpp always does. */
	name_member(o, "norm_topk_prob");
	strbuf_add_str(o->out, "true");
}

int gguf_config(struct strbuf *out, const struct gguf *gguf, const char *path,
                struct error *err)
{
	struct object o = { .out = out,
		            .gguf = gguf,
		            .arch = "qwen3",
		            .path = path,
		            .err = err };

	if (string_is(&o, "general.architecture", "qwen3moe"))
		o.arch = "qwen3moe";
	else if (!string_is(&o, "general.architecture", "qwen3"))
		return error_set(err,
		                 "%s: general.architecture is neither qwen3 "
		                 "nor qwen3moe",
		                 path);
	begin(&o);
	put_text(&o, "model_type",
	         strcmp(o.arch, "qwen3") ? "qwen3_moe" : "qwen3");
	copy_integer(&o, "num_hidden_layers", ".block_count");
	copy_integer(&o, "hidden_size", ".embedding_length");
	copy_integer(&o, "intermediate_size", ".feed_forward_length");
	copy_integer(&o, "num_attention_heads", ".attention.head_count");
	copy_integer(&o, "num_key_value_heads", ".attention.head_count_kv");
	copy_integer(&o, "head_dim", ".attention.key_length");
	copy_number(&o, "rms_norm_eps", ".attention.layer_norm_rms_epsilon");
	copy_number(&o, "rope_theta", ".rope.freq_base");
	copy_integer(&o, "max_position_embeddings", ".context_length");
	put_scaling(&o);
	put_experts(&o);
	put_vocab(&o);
	strbuf_add_char(out, '}');
	return o.failed ? -1 : 0;
}

/* Ids that end a reply; few, and each once. */
struct stops {
	int64_t ids[8];
	size_t n;
};

static void add_stop(struct stops *stops, int64_t id)
{
	for (size_t i = 0; i < stops->n; i++)
		if (stops->ids[i] == id)
			return;
	if (id >= 0 && stops->n < sizeof stops->ids / sizeof *stops->ids)
		stops->ids[stops->n++] = id;
}

static bool text_is(const struct gguf_string *s, const char *text)
{
	return s->len == strlen(text) && !memcmp(s->bytes, text, s->len);
}

/* The control tokens of the vocabulary that end a turn or a text. */
static int add_control_stops(struct stops *stops, const struct gguf *gguf,
                             const char *path, struct error *err)
{
	struct gguf_string *tokens;
	int64_t *types;
	size_t n, n_types;

	if (!gguf_array(gguf, "tokenizer.ggml.tokens", &n) ||
	    !gguf_array(gguf, "tokenizer.ggml.token_type", &n_types) ||
	    n != n_types)
		return 0;
	tokens = mem_try(n, sizeof *tokens);
	types = mem_try(n, sizeof *types);
	if (!tokens || !types) {
		free(tokens);
		free(types);
		return error_set(err, "%s: no memory for %zu tokens", path, n);
	}
	if (gguf_string_array(gguf, "tokenizer.ggml.tokens", tokens) &&
	    gguf_integer_array(gguf, "tokenizer.ggml.token_type", types))
		for (size_t i = 0; i < n; i++)
			if (types[i] == GGUF_TOKEN_CONTROL &&
			    (text_is(&tokens[i], "<|im_end|>") ||
			     text_is(&tokens[i], "<|endoftext|>")))
				add_stop(stops, (int64_t)i);
	free(tokens);
	free(types);
	return 0;
}

static void put_ids(struct object *o, const int64_t *ids, size_t n)
{
	name_member(o, "eos_token_id");
	for (size_t i = 0; i < n; i++)
		strbuf_printf(o->out, "%s%" PRId64, i ? ", " : "[", ids[i]);
	strbuf_add_char(o->out, ']');
}

/* false: the file has no such list. */
static bool put_whole_list(struct object *o)
{
	int64_t ids[GGUF_STOPS_MAX];
	size_t n;

	if (!gguf_array(o->gguf, GGUF_STOPS, &n) || n < 1 ||
	    n > GGUF_STOPS_MAX || !gguf_integer_array(o->gguf, GGUF_STOPS, ids))
		return false;
	put_ids(o, ids, n);
	return true;
}

static int put_stops(struct object *o, const char *path, struct error *err)
{
	struct stops stops = { .n = 0 };
	int64_t id;

	if (put_whole_list(o))
		return 0;
	if (get_integer(o, "tokenizer.ggml.eos_token_id", &id))
		add_stop(&stops, id);
	if (get_integer(o, "tokenizer.ggml.eot_token_id", &id))
		add_stop(&stops, id);
	if (add_control_stops(&stops, o->gguf, path, err))
		return -1;
	if (stops.n)
		put_ids(o, stops.ids, stops.n);
	return 0;
}

int gguf_generation_config(struct strbuf *out, const struct gguf *gguf,
                           const char *path, struct error *err)
{
	struct object o = {
		.out = out, .gguf = gguf, .arch = "", .path = path, .err = err
	};

	begin(&o);
	copy_number(&o, "temperature", "general.sampling.temp");
	copy_integer(&o, "top_k", "general.sampling.top_k");
	copy_number(&o, "top_p", "general.sampling.top_p");
	copy_number(&o, "min_p", "general.sampling.min_p");
	copy_number(&o, "repetition_penalty",
	            "general.sampling.penalty_repeat");
	if (put_stops(&o, path, err))
		return -1;
	strbuf_add_char(out, '}');
	return o.failed ? -1 : 0;
}
