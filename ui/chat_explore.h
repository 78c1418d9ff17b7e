/*
 * chat_explore.h - what else the model would have said
 *
 * The likeliest tokens at a place are continued a little, greedily, one after
 * the other; nothing of it enters the conversation.  A peek asks for the odds
 * of the token that would come next.  The beginning they share with the
 * conversation is in the engine's cache already.
 */
#ifndef CONFAB_CHAT_EXPLORE_H
#define CONFAB_CHAT_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "engine/sampler.h"
#include "library/conversation.h"
#include "text/tokenizer.h"

struct chat;
struct engine_event;

#define EXPLORE_BRANCHES 3
#define EXPLORE_TOKENS   16 /* that each of them is continued */

struct chat_explore {
	int64_t message;   /* -1: nothing was explored */
	size_t index;      /* the token that the branches stand in for */
	int n, current;    /* branches; the one being continued */
	struct {
		int id;
		struct strbuf text; /* what follows the token */
		struct tokenizer_stream stream;
		bool done;
	} branch[EXPLORE_BRANCHES];

	int64_t peek_message; /* -1: no odds are known */
	size_t peek_index;
	struct token_odds peek;
	struct sampler_settings peek_sampling;
};

void chat_explore_init(struct chat_explore *e);
void chat_explore_free(struct chat_explore *e);

/* Continues the likeliest tokens at m's token index. */
void chat_explore(struct chat *chat, const struct message *m, size_t index);

/* Asks for the odds of the token after m's first `index` ones, as it would be drawn. */
void chat_peek(struct chat *chat, const struct message *m, size_t index);

/* What was answered, while it would be drawn so; NULL: nothing.  Borrowed until
 * something else is asked. */
const struct token_odds *chat_peeked(const struct chat *chat,
                                     const struct message *m, size_t index);

void chat_explore_event(struct chat *chat, const struct engine_event *event);

#endif
