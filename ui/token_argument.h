/*
 * token_argument.h - what commands about tokens are given
 */
#ifndef CONFAB_TOKEN_ARGUMENT_H
#define CONFAB_TOKEN_ARGUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/screen/inspector_view.h"

struct chat;
struct error;
struct sampler_settings;
struct token_odds;
struct transcript_item;

/* "12 rest": the number of a token, from 1, as an index from 0.  Gives what
 * follows, or NULL: it begins with no number. */
const char *token_argument(const char *text, size_t *index);

/* The same of a message's token, or of the one that would come next.  Without a
 * number ("") *index stays: SIZE_MAX is none.  NULL: there is no such token, a
 * notice says so, and *index stays.  The item has its spans. */
const char *token_of_item(struct chat *chat, const struct transcript_item *item,
                          const char *text, size_t *index);

/* The number of a candidate, from 1, as an index from 0 into its list.  false:
 * there is none, as of odds that are not known (NULL), and a notice says so. */
bool token_candidate(struct chat *chat, const struct token_odds *odds,
                     const char *number, size_t *choice);

/* A text to be put in the place of a token, which may stand between quotes so
 * that it can begin with a space.  Yours to free. */
char *token_unquoted(const char *text);

/* The settings to be tried are those that the chat has. */
void token_try_begin(struct inspector_try *t, const struct sampler_settings *s);

/* "1.5", "0.7 top_k=20 min_p=0.1": changes some of them.  On failure t is as
 * before. */
int token_try_read(struct inspector_try *t, const char *text,
                   struct error *err);

#endif
