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

/* The current branch as it was read: the prompt of its last reply and that
 * reply's own ids. */
int chat_prompt_line(const struct chat *chat, struct ids *ids);

/* Does the model see this message?  Not what was left out of a full context. */
bool chat_prompt_shows(const struct chat *chat, const struct message *m);

#endif
