/*
 * chat.h - a conversation with a model, without a screen
 *
 * What is between the engine's door and the two front ends (the full screen and
 * line mode): it renders the tree's current path into a prompt, sends it, puts
 * the tokens that come back into the open message, keeps a queue of what is
 * typed meanwhile, and saves.  Nothing here blocks and nothing here draws.
 *
 * The model must not see an edited past: messages and their ids are only added.
 */
#ifndef CONFAB_CHAT_H
#define CONFAB_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "ui/chat_explore.h"
#include "ui/chat_overflow.h"
#include "ui/chat_score.h"
#include "ui/chat_snapshot.h"
#include "ui/chat_title.h"
#include "ui/saving.h"

struct conversation;
struct message;
struct options;

enum chat_state {
	CHAT_LOADING,
	CHAT_READY,
	CHAT_READING, /* the prompt is computed */
	CHAT_REPLYING,
	CHAT_SCORING,   /* the odds of a prompt are computed */
	CHAT_EXPLORING, /* other continuations are */
	CHAT_TITLING,   /* the model thinks of a title */
	CHAT_CHOOSING,  /* chat->overflow waits for an answer */
	CHAT_NO_MODEL   /* loading failed */
};

struct chat {
	struct engine *engine;
	const struct options *options;
	struct saving saving;
	struct conversation *conversation;

	enum chat_state state;
	uint64_t request;                 /* 0: none is under way */
	const struct engine_model *model; /* NULL while there is none */
	enum chat_family family;
	char *path;        /* of the model, as given to the engine */
	size_t context;    /* tokens asked for; 0: the model's */
	char *path_before; /* while another is loaded: what there is if it */
	size_t context_before; /* cannot be */

	struct sampler_settings sampling;
	size_t max_tokens;
	enum chat_thinking think;

	/* Of the reply in progress. */
	struct message *reply; /* the conversation's */
	struct tokenizer_stream stream;
	double seconds_before; /* that a continued reply took earlier */
	double first_token_at, last_token_at;
	size_t n_tokens; /* since first_token_at */
	bool thought;    /* </think> has come */

	/* The last prompt, as the status line tells it. */
	size_t context_used, reused, computed; /* tokens; see chat_measure() */
	int64_t measured; /* the leaf that context_used is of; -2: none */
	size_t restored;  /* of the reused, read from the disk */
	double tokens_per_second; /* 0: nothing measured */

	/* Loading and prefill; total 0: nothing to show. */
	enum engine_stage stage;
	uint64_t done, total;
	double stage_began;

	struct ids prompt;  /* of the request */
	int64_t first_seen; /* messages above it on its branches are not shown;
	                          * -1: all are */
	struct chat_overflow overflow;
	int64_t leaf_before; /* end of the branch left last, or -1 */

	char **queue; /* typed while busy, [n_queue] */
	size_t n_queue, queue_capacity;

	struct strbuf notice; /* for the person; empty: none */
	bool notice_is_error;
	bool failed_file; /* the model's files are at fault */
	bool finished;    /* a reply ended; the front end resets it */

	struct chat_score score;
	struct chat_explore explore;
	struct chat_snapshot snapshot;
	struct chat_title title;
};

/* Takes the conversation.  The engine is borrowed. */
void chat_init(struct chat *chat, struct engine *engine,
               const struct options *options, struct conversation *c);
void chat_free(struct chat *chat);

void chat_handle_event(struct chat *chat, const struct engine_event *event);

/* Something is computed that chat_stop() would end. */
bool chat_is_busy(const struct chat *chat);
void chat_stop(struct chat *chat);

/* Ends what is computed at once, without waiting for its last tokens. */
void chat_interrupt(struct chat *chat);

/* Has chat->prompt gone on with; its last n_reply ids are the reply's own. */
void chat_generate(struct chat *chat, enum chat_state state, size_t n_reply,
                   const struct sampler_settings *sampling, size_t max_tokens);

/* What a reply is drawn by.  One beside others has a seed of its own, or it would be
 * the same once more; it is as repeatable. */
struct sampler_settings chat_reply_sampling(const struct chat *chat,
                                            const struct message *m);

/* Sends a message, or queues it while busy. */
void chat_say(struct chat *chat, const char *text);

/* Answers the path up to message (a user message or the system prompt's) with a
 * new reply. */
void chat_answer(struct chat *chat, int64_t message);

/* Goes on with a reply from where its ids end. */
void chat_extend(struct chat *chat, struct message *reply);

/* The tokens that the current branch takes of the context, in context_used:
 * counted anew where another branch, conversation or model was taken since the
 * last reply.  false: they are not known (no model, or a text so long that
 * counting would be felt). */
bool chat_measure(struct chat *chat);

/* Closes a reply that is complete as it stands: its text is that of its ids. */
void chat_end_reply(struct chat *chat, struct message *reply);

/* Ends what is under way and saves what there is of it, while the conversation's lock
 * is still held. */
void chat_leave(struct chat *chat);

/* Another conversation takes the place of this one, which chat_leave() has left and
 * which is freed. */
void chat_switch(struct chat *chat, struct conversation *c);

/* Tells what is to be known of a conversation that was opened. */
void chat_tell_opened(struct chat *chat);

/* Saves an open reply when a second has passed since the last time, and does what
 * else is due by the clock.  Gives the milliseconds until it wants to be called
 * again, -1: not at all. */
int chat_tick(struct chat *chat);
void chat_save(struct chat *chat);

void chat_notice(struct chat *chat, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void chat_error(struct chat *chat, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void chat_notice_clear(struct chat *chat);

/* For the files of the chat: the request under way is over; what the last prompt
 * cost, and its reply's speed, are of no account any more; the next of the queue;
 * is this a stop id. */
void chat_end_request(struct chat *chat);
void chat_forget_prompt(struct chat *chat);
void chat_say_next(struct chat *chat);
bool chat_is_stop(const struct chat *chat, int id);

/* Is what the model wrote by this message's ids still what they mean? */
bool chat_same_model(const struct chat *chat, const struct message *m);

/* Can the reply go on from its tokens?  They are this model's, and say what its text
 * says (reply_ids_hold()). */
bool chat_ids_hold(const struct chat *chat, const struct message *m);

#endif
