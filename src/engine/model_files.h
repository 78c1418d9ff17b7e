/*
 * model_files.h - whether a checkpoint's files are a model that can be run
 *
 * Asked before a copy of another type is written, which takes minutes and would
 * be refused for the same reasons, or would have lost them.
 */
#ifndef CONFAB_MODEL_FILES_H
#define CONFAB_MODEL_FILES_H

#include <stdbool.h>

#include "engine/sampler.h"

struct checkpoint;
struct error;
struct tokenizer;

/* Everything that is looked at when the model is opened, without the tokenizer
 * where the files have none.  Reads headers, vocabulary and norms. */
int model_files_check(const struct checkpoint *cp, struct error *err);

/* The parts.  Where there is no tokenizer, which a conversation needs and
 * weights do not: false, with an error. */
bool model_files_have_tokenizer(const struct checkpoint *cp, struct error *err);
/* Fails where it has ids that the model does not, or none. */
int model_files_fit(const struct checkpoint *cp, const struct tokenizer *t,
                    int vocab_size, struct error *err);
/* generation_config_sampling(); an error names the file that has the value. */
int model_files_sampling(const struct checkpoint *cp,
                         struct sampler_settings *settings, struct error *err);

#endif
