/*
 * line_look.h - looking around in line mode: what the full screen shows by
 * colours, panes and a cursor, told in lines
 *
 * The matches of a search, the odds of tokens, marks for what was not expected,
 * the times.  The place of the token cursor is taken by the message and the
 * token that were told last.
 */
#ifndef CONFAB_LINE_LOOK_H
#define CONFAB_LINE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/actions.h"
#include "ui/transcript_item.h"

struct chat;
struct command_host;
struct strbuf;

struct line_look {
	int64_t message;           /* told last; -1: the last reply's turn */
	size_t token;              /* SIZE_MAX: none of it yet */
	enum transcript_heat heat; /* marks the replies to come */
	enum action after; /* what is told when the model has computed */
	struct transcript_item item; /* of line_look_item() */
};

void line_look_init(struct line_look *look);
void line_look_free(struct line_look *look);

/* Another conversation, or a new reply: its tokens are meant from now on. */
void line_look_reset(struct line_look *look);

/* A message with its number, notes and spans; valid until the next call.  Spans
 * that are known stay when it is asked for once more. */
struct transcript_item *line_look_item(struct line_look *look,
                                       const struct chat *chat,
                                       const struct message *m);

/* Does an action; false: it is none of these. */
bool line_look_do(struct line_look *look, const struct command_host *host,
                  enum action action, const char *argument);

/* Tells the end of the branch, to which a command has led without a word and
 * without an answer that is on its way. */
void line_look_place(const struct command_host *host);

/* Bytes of a reply from pos on, with marks where heat is on. */
void line_look_reply(struct line_look *look, const struct chat *chat,
                     const struct message *m, size_t pos, struct strbuf *out);

#endif
