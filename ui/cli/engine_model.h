/*
 * engine_model.h - an engine is asked for a model, as the options have it
 */
#ifndef CONFAB_CLI_ENGINE_MODEL_H
#define CONFAB_CLI_ENGINE_MODEL_H

#include <stddef.h>
#include <stdint.h>

struct engine;
struct options;

/* What is told of a template that nobody knows. */
#define ENGINE_MODEL_UNKNOWN "unknown chat template, read as ChatML"

/* The request's number.  path is copied; context: tokens, 0: the model's. */
uint64_t engine_model_load(struct engine *engine, const struct options *o,
                           const char *path, size_t context);

#endif
