#include "ui/cli/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "ui/cli/nearest.h"
#include "ui/cli/option_table.h"
#include "ui/cli/options.h"

struct reader {
	struct command_line *line;
	struct options *o;
	const char *command; /* its name, or "chat" */
	char **argv;
	int argc, at;     /* argv[at] is the word being read */
	int command_word; /* its index, or -1 */
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

static void keep(struct command_line *line, const struct option_info *info,
                 const char *value)
{
	line->given = mem_grow(line->given, line->n, &line->capacity,
	                       sizeof *line->given);
	line->given[line->n++] = (struct given_option){ info, value };
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
static void store(struct reader *r, const struct option_info *info,
                  const char *value)
{
	struct options *o = r->o;

	switch (info->id) {
	case OPTION_SETTING:
	case OPTION_SET:
		keep(r->line, info, value ? value : info->bare_value);
		break;
	case OPTION_PROMPT:
		o->prompts = add_word(o->prompts, &o->n_prompts,
		                      &r->prompts_capacity, value);
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
		r->line->config = value;
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

static int check_and_store(struct reader *r, const struct option_info *info,
                           const char *value, struct error *err)
{
	if (value && info->id != OPTION_SETTING &&
	    value_check(&info->value, value, err)) {
		error_prefix(err, "--%s", info->name);
		return -1;
	}
	store(r, info, value);
	return 0;
}

/* The word after the one being read, where it is a value for info. */
static const char *next_value(struct reader *r, const struct option_info *info)
{
	const char *next = r->at + 1 < r->argc ? r->argv[r->at + 1] : NULL;

	if (!next || r->at + 1 == r->command_word)
		return NULL;
	if (option_is_optional(info) && is_option(next))
		return NULL;
	r->at++;
	return next;
}

static int read_value(struct reader *r, const struct option_info *info,
                      const char *attached, struct error *err)
{
	const char *value = attached;

	if (!option_is_bare(info) && !value)
		value = next_value(r, info);
	if (option_is_bare(info) && value)
		return error_set(err, "--%s: takes no value, but has '%s'",
		                 info->name, value);
	if (!option_is_bare(info) && !option_is_optional(info) && !value)
		return error_set(err, "--%s: needs a value, %s", info->name,
		                 info->argument);
	return check_and_store(r, info, value, err);
}

static int read_long(struct reader *r, struct error *err)
{
	const char *name = r->argv[r->at] + 2;
	size_t len = strcspn(name, "=");
	const struct option_info *info;

	info = option_by_name(name, len, r->command, err);
	if (!info)
		return -1;
	return read_value(r, info, name[len] ? name + len + 1 : NULL, err);
}

/* -jnX: bare letters up to one that has a value, which is the rest. */
static int read_letters(struct reader *r, struct error *err)
{
	const char *c = r->argv[r->at] + 1;
	const struct option_info *info;

	for (; *c; c++) {
		info = option_by_letter(*c, r->command, err);
		if (!info)
			return -1;
		if (!option_is_bare(info))
			return read_value(r, info, c[1] ? c + 1 : NULL, err);
		store(r, info, NULL);
	}
	return 0;
}

static void add_operand(struct reader *r)
{
	struct options *o = r->o;

	if (r->at != r->command_word)
		o->args = add_word(o->args, &o->n_args, &r->args_capacity,
		                   r->argv[r->at]);
}

static int read_words(struct reader *r, struct error *err)
{
	bool options_end = false;
	int result = 0;

	for (r->at = 1; r->at < r->argc && !result; r->at++) {
		const char *word = r->argv[r->at];

		if (options_end || !is_option(word))
			add_operand(r);
		else if (!strcmp(word, "--"))
			options_end = true;
		else if (word[1] == '-')
			result = read_long(r, err);
		else
			result = read_letters(r, err);
	}
	return result;
}

/* ---- the command and its operands ---- */

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
static int refuse_word(struct reader *r, const struct command *commands,
                       const char *word, struct error *err)
{
	r->argc = r->command_word;
	if (read_words(r, err))
		return -1;
	return unknown_command(commands, word, err);
}

static int find_command(struct reader *r, const struct command *commands,
                        struct error *err)
{
	const char *word;

	r->command = "chat";
	r->command_word = first_operand(r->argc, r->argv);
	if (r->command_word < 0)
		return 0;
	word = r->argv[r->command_word];
	r->o->command = command_named(commands, word);
	if (!r->o->command)
		return refuse_word(r, commands, word, err);
	r->command = r->o->command->name;
	return 0;
}

static int check_operands(const struct options *o, struct error *err)
{
	const struct command *c = o->command;

	if (!c && o->n_args)
		return error_set(err, "%s: unexpected operand", o->args[0]);
	if (!c)
		return 0;
	if (o->n_args < c->min_args)
		return error_set(err, "%s: needs %s", c->name, c->operands);
	if (o->n_args > c->max_args)
		return error_set(err, "%s: unexpected operand '%s'", c->name,
		                 o->args[c->max_args]);
	return 0;
}

int command_line_read(struct command_line *line, struct options *o,
                      const struct command *commands, int argc, char **argv,
                      struct error *err)
{
	struct reader r = { .line = line, .o = o, .argc = argc, .argv = argv };

	if (find_command(&r, commands, err) || read_words(&r, err))
		return -1;
	return o->help || o->version ? 0 : check_operands(o, err);
}

void command_line_free(struct command_line *line)
{
	free(line->given);
	*line = (struct command_line){ 0 };
}
