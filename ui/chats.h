/*
 * chats.h - the pane of saved conversations, without a screen
 *
 * A page of the list at a time: a search of 5,000 conversations must not be
 * felt while typing, and nobody reads past the first two hundred.  Further pages
 * come when the choice nears the end.
 */
#ifndef CONFAB_CHATS_H
#define CONFAB_CHATS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct conversation;
struct error;
struct library_entry;
struct saving;

struct chats {
	bool open;
	struct saving *saving;         /* borrowed while open */
	struct strbuf words;           /* the filter */
	struct library_entry *entries; /* [n_read], newest first */
	size_t n_read;  /* one more than the limit where there are more */
	size_t n, limit, selected;
	struct conversation *preview; /* the end of the selected one, or NULL */
	char *preview_id;
};

#define CHATS_INIT \
	{ \
		.words = STRBUF_INIT \
	}

int chats_open(struct chats *chats, struct saving *saving, const char *words,
               struct error *err);
void chats_close(struct chats *chats);

/* Other words; the first hit is selected. */
int chats_filter(struct chats *chats, const char *words, struct error *err);

/* Reads the list anew; the same conversation stays selected if it is there. */
int chats_reload(struct chats *chats, struct error *err);

void chats_move(struct chats *chats, long step, struct error *err);

/* There are more than n; they come when one goes there. */
bool chats_has_more(const struct chats *chats);

/* The selected one, or NULL. */
const struct library_entry *chats_selected(const struct chats *chats);

#endif
