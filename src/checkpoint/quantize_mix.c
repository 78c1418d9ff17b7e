#include "checkpoint/quantize_mix.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The layers in which a rule holds. */
enum where {
	NOWHERE, /* there is no rule: the tensor is like most */
	EVERYWHERE,
	FIRST_TWO,
	FIRST_FOUR,
	FIRST_SIXTEENTH,
	FIRST_EIGHTH,
	HALF,   /* about: see (2) in the header */
	GROUPED /* all layers of a model whose key heads serve 4 or more */
};

struct rule {
	enum where where;
	enum dtype there, elsewhere;
};

struct quantize_mix {
	const char *name;
	uint32_t file_type; /* as ggml numbers them */
	enum dtype most, logits;
	struct rule v, down, output;
};

/* clang-format off */
#define MIX(type, number, most_, logits_, ...) \
	{ .name = type, .file_type = number, .most = DTYPE_##most_, \
	  .logits = DTYPE_##logits_, __VA_ARGS__ }
#define RULE(where_, there_, elsewhere_) \
	{ .where = where_, .there = DTYPE_##there_, \
	  .elsewhere = DTYPE_##elsewhere_ }

static const struct quantize_mix mixes[] = {
	MIX("f32", 0, F32, F32),
	MIX("f16", 1, F16, F16),
	MIX("bf16", 32, BF16, BF16),
	MIX("q8_0", 7, Q8_0, Q8_0),
	MIX("q4_0", 2, Q4_0, Q6_K),
	MIX("q4_1", 3, Q4_1, Q6_K),
	MIX("q5_0", 8, Q5_0, Q6_K),
	MIX("q5_1", 9, Q5_1, Q6_K),
	MIX("q2_k", 10, Q2_K, Q6_K,
	    .v = RULE(GROUPED, Q4_K, Q3_K),
	    .down = RULE(EVERYWHERE, Q3_K, Q3_K),
	    .output = RULE(EVERYWHERE, Q3_K, Q3_K)),
	MIX("q3_k_s", 11, Q3_K, Q6_K),
	MIX("q3_k_m", 12, Q3_K, Q6_K,
	    .v = RULE(FIRST_TWO, Q5_K, Q4_K),
	    .down = RULE(FIRST_SIXTEENTH, Q5_K, Q4_K),
	    .output = RULE(EVERYWHERE, Q4_K, Q4_K)),
	MIX("q4_k_s", 14, Q4_K, Q6_K,
	    .v = RULE(FIRST_FOUR, Q5_K, Q4_K),
	    .down = RULE(FIRST_EIGHTH, Q5_K, Q4_K)),
	MIX("q4_k_pure", 14, Q4_K, Q4_K),
	MIX("q4_k_m", 15, Q4_K, Q6_K,
	    .v = RULE(HALF, Q6_K, Q4_K),
	    .down = RULE(HALF, Q6_K, Q4_K)),
	MIX("q5_k_s", 16, Q5_K, Q6_K),
	MIX("q5_k_m", 17, Q5_K, Q6_K,
	    .v = RULE(HALF, Q6_K, Q5_K),
	    .down = RULE(HALF, Q6_K, Q5_K)),
	MIX("q6_k", 18, Q6_K, Q6_K),
	MIX("iq4_nl", 25, IQ4_NL, Q6_K,
	    .v = RULE(GROUPED, Q5_K, IQ4_NL),
	    .down = RULE(FIRST_EIGHTH, Q5_K, IQ4_NL)),
	MIX("iq4_xs", 30, IQ4_XS, Q6_K,
	    .v = RULE(GROUPED, Q5_K, IQ4_XS),
	    .down = RULE(FIRST_EIGHTH, Q5_K, IQ4_XS)),
};
/* clang-format on */

#define N_MIXES (sizeof mixes / sizeof mixes[0])

const struct quantize_mix *quantize_mix_find(const char *name)
{
	static const char *const aliases[][2] = {
		{ "q3_k", "q3_k_m" },
		{ "q4_k", "q4_k_m" },
		{ "q5_k", "q5_k_m" },
	};

	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (!strcasecmp(name, aliases[i][0]))
			name = aliases[i][1];
	for (size_t i = 0; i < N_MIXES; i++)
		if (!strcasecmp(name, mixes[i].name))
			return &mixes[i];
	return NULL;
}

const char *quantize_mix_name(const struct quantize_mix *mix)
{
	return mix->name;
}

uint32_t quantize_mix_file_type(const struct quantize_mix *mix)
{
	return mix->file_type;
}

const char *quantize_mix_names(void)
{
	return "f32, f16, bf16, q8_0, q6_k, q5_k_m, q5_k_s, q5_1, q5_0, "
	       "q4_k_m, q4_k_s, q4_k_pure, q4_1, q4_0, iq4_nl, iq4_xs, "
	       "q3_k_m, q3_k_s, q2_k";
}

static bool holds(enum where where, const struct quantize_mix_model *model,
                  int layer)
{
	int n = model->layers;

	switch (where) {
	case NOWHERE:
		return false;
	case EVERYWHERE:
		return true;
	case FIRST_TWO:
		return layer < 2;
	case FIRST_FOUR:
		return layer < 4;
	case FIRST_SIXTEENTH:
		return layer < n / 16;
	case FIRST_EIGHTH:
		return layer < n / 8;
	case HALF:
		return layer < n / 8 || layer >= 7 * n / 8 ||
		       (layer - n / 8) % 3 == 2;
	case GROUPED:
		return model->heads_per_kv_head >= 4;
	}
	return false;
}

/* What the type would be if rows had any length. */
static enum dtype wanted(const struct quantize_mix *mix,
                         const struct quantize_mix_model *model,
                         const char *name)
{
	const struct rule *rule = NULL;
	int layer, used = 0;

	if (!strcmp(name, "output.weight") ||
	    (model->tied && !strcmp(name, "token_embd.weight")))
		return mix->logits;
	if (sscanf(name, "blk.%d.%n", &layer, &used) != 1 || used == 0)
		return mix->most;
	name += used;
	if (!strcmp(name, "attn_v.weight"))
		rule = &mix->v;
	else if (!strcmp(name, "attn_output.weight"))
		rule = &mix->output;
	else if (!strncmp(name, "ffn_down", 8))
		rule = &mix->down;
	if (!rule || rule->where == NOWHERE)
		return mix->most;
	return holds(rule->where, model, layer) ? rule->there : rule->elsewhere;
}

/* The type to take instead where 256 does not divide a row. */
static enum dtype smaller_blocks(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_Q2_K:
	case DTYPE_Q3_K:
		return DTYPE_Q4_0;
	case DTYPE_Q4_K:
		return DTYPE_Q5_0;
	case DTYPE_Q5_K:
		return DTYPE_Q5_1;
	case DTYPE_Q6_K:
		return DTYPE_Q8_0;
	case DTYPE_IQ4_XS:
		return DTYPE_IQ4_NL;
	default:
		return dtype;
	}
}

enum dtype quantize_mix_dtype(const struct quantize_mix *mix,
                              const struct quantize_mix_model *model,
                              const char *name, int n_dims, int64_t cols,
                              bool *fallback)
{
	enum dtype dtype;

	*fallback = false;
	if (n_dims < 2 || strstr(name, "_norm.") || strstr(name, "_inp."))
		return DTYPE_F32;
	dtype = wanted(mix, model, name);
	if (cols % dtype_info(dtype)->block == 0)
		return dtype;
	*fallback = true;
	dtype = smaller_blocks(dtype);
	return cols % dtype_info(dtype)->block ? DTYPE_F16 : dtype;
}
