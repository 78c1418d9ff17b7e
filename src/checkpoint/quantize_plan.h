/*
 * quantize_plan.h - the tensors of a GGUF to be written, and what they are made of
 */
#ifndef CONFAB_QUANTIZE_PLAN_H
#define CONFAB_QUANTIZE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "checkpoint/gguf_names.h"
#include "checkpoint/quantize_mix.h"
#include "math/tensor.h"

struct checkpoint;
struct error;

struct quantize_item {
	char name[GGUF_NAMES_MAX];
	struct gguf_names_place place;
	const struct tensor *source;
	const char *file; /* that holds the source, for messages */
	enum dtype dtype; /* of the result */
	bool fallback;    /* another was wanted */
	/* One for most.  The experts of a layer follow each other in the plan,
	 * make one tensor, and the first of them says how many they are; the
	 * others have 0. */
	int n_parts;
};

struct quantize_plan {
	struct quantize_item *items; /* [n], in the order of the new file */
	size_t n;
};

/* On failure there is nothing to free. */
int quantize_plan_make(struct quantize_plan *plan, const struct checkpoint *cp,
                       const struct quantize_mix *mix, struct error *err);
/* Gives every item whose shape allows it the packed form of its type. */
void quantize_plan_pack(struct quantize_plan *plan);
void quantize_plan_free(struct quantize_plan *plan);

/* The shape of the tensor that items[i] begins; returns its dimensions. */
int quantize_plan_shape(const struct quantize_plan *plan, size_t i,
                        int64_t shape[TENSOR_MAX_DIMS]);

#endif
