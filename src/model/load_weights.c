#include "model/load_weights.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/checkpoint.h"
#include "math/linear.h"

/* What a lookup needs, and where the next norm's copy goes. */
struct loader {
	const struct checkpoint *cp;
	const struct model_config *config;
	float *norms;
	struct mlp_weights *experts; /* and the next expert's weights */
	struct error *err;
};

static const char *file_of(const struct checkpoint *cp, const struct tensor *t)
{
	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++)
		if (checkpoint_tensor_at(cp, i) == t)
			return checkpoint_tensor_file(cp, i);
	return checkpoint_path(cp);
}

/* "[2560, 1024]" */
static void print_shape(char *text, size_t size, const struct tensor *t)
{
	size_t used = 0;

	for (int i = 0; i < t->n_dims && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%lld",
		                         i ? ", " : "[",
		                         (long long)t->shape[i]);
	if (used < size)
		snprintf(text + used, size - used, "]");
}

/* rows == 0: a vector of `cols` numbers. */
static bool has_shape(const struct tensor *t, int rows, int cols)
{
	if (rows == 0)
		return t->n_dims == 1 && t->shape[0] == cols;
	return t->n_dims == 2 && t->shape[0] == rows && t->shape[1] == cols;
}

static const struct tensor *find(const struct loader *in, const char *name,
                                 int rows, int cols)
{
	const struct tensor *t = checkpoint_tensor(in->cp, name);
	struct tensor want = { .n_dims = rows ? 2 : 1 };
	char has[128], wanted[64];

	if (t && has_shape(t, rows, cols))
		return t;
	want.shape[0] = rows ? rows : cols;
	want.shape[1] = cols;
	print_shape(wanted, sizeof wanted, &want);
	if (t) {
		print_shape(has, sizeof has, t);
		error_set(in->err,
		          "%s: tensor %s has shape %s, the config "
		          "asks for %s",
		          file_of(in->cp, t), name, has, wanted);
	} else {
		error_set(in->err, "%s: tensor %s, of shape %s, is missing",
		          checkpoint_path(in->cp), name, wanted);
	}
	return NULL;
}

static int matrix(const struct loader *in, const struct tensor **out, int rows,
                  int cols, const char *name)
{
	*out = find(in, name, rows, cols);
	return *out ? 0 : -1;
}

/* Norms are stored as floats in every known file, GGUFs of 4 bits included. */
static int norm(struct loader *in, const float **out, int n, const char *name)
{
	const struct tensor *t = find(in, name, 0, n);

	if (!t)
		return -1;
	if (dtype_info(t->dtype)->block != 1)
		return error_set(in->err,
		                 "%s: tensor %s is %s, the weights of "
		                 "a norm must be f32, f16 or bf16",
		                 file_of(in->cp, t), name,
		                 dtype_info(t->dtype)->name);
	linear_row(t, 0, in->norms);
	*out = in->norms;
	in->norms += n;
	return 0;
}

/* The name of tensor `suffix` of layer l, in a buffer of its own. */
struct name {
	char text[128];
};

static const char *in_layer(struct name *name, int l, const char *suffix)
{
	snprintf(name->text, sizeof name->text, "model.layers.%d.%s", l,
	         suffix);
	return name->text;
}

static const char *in_expert(struct name *name, int l, int e,
                             const char *suffix)
{
	snprintf(name->text, sizeof name->text,
	         "model.layers.%d.mlp.experts.%d.%s", l, e, suffix);
	return name->text;
}

static int attention_of(struct loader *in, struct attention_weights *w, int l)
{
	const struct model_config *c = in->config;
	const int hidden = c->hidden_size;
	const int q = c->num_attention_heads * c->head_dim;
	const int kv = c->num_key_value_heads * c->head_dim;
	struct name name;

	if (matrix(in, &w->q_proj, q, hidden,
	           in_layer(&name, l, "self_attn.q_proj.weight")) ||
	    matrix(in, &w->k_proj, kv, hidden,
	           in_layer(&name, l, "self_attn.k_proj.weight")) ||
	    matrix(in, &w->v_proj, kv, hidden,
	           in_layer(&name, l, "self_attn.v_proj.weight")) ||
	    matrix(in, &w->o_proj, hidden, q,
	           in_layer(&name, l, "self_attn.o_proj.weight")) ||
	    norm(in, &w->q_norm, c->head_dim,
	         in_layer(&name, l, "self_attn.q_norm.weight")) ||
	    norm(in, &w->k_norm, c->head_dim,
	         in_layer(&name, l, "self_attn.k_norm.weight")))
		return -1;
	return 0;
}

static int mlp_of(struct loader *in, struct mlp_weights *w, int l)
{
	const int hidden = in->config->hidden_size;
	const int inner = in->config->intermediate_size;
	struct name name;

	if (matrix(in, &w->gate_proj, inner, hidden,
	           in_layer(&name, l, "mlp.gate_proj.weight")) ||
	    matrix(in, &w->up_proj, inner, hidden,
	           in_layer(&name, l, "mlp.up_proj.weight")) ||
	    matrix(in, &w->down_proj, hidden, inner,
	           in_layer(&name, l, "mlp.down_proj.weight")))
		return -1;
	return 0;
}

static int expert_of(struct loader *in, struct mlp_weights *w, int l, int e)
{
	const int hidden = in->config->hidden_size;
	const int inner = in->config->moe_intermediate_size;
	struct name name;

	if (matrix(in, &w->gate_proj, inner, hidden,
	           in_expert(&name, l, e, "gate_proj.weight")) ||
	    matrix(in, &w->up_proj, inner, hidden,
	           in_expert(&name, l, e, "up_proj.weight")) ||
	    matrix(in, &w->down_proj, hidden, inner,
	           in_expert(&name, l, e, "down_proj.weight")))
		return -1;
	return 0;
}

static int moe_of(struct loader *in, struct moe_weights *w, int l)
{
	const int n = in->config->num_experts;
	struct name name;

	if (matrix(in, &w->gate, n, in->config->hidden_size,
	           in_layer(&name, l, "mlp.gate.weight")))
		return -1;
	w->experts = in->experts;
	for (int e = 0; e < n; e++)
		if (expert_of(in, in->experts++, l, e))
			return -1;
	return 0;
}

static int layer_of(struct loader *in, struct layer_weights *w, int l)
{
	const int hidden = in->config->hidden_size;
	struct name name;

	if (norm(in, &w->input_layernorm, hidden,
	         in_layer(&name, l, "input_layernorm.weight")) ||
	    attention_of(in, &w->self_attn, l) ||
	    norm(in, &w->post_attention_layernorm, hidden,
	         in_layer(&name, l, "post_attention_layernorm.weight")))
		return -1;
	return in->config->num_experts ? moe_of(in, &w->moe, l)
	                               : mlp_of(in, &w->mlp, l);
}

static int load_all(struct loader *in, struct weights *w)
{
	const struct model_config *c = in->config;

	if (matrix(in, &w->embed_tokens, c->vocab_size, c->hidden_size,
	           "model.embed_tokens.weight"))
		return -1;
	for (int l = 0; l < c->num_hidden_layers; l++)
		if (layer_of(in, &w->layers[l], l))
			return -1;
	if (norm(in, &w->norm, c->hidden_size, "model.norm.weight"))
		return -1;
	w->lm_head = w->embed_tokens;
	if (c->tie_word_embeddings)
		return 0;
	return matrix(in, &w->lm_head, c->vocab_size, c->hidden_size,
	              "lm_head.weight");
}

/* Two norms of the stream and two of heads in each layer, and the last. */
static size_t norm_floats(const struct model_config *c)
{
	size_t hidden = (size_t)c->hidden_size, head = (size_t)c->head_dim;

	return (size_t)c->num_hidden_layers * 2 * (hidden + head) + hidden;
}

int load_weights(struct weights *weights, const struct checkpoint *cp,
                 const struct model_config *config, struct error *err)
{
	size_t layers = (size_t)config->num_hidden_layers;
	struct weights w = { 0 };
	struct loader in;

	w.norms = mem_try(norm_floats(config), sizeof *w.norms);
	if (!w.norms)
		return error_set(err, "no memory for %zu norm weights",
		                 norm_floats(config));
	w.layers = mem_zalloc(layers, sizeof *w.layers);
	w.experts = mem_zalloc(layers * (size_t)config->num_experts,
	                       sizeof *w.experts);
	in = (struct loader){ cp, config, w.norms, w.experts, err };
	if (load_all(&in, &w)) {
		load_weights_free(&w);
		return -1;
	}
	*weights = w;
	return 0;
}

void load_weights_free(struct weights *weights)
{
	free(weights->norms);
	free(weights->layers);
	free(weights->experts);
	*weights = (struct weights){ 0 };
}
