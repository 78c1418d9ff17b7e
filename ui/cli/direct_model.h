/*
 * direct_model.h - a model without the engine's thread, for score and bench
 *
 * They read the model the way the engine does, but one after the other, and
 * want what no chat asks for: the logits of every position, or the time of
 * nothing but the forward pass.
 */
#ifndef CONFAB_DIRECT_MODEL_H
#define CONFAB_DIRECT_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "math/tensor.h"

struct checkpoint;
struct error;
struct model;
struct options;
struct tokenizer;

struct direct_model {
	struct checkpoint *checkpoint;
	struct model *model;
	struct tokenizer *tokenizer; /* NULL where the checkpoint has none */
	int n_ids;      /* ids with a token, <= the model's vocab_size */
	size_t context; /* tokens: -c, or what the model was made for */
};

/* Opens the model that the options name.  Status as struct command's run(). */
int direct_model_open(struct direct_model *m, const struct options *o,
                      bool exact, struct error *err);
void direct_model_close(struct direct_model *m); /* a zeroed one is fine */

#endif
