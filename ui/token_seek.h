/*
 * token_seek.h - looking for the tokens at which the model was not sure
 */
#ifndef CONFAB_TOKEN_SEEK_H
#define CONFAB_TOKEN_SEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conversation;
struct message;
struct token_odds;

/* As many bits as four or eight equal choices. */
#define TOKEN_UNCERTAIN_ENTROPY   2.0
#define TOKEN_UNCERTAIN_SURPRISAL 3.0

bool token_is_uncertain(const struct token_odds *odds);
bool token_is_not_first(const struct token_odds *odds);

/* From a token of a message to the next (+1) or the former (-1) one that is
 * wanted, over the messages that follow on the current path, or in the message
 * alone where it is not on it.  false: there is none, and *message and *token
 * stay. */
bool token_seek(const struct conversation *c, int64_t *message, size_t *token,
                int direction, bool (*wanted)(const struct token_odds *odds));

/* SIZE_MAX: no odds are known. */
size_t token_most_surprising(const struct message *m);

#endif
