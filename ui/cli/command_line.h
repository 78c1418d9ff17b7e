/*
 * command_line.h - argv: which command, which options, which operands
 *
 * As options.h says it is written.  What an option is worth alone is known here
 * and stored; options that are settings have weaker sources, which are read
 * first, so they are handed back.
 */
#ifndef CONFAB_COMMAND_LINE_H
#define CONFAB_COMMAND_LINE_H

#include <stddef.h>

struct command;
struct error;
struct option_info;
struct options;

/* One use of an option that is a setting, or of --set. */
struct given_option {
	const struct option_info *info;
	const char *value; /* argv's, or the table's */
};

struct command_line {
	const char *config;         /* --config, or NULL; argv's */
	struct given_option *given; /* [n], owned, in order */
	size_t n, capacity;
};

/* Fills the zero-initialised line, and in o the command word, the operands and
 * what is no setting.  Operands are counted unless help or version is asked for.
 * command_line_free() is needed either way. */
int command_line_read(struct command_line *line, struct options *o,
                      const struct command *commands, int argc, char **argv,
                      struct error *err);
void command_line_free(struct command_line *line);

#endif
