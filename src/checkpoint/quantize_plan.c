#include "checkpoint/quantize_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "math/packed.h"

static struct quantize_item *add(struct quantize_plan *plan, size_t *capacity)
{
	struct quantize_item *item;

	plan->items =
		mem_grow(plan->items, plan->n, capacity, sizeof *plan->items);
	item = &plan->items[plan->n++];
	memset(item, 0, sizeof *item);
	item->place.expert = -1;
	item->n_parts = 1;
	return item;
}

/* A GGUF's tensors, as they are. */
static int add_gguf(struct quantize_plan *plan, const struct gguf *gguf,
                    struct error *err)
{
	size_t capacity = 0;

	for (size_t i = 0; i < gguf_n_tensors(gguf); i++) {
		const char *name = gguf_tensor_name(gguf, i);
		struct quantize_item *item = add(plan, &capacity);

		item->source = gguf_tensor(gguf, i);
		item->file = gguf_file(gguf, gguf_tensor_file(gguf, i))->path;
		if (strlen(name) >= sizeof item->name)
			return error_set(err,
			                 "%s: tensor %s: a name of %zu "
			                 "bytes",
			                 item->file, name, strlen(name));
		strcpy(item->name, name);
	}
	return 0;
}

/* Where a name stands in the file: the embedding, the layers as the model runs
 * through them, the last norm, the output matrix. */
static int compare_places(const void *a, const void *b)
{
	const struct gguf_names_place *x, *y;
	int x_layer, y_layer;

	x = &((const struct quantize_item *)a)->place;
	y = &((const struct quantize_item *)b)->place;
	x_layer = x->layer >= 0 ? x->layer : x->order ? 1 << 24 : -1;
	y_layer = y->layer >= 0 ? y->layer : y->order ? 1 << 24 : -1;
	if (x_layer != y_layer)
		return x_layer < y_layer ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->expert > y->expert) - (x->expert < y->expert);
}

/* Gathers the experts of a layer behind the first of them. */
static int stack_experts(struct quantize_plan *plan, struct error *err)
{
	struct quantize_item *first = NULL;

	for (size_t i = 0; i < plan->n; i++) {
		struct quantize_item *item = &plan->items[i];

		if (item->place.expert < 0)
			continue;
		if (!first || strcmp(first->name, item->name)) {
			first = item;
			first->n_parts = 0;
		}
		if (item->place.expert != first->n_parts)
			return error_set(err, "%s: %s: expert %d is missing",
			                 item->file, item->name,
			                 first->n_parts);
		if (item->source->n_dims != 2 ||
		    item->source->shape[0] != first->source->shape[0] ||
		    item->source->shape[1] != first->source->shape[1])
			return error_set(err,
			                 "%s: %s: expert %d is not shaped "
			                 "like the first",
			                 item->file, item->name,
			                 item->place.expert);
		if (item != first)
			item->n_parts = 0;
		first->n_parts++;
	}
	return 0;
}

/* Frequencies that old files carry and that are computed from the config. */
static bool is_computed(const char *name)
{
	size_t len = strlen(name), end = strlen("rotary_emb.inv_freq");

	return len > end && !strcmp(name + len - end, "rotary_emb.inv_freq");
}

/* A Hugging Face directory's tensors.  Where the head is tied to the embedding a
 * copy of it is left out. */
static int add_hf(struct quantize_plan *plan, const struct checkpoint *cp,
                  bool tied, struct error *err)
{
	size_t capacity = 0;

	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++) {
		const char *name = checkpoint_tensor_name(cp, i);
		struct quantize_item *item;

		if (is_computed(name) ||
		    (tied && !strcmp(name, "lm_head.weight")))
			continue;
		item = add(plan, &capacity);
		item->source = checkpoint_tensor_at(cp, i);
		item->file = checkpoint_tensor_file(cp, i);
		if (!gguf_names_from_hf(name, item->name, &item->place))
			return error_set(err,
			                 "%s: tensor %s: has no name in "
			                 "GGUF",
			                 item->file, name);
	}
	if (plan->n)
		qsort(plan->items, plan->n, sizeof *plan->items,
		      compare_places);
	return stack_experts(plan, err);
}

static int config_int(const struct checkpoint *cp, const char *key, int absent)
{
	int64_t value;

	if (!json_integer(json_get(checkpoint_config(cp), key), &value) ||
	    value < 1 || value > 1 << 20)
		return absent;
	return (int)value;
}

int quantize_plan_make(struct quantize_plan *plan, const struct checkpoint *cp,
                       const struct quantize_mix *mix, struct error *err)
{
	const struct gguf *gguf = checkpoint_gguf(cp);
	int heads = config_int(cp, "num_attention_heads", 1);
	struct quantize_mix_model model = {
		.layers = config_int(cp, "num_hidden_layers", 1),
		.heads_per_kv_head =
			heads / config_int(cp, "num_key_value_heads", heads),
		.tied = json_is_true(
			json_get(checkpoint_config(cp), "tie_word_embeddings")),
	};

	*plan = (struct quantize_plan){ 0 };
	if (gguf ? add_gguf(plan, gguf, err)
	         : add_hf(plan, cp, model.tied, err)) {
		quantize_plan_free(plan);
		return -1;
	}
	for (size_t i = 0; i < plan->n; i++) {
		struct quantize_item *item = &plan->items[i];

		if (packed_is(item->source->dtype)) {
			error_set(err,
			          "%s: tensor %s: its type %s is for one "
			          "program's cache: better quantize what that "
			          "was made of",
			          item->file, item->name,
			          dtype_info(item->source->dtype)->name);
			quantize_plan_free(plan);
			return -1;
		}
		item->dtype = quantize_mix_dtype(mix, &model, item->name,
		                                 item->source->n_dims,
		                                 tensor_cols(item->source),
		                                 &item->fallback);
	}
	return 0;
}

void quantize_plan_pack(struct quantize_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct quantize_item *item = &plan->items[i];
		const struct tensor *t = item->source;
		enum dtype packed = packed_of(item->dtype);

		if (t->n_dims > 1 &&
		    packed_fits(packed, t->shape[t->n_dims - 2],
		                tensor_cols(t)))
			item->dtype = packed;
	}
}

void quantize_plan_free(struct quantize_plan *plan)
{
	free(plan->items);
	*plan = (struct quantize_plan){ 0 };
}

int quantize_plan_shape(const struct quantize_plan *plan, size_t i,
                        int64_t shape[TENSOR_MAX_DIMS])
{
	const struct quantize_item *item = &plan->items[i];
	int n = 0;

	if (item->place.expert >= 0)
		shape[n++] = item->n_parts;
	for (int d = 0; d < item->source->n_dims; d++)
		shape[n++] = item->source->shape[d];
	return n;
}
