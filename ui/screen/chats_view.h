/*
 * chats_view.h - the saved conversations: a list, and the end of the chosen one
 *
 * The preview stands beside the list from CHATS_SIDE columns on, else below it
 * where there is room.
 */
#ifndef CONFAB_CHATS_VIEW_H
#define CONFAB_CHATS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/cells/canvas.h"

#define CHATS_SIDE 80 /* columns */

struct chats_row {
	const char *title;
	const char *snippet; /* where the words were found, or NULL */
	int64_t updated_ms;
	size_t messages;
	bool current; /* the conversation that is open */
};

struct chats_part { /* a message of the preview */
	const char *speaker;
	bool is_user;
	const char *text;
	size_t len;
};

struct chats_view {
	const struct chats_row *rows; /* [n] */
	size_t n, selected;
	bool more; /* there are more than n */
	bool narrowed; /* to those that have some words */
	int64_t now_ms;
	const struct chats_part *parts; /* [n_parts], in the order of time */
	size_t n_parts;
	const char *hint; /* the keys, for the pane's first line */
};

/* Rows of the list that r shows, for paging. */
int chats_view_page(struct rect r);

/* The place in the list at a row of the screen; -1: none is there. */
int chats_view_at(const struct chats_view *v, struct rect r, int row, int col);

void chats_view_draw(const struct chats_view *v, struct canvas *c,
                     struct rect r);

#endif
