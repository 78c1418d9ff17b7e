/*
 * line_tokens.h - the inspector of line mode: tokens by their numbers
 */
#ifndef CONFAB_LINE_TOKENS_H
#define CONFAB_LINE_TOKENS_H

#include "ui/line_look.h"

bool line_tokens_do(struct line_look *look, const struct command_host *host,
                    enum action action, const char *argument);

/* Tells what was waited for, once the model has computed it. */
void line_tokens_ready(struct line_look *look, const struct command_host *host);

#endif
