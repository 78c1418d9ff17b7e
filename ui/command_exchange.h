/*
 * command_exchange.h - /export FILE and /import FILE
 */
#ifndef CONFAB_COMMAND_EXCHANGE_H
#define CONFAB_COMMAND_EXCHANGE_H

struct command_host;

/* The format is as the name of the file ends; Markdown where it tells none. */
void command_export_chat(const struct command_host *host, const char *file);

/* Keeps all conversations of the file and opens the first one. */
void command_import_chat(const struct command_host *host, const char *file);

#endif
