/*
 * help.h - what -h prints, made from the tables
 */
#ifndef CONFAB_HELP_H
#define CONFAB_HELP_H

struct command;
struct strbuf;

/* Appends the help of the program (command NULL), or of one command. */
void help_text(struct strbuf *out, const struct command *commands,
               const struct command *command);

#endif
