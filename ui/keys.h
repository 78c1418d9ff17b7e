/*
 * keys.h - the bytes a terminal sends, taken apart
 *
 * Nobody but this reads what is typed.  Escape sequences become keys with
 * names ("F1", "PgUp", "Alt-Enter", "Ctrl-C"), a bracketed paste becomes one
 * event, and a lone Esc is told from the beginning of a sequence by time.  A
 * key keeps its bytes, so that what is bound to no action can be handed on to
 * readline.
 *
 * Sequences understood: ECMA-48 CSI with xterm's modifiers, SS3, the Linux
 * console's function keys, rxvt's; SGR mouse (1006), focus (1004), bracketed
 * paste (2004).
 */
#ifndef CONFAB_KEYS_H
#define CONFAB_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum key_type {
	KEY_NAMED,  /* name: a special key, a control or an Alt combination */
	KEY_TEXT,   /* one typed character, bytes */
	KEY_PASTE,  /* keys->paste holds the text */
	KEY_MOUSE,
	KEY_FOCUS,  /* button: 1 the window got the focus, 0 lost it */
	KEY_UNKNOWN /* a sequence that no key is known for */
};

struct key {
	enum key_type type;
	char name[24];     /* of KEY_NAMED; of KEY_TEXT the character itself */
	char bytes[32];
	size_t len;
	int button, row, col; /* mouse: xterm's button code, place from 0 */
	bool released;
};

struct keys {
	struct strbuf in;    /* bytes not yet taken apart */
	struct strbuf paste; /* the text of the paste, newlines as \n */
	bool pasting;
	size_t paste_searched;
	bool alone; /* the last byte came by itself, with nothing waiting */
};

#define KEYS_INIT \
	{ \
		STRBUF_INIT, STRBUF_INIT, false, 0, false \
	}
void keys_free(struct keys *k);
void keys_feed(struct keys *k, const char *bytes, size_t len);

/* The next key; 0: there is none, or its rest has not come.  With late, what
 * waits is taken as it is: Esc as a key, of a paste what has come. */
int keys_next(struct keys *k, struct key *key, bool late);

/* Milliseconds after which to call keys_next() with late; -1: nothing waits but, it
 * may be, a beginning of the end of a paste. */
int keys_timeout(const struct keys *k);

#endif
