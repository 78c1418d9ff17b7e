/*
 * options.h - the command line, parsed; settings from file and environment
 *
 * Order of precedence, weakest first: built-in, the model's
 * generation_config, the configuration file, CONFAB_KEY variables, --set,
 * options.  See OPTIONS in the manual page confab(1).
 *
 * As GNU getopt_long(): options and operands mix, "--" ends options, long names
 * may be cut while that is unambiguous, "-mX", "-m X", "--model=X" and
 * "--model X" are one.  The command word is looked for first, because -n, -p
 * and -r mean something else to `bench`.  -r takes the next argument as its ID
 * unless that is an option.
 */
#ifndef CONFAB_OPTIONS_H
#define CONFAB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/sampler.h"
#include "text/chat_template.h"
#include "ui/cli/command.h"
#include "ui/cli/settings.h"

struct error;

enum { /* exit status, fixed by the manual page */
       EXIT_OK = 0,
       EXIT_FAILED = 1,
       EXIT_USAGE = 2,
       EXIT_BAD_FILE = 3,
       EXIT_LOCKED = 4
};

struct options {
	const struct command *command; /* NULL: chat */
	char **args; /* [n_args] operands; the strings are argv's */
	size_t n_args;

	const char *model; /* PATH or NAME; NULL: the bundled one */
	const char *quant; /* type of the copy to use; NULL: none */
	bool resume;
	const char *resume_id; /* ID or "last"; NULL with resume: last */
	bool new_chat;
	const char *system;  /* or NULL */
	int threads;         /* 0: by the machine */
	size_t context;      /* tokens; 0: the model's */
	const char *kv_type; /* NULL: default */
	size_t kv_memory;    /* bytes; 0: by the machine */
	uint64_t kv_disk;    /* bytes; 0: by the machine */
	bool no_snapshots;
	bool exact;
	bool no_speculation;
	enum chat_thinking think;
	bool json, raw, no_save;
	char **prompts; /* -p texts, [n_prompts]; the strings are argv's */
	size_t n_prompts;

	/* Sampling as far as it was given; see options_sampling(). */
	bool has_temperature, has_top_k, has_top_p, has_min_p;
	bool has_presence_penalty, has_repeat_penalty, has_seed;
	struct sampler_settings sampling;
	size_t max_tokens; /* 0: as the context holds */

	/* Of single commands. */
	bool plain, jsonl, ids, help, version;
	int top;                                /* score --top; -1: not given */
	const char *logits;                     /* score --logits ID,ID */
	const char *type;                       /* quantize --type */
	const char *format;                     /* export --format */
	const char *output;                     /* export -o */
	int bench_p, bench_n, bench_d, bench_r; /* -1: not given */

	struct settings *settings; /* config file, environment, --set; owned */
};

/* Fills o from argv.  commands: the table, ended by a NULL name.  On a usage
 * error returns -1 with the reason; options_free() is needed either way.  With
 * help or version set nothing but the command word is known to be right. */
int options_parse(struct options *o, const struct command *commands, int argc,
                  char **argv, struct error *err);
void options_free(struct options *o);

/* The model's defaults overridden by what was given; a seed that was not given
 * comes from the kernel's random numbers. */
struct sampler_settings options_sampling(const struct options *o,
                                         const struct sampler_settings *model);

/* A setting's value (config file, environment, --set, option), or NULL. */
const char *options_setting(const struct options *o, const char *key);

/* The model's path: -m as a path or an installed model's name, the configured
 * one, else the bundled one.  Yours to free; NULL with a reason. */
char *options_model_path(const struct options *o, struct error *err);
/* The same for any PATH or NAME (NULL: the bundled model). */
char *options_find_model(const struct options *o, const char *name,
                         struct error *err);

#endif
