/*
 * confab quantize: a checkpoint, written as a GGUF of another type.
 */
#include "ui/cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantize.h"
#include "checkpoint/quantize_mix.h"
#include "engine/model_files.h"
#include "ui/cli/model_summary.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/progress.h"
#include "ui/cli/signals.h"

/* Goes on until a signal asks to stop; then the half-written file is removed. */
static bool show_progress(void *arg, const char *tensor, uint64_t done,
                          uint64_t total)
{
	(void)tensor;
	progress_show(arg, done, total);
	return !signals_wait(-1, 0);
}

static double bits_a_weight(const struct quantize_report *report)
{
	return report->weights
	               ? 8.0 * (double)report->bytes / (double)report->weights
	               : 0;
}

static void show_json(const char *path, const char *type, double seconds,
                      const struct quantize_report *report)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_add_str(&out, "{\"path\":");
	json_write_string(&out, path, strlen(path));
	strbuf_printf(&out,
	              ",\"type\":\"%s\",\"tensors\":%zu,\"fallbacks\":%zu,"
	              "\"bytes\":%llu,\"parameters\":%llu,",
	              type, report->n_tensors, report->n_fallbacks,
	              (unsigned long long)report->bytes,
	              (unsigned long long)report->weights);
	strbuf_add_str(&out, "\"bits_per_weight\":");
	json_write_number(&out, bits_a_weight(report));
	strbuf_add_str(&out, ",\"seconds\":");
	json_write_number(&out, seconds);
	strbuf_add_str(&out, "}\n");
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

static void show_text(const char *path, const char *type, double seconds,
                      const struct quantize_report *report)
{
	char size[16];

	model_summary_bytes(size, report->bytes);
	output_text(path, strlen(path));
	output_text_end();
	output_printf(": %s, %s, %.2f bits a weight, %zu tensors, %.1f s\n",
	              type, size, bits_a_weight(report), report->n_tensors,
	              seconds);
	if (report->n_fallbacks)
		progress_note("%zu tensors have rows that are no multiple of "
		              "the type's blocks and got another type",
		              report->n_fallbacks);
}

static int write_file(const struct options *o, const struct checkpoint *cp,
                      struct threads *pool, struct error *err)
{
	const char *type = quantize_mix_name(quantize_mix_find(o->type));
	struct quantize_options options = { .type = type,
		                            .pool = pool,
		                            .progress = show_progress };
	struct quantize_report report;
	double start = clock_seconds();
	char what[64];
	int result;

	snprintf(what, sizeof what, "writing %s", type);
	options.arg = what;
	result = quantize(cp, o->args[1], &options, &report, err);
	progress_clear();
	if (result > 0)
		return 128 + signals_wait(-1, 0);
	if (result)
		return result == QUANTIZE_BAD_SOURCE ? EXIT_BAD_FILE
		                                     : EXIT_FAILED;
	(o->json ? show_json : show_text)(o->args[1], type,
	                                  clock_seconds() - start, &report);
	return EXIT_OK;
}

int command_quantize(const struct options *o, struct error *err)
{
	struct checkpoint *cp = NULL;
	struct threads *pool = NULL;
	int status = EXIT_FAILED;
	char *path;

	if (!o->type || !quantize_mix_find(o->type)) {
		if (o->type)
			error_set(err, "--type: '%s' is not one of %s", o->type,
			          quantize_mix_names());
		else
			error_set(err, "quantize: needs --type, one of %s",
			          quantize_mix_names());
		return EXIT_USAGE;
	}
	path = options_find_model(o, o->args[0], err);
	cp = path ? checkpoint_open(path, err) : NULL;
	if (!cp || model_files_check(cp, err)) {
		status = EXIT_BAD_FILE;
		goto out;
	}
	signals_note(); /* before there are threads, which inherit it */
	pool = threads_new(o->threads ? o->threads : threads_default_count(),
	                   err);
	if (pool)
		status = write_file(o, cp, pool, err);
out:
	threads_free(pool);
	checkpoint_free(cp);
	free(path);
	return status;
}
