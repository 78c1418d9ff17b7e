/*
 * command_conversations.h - /new, /open, /list and what is done with whole
 * conversations
 */
#ifndef CONFAB_COMMAND_CONVERSATIONS_H
#define CONFAB_COMMAND_CONVERSATIONS_H

#include <stdbool.h>

#include "ui/actions.h"

struct command_host;

/* As commands_run(), which calls it; false too where it is no such action. */
bool command_conversations(const struct command_host *host, enum action action,
                           const char *argument);

#endif
