/*
 * token_walk.h - to the tokens at which the model was not sure
 */
#ifndef CONFAB_TOKEN_WALK_H
#define CONFAB_TOKEN_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/actions.h"

struct chat;

/* Is it one of ACTION_NEXT, _BEFORE, _NOT_FIRST and _SURPRISING? */
bool token_is_walk(enum action action);

/* Walks from a token of a message, or from outside of its tokens (SIZE_MAX), to
 * the one that the action looks for: the most surprising of the message itself,
 * the others over the messages that follow on the current path, or in the
 * message alone where it is not on it.  Odds of another model's tokens, which are not
 * shown, are passed over.  NULL: *message and *token are there; else
 * they stay, and this says why. */
const char *token_walk(const struct chat *chat, enum action action,
                       int64_t *message, size_t *token);

#endif
