/*
 * gguf_contents.h - a GGUF file, put into Hugging Face's words
 *
 * Metadata become the keys of config.json and generation_config.json:
 *
 *	ARCH.block_count			num_hidden_layers
 *	ARCH.embedding_length			hidden_size
 *	ARCH.feed_forward_length		intermediate_size
 *	ARCH.attention.head_count		num_attention_heads
 *	ARCH.attention.head_count_kv		num_key_value_heads
 *	ARCH.attention.key_length		head_dim
 *	ARCH.attention.layer_norm_rms_epsilon	rms_norm_eps
 *	ARCH.rope.freq_base			rope_theta
 *	ARCH.rope.scaling.*			rope_scaling
 *	ARCH.context_length			max_position_embeddings
 *	ARCH.expert_*				num_experts, ...
 *	rows of token_embd.weight		vocab_size
 *	no output.weight			tie_word_embeddings
 *	general.sampling.*			temperature, top_k, ...
 *	tokenizer.ggml.{eos,eot}_token_id	eos_token_id
 *
 * where ARCH is general.architecture, "qwen3" or "qwen3moe".  To the stop ids
 * come the control tokens <|im_end|> and <|endoftext|>, because converters keep
 * only one id of generation_config.json's list; where GGUF_STOPS (gguf_format.h)
 * has the list, that is all of it.
 *
 * Tensors become "model.layers.N.self_attn.q_proj.weight" and so on; the fused
 * experts of a layer ([n_experts, rows, cols]) become views of one expert each.
 * A name that is not known stays as it is.
 */
#ifndef CONFAB_GGUF_CONTENTS_H
#define CONFAB_GGUF_CONTENTS_H

struct contents;
struct error;

/* Fills contents, which is empty.  On failure it may be filled in part, and
 * contents_free() frees it as ever. */
int gguf_contents_read(struct contents *contents, const char *path,
                       struct error *err);

#endif
