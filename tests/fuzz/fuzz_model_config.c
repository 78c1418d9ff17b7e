/*
 * fuzz_model_config.c - any bytes as a config.json
 *
 * They are refused with a reason, or they are numbers that the rest of the
 * program may multiply without looking.
 */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "math/rope.h"
#include "model/kv_cache.h"
#include "model/model_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What model_config.h promises. */
static void check(const struct model_config *c)
{
	assert(c->num_hidden_layers > 0 && c->hidden_size > 0);
	assert(c->vocab_size > 0 && c->max_position_embeddings > 0);
	assert(c->num_attention_heads > 0 && c->num_key_value_heads > 0);
	assert(c->num_attention_heads % c->num_key_value_heads == 0);
	assert(c->head_dim > 0 && c->head_dim % 2 == 0);
	assert(c->rms_norm_eps > 0 && c->rms_norm_eps < 1);
	assert(c->rope_theta > 1 && isfinite(c->rope_theta));
	assert(c->yarn.factor == 0 || c->yarn.factor >= 1);
	assert(c->num_experts > 0
	               ? c->num_experts_per_tok > 0 &&
	                         c->num_experts_per_tok <= c->num_experts &&
	                         c->moe_intermediate_size > 0
	               : c->intermediate_size > 0);
}

/* And what is made of it before any file but this one was read. */
static void use(const struct model_config *c)
{
	struct kv_shape shape = { c->num_hidden_layers, c->num_key_value_heads,
		                  c->head_dim, DTYPE_F32 };
	struct rope_settings settings = {
		.head_dim = c->head_dim,
		.theta = c->rope_theta,
		.factor = c->yarn.factor,
		.attention_factor = c->yarn.attention_factor,
		.beta_fast = c->yarn.beta_fast,
		.beta_slow = c->yarn.beta_slow,
		.original_max_position_embeddings =
			c->yarn.original_max_position_embeddings,
		.truncate = c->yarn.truncate,
	};
	float cos[512], sin[512];
	struct rope *rope = rope_new(&settings, NULL);

	assert(rope);
	assert(c->head_dim <= 1024);
	rope_angles(rope, c->max_position_embeddings, cos, sin);
	rope_free(rope);
	assert(kv_page_bytes(&shape) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *json = json_parse((const char *)data, size, "fuzz", NULL);
	struct model_config config;
	struct error err = { "" };

	if (!json)
		return 0;
	if (model_config_read(&config, json, "fuzz", &err) == 0) {
		check(&config);
		use(&config);
	} else {
		assert(err.text[0]);
	}
	json_free(json);
	return 0;
}
