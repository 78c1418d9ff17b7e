/*
 * conversation.h - a tree of messages
 *
 * Every message has a parent (the root ones: -1) and may have siblings: a
 * retry, an edit, another token taken.  Nothing is overwritten.  The path from
 * a root to the current leaf is what the screen shows and the model reads.
 *
 * A message keeps the exact ids it was made of and, for replies, each token's
 * probabilities.  Pure data: saving is library.h's work.
 */
#ifndef CONFAB_CONVERSATION_H
#define CONFAB_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/strbuf.h"

enum message_role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };
const char *message_role_name(enum message_role role); /* "user" */
int message_role_named(const char *name);              /* or -1 */

enum message_state {
	MESSAGE_DONE,       /* ended by a stop id, or written by a person */
	MESSAGE_OPEN,       /* growing */
	MESSAGE_LENGTH,     /* cut by a limit of tokens */
	MESSAGE_INTERRUPTED /* cut by a person, a crash, a lost terminal */
};

const char *message_state_name(enum message_state state); /* "interrupted" */
int message_state_named(const char *name);                /* or -1 */

/* Ids in files of others are below it: no conversation has so many messages.  What
 * comes after one is below twice as much, as ids in the library are. */
#define MESSAGE_MAX_ID ((int64_t)1 << 40)

#define TOKEN_TOP       20
#define TOKEN_CUT       0x3f /* bits of a candidate's cut: enum sampler_cut */
#define TOKEN_PENALISED 0x40 /* a bit of it: a penalty changed its logit */

struct token_candidate {
	int id;
	float logprob;      /* nats, temperature 1 */
	float sampled_prob; /* after the samplers, 0 when cut */
	uint8_t cut;        /* TOKEN_CUT and TOKEN_PENALISED */
};

/* One token of a message, as it was predicted from those before it. */
struct token_odds {
	int id;
	float logprob; /* nats */
	float entropy; /* nats */
	int rank;      /* from 1; 0: no odds known for this token */
	float sampled_prob;
	uint8_t n_top; /* <= TOKEN_TOP */
	struct token_candidate top[TOKEN_TOP];
};

struct message {
	int64_t id;     /* unique in the conversation, ascending */
	int64_t parent; /* or -1 */
	enum message_role role;
	enum message_state state;
	struct strbuf text; /* bytes as generated or typed, UTF-8 */
	struct ids ids;     /* exact; empty where the text was never encoded */
	struct token_odds *odds; /* [n_odds], in the order of ids, or NULL */
	size_t n_odds, odds_capacity;
	unsigned odds_renewed; /* counts the times that they were replaced */
	int64_t created_ms; /* Unix time */
	double seconds;     /* that the reply took */
	char *model;        /* name of the model that wrote it, or NULL */
	char *extra; /* JSON object: settings, tool_calls, ...; or NULL */
};

struct conversation {
	char *id;                  /* of the library; NULL until it is saved */
	char *title;               /* never NULL; "" until there is one */
	struct message **messages; /* [n], ascending id, owned */
	size_t n, capacity;
	int64_t leaf; /* id of the current leaf, -1: empty */
	int64_t created_ms, updated_ms;
	bool damaged; /* the library could not read all of it */
	size_t n_removed; /* messages, ever: pointers to them are stale */
};

/* Unix time, as messages have it. */
int64_t conversation_now_ms(void);

struct conversation *conversation_new(void);

/* The same with a system message, unless that is NULL or empty.  Conversations are
 * text: what is not UTF-8 becomes U+FFFD. */
struct conversation *conversation_begin(const char *system);
void conversation_free(struct conversation *c);

/* Adds a child of parent (-1: a root) and makes it the leaf.  Owned by c. */
struct message *conversation_add(struct conversation *c, int64_t parent,
                                 enum message_role role, const char *text,
                                 size_t len);
struct message *conversation_message(const struct conversation *c, int64_t id);

/* The place of a message in c->messages; c->n: it is not there. */
size_t conversation_place(const struct conversation *c, int64_t id);

/* The current path, root first: fills *path with n pointers (free() it). */
size_t conversation_path(const struct conversation *c, struct message ***path);

/* The last message of that path with this role, or NULL. */
struct message *conversation_last(const struct conversation *c,
                                  enum message_role role);

/* Every message's children, found in one pass.  Places in c->messages plus one;
 * 0: there is none (more). */
struct conversation_tree {
	size_t *first, *next; /* [c->n]: first child; next sibling */
	size_t first_root;
};

void conversation_tree_make(struct conversation_tree *tree,
                            const struct conversation *c);
void conversation_tree_free(struct conversation_tree *tree);

/* The siblings of a message, itself included, ascending; *index is its place. */
size_t conversation_siblings(const struct conversation *c, int64_t id,
                             struct message ***siblings, size_t *index);

/* Makes the newest leaf below message id the current one. */
void conversation_select(struct conversation *c, int64_t id);

/* Removes a message and all below it; the leaf moves to its newest sibling's
 * branch or to its parent. */
void conversation_remove(struct conversation *c, int64_t id);

/* Was anything said, but for the system prompt? */
bool conversation_is_said(const struct conversation *c);

/* Takes back what was said last and cannot be answered: the leaf is the message before
 * it, whatever branches there are, and a title that came of it is gone. */
void conversation_take_back(struct conversation *c, int64_t id);

/* Who speaks, as headings and lists say it: "You", "System", "Tool", the name of
 * the model, or "Assistant". */
const char *message_speaker(const struct message *m);

/* For the library, which puts the list together itself. */
void message_free(struct message *m);

/* A new odds record at the end of the message's, zeroed. */
struct token_odds *message_add_odds(struct message *m);

/* Appends the first words of a message, in one line: whole ones with a space
 * between them, at most max code points, and "…" where there are more. */
void message_first_words(const struct message *m, size_t max,
                         struct strbuf *out);

/* A title from elsewhere in one line: control characters become blanks. */
void conversation_one_line(char *title);

/* Sets the title from the first user message's first words (at most 48 code
 * points) where it has none. */
void conversation_auto_title(struct conversation *c);

/* Is the title what conversation_auto_title() would make of it? */
bool conversation_title_is_auto(const struct conversation *c);

#endif
