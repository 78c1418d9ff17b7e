/*
 * model_config.h - the numbers that shape a Qwen3, read from config.json
 *
 * Field names are the checkpoint's.  Both spellings load: transformers 4
 * ("rope_theta", "rope_scaling", "torch_dtype") and 5 ("rope_parameters",
 * "dtype").
 */
#ifndef CONFAB_MODEL_CONFIG_H
#define CONFAB_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct json;

struct rope_yarn {
	float factor; /* 0: no YaRN */
	int original_max_position_embeddings;
	float attention_factor; /* <= 0: 0.1 ln(factor) + 1 */
	float beta_fast, beta_slow;
	bool truncate;
};

struct model_config {
	int num_hidden_layers;
	int hidden_size;
	int num_attention_heads;
	int num_key_value_heads; /* divides num_attention_heads */
	int head_dim;            /* even; num_attention_heads * head_dim need
	                          * not be hidden_size */
	int intermediate_size;
	int vocab_size; /* rows of the embedding, padding ids included */
	int max_position_embeddings; /* tokens */
	bool tie_word_embeddings;
	float rms_norm_eps;
	double rope_theta;
	struct rope_yarn yarn;
	int num_experts; /* 0: dense */
	int num_experts_per_tok;
	int moe_intermediate_size;
	bool norm_topk_prob;
};

/* `path` is named in errors.  Refuses what this program does not compute
 * (another model_type, attention_bias, sliding windows, other activations). */
int model_config_read(struct model_config *config, const struct json *json,
                      const char *path, struct error *err);

/* Tokens that positions were trained for, or stretched to by YaRN. */
size_t model_config_max_context(const struct model_config *config);

#endif
