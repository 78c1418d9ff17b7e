/*
 * chat_score.h - the odds of a prompt's own words, on request
 *
 * One pass of the model over the path up to a message gives every token of it
 * the odds it had after those before it.  They are kept in the message, as a
 * reply's are.
 */
#ifndef CONFAB_CHAT_SCORE_H
#define CONFAB_CHAT_SCORE_H

struct chat;
struct engine_event;
struct message;

/* Starts the pass; a notice says so when it cannot be done. */
void chat_score(struct chat *chat, struct message *m);

/* Events of that request. */
void chat_score_event(struct chat *chat, const struct engine_event *event);

/* Where a pass is under way that will not be finished: the message has what it had
 * before. */
void chat_score_undo(struct chat *chat);

#endif
