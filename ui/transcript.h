/*
 * transcript.h - where one is in the conversation: layout, scrolling, cursor
 *
 * The current path of the tree as rows of a window.  Rows are laid out when
 * they come into sight, walking from a place up or down, so nothing here costs
 * more because the conversation is long.
 */
#ifndef CONFAB_TRANSCRIPT_H
#define CONFAB_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "ui/place.h"
#include "ui/transcript_item.h"

struct chat;
struct transcript_view;
struct transcript_row;

struct transcript {
	struct transcript_item *items;
	size_t n, capacity;
	int width, rows;         /* of the window; text is narrower */
	const void *model;       /* that it was laid out for */
	size_t n_removed;        /* of the conversation, when it was laid out */

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
	int64_t mark_message;    /* where the mark began: the message, and ... */
	size_t mark_pos;         /* ... the byte of its text */

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

/* When a message was written, as it is shown: "14:02", with the date where that
 * is not today. */
void transcript_time(char *out, size_t size, int64_t ms);

/* ---- scrolling ---- */

void transcript_scroll(struct transcript *t, int rows); /* < 0: up */
void transcript_top(struct transcript *t);
void transcript_bottom(struct transcript *t);
/* To the beginning of the message before (-1) or after (+1). */
void transcript_step_message(struct transcript *t, int step);
/* The message at the top of the window, or with the cursor; NULL: none. */
struct transcript_item *transcript_current(struct transcript *t);
struct transcript_item *transcript_item(struct transcript *t, int64_t id);

/* The bytes of a message's text between the mark and the cursor, which may
 * stand in other messages; empty: none. */
struct text_range transcript_marked(struct transcript *t,
                                    const struct transcript_item *item);

/* Opens or folds the thought of the current message, else the last one; false:
 * there is none. */
bool transcript_toggle_fold(struct transcript *t);

/* Brings a byte of a message's text into the window. */
void transcript_reveal(struct transcript *t, struct transcript_item *item,
                       size_t pos);

#endif
