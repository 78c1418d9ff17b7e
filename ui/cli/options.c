#include "ui/cli/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/paths.h"
#include "math/kernels.h"
#include "ui/cli/command_line.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/option_table.h"

#define MIB ((size_t)1 << 20)

/* ---- settings ---- */

static int read_config(struct options *o, const char *named, struct error *err)
{
	char *path = paths_user(PATHS_CONFIG, "config");
	int result = 0;

	if (named)
		result = settings_read(o->settings, named, true, err);
	else if (path)
		result = settings_read(o->settings, path, false, err);
	free(path);
	return result;
}

static int apply_given(struct options *o, const struct command_line *line,
                       enum option_id id, struct error *err)
{
	for (size_t i = 0; i < line->n; i++) {
		const struct given_option *g = &line->given[i];
		char what[64] = "--";

		if (g->info->id != id)
			continue;
		if (id == OPTION_SET) {
			if (settings_assign(o->settings, g->value, err))
				return -1;
			continue;
		}
		strncat(what, g->info->name, sizeof what - 3);
		if (settings_set(o->settings, g->info->key, g->value, what,
		                 err))
			return -1;
	}
	return 0;
}

static bool get_float(const struct settings *s, const char *key, float *out)
{
	double value;

	if (!settings_number(s, key, &value))
		return false;
	*out = (float)value;
	return true;
}

static bool get_int(const struct settings *s, const char *key, int *out)
{
	uint64_t value;

	if (!settings_integer(s, key, &value))
		return false;
	*out = (int)value;
	return true;
}

static void fill_sampling(struct options *o)
{
	const struct settings *s = o->settings;
	struct sampler_settings *to = &o->sampling;

	o->has_temperature = get_float(s, "temperature", &to->temperature);
	o->has_top_k = get_int(s, "top_k", &to->top_k);
	o->has_top_p = get_float(s, "top_p", &to->top_p);
	o->has_min_p = get_float(s, "min_p", &to->min_p);
	o->has_presence_penalty =
		get_float(s, "presence_penalty", &to->presence_penalty);
	o->has_repeat_penalty =
		get_float(s, "repeat_penalty", &to->repeat_penalty);
	o->has_seed = settings_integer(s, "seed", &to->seed);
}

static void fill(struct options *o)
{
	const struct settings *s = o->settings;
	const char *think = settings_get(s, "think");
	uint64_t count;
	bool on;

	o->model = settings_get(s, "model");
	o->system = settings_get(s, "system");
	o->kv_type = settings_get(s, "kv_type");
	o->quant = settings_get(s, "quant");
	if (o->quant && !strcmp(o->quant, "off"))
		o->quant = NULL;
	get_int(s, "threads", &o->threads);
	if (settings_integer(s, "context", &count))
		o->context = count;
	if (settings_integer(s, "kv_memory", &count))
		o->kv_memory = count * MIB;
	if (settings_integer(s, "kv_disk", &count))
		o->kv_disk = count * MIB;
	if (settings_integer(s, "max_tokens", &count))
		o->max_tokens = count;
	settings_switch(s, "exact", &o->exact);
	if (settings_switch(s, "speculate", &on))
		o->no_speculation = !on;
	if (settings_switch(s, "save", &on))
		o->no_save = !on;
	if (settings_switch(s, "snapshots", &on))
		o->no_snapshots = !on;
	if (think)
		o->think = *think == 'o' && think[1] == 'n' ? CHAT_THINK_ON
		                                            : CHAT_THINK_OFF;
	fill_sampling(o);
}

static int read_settings(struct options *o, const struct command_line *line,
                         struct error *err)
{
	if (read_config(o, line->config, err) ||
	    settings_read_environment(o->settings, err) ||
	    apply_given(o, line, OPTION_SET, err) ||
	    apply_given(o, line, OPTION_SETTING, err))
		return -1;
	fill(o);
	return 0;
}

/* ---- what does not go together ---- */

static bool is_given(const struct command_line *line, const char *key)
{
	for (size_t i = 0; i < line->n; i++) {
		if (line->given[i].info->key &&
		    !strcmp(line->given[i].info->key, key))
			return true;
	}
	return false;
}

/* A system prompt of the configuration is for chats: without a template there
 * is no place for it, and only one that was asked for is missed. */
static int leave_out_system(struct options *o, const struct command_line *line,
                            struct error *err)
{
	if (o->raw && !o->command && is_given(line, "system"))
		return error_set(err, "--raw: there is no place for a system "
		                      "prompt without a template");
	if (o->raw)
		o->system = NULL;
	return 0;
}

static int check_together(const struct options *o, struct error *err)
{
	if (o->new_chat && o->resume)
		return error_set(err, "--new: not together with --resume");
	if (o->raw && o->resume)
		return error_set(err, "--raw: not together with --resume");
	return 0;
}

/* ---- all of it ---- */

static int parse(struct options *o, struct command_line *line,
                 const struct command *commands, int argc, char **argv,
                 struct error *err)
{
	if (command_line_read(line, o, commands, argc, argv, err))
		return -1;
	if (o->help || o->version)
		return 0;
	if (read_settings(o, line, err) || check_together(o, err) ||
	    leave_out_system(o, line, err))
		return -1;
	return kernels_check(err); /* the variable CONFAB_KERNELS */
}

int options_parse(struct options *o, const struct command *commands, int argc,
                  char **argv, struct error *err)
{
	struct command_line line = { 0 };
	int result;

	*o = (struct options){ .top = -1,
		               .bench_p = -1,
		               .bench_n = -1,
		               .bench_d = -1,
		               .bench_r = -1 };
	o->settings = settings_new();
	result = parse(o, &line, commands, argc, argv, err);
	command_line_free(&line);
	return result;
}

void options_free(struct options *o)
{
	settings_free(o->settings);
	free(o->args);
	free(o->prompts);
	*o = (struct options){ 0 };
}

/* ---- what the options come to ---- */

static uint64_t random_seed(void)
{
	uint64_t seed;

	/* Never blocks for 8 bytes once the system has started. */
	if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
		seed = (uint64_t)time(NULL);
	return seed;
}

struct sampler_settings options_sampling(const struct options *o,
                                         const struct sampler_settings *model)
{
	struct sampler_settings s = *model;

	if (o->has_temperature)
		s.temperature = o->sampling.temperature;
	if (o->has_top_k)
		s.top_k = o->sampling.top_k;
	if (o->has_top_p)
		s.top_p = o->sampling.top_p;
	if (o->has_min_p)
		s.min_p = o->sampling.min_p;
	if (o->has_presence_penalty)
		s.presence_penalty = o->sampling.presence_penalty;
	if (o->has_repeat_penalty)
		s.repeat_penalty = o->sampling.repeat_penalty;
	s.seed = o->has_seed ? o->sampling.seed : random_seed();
	return s;
}

const char *options_setting(const struct options *o, const char *key)
{
	return settings_get(o->settings, key);
}

static char *installed(const struct options *o, const char *name)
{
	struct installed_models list = { 0 };
	const char *path;
	char *found;

	installed_models_find(&list, options_setting(o, "model_path"));
	path = installed_models_path(&list, name);
	found = path ? mem_strdup(path) : NULL;
	installed_models_free(&list);
	return found;
}

char *options_find_model(const struct options *o, const char *name,
                         struct error *err)
{
	char *path;

	if (!name) {
		path = paths_bundled_model();
		if (!path)
			error_set(err, "no model: the bundled one is not "
			               "there; name one with -m");
		return path;
	}
	path = installed_models_expand(name);
	if (file_exists(path))
		return path;
	free(path);
	path = installed(o, name);
	if (!path)
		error_set(err,
		          "%s: no such file or directory, and no "
		          "installed model of that name",
		          name);
	return path;
}

char *options_model_path(const struct options *o, struct error *err)
{
	return options_find_model(o, o->model, err);
}
