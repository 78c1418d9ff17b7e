/*
 * chat_title.h - a title by the model, where `auto_title` asks for one
 *
 * Only while nobody wants anything else: some seconds after a reply, and any key
 * ends it.  A title that a person gave is never touched; one that is still the
 * first words of the first message is replaced once.
 */
#ifndef CONFAB_CHAT_TITLE_H
#define CONFAB_CHAT_TITLE_H

#include "base/strbuf.h"
#include "text/tokenizer.h"

struct chat;
struct engine_event;

struct chat_title {
	double due;         /* clock_seconds() when to begin; 0: not wanted */
	struct strbuf text; /* as far as it came */
	struct tokenizer_stream stream;
};

/* A reply has ended: a title may be due. */
void chat_title_wish(struct chat *chat);

/* Begins when it is due.  The seconds until then, negative: never. */
double chat_title_tick(struct chat *chat);

/* A person does something. */
void chat_title_stop(struct chat *chat);

void chat_title_event(struct chat *chat, const struct engine_event *event);

#endif
