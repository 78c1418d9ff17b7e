/*
 * transcript_item.h - one message of the transcript: its text laid out, its
 * tokens, what is drawn over it
 */
#ifndef CONFAB_TRANSCRIPT_ITEM_H
#define CONFAB_TRANSCRIPT_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "library/reply.h"
#include "ui/cells/document.h"
#include "ui/screen/transcript_view.h"
#include "ui/spans.h"
#include "ui/thought.h"

struct chat;
struct message;
struct transcript;

enum transcript_heat { HEAT_OFF, HEAT_PROBABILITY, HEAT_ENTROPY, HEAT_RANK };
#define HEATS 4
const char *transcript_heat_name(enum transcript_heat heat);
/* By its name; false: there is none, and *heat stays. */
bool transcript_heat_named(const char *name, enum transcript_heat *heat);

/* How hot a token is: 1 (as expected) .. STYLE_HEAT_LEVELS - 1; 0: not known. */
uint8_t transcript_heat_level(const struct token_odds *odds,
                              enum transcript_heat heat);

/* What level 1 .. STYLE_HEAT_LEVELS - 1 of a heat stands for: "≥.8". */
const char *transcript_heat_legend(enum transcript_heat heat, int level);

struct transcript_item {
	const struct message *message;
	int64_t id;
	size_t number;            /* in the whole conversation, from 1 */
	size_t sibling, siblings; /* 2/3 */
	bool unseen_above;
	struct thought thought;
	bool opened;   /* what was thought is shown */
	bool was_open; /* the message still grew */
	struct reply_notes notes;
	struct document thought_doc, body_doc;
	size_t thought_len, body_len; /* that the documents know */
	struct spans spans;
	uint8_t *heat; /* [heat_capacity] */
	size_t heat_capacity;
	struct text_range *matches;
	size_t n_matches, matches_capacity, matches_len;
	struct text_marks marks;
};

/* Begins anew with a message; of a zeroed item, too. */
void transcript_item_begin(struct transcript_item *item,
                           const struct message *m);
void transcript_item_free(struct transcript_item *item);

/* Reads the message's text as far as it is new. */
void transcript_item_update(struct transcript_item *item,
                            const struct chat *chat);

/* Which bytes its tokens made, as far as they are known. */
void transcript_item_spans(struct transcript_item *item,
                           const struct chat *chat);

/* The bytes that token i made, or the last one; after the spans.  Empty: there
 * are no tokens. */
struct text_range transcript_item_token(const struct transcript_item *item,
                                        size_t i);

/* Heat, cursor, mark and matches; after the spans. */
void transcript_item_marks(struct transcript_item *item, struct transcript *t);

/* Whether the odds of the message belong to its spans, one to one.  They do not
 * where another model with other tokens wrote it. */
bool transcript_item_has_odds(const struct transcript_item *item);

bool transcript_item_has_thought(const struct transcript_item *item);

#endif
