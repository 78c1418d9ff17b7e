/*
 * command_set.h - /set: the sampler's settings and the front end's
 */
#ifndef CONFAB_COMMAND_SET_H
#define CONFAB_COMMAND_SET_H

struct command_host;

/* "KEY VALUE", "KEY" or "" (all of them are shown). */
void command_set(const struct command_host *host, const char *argument);

#endif
