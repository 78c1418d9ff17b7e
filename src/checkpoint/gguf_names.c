#include "checkpoint/gguf_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HF_LAYER   "model.layers."
#define HF_EXPERTS "mlp.experts."
#define GGUF_LAYER "blk."

struct pair {
	const char *hf, *gguf;
};

/* Outside the layers; the layers' tensors come between the first and the rest. */
static const struct pair whole[] = {
	{ "model.embed_tokens.weight", "token_embd.weight" },
	{ "model.norm.weight", "output_norm.weight" },
	{ "lm_head.weight", "output.weight" },
};

static const struct pair layered[] = {
	{ "input_layernorm.weight", "attn_norm.weight" },
	{ "self_attn.q_proj.weight", "attn_q.weight" },
	{ "self_attn.k_proj.weight", "attn_k.weight" },
	{ "self_attn.v_proj.weight", "attn_v.weight" },
	{ "self_attn.q_norm.weight", "attn_q_norm.weight" },
	{ "self_attn.k_norm.weight", "attn_k_norm.weight" },
	{ "self_attn.o_proj.weight", "attn_output.weight" },
	{ "post_attention_layernorm.weight", "ffn_norm.weight" },
	{ "mlp.gate.weight", "ffn_gate_inp.weight" },
	{ "mlp.gate_proj.weight", "ffn_gate.weight" },
	{ "mlp.up_proj.weight", "ffn_up.weight" },
	{ "mlp.down_proj.weight", "ffn_down.weight" },
};

static const struct pair experts[] = {
	{ "gate_proj.weight", "ffn_gate_exps.weight" },
	{ "up_proj.weight", "ffn_up_exps.weight" },
	{ "down_proj.weight", "ffn_down_exps.weight" },
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Reads "123." as a canonical number of at most six digits; NULL otherwise. */
static const char *read_number(const char *s, int *number)
{
	size_t digits = strspn(s, "0123456789");

	if (digits == 0 || digits > 6 || s[digits] != '.' ||
	    (s[0] == '0' && digits > 1))
		return NULL;
	*number = atoi(s);
	return s + digits + 1;
}

static const char *skip(const char *s, const char *beginning)
{
	size_t len = strlen(beginning);

	return strncmp(s, beginning, len) ? NULL : s + len;
}

static int find_hf(const struct pair *pairs, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(pairs[i].hf, name))
			return i;
	return -1;
}

static int find_gguf(const struct pair *pairs, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(pairs[i].gguf, name))
			return i;
	return -1;
}

/* A layer's tensor, after "model.layers.N."; place->layer is set. */
static const char *layer_name(const char *rest, struct gguf_names_place *place)
{
	const char *after = skip(rest, HF_EXPERTS);
	int i;

	if (after && (after = read_number(after, &place->expert))) {
		i = find_hf(experts, COUNT(experts), after);
		place->order = COUNT(layered) + i;
		return i < 0 ? NULL : experts[i].gguf;
	}
	i = find_hf(layered, COUNT(layered), rest);
	place->order = i;
	return i < 0 ? NULL : layered[i].gguf;
}

bool gguf_names_from_hf(const char *hf, char gguf[GGUF_NAMES_MAX],
                        struct gguf_names_place *place)
{
	struct gguf_names_place at = { -1, -1, -1 };
	const char *rest = skip(hf, HF_LAYER), *name;

	if (rest) {
		rest = read_number(rest, &at.layer);
		name = rest ? layer_name(rest, &at) : NULL;
		if (!name)
			return false;
		snprintf(gguf, GGUF_NAMES_MAX, GGUF_LAYER "%d.%s", at.layer,
		         name);
	} else {
		at.order = find_hf(whole, COUNT(whole), hf);
		if (at.order < 0)
			return false;
		snprintf(gguf, GGUF_NAMES_MAX, "%s", whole[at.order].gguf);
	}
	if (place)
		*place = at;
	return true;
}

bool gguf_names_to_hf(const char *gguf, int expert, char hf[GGUF_NAMES_MAX],
                      bool *stacked)
{
	const char *rest = skip(gguf, GGUF_LAYER);
	int layer, i;

	if (stacked)
		*stacked = false;
	if (!rest) {
		i = find_gguf(whole, COUNT(whole), gguf);
		if (i >= 0)
			snprintf(hf, GGUF_NAMES_MAX, "%s", whole[i].hf);
		return i >= 0;
	}
	rest = read_number(rest, &layer);
	if (!rest)
		return false;
	i = find_gguf(layered, COUNT(layered), rest);
	if (i >= 0) {
		snprintf(hf, GGUF_NAMES_MAX, HF_LAYER "%d.%s", layer,
		         layered[i].hf);
		return true;
	}
	i = find_gguf(experts, COUNT(experts), rest);
	if (i < 0)
		return false;
	snprintf(hf, GGUF_NAMES_MAX, HF_LAYER "%d." HF_EXPERTS "%d.%s", layer,
	         expert, experts[i].hf);
	if (stacked)
		*stacked = true;
	return true;
}
