/*
 * transcript.h - where one is in the conversation: layout, scrolling, cursor
 *
 * The current path of the tree as rows of a window.  Rows are laid out when
 * they come into sight, walking from a place up or down, so nothing here costs
 * more because the conversation is long.  There are no row numbers: a place is
 * a message, a part of it, a block, a line.
 */
#ifndef CONFAB_TRANSCRIPT_H
#define CONFAB_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "ui/cells/document.h"
#include "ui/screen/transcript_view.h"
#include "ui/spans.h"
#include "ui/thought.h"

struct chat;
struct message;
struct token_odds;

enum transcript_heat { HEAT_OFF, HEAT_PROBABILITY, HEAT_ENTROPY, HEAT_RANK };
#define HEATS 4
const char *transcript_heat_name(enum transcript_heat heat);

enum transcript_part {
	PART_GAP,     /* a blank row before all messages but the first */
	PART_UNSEEN,  /* "the model does not see what is above" */
	PART_HEADER,
	PART_FOLD,    /* "thought for 12 s" */
	PART_THOUGHT,
	PART_BODY,
	PART_FOOT,    /* "stopped" */
	PARTS
};

struct transcript_item {
	const struct message *message;
	int64_t id;
	size_t number;            /* from 1 */
	size_t sibling, siblings; /* 2/3 */
	bool unseen_above;
	struct thought thought;
	bool opened;              /* what was thought is shown */
	double think_seconds;     /* < 0: not known */
	struct document thought_doc, body_doc;
	size_t thought_len, body_len; /* that the documents know */
	struct spans spans;
	uint8_t *heat;            /* [n_heat] */
	size_t n_heat, heat_capacity;
	struct text_range *matches;
	size_t n_matches, matches_capacity, matches_len;
	struct text_marks marks;
};

struct place {
	size_t item;
	enum transcript_part part;
	size_t block, line;
};

struct transcript {
	struct transcript_item *items;
	size_t n, capacity;
	int width, rows;         /* of the window; text is narrower */
	const void *model;       /* that it was laid out for */

	/* Choices of the person. */
	bool raw;                /* text as it is, no Markdown */
	bool times;
	bool numbers;
	enum transcript_heat heat;

	struct place top;        /* first row of the window */
	bool follow;             /* the window stays at the end */
	struct place seen;       /* the last row when the reader went up */

	/* The token cursor. */
	bool cursor;             /* it is shown */
	int64_t cursor_message;
	size_t cursor_token;
	bool cursor_follows;     /* it stays at the newest token */
	bool marking;
	size_t mark_pos;         /* byte of the message where the mark began */

	struct strbuf query;     /* what is searched; empty: nothing */
	int64_t match_message;   /* the current match */
	uint32_t match_begin;    /* UINT32_MAX: none */

	struct transcript_row *row_list; /* of transcript_rows() */
	size_t row_capacity;
};

void transcript_init(struct transcript *t);
void transcript_free(struct transcript *t);

/* Brings it up to date with the conversation and the size of the window. */
void transcript_update(struct transcript *t, const struct chat *chat, int width,
                       int rows);

/* The rows of the window, to be drawn; valid until the next call. */
void transcript_rows(struct transcript *t, const struct chat *chat,
                     struct transcript_view *view);

/* Which bytes the tokens of an item made, as far as they are known. */
void transcript_update_spans(struct transcript_item *item,
                             const struct chat *chat);

/* ---- scrolling ---- */

void transcript_scroll(struct transcript *t, int rows); /* < 0: up */
void transcript_top(struct transcript *t);
void transcript_bottom(struct transcript *t);
/* To the beginning of the message before (-1) or after (+1). */
void transcript_step_message(struct transcript *t, int step);
/* The message at the top of the window, or with the cursor; NULL: none. */
struct transcript_item *transcript_current(struct transcript *t);
struct transcript_item *transcript_item(struct transcript *t, int64_t id);
/* By number from 1, as shown; NULL. */
struct transcript_item *transcript_numbered(struct transcript *t, size_t number);

void transcript_toggle_fold(struct transcript *t);

/* Brings a byte of a message's text into the window. */
void transcript_reveal(struct transcript *t, struct transcript_item *item,
                       size_t pos);

/* ---- places, for the cursor ---- */

bool place_next(struct transcript *t, struct place *p);
bool place_before(struct transcript *t, struct place *p);
struct place transcript_find(struct transcript *t, struct transcript_item *item,
                             size_t pos);
/* The document of a part and where it begins in the text; NULL for labels. */
struct document *transcript_document(struct transcript_item *item,
                                     enum transcript_part part, size_t *begin);
const struct lines *transcript_lines(struct transcript *t, struct place p,
                                     size_t *begin);

#endif
