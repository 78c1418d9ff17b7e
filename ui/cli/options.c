#include "ui/cli/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "math/kernels.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/nearest.h"
#include "ui/cli/option_table.h"

#define MIB ((size_t)1 << 20)

/* One use of an option that waits until the weaker sources are read. */
struct given {
	const struct option_info *info;
	const char *value;
};

struct parser {
	struct options *o;
	const char *command; /* its name, or "chat" */
	char **argv;
	int argc, at;        /* argv[at] is the word being read */
	int command_word;    /* its index, or -1 */
	const char *config;  /* --config */
	struct given *given; /* [n], owned: settings and --set, in order */
	size_t n, capacity;
	size_t args_capacity, prompts_capacity;
};

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* ---- which command ---- */

/* The index of the first operand, or -1. */
static int first_operand(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return i + 1 < argc ? i + 1 : -1;
		if (!is_option(argv[i]))
			return i;
		if (option_eats_next(argv[i], argv[i + 1]))
			i++;
	}
	return -1;
}

static int unknown_command(const struct command *commands, const char *word,
                           struct error *err)
{
	const char *names[64], *other;
	size_t n = 0;

	while (n < 64 && commands[n].name) {
		names[n] = commands[n].name;
		n++;
	}
	other = nearest(word, names, n);
	if (other)
		return error_set(err, "%s: unknown command; did you mean '%s'?",
		                 word, other);
	return error_set(err, "%s: unknown command; see confab --help", word);
}

/* ---- words ---- */

static void keep(struct parser *p, const struct option_info *info,
                 const char *value)
{
	p->given = mem_grow(p->given, p->n, &p->capacity, sizeof *p->given);
	p->given[p->n++] = (struct given){ info, value };
}

static char **add_word(char **words, size_t *n, size_t *capacity,
                       const char *word)
{
	words = mem_grow(words, *n, capacity, sizeof *words);
	words[(*n)++] = (char *)word;
	return words;
}

static int count_of(const char *value)
{
	uint64_t count = 0;

	value_integer(value, &count); /* its range was checked */
	return (int)count;
}

/* Takes in one option; value is NULL where it has none. */
static void store(struct parser *p, const struct option_info *info,
                  const char *value)
{
	struct options *o = p->o;

	switch (info->id) {
	case OPTION_SETTING:
	case OPTION_SET:
		keep(p, info, value ? value : info->bare_value);
		break;
	case OPTION_PROMPT:
		o->prompts = add_word(o->prompts, &o->n_prompts,
		                      &p->prompts_capacity, value);
		break;
	case OPTION_RESUME:
		o->resume = true;
		o->resume_id = value;
		break;
	case OPTION_NEW:
		o->new_chat = true;
		break;
	case OPTION_JSON:
		o->json = true;
		break;
	case OPTION_RAW:
		o->raw = true;
		break;
	case OPTION_CONFIG:
		p->config = value;
		break;
	case OPTION_HELP:
		o->help = true;
		break;
	case OPTION_VERSION:
		o->version = true;
		break;
	case OPTION_PLAIN:
		o->plain = true;
		break;
	case OPTION_JSONL:
		o->jsonl = true;
		break;
	case OPTION_IDS:
		o->ids = true;
		break;
	case OPTION_TOP:
		o->top = count_of(value);
		break;
	case OPTION_LOGITS:
		o->logits = value;
		break;
	case OPTION_TYPE:
		o->type = value;
		break;
	case OPTION_FORMAT:
		o->format = value;
		break;
	case OPTION_OUTPUT:
		o->output = value;
		break;
	case OPTION_BENCH_P:
		o->bench_p = count_of(value);
		break;
	case OPTION_BENCH_N:
		o->bench_n = count_of(value);
		break;
	case OPTION_BENCH_D:
		o->bench_d = count_of(value);
		break;
	case OPTION_BENCH_R:
		o->bench_r = count_of(value);
		break;
	}
}

static int check_and_store(struct parser *p, const struct option_info *info,
                           const char *value, struct error *err)
{
	if (value && info->id != OPTION_SETTING &&
	    value_check(&info->value, value, err)) {
		error_prefix(err, "--%s", info->name);
		return -1;
	}
	store(p, info, value);
	return 0;
}

/* The word after the one being read, where it is a value for info. */
static const char *next_value(struct parser *p, const struct option_info *info)
{
	const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;

	if (!next || p->at + 1 == p->command_word)
		return NULL;
	if (option_is_optional(info) && is_option(next))
		return NULL;
	p->at++;
	return next;
}

static int read_value(struct parser *p, const struct option_info *info,
                      const char *attached, struct error *err)
{
	const char *value = attached;

	if (!option_is_bare(info) && !value)
		value = next_value(p, info);
	if (option_is_bare(info) && value)
		return error_set(err, "--%s: takes no value, but has '%s'",
		                 info->name, value);
	if (!option_is_bare(info) && !option_is_optional(info) && !value)
		return error_set(err, "--%s: needs a value, %s", info->name,
		                 info->argument);
	return check_and_store(p, info, value, err);
}

static int read_long(struct parser *p, struct error *err)
{
	const char *name = p->argv[p->at] + 2;
	size_t len = strcspn(name, "=");
	const struct option_info *info;

	info = option_by_name(name, len, p->command, err);
	if (!info)
		return -1;
	return read_value(p, info, name[len] ? name + len + 1 : NULL, err);
}

/* -jnX: bare letters up to one that has a value, which is the rest. */
static int read_letters(struct parser *p, struct error *err)
{
	const char *c = p->argv[p->at] + 1;
	const struct option_info *info;

	for (; *c; c++) {
		info = option_by_letter(*c, p->command, err);
		if (!info)
			return -1;
		if (!option_is_bare(info))
			return read_value(p, info, c[1] ? c + 1 : NULL, err);
		store(p, info, NULL);
	}
	return 0;
}

static void add_operand(struct parser *p)
{
	struct options *o = p->o;

	if (p->at != p->command_word)
		o->args = add_word(o->args, &o->n_args, &p->args_capacity,
		                   p->argv[p->at]);
}

static int read_words(struct parser *p, struct error *err)
{
	bool options_end = false;
	int result = 0;

	for (p->at = 1; p->at < p->argc && !result; p->at++) {
		const char *word = p->argv[p->at];

		if (options_end || !is_option(word))
			add_operand(p);
		else if (!strcmp(word, "--"))
			options_end = true;
		else if (word[1] == '-')
			result = read_long(p, err);
		else
			result = read_letters(p, err);
	}
	return result;
}

static const struct command *command_named(const struct command *commands,
                                           const char *name)
{
	for (; commands->name; commands++) {
		if (!strcmp(commands->name, name))
			return commands;
	}
	return NULL;
}

/* A word that is no command: the fault may lie in an option before it, whose
 * value it would have been. */
static int refuse_word(struct parser *p, const struct command *commands,
                       const char *word, struct error *err)
{
	p->argc = p->command_word;
	if (read_words(p, err))
		return -1;
	return unknown_command(commands, word, err);
}

static int find_command(struct parser *p, const struct command *commands,
                        struct error *err)
{
	const char *word;

	p->command = "chat";
	p->command_word = first_operand(p->argc, p->argv);
	if (p->command_word < 0)
		return 0;
	word = p->argv[p->command_word];
	p->o->command = command_named(commands, word);
	if (!p->o->command)
		return refuse_word(p, commands, word, err);
	p->command = p->o->command->name;
	return 0;
}

static int check_operands(const struct options *o, struct error *err)
{
	const struct command *c = o->command;

	if (!c)
		return 0;
	if (o->n_args < c->min_args)
		return error_set(err, "%s: needs %s", c->name, c->operands);
	if (o->n_args > c->max_args)
		return error_set(err, "%s: unexpected operand '%s'", c->name,
		                 o->args[c->max_args]);
	return 0;
}

static bool is_given(const struct parser *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->given[i].info->key &&
		    !strcmp(p->given[i].info->key, key))
			return true;
	}
	return false;
}

/* A system prompt of the configuration is for chats: without a template there
 * is no place for it, and only one that was asked for is missed. */
static int leave_out_system(struct parser *p, struct error *err)
{
	if (p->o->raw && !p->o->command && is_given(p, "system"))
		return error_set(err, "--raw: there is no place for a system "
		                      "prompt without a template");
	if (p->o->raw)
		p->o->system = NULL;
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

/* ---- settings ---- */

static int read_config(struct parser *p, struct error *err)
{
	char *path = paths_user(PATHS_CONFIG, "config");
	int result = 0;

	if (p->config)
		result = settings_read(p->o->settings, p->config, true, err);
	else if (path)
		result = settings_read(p->o->settings, path, false, err);
	free(path);
	return result;
}

static int apply_given(struct parser *p, enum option_id id, struct error *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct given *g = &p->given[i];
		char what[64] = "--";

		if (g->info->id != id)
			continue;
		if (id == OPTION_SET) {
			if (settings_assign(p->o->settings, g->value, err))
				return -1;
			continue;
		}
		strncat(what, g->info->name, sizeof what - 3);
		if (settings_set(p->o->settings, g->info->key, g->value, what,
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
	if (settings_switch(s, "save", &on))
		o->no_save = !on;
	if (settings_switch(s, "snapshots", &on))
		o->no_snapshots = !on;
	if (think)
		o->think = *think == 'o' && think[1] == 'n' ? CHAT_THINK_ON
		                                            : CHAT_THINK_OFF;
	fill_sampling(o);
}

static int read_settings(struct parser *p, struct error *err)
{
	if (read_config(p, err) ||
	    settings_read_environment(p->o->settings, err) ||
	    apply_given(p, OPTION_SET, err) ||
	    apply_given(p, OPTION_SETTING, err))
		return -1;
	fill(p->o);
	return 0;
}

/* ---- all of it ---- */

static int parse(struct parser *p, const struct command *commands,
                 struct error *err)
{
	if (find_command(p, commands, err) || read_words(p, err))
		return -1;
	if (p->o->help || p->o->version)
		return 0;
	if (check_operands(p->o, err) || read_settings(p, err) ||
	    check_together(p->o, err) || leave_out_system(p, err))
		return -1;
	return kernels_check(err); /* the variable CONFAB_KERNELS */
}

int options_parse(struct options *o, const struct command *commands, int argc,
                  char **argv, struct error *err)
{
	struct parser p = { .o = o, .argc = argc, .argv = argv };
	int result;

	*o = (struct options){ .top = -1,
		               .bench_p = -1,
		               .bench_n = -1,
		               .bench_d = -1,
		               .bench_r = -1 };
	o->settings = settings_new();
	result = parse(&p, commands, err);
	free(p.given);
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
