/*
 * inspector_facts.h - all that is known of a token, for both front ends
 */
#ifndef CONFAB_INSPECTOR_FACTS_H
#define CONFAB_INSPECTOR_FACTS_H

#include <stddef.h>

#include "ui/screen/inspector_view.h"

struct chat;
struct message;
struct token_odds;
struct transcript_item;

/* The odds of token `index` of a message, also those of a peek; NULL: none are
 * known.  The item has its spans. */
const struct token_odds *inspector_odds(const struct chat *chat,
                                        const struct transcript_item *item,
                                        size_t index);

/* Fills *v, but for the position and for what a person is about to do.  An
 * index past the last token is the token that would come next.  The item has
 * its spans and its notes.  Gives the surprisals that *v points to, yours to
 * free. */
float *inspector_facts(struct inspector_view *v, const struct chat *chat,
                       const struct transcript_item *item, size_t index,
                       const struct inspector_try *tried);

/* The position in the sequence of a reply's first token; SIZE_MAX: unknown. */
size_t inspector_reply_start(const struct chat *chat, const struct message *m);

#endif
