/*
 * action_help.h - the table of actions as people read it
 */
#ifndef CONFAB_ACTION_HELP_H
#define CONFAB_ACTION_HELP_H

#include <stdbool.h>

struct strbuf;

/* "F5  /retry  answer again" for every action, by group; for line mode (keys
 * false) the commands alone that do not need a screen. */
void action_help_print(struct strbuf *out, bool keys);

/* The same in mdoc(7) for confab(1): a list below a heading for every group. */
void action_help_print_man(struct strbuf *out);

#endif
