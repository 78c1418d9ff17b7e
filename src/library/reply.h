/*
 * reply.h - what the engine gives, kept in a message
 *
 * The front ends share this: a token becomes an id and its odds, the reason of
 * the end becomes a state, and the settings that the tokens were drawn with
 * become the message's `extra`:
 *
 *	{"temperature":0.7,"top_k":20,"top_p":0.8,"min_p":0,
 *	 "presence_penalty":0,"repeat_penalty":1,"seed":"42",
 *	 "model_fingerprint":"8c1f...","template_fingerprint":"77ab..."}
 *
 * The seed is a string, as 64 bits do not fit a number of JSON; fingerprints
 * are 64 bits in hexadecimal.
 */
#ifndef CONFAB_REPLY_H
#define CONFAB_REPLY_H

#include <stdbool.h>

#include "engine/engine.h"
#include "library/conversation.h"

struct tokenizer;

/* Is it one of the ids that end a reply? */
bool reply_is_stop(const struct engine_model *model, int id);

void reply_odds(struct token_odds *odds, const struct sample *sample);

/* Appends the token and its odds.  Tokens before it that have no odds (typed by
 * a person) keep their places. */
void reply_add_token(struct message *m, const struct sample *sample);

enum message_state reply_state(enum engine_finish finish);

/* Notes who writes the reply and how its tokens are drawn. */
void reply_begin(struct message *m, const struct engine_model *model,
                 const struct sampler_settings *sampling);

/* Are the ids what the text says and no more?  They come from a file that
 * somebody else may have written: ids that decode to another text, and those
 * of special tokens ("<|im_end|>"), must not reach a model as history. */
bool reply_ids_hold(const struct message *m, const struct tokenizer *t);

#endif
