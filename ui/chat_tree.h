/*
 * chat_tree.h - other ways the conversation could go
 *
 * All of these add siblings or move the current leaf; nothing is overwritten.
 * What is computed is interrupted first.
 */
#ifndef CONFAB_CHAT_TREE_H
#define CONFAB_CHAT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat;
struct message;

/* Answers the last user message once more. */
void chat_retry(struct chat *chat);

/* Goes on with the last reply, if it was cut. */
void chat_continue(struct chat *chat);

/* Back to before the last user message (or takes back the last one queued); its
 * text, yours to free, or NULL when there is none. */
char *chat_undo(struct chat *chat);

/* A sibling of a message with another text.  A user's is answered. */
void chat_edit(struct chat *chat, int64_t id, const char *text);

/* Message id becomes the end of the path; a user's is answered anew. */
void chat_branch(struct chat *chat, int64_t id);

/* To the branch that has this message. */
void chat_select(struct chat *chat, int64_t id);

/* To the next (+1) or the former (-1) sibling of a message. */
void chat_sibling(struct chat *chat, int64_t id, int step);

/* To the branch that was left last, by any of these; again: and back.  False:
 * none was. */
bool chat_back(struct chat *chat);

/* Another system prompt, "" for none, above a copy of the current path. */
void chat_set_system(struct chat *chat, const char *text);

/* Can a reply go on from another token?  false: a notice says why not. */
bool chat_may_fork(struct chat *chat, const struct message *m);

/* A sibling of m that has its tokens up to index, then another one, and goes on
 * from there.  chat_take_text() puts the tokens of any text there. */
void chat_take_token(struct chat *chat, const struct message *m, size_t index,
                     int id);
void chat_take_text(struct chat *chat, const struct message *m, size_t index,
                    const char *text);

#endif
