/*
 * command_set.h - /set: the settings that may change while the program runs
 *
 * Which there are, and what they may be, the table of settings says: those of
 * the chat and, where there is one, those of the screen.
 */
#ifndef CONFAB_COMMAND_SET_H
#define CONFAB_COMMAND_SET_H

#include <stdbool.h>

struct command_host;
struct setting_info;

/* "KEY VALUE", "KEY" (it is shown) or "" (all of them are). */
void command_set(const struct command_host *host, const char *argument);

/* May /set change it? */
bool command_set_knows(const struct setting_info *info);

#endif
