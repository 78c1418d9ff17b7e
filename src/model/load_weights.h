/*
 * load_weights.h - the checkpoint's tensors, found, checked and named
 *
 * Matrices stay where they are, in the mapping of their file, in any dtype:
 * the pointers here are views.  The weights of the norms, a few thousand
 * numbers a layer, are widened to float32 copies.  Fields are named as in the
 * checkpoint: layers[3].q_proj is "model.layers.3.self_attn.q_proj.weight".
 *
 * Tensors that are not asked for are ignored (a tied checkpoint may carry a
 * lm_head.weight all the same).
 */
#ifndef CONFAB_LOAD_WEIGHTS_H
#define CONFAB_LOAD_WEIGHTS_H

#include "math/tensor.h"
#include "model/model_config.h"

struct checkpoint;
struct error;

/* A SwiGLU network: gate_proj, up_proj [intermediate, hidden_size], down_proj
 * [hidden_size, intermediate]. */
struct mlp_weights {
	const struct tensor *gate_proj, *up_proj, *down_proj;
};

/* Mixture of experts: gate is the router, [num_experts, hidden_size]. */
struct moe_weights {
	const struct tensor *gate;
	const struct mlp_weights *experts; /* [num_experts] */
};

struct attention_weights {
	const struct tensor *q_proj; /* [n_heads * head_dim, hidden_size] */
	const struct tensor *k_proj; /* [n_kv_heads * head_dim, hidden_size] */
	const struct tensor *v_proj;
	const struct tensor *o_proj;  /* [hidden_size, n_heads * head_dim] */
	const float *q_norm, *k_norm; /* [head_dim] */
};

struct layer_weights {
	const float *input_layernorm; /* [hidden_size] */
	struct attention_weights self_attn;
	const float *post_attention_layernorm; /* [hidden_size] */
	struct mlp_weights mlp;                /* of a dense model, */
	struct moe_weights moe;                /* or of one with experts */
};

struct weights {
	const struct tensor *embed_tokens; /* [vocab_size, hidden_size] */
	struct layer_weights *layers;      /* [num_hidden_layers] */
	const float *norm;                 /* [hidden_size] */
	const struct tensor *lm_head;      /* embed_tokens where it is tied */
	float *norms;                /* what all the norms above point into */
	struct mlp_weights *experts; /* [layers * num_experts]: likewise */
};

/* Fails with the tensor, its file and both shapes.  weights->... stay valid as
 * long as cp. */
int load_weights(struct weights *weights, const struct checkpoint *cp,
                 const struct model_config *config, struct error *err);
void load_weights_free(struct weights *weights); /* zeroed ones are fine */

#endif
