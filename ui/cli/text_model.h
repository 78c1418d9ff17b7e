/*
 * text_model.h - the part of a model that turns text into ids
 *
 * tokenize and render need no weights, so none are looked for: a folder with
 * tokenizer.json (and, for the template, chat_template.jinja or
 * tokenizer_config.json) is enough.  A GGUF carries both in its metadata.
 */
#ifndef CONFAB_TEXT_MODEL_H
#define CONFAB_TEXT_MODEL_H

#include <stdbool.h>

#include "text/chat_template.h"

struct checkpoint;
struct error;
struct options;
struct tokenizer;

struct text_model {
	struct tokenizer *tokenizer;
	enum chat_family family;
	bool family_known; /* false: unknown template, read as ChatML */
	struct checkpoint *checkpoint; /* of a GGUF, or NULL */
};

/* Opens the model that the options name. */
int text_model_open(struct text_model *m, const struct options *o,
                    struct error *err);
/* Opens one by its path. */
int text_model_open_path(struct text_model *m, const char *path,
                         struct error *err);
void text_model_close(struct text_model *m);

#endif
