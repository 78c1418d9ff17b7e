/*
 * quantize_mix.h - which tensor gets which type
 *
 * A file's type names the type of most of its weights.  Some tensors matter more
 * than their size: the rows that become logits, the value projection (small,
 * and shared by a group of query heads), the last matrix of the feed-forward
 * network.  The usual files give these more bits, and so do these, so that sizes
 * and quality can be compared:
 *
 *	type	most	attn_v			ffn_down		attn_output
 *	q2_k	q2_k	q3_k, or q4_k (1)	q3_k			q3_k
 *	q3_k_s	q3_k
 *	q3_k_m	q3_k	first 2 q5_k, else q4_k	first 1/16 q5_k,	q4_k
 *						else q4_k
 *	q4_k_s	q4_k	first 4 q5_k		first 1/8 q5_k
 *	q4_k_m	q4_k	half of them q6_k (2)	half of them q6_k (2)
 *	q4_k_pure	q4_k
 *	q5_k_s	q5_k
 *	q5_k_m	q5_k	half of them q6_k (2)	half of them q6_k (2)
 *	q6_k	q6_k
 *	iq4_nl	iq4_nl	q5_k (1)		first 1/8 q5_k
 *	iq4_xs	iq4_xs	q5_k (1)		first 1/8 q5_k
 *
 * (1) where 4 or more query heads share a key head.
 * (2) the layers of the first and the last eighth, and every third between.
 *
 * The tensor that makes the logits (output, or token_embd where they are tied) is
 * q6_k in all of these but q4_k_pure, where it is like the rest, and in q4_0, q4_1,
 * q5_0 and q5_1; in q8_0 it is q8_0, in f32, f16 and bf16 like the rest.  Norms and the router of a mixture of experts
 * are always f32.
 *
 * Rows must be whole blocks.  Where 256 does not divide a row, q2_k and q3_k
 * become q4_0, q4_k becomes q5_0, q5_k q5_1, q6_k q8_0 and iq4_xs iq4_nl; where
 * 32 does not divide it either, f16.
 *
 * q3_k, q4_k and q5_k are other names for q3_k_m, q4_k_m and q5_k_m.
 */
#ifndef CONFAB_QUANTIZE_MIX_H
#define CONFAB_QUANTIZE_MIX_H

#include <stdbool.h>
#include <stdint.h>

#include "math/tensor.h"

struct quantize_mix; /* one line of the table, constant */

/* By name, upper or lower case; NULL when there is none. */
const struct quantize_mix *quantize_mix_find(const char *name);

/* Name and what general.file_type says of it. */
const char *quantize_mix_name(const struct quantize_mix *mix);
uint32_t quantize_mix_file_type(const struct quantize_mix *mix);

/* "f32, f16, bf16, ...", for messages. */
const char *quantize_mix_names(void);

/* What the choice depends on beside the tensor. */
struct quantize_mix_model {
	int layers;
	int heads_per_kv_head;
	bool tied; /* token_embd makes the logits too */
};

/* The type of a tensor by its GGUF name and the length of its rows.  *fallback
 * tells whether another was wanted that does not divide them. */
enum dtype quantize_mix_dtype(const struct quantize_mix *mix,
                              const struct quantize_mix_model *model,
                              const char *name, int n_dims, int64_t cols,
                              bool *fallback);

#endif
