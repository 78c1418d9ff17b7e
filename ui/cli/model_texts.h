/*
 * model_texts.h - tokenizers by the name of the model that a message has
 *
 * A conversation may have been written by several models.  Their tokenizers
 * are looked for when they are first asked for: the model that is at hand, an
 * installed one of that name, and at last the one that -m names.
 */
#ifndef CONFAB_MODEL_TEXTS_H
#define CONFAB_MODEL_TEXTS_H

#include <stddef.h>

#include "library/export.h"
#include "ui/cli/text_model.h"

struct options;

struct model_text {
	char *name;
	const struct tokenizer *tokenizer; /* NULL: it is not to be had */
	struct text_model opened;          /* where it is ours */
};

struct model_texts {
	const struct options *options;
	struct model_text *models; /* [n] */
	size_t n, capacity;
};

void model_texts_init(struct model_texts *t, const struct options *o);
void model_texts_free(struct model_texts *t);

/* The model at hand, whose tokenizer is there already; borrowed. */
void model_texts_add(struct model_texts *t, const char *name,
                     const struct tokenizer *tokenizer);

/* For export_conversation(); valid as long as t. */
struct export_tokens model_texts_tokens(struct model_texts *t);

/* The name of a model whose tokenizer was asked for in vain, or NULL. */
const char *model_texts_missing(const struct model_texts *t);

#endif
