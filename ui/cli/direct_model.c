#include "ui/cli/direct_model.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/paths.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantized_copy.h"
#include "engine/model_files.h"
#include "model/model.h"
#include "text/tokenizer.h"
#include "ui/cli/options.h"
#include "ui/cli/progress.h"
#include "ui/cli/signals.h"

/* A checkpoint without a tokenizer still has ids. */
static int load_tokenizer(struct direct_model *m, struct error *err)
{
	char *cache_dir;

	m->n_ids = model_config(m->model)->vocab_size;
	if (!model_files_have_tokenizer(m->checkpoint, NULL))
		return 0;
	cache_dir = paths_user(PATHS_CACHE, NULL);
	m->tokenizer = tokenizer_load(m->checkpoint, cache_dir, err);
	free(cache_dir);
	if (!m->tokenizer ||
	    model_files_fit(m->checkpoint, m->tokenizer, m->n_ids, err))
		return -1;
	m->n_ids = tokenizer_n_ids(m->tokenizer);
	return 0;
}

/* Goes on until a signal asks to stop; then no unfinished copy is left. */
static bool show_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	progress_show(progress_stage(ENGINE_STAGE_QUANTIZE), done, total);
	return !signals_wait(-1, 0);
}

/* Takes the copy of another type instead.  A status. */
static int quantize_once(struct direct_model *m, const struct options *o,
                         struct error *err)
{
	char *cache_dir = paths_user(PATHS_CACHE, NULL);
	const struct quantized_copy how = { .type = o->quant,
		                            .cache_dir = cache_dir,
		                            .threads = o->threads,
		                            .check = model_files_check,
		                            .progress = show_progress };
	bool stopped, bad;

	m->checkpoint =
		quantized_copy_of(m->checkpoint, &how, &stopped, &bad, err);
	progress_clear();
	free(cache_dir);
	if (m->checkpoint)
		return EXIT_OK;
	if (stopped)
		return 128 + signals_wait(-1, 0);
	return bad ? EXIT_BAD_FILE : EXIT_FAILED;
}

static int load_weights(struct direct_model *m, const struct options *o,
                        bool exact, struct error *err)
{
	struct model_options options = { .threads = o->threads,
		                         .exact = exact };

	m->model = model_load(m->checkpoint, &options, err);
	if (!m->model)
		return -1;
	return load_tokenizer(m, err);
}

static int load(struct direct_model *m, const struct options *o, bool exact,
                struct error *err)
{
	char *path = options_model_path(o, err);
	int status;

	if (path)
		m->checkpoint = checkpoint_open(path, err);
	free(path);
	if (!m->checkpoint)
		return EXIT_BAD_FILE;
	if (o->quant) {
		signals_note();
		status = quantize_once(m, o, err);
		signals_end();
		if (status != EXIT_OK)
			return status;
	}
	return load_weights(m, o, exact, err) ? EXIT_BAD_FILE : EXIT_OK;
}

static int choose_context(struct direct_model *m, size_t asked,
                          struct error *err)
{
	size_t most = model_config_max_context(model_config(m->model));

	m->context = asked ? asked : most;
	if (m->context <= most)
		return 0;
	return error_set(err,
	                 "--context: %zu tokens, but the model was made for "
	                 "%zu",
	                 asked, most);
}

int direct_model_open(struct direct_model *m, const struct options *o,
                      bool exact, struct error *err)
{
	int status;

	*m = (struct direct_model){ 0 };
	status = load(m, o, exact, err);
	if (status != EXIT_OK) {
		direct_model_close(m);
		return status;
	}
	return choose_context(m, o->context, err) ? EXIT_FAILED : EXIT_OK;
}

void direct_model_close(struct direct_model *m)
{
	tokenizer_free(m->tokenizer);
	model_free(m->model);
	checkpoint_free(m->checkpoint);
	*m = (struct direct_model){ 0 };
}
