/*
 * chat_prompt.h - the current path as the model reads it
 */
#ifndef CONFAB_CHAT_PROMPT_H
#define CONFAB_CHAT_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat;
struct error;
struct ids;
struct message;
struct strbuf;

/* Renders the path from the root to message `last`; text and ids are appended
 * to, either may be NULL.  reply: the beginning of an answer follows. */
int chat_prompt_render(const struct chat *chat, int64_t last, bool reply,
                       struct strbuf *text, struct ids *ids, struct error *err);

/* The same up to where the reply m begins, thinking or not as it began. */
int chat_prompt_before(const struct chat *chat, const struct message *m,
                       struct ids *ids, struct error *err);

/* The current branch as it was read: the prompt of its last reply and that
 * reply's own ids. */
int chat_prompt_line(const struct chat *chat, struct ids *ids);

/* The first message of the path to `last` that the model sees, but for the system
 * prompt: earlier ones were left out of a full context.  -1: it sees all of them, as on
 * branches where nothing was left out. */
int64_t chat_prompt_first(const struct chat *chat, int64_t last);

#endif
