#include "model/transformer_block.h"

#include "model/attention.h"
#include "model/load_weights.h"
#include "model/mlp.h"
#include "model/model_config.h"
#include "model/moe.h"
#include "model/norm.h"
#include "model/workspace.h"

void transformer_block(struct workspace *ws, const struct layer_weights *layer,
                       const struct model_config *config,
                       struct kv_cache *cache, int l, size_t seq, size_t wanted,
                       size_t pos)
{
	size_t hidden = (size_t)config->hidden_size;
	float eps = config->rms_norm_eps;

	norm_rows(ws->pool, ws->normed, ws->x, layer->input_layernorm, seq,
	          hidden, eps);
	attention(ws, &layer->self_attn, config, cache, l, seq, wanted, pos);
	if (!wanted)
		return;

	norm_rows(ws->pool, ws->normed, ws->x, layer->post_attention_layernorm,
	          wanted, hidden, eps);
	if (config->num_experts)
		moe(ws, &layer->moe, config, wanted);
	else
		mlp(ws, &layer->mlp, ws->x, true, ws->normed, wanted);
}
