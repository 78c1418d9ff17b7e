/*
 * commands.h - the commands, one row each
 *
 * A new one is a function in a file of its own, its prototype here and its row
 * in commands.c; its options are rows in option_table.c.
 */
#ifndef CONFAB_COMMANDS_H
#define CONFAB_COMMANDS_H

#include "ui/cli/command.h"

/* In the order of help; ended by a NULL name. */
extern const struct command commands[];

int command_list(const struct options *o, struct error *err);
int command_show(const struct options *o, struct error *err);
int command_rm(const struct options *o, struct error *err);
int command_rename(const struct options *o, struct error *err);
int command_export(const struct options *o, struct error *err);
int command_import(const struct options *o, struct error *err);
int command_models(const struct options *o, struct error *err);
int command_info(const struct options *o, struct error *err);
int command_tokenize(const struct options *o, struct error *err);
int command_render(const struct options *o, struct error *err);
int command_score(const struct options *o, struct error *err);
int command_bench(const struct options *o, struct error *err);
int command_quantize(const struct options *o, struct error *err);

#endif
