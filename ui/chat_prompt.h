/*
 * chat_prompt.h - the current path as the model reads it, and whether it fits
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

/* True when the prompt with room for a reply fits.  Else chat->overflow says
 * what could be done. */
bool chat_prompt_fits(struct chat *chat, int64_t last, size_t tokens);

#endif
