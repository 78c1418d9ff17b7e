/*
 * inspector_lines.h - what the inspector shows, as lines to be read aloud
 *
 * Plain words and numbers; nothing is said by a place on the screen, a bar or a
 * colour.  The figures are those of inspector_facts.h.  All of it is appended.
 */
#ifndef CONFAB_INSPECTOR_LINES_H
#define CONFAB_INSPECTOR_LINES_H

#include <stddef.h>

#include "ui/screen/inspector_view.h"

struct chat;
struct strbuf;
struct transcript_item;

/* "41.2%" */
void inspector_lines_percent(struct strbuf *out, double p);

/* The message as a whole, then a line a token:
 *
 *	12 " warm" 41.2%, rank 2, 2.91 bits; else " light" 46%, " few" 6.01%
 */
void inspector_lines_message(struct strbuf *out, const struct chat *chat,
                             const struct transcript_item *item);

/* One of these, without a line end, with the message and the words before the
 * token. */
void inspector_lines_brief(struct strbuf *out, const struct chat *chat,
                           const struct transcript_item *item, size_t index);

/* All of one token, with its alternatives; index == the number of tokens: the
 * one that would come next. */
void inspector_lines_token(struct strbuf *out, const struct chat *chat,
                           const struct transcript_item *item, size_t index,
                           const struct inspector_try *tried);

/* What chat_explore() found there. */
void inspector_lines_explored(struct strbuf *out, const struct chat *chat);

#endif
