/*
 * gguf_names.h - what Hugging Face and GGUF call the same tensor of a Qwen3
 *
 *	model.layers.7.self_attn.q_proj.weight	blk.7.attn_q.weight
 *	model.layers.7.mlp.down_proj.weight	blk.7.ffn_down.weight
 *	model.embed_tokens.weight		token_embd.weight
 *	model.norm.weight			output_norm.weight
 *	lm_head.weight				output.weight
 *
 * A mixture of experts has a tensor per expert in Hugging Face's files and one
 * with a third dimension, the expert, outermost, in GGUF:
 *
 *	model.layers.7.mlp.experts.3.up_proj.weight	blk.7.ffn_up_exps.weight
 */
#ifndef CONFAB_GGUF_NAMES_H
#define CONFAB_GGUF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define GGUF_NAMES_MAX 96 /* bytes of a name of either kind, with its 0 byte */

struct gguf_names_place {
	int layer;  /* -1 outside the layers */
	int order;  /* within the layer, or outside, as the model runs */
	int expert; /* -1: belongs to no expert */
};

/* The GGUF name for a Hugging Face name and where it stands; false where there
 * is none.  place may be NULL. */
bool gguf_names_from_hf(const char *hf, char gguf[GGUF_NAMES_MAX],
                        struct gguf_names_place *place);

/* And back; expert counts only for the tensors that hold all experts, which
 * *stacked (may be NULL) tells. */
bool gguf_names_to_hf(const char *gguf, int expert, char hf[GGUF_NAMES_MAX],
                      bool *stacked);

#endif
