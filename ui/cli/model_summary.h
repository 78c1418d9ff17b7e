/*
 * model_summary.h - a checkpoint in four figures
 */
#ifndef CONFAB_MODEL_SUMMARY_H
#define CONFAB_MODEL_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "math/tensor.h"

struct checkpoint;

struct model_summary {
	const char *type;    /* number type of the most weights: "bf16" */
	uint64_t parameters; /* all tensors; a tied head is counted once */
	int64_t context;     /* max_position_embeddings, 0: not said */
	const char
		*model_type; /* "qwen3", borrowed from the checkpoint; or "" */
};

struct model_summary model_summary_of(const struct checkpoint *cp);

/* "20.7M", "8.04B"; "512", "1.4 GiB". */
void model_summary_count(char out[16], uint64_t count);
void model_summary_bytes(char out[16], uint64_t bytes);

/* A number type by its name. */
bool model_summary_dtype(const char *name, enum dtype *out);

#endif
