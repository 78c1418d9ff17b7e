/*
 * confab models: what -m can name on this machine; models rm NAME...: away with
 * copies that --quant made.
 */
#include "ui/cli/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "text/tokenizer_cache.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/model_summary.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"

static void json_member(struct strbuf *out, const char *key, const char *text)
{
	strbuf_printf(out, "\"%s\":", key);
	json_write_string(out, text, strlen(text));
	strbuf_add_char(out, ',');
}

/* cp is NULL where it cannot be opened, for the reason given. */
static void show_json(const struct installed_model *m,
                      const struct checkpoint *cp, const char *reason)
{
	struct strbuf out = STRBUF_INIT;
	struct model_summary s;

	strbuf_add_char(&out, '{');
	json_member(&out, "name", m->name);
	json_member(&out, "path", m->path);
	json_member(&out, "origin", m->origin);
	if (cp) {
		s = model_summary_of(cp);
		json_member(&out, "format", checkpoint_format(cp));
		json_member(&out, "model_type", s.model_type);
		json_member(&out, "type", s.type);
		strbuf_printf(&out,
		              "\"bytes\":%zu,\"parameters\":%llu,"
		              "\"context\":%lld}\n",
		              checkpoint_bytes(cp),
		              (unsigned long long)s.parameters,
		              (long long)s.context);
	} else {
		strbuf_add_str(&out, "\"error\":");
		json_write_string(&out, reason, strlen(reason));
		strbuf_add_str(&out, "}\n");
	}
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

static void put(const char *text)
{
	output_text(text, strlen(text));
	output_text_end();
}

static void show_text(const struct installed_model *m,
                      const struct checkpoint *cp, const char *reason)
{
	char size[16], parameters[16];
	struct model_summary s;

	put(m->name);
	output_str("\n    ");
	if (cp) {
		s = model_summary_of(cp);
		model_summary_bytes(size, checkpoint_bytes(cp));
		model_summary_count(parameters, s.parameters);
		put(s.model_type);
		output_printf(", %s, %s, %s parameters, context %lld\n", s.type,
		              size, parameters, (long long)s.context);
	} else {
		output_str("cannot be read: ");
		put(reason);
		output_str("\n");
	}
	output_printf("    %s: ", m->origin);
	put(m->path);
	output_str("\n");
}

static void show(const struct installed_model *m, bool json)
{
	struct error reason = { "" };
	struct checkpoint *cp = checkpoint_open(m->path, &reason);

	if (json)
		show_json(m, cp, reason.text);
	else
		show_text(m, cp, reason.text);
	checkpoint_free(cp);
}

static void show_all(const struct installed_models *list, bool json)
{
	for (size_t i = 0; i < list->n; i++)
		show(&list->models[i], json);
	if (!list->n && !json)
		output_str("no models found\n");
}

/* The copy of that name, or NULL with a reason. */
static const char *path_of_copy(const struct installed_models *list,
                                const char *name, struct error *err)
{
	const char *origin = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct installed_model *m = &list->models[i];

		if (strcmp(m->name, name))
			continue;
		if (!strcmp(m->origin, INSTALLED_MODELS_CACHE))
			return m->path;
		origin = m->origin;
	}
	if (origin)
		error_set(err,
		          "models rm: %s: not a copy that --quant made, but "
		          "of origin %s",
		          name, origin);
	else
		error_set(err, "models rm: %s: no such model", name);
	return NULL;
}

static int remove_copy(const char *path, struct error *err)
{
	if (!unlink(path) || errno == ENOENT)
		return 0; /* named twice, or gone meanwhile */
	return error_set(err, "%s: %s", path, strerror(errno));
}

/* What was compiled of their tokenizers serves no one now. */
static void remove_tokenizers(void)
{
	char *cache_dir = paths_user(PATHS_CACHE, NULL);

	if (cache_dir)
		tokenizer_cache_sweep(cache_dir);
	free(cache_dir);
}

/* Nothing is removed unless all names are right. */
static int remove_copies(const struct installed_models *list,
                         const struct options *o, struct error *err)
{
	int failed = 0;

	for (size_t i = 1; i < o->n_args; i++) {
		if (!path_of_copy(list, o->args[i], err))
			return EXIT_FAILED;
	}
	for (size_t i = 1; i < o->n_args && !failed; i++)
		failed = remove_copy(path_of_copy(list, o->args[i], err), err);
	remove_tokenizers();
	return failed ? EXIT_FAILED : EXIT_OK;
}

int command_models(const struct options *o, struct error *err)
{
	struct installed_models list = { 0 };
	int status = EXIT_OK;

	if (o->n_args && (strcmp(o->args[0], "rm") || o->n_args < 2)) {
		error_set(err, "models: '%s' is not 'rm NAME...'", o->args[0]);
		return EXIT_USAGE;
	}
	installed_models_find(&list, options_setting(o, "model_path"));
	if (o->n_args)
		status = remove_copies(&list, o, err);
	else
		show_all(&list, o->json);
	installed_models_free(&list);
	return status;
}
