/*
 * command.h - one row of the table of commands
 *
 * The command line is read with the table in hand (options.h), and the rows
 * name the functions that do the work (commands.h); this is what both know.
 */
#ifndef CONFAB_COMMAND_H
#define CONFAB_COMMAND_H

#include <stddef.h>

struct error;
struct options;

struct command {
	const char *name;     /* "score"; NULL ends a table */
	const char *operands; /* as help shows them: "ID TITLE"; "" for none */
	const char *summary;  /* half a line */
	size_t min_args, max_args;

	/* Returns the exit status.  Where that is not EXIT_OK, err says why in
	 * one line, or is empty when nothing is left to say. */
	int (*run)(const struct options *o, struct error *err);
};

#endif
