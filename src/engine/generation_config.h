/*
 * generation_config.h - how a model wants to be sampled, and where it stops
 *
 * From generation_config.json, as transformers reads it:
 *	do_sample false		temperature 0
 *	do_sample true		keys that are missing: temperature 1, top_k 50,
 *				top_p 1, min_p 0, repetition_penalty 1
 * A file that says nothing of do_sample (transformers would be greedy) and a
 * model without the file (a GGUF, a bare checkpoint) get what Qwen3's authors
 * recommend for the keys that are missing: temperature 0.7, top_p 0.8, top_k
 * 20, and 0.6, 0.95, 20 where the chat template makes the model think.
 *
 * Stop ids are eos_token_id there, else in config.json, else the tokens
 * <|im_end|> and <|endoftext|> where there are such.
 */
#ifndef CONFAB_GENERATION_CONFIG_H
#define CONFAB_GENERATION_CONFIG_H

#include <stddef.h>

#include "engine/sampler.h"

struct checkpoint;
struct error;
struct ids;
struct json;
struct tokenizer;

/* config: the object, or NULL; path is named in errors, as are key and value
 * of a setting out of range.  chat_template may be NULL. */
int generation_config_sampling(const struct json *config, const char *path,
                               const char *chat_template,
                               struct sampler_settings *settings,
                               struct error *err);

/* Appends the stop ids; what is no id of the tokenizer is passed over. */
void generation_config_stops(const struct json *generation_config,
                             const struct json *model_config,
                             const struct tokenizer *tokenizer,
                             struct ids *stops);

#endif
