#include "engine/model_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/paths.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "engine/generation_config.h"
#include "model/model.h"
#include "text/tokenizer.h"

bool model_files_have_tokenizer(const struct checkpoint *cp, struct error *err)
{
	const struct gguf *gguf = checkpoint_gguf(cp);
	struct gguf_string model;

	if (checkpoint_tokenizer_path(cp))
		return true;
	if (!gguf)
		error_set(err, "%s: no tokenizer.json", checkpoint_path(cp));
	else if (gguf_string(gguf, "tokenizer.ggml.model", &model) &&
	         (model.len != 4 || memcmp(model.bytes, "none", 4)))
		return true;
	else
		error_set(err, "%s: no tokenizer: tokenizer.ggml.model is none",
		          checkpoint_path(cp));
	return false;
}

int model_files_fit(const struct checkpoint *cp, const struct tokenizer *t,
                    int vocab_size, struct error *err)
{
	int ids = tokenizer_n_ids(t);

	if (ids > vocab_size)
		return error_set(err,
		                 "%s: %d ids in the tokenizer, but the model's "
		                 "vocab_size is %d",
		                 checkpoint_path(cp), ids, vocab_size);
	if (ids < 1)
		return error_set(err, "%s: the tokenizer has no ids",
		                 checkpoint_path(cp));
	return 0;
}

int model_files_sampling(const struct checkpoint *cp,
                         struct sampler_settings *settings, struct error *err)
{
	char *path = checkpoint_gguf(cp) ? mem_strdup(checkpoint_path(cp))
	                                 : paths_join(checkpoint_path(cp),
	                                              "generation_config.json");
	int result =
		generation_config_sampling(checkpoint_generation_config(cp),
	                                   path, checkpoint_chat_template(cp),
	                                   settings, err);

	free(path);
	return result;
}

static int check_tokenizer(const struct checkpoint *cp, int vocab_size,
                           struct error *err)
{
	struct tokenizer *t;
	int result;

	if (!model_files_have_tokenizer(cp, NULL))
		return 0;
	t = tokenizer_load(cp, NULL, err);
	result = t ? model_files_fit(cp, t, vocab_size, err) : -1;
	tokenizer_free(t);
	return result;
}

int model_files_check(const struct checkpoint *cp, struct error *err)
{
	const struct model_options least = { .threads = 1, .max_batch = 1 };
	struct sampler_settings sampling;
	struct model *model;
	int result;

	if (model_files_sampling(cp, &sampling, err))
		return -1;
	model = model_load(cp, &least, err);
	if (!model)
		return -1;
	result = check_tokenizer(cp, model_config(model)->vocab_size, err);
	model_free(model);
	return result;
}
