/*
 * reply.h - what the engine gives, kept in a message
 *
 * The front ends share this: a token becomes an id and its odds, the reason of
 * the end becomes a state, and the settings that the tokens were drawn with
 * become the message's `extra`:
 *
 *	{"temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0,
 *	 "presence_penalty": 0, "repeat_penalty": 1, "seed": "42",
 *	 "model_fingerprint": "8c1f...", "template_fingerprint": "77ab...",
 *	 "think": "default", "earlier": 12, "other_weights": 12,
 *	 "think_seconds": 3.2}
 *
 * The seed is a string, as 64 bits do not fit a number of JSON; fingerprints
 * are 64 bits in hexadecimal; "think" is what the prompt said of it, "on", "off" or
 * nothing; so many tokens as "earlier" says were drawn by other settings, as many as
 * "other_weights" by another model of the same name.
 */
#ifndef CONFAB_REPLY_H
#define CONFAB_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "library/conversation.h"
#include "text/chat_template.h"

struct tokenizer;

/* Is it one of the ids that end a reply? */
bool reply_is_stop(const struct engine_model *model, int id);

/* The message for a template, which borrows from it.  A reply that this model
 * wrote keeps its ids, where they hold (reply_ids_hold()). */
struct chat_message reply_as_chat(const struct message *m,
                                  const struct engine_model *model);

/* Whether the model of this name wrote it. */
bool reply_is_by(const struct message *m, const struct engine_model *model);

void reply_odds(struct token_odds *odds, const struct sample *sample);

/* Appends the token and its odds.  Tokens before it that have no odds (typed by
 * a person) keep their places. */
void reply_add_token(struct message *m, const struct sample *sample);

enum message_state reply_state(enum engine_finish finish);

/* Notes who writes the reply and how its tokens are drawn.  Of one that has tokens
 * already stay the seconds of a thought that is over and what its prompt said of
 * thinking. */
void reply_begin(struct message *m, const struct engine_model *model,
                 const struct sampler_settings *sampling,
                 enum chat_thinking think);

/* Notes how long it thought; after reply_begin(). */
void reply_note_thinking(struct message *m, double seconds);

/* What these notes say. */
struct reply_notes {
	bool has_sampling;
	struct sampler_settings sampling; /* but for the seed, which is 0 */
	uint64_t model_fingerprint;       /* 0: not known */
	bool has_think;
	enum chat_thinking think; /* what the prompt said */
	size_t earlier;           /* tokens that other settings drew */
	size_t other_weights;     /* tokens from before these weights */
	double think_seconds;     /* < 0: not known */
};

/* Of a message's extra (NULL: nothing is known).  What is no such object is
 * passed over: it may have come with an import. */
void reply_read_notes(struct reply_notes *notes, const char *extra);

/* Whether they give every distribution the same after-sampler probabilities. */
bool reply_same_sampling(const struct sampler_settings *a,
                         const struct sampler_settings *b);

/* What the prompt of the reply says of thinking: where it has tokens what it said when
 * they were drawn, else `now`. */
enum chat_thinking reply_thinking(const struct message *m,
                                  enum chat_thinking now);

/* Are the ids what the text says and no more?  They come from a file that
 * somebody else may have written: ids that decode to another text, and those
 * of special tokens ("<|im_end|>"), must not reach a model as history. */
bool reply_ids_hold(const struct message *m, const struct tokenizer *t);

/* Do they spell the end of the text?  Those of a prompt that was scored do. */
bool reply_ids_end_text(const struct message *m, const struct tokenizer *t);

#endif
