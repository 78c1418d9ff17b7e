/*
 * chat_overflow.h - the prompt and a reply do not fit into the context
 *
 * Never silent: nothing is sent, the chat waits (CHAT_CHOOSING), and a person
 * chooses to leave out the oldest whole turns, to take a larger context, or to
 * let it be.  What is left out stays in the conversation.
 */
#ifndef CONFAB_CHAT_OVERFLOW_H
#define CONFAB_CHAT_OVERFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat;
struct message;

struct chat_overflow {
	size_t needed, context; /* tokens: prompt and room for a reply */
	size_t drop_turns;      /* oldest turns to leave out; 0: no help */
	size_t drop_tokens;
	int64_t first_seen;    /* the message that would come first then */
	size_t larger_context; /* tokens that would do; 0: cannot be had */
	size_t larger_bytes;   /* of memory for it */

	int64_t message; /* that is to be answered */
	int64_t reply;   /* that goes on; -1: a new one */
	int64_t leaf;    /* of the conversation when it was asked */
	bool unsent;     /* nothing answered the message before */
	bool enlarging;  /* the larger context is on its way */
};

/* True when chat->prompt, which answers `message` and ends with the ids of a
 * reply that goes on (or NULL), fits.  Else chat->overflow says what could be
 * done, and the chat waits for it. */
bool chat_overflow_check(struct chat *chat, int64_t message,
                         const struct message *reply);

/* The answers; nothing where the chat does not wait for them. */
void chat_overflow_drop(struct chat *chat);
void chat_overflow_enlarge(struct chat *chat);
/* A message that was never sent is taken back, with `queued` what waits behind it,
 * too: their text, one below the other, yours to free.  Else NULL. */
char *chat_overflow_cancel(struct chat *chat, bool queued);

/* The model is there, or that context cannot be had. */
void chat_overflow_loaded(struct chat *chat);
void chat_overflow_refused(struct chat *chat);

#endif
