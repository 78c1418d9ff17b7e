/*
 * chat_score.h - the odds of a prompt's own words, on request
 *
 * One pass of the model over the path up to a message gives every token of it
 * the odds it had after those before it.  They are kept in the message, as a
 * reply's are; a pass that does not end leaves what the message had before.
 */
#ifndef CONFAB_CHAT_SCORE_H
#define CONFAB_CHAT_SCORE_H

#include <stddef.h>

#include "base/ids.h"

struct chat;
struct engine_event;
struct message;
struct token_odds;

/* Of CHAT_SCORING. */
struct chat_score {
	struct message *message;        /* the conversation's; NULL: no pass */
	size_t begin;                   /* its first token in the prompt */
	struct ids ids_before;          /* what it had */
	struct token_odds *odds_before; /* [n_before], owned */
	size_t n_before;
};

/* Starts the pass; a notice says so when it cannot be done. */
void chat_score(struct chat *chat, struct message *m);

/* Events of that request. */
void chat_score_event(struct chat *chat, const struct engine_event *event);

/* Where a pass is under way, what its message had before for what it has now, or back:
 * only what is whole is saved. */
void chat_score_swap(struct chat *chat);

/* Gives up a pass, where one is under way. */
void chat_score_undo(struct chat *chat);

#endif
