/*
 * option_table.h - every option, in one table
 *
 * The table feeds the parser, -h, and the suggestions for misspelt names.  Most
 * options are settings under another name: --top-p sets top_p.
 */
#ifndef CONFAB_OPTION_TABLE_H
#define CONFAB_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/cli/value.h"

struct error;

enum option_id {
	OPTION_SETTING, /* `key` says which */
	OPTION_PROMPT,
	OPTION_RESUME,
	OPTION_NEW,
	OPTION_JSON,
	OPTION_RAW,
	OPTION_CONFIG,
	OPTION_SET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_PLAIN,
	OPTION_JSONL,
	OPTION_IDS,
	OPTION_TOP,
	OPTION_LOGITS,
	OPTION_TYPE,
	OPTION_FORMAT,
	OPTION_OUTPUT,
	OPTION_BENCH_P,
	OPTION_BENCH_N,
	OPTION_BENCH_D,
	OPTION_BENCH_R
};

struct option_info {
	enum option_id id;
	char letter;             /* 0: none */
	const char *name;        /* without the "--" */
	const char *argument;    /* "N", as help shows it; "[ID]": may be left
	                          * out; NULL: the option is bare */
	const char *commands;    /* who takes it: "score bench"; "chat" is no
	                          * command at all; NULL: all and chat */
	const char *key;         /* OPTION_SETTING */
	const char *bare_value;  /* OPTION_SETTING that is bare: what it sets */
	struct value_type value; /* of the others, where they have one */
	const char *help;
};

static inline bool option_is_bare(const struct option_info *info)
{
	return !info->argument;
}

static inline bool option_is_optional(const struct option_info *info)
{
	return info->argument && info->argument[0] == '[';
}

/* NULL past the table's end. */
const struct option_info *option_info_at(size_t i);

/* `command` is a command's name, or "chat". */
bool option_belongs(const struct option_info *info, const char *command);

/* Looks an option up for that command; NULL with the reason in err. */
const struct option_info *option_by_letter(char letter, const char *command,
                                           struct error *err);
/* name[0..len) may be cut short while that is unambiguous. */
const struct option_info *option_by_name(const char *name, size_t len,
                                         const char *command,
                                         struct error *err);

/* Whether the option written as `word` ("-m", "-nX", "--mod") takes the word
 * `next` (or NULL) as its value, when it is not known yet whose option it is. */
bool option_eats_next(const char *word, const char *next);

#endif
