/*
 * loaded_model.h - everything that belongs to one loaded model
 *
 * Two threads hold parts of it.  The engine's thread owns the model, its
 * session and the sampler.  The front end may look at the facts and use the
 * tokenizer, which never change.  When another model takes its place, the
 * engine's part goes at once (loaded_model_retire()) and the rest when the
 * front end has been told.
 */
#ifndef CONFAB_LOADED_MODEL_H
#define CONFAB_LOADED_MODEL_H

#include <stdbool.h>

#include "engine/engine.h"

struct checkpoint;
struct error;
struct model;
struct sampler;
struct session;

struct loaded_model {
	struct engine_model facts;
	struct checkpoint *checkpoint;
	struct tokenizer *tokenizer;
	struct model *model;
	struct session *session;
	struct sampler *sampler;
	bool exact;
	double load_seconds;
};

/* Maps and checks everything.  On failure *bad_file tells whether the files
 * are at fault (or the machine and the options).  progress: as quantized_copy.h
 * has it; after it returned false, the failure has no text. */
struct loaded_model *loaded_model_open(
	const struct engine_load *load,
	bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
	bool *bad_file, struct error *err);

/* Frees what only the engine's thread uses. */
void loaded_model_retire(struct loaded_model *loaded);

void loaded_model_free(struct loaded_model *loaded); /* NULL is fine */

#endif
