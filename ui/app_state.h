/*
 * app_state.h - what the full screen knows; shared by the app's own files
 */
#ifndef CONFAB_APP_STATE_H
#define CONFAB_APP_STATE_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "ui/actions.h"
#include "ui/cells/canvas.h"
#include "ui/chat.h"
#include "ui/chats.h"
#include "ui/commands.h"
#include "ui/keys.h"
#include "ui/screen/inspector_view.h"
#include "ui/screen/layout.h"
#include "ui/transcript.h"

struct options;

/* What Enter does with the line. */
enum app_input {
	INPUT_SAY,   /* sends it, or runs it as a command */
	INPUT_EDIT,  /* makes it a sibling of a message */
	INPUT_FIND,  /* searches the transcript */
	INPUT_TOKEN, /* puts it in the place of a token */
	INPUT_CHATS, /* filters the list of conversations */
	INPUT_TITLE  /* renames the selected one */
};

enum app_notify { NOTIFY_OFF, NOTIFY_BELL, NOTIFY_OSC9 };

struct app {
	const struct options *options;
	struct engine *engine;
	struct chat chat;
	struct transcript transcript;
	struct keys keys;
	struct canvas canvas;
	struct layout layout;     /* as it was drawn last */
	struct command_host host;

	double keys_at;           /* clock_seconds() of the last byte typed */
	int typed_before;         /* bytes typed before the screen was open */

	bool in_transcript;       /* the focus: else the input line */
	enum app_input input;
	int64_t edited;           /* INPUT_EDIT: the message */
	struct strbuf stash;      /* what was typed before another use of it */
	bool from_transcript;     /* ... which goes back there when it ends */

	bool text_open;           /* a text over the transcript */
	struct strbuf text_title, text;
	int text_first;           /* its first line that is shown */

	struct chats chats;       /* the conversations, over the transcript */

	bool pane;                /* the inspector is shown */
	bool choosing;            /* ... and a candidate is being chosen */
	int choice;               /* its index in the list */
	struct inspector_try tried;
	/* Tokens in front of a reply, as they were counted last. */
	int64_t position_message;
	const struct conversation *position_of;
	size_t position;

	bool mouse;
	enum app_notify notify;
	bool unfocused;           /* the window is not looked at */
	double reply_began;

	bool dirty;               /* the screen is to be drawn anew */
	double drawn_at;
	bool loaded_once;
	bool leaving;
	bool lost;                /* the terminal is gone */
	int signal;               /* that asked to leave, or 0 */
	int status;
};

/* app_draw.c */
void app_draw(struct app *app);
/* Transcript and inspector together: what an open text or list covers. */
struct rect app_middle(const struct app *app);

/* app_keys.c: what was typed. */
void app_key(struct app *app, const struct key *key);
void app_enter(struct app *app, const char *text);

/* app_complete.c: what may stand for the word before the cursor. */
char **app_complete(struct app *app, const char *text, int start, int point,
                    char *append);

/* app_actions.c: what it means. */
void app_do(struct app *app, enum action action, const char *argument);
void app_set_input(struct app *app, enum app_input input, const char *text);
/* Back to INPUT_SAY, the stash and where the focus was. */
void app_end_input(struct app *app);
/* A message of before comes back, on lines before what was typed meanwhile. */
void app_give_back(struct app *app, const char *text);
void app_focus(struct app *app, bool in_transcript);
void app_host_init(struct app *app);

/* app_chats.c: the pane of conversations. */
void app_chats_open(struct app *app, const char *words);
bool app_chats_key(struct app *app, const struct key *key); /* true: taken */
void app_chats_mouse(struct app *app, const struct key *key);
void app_chats_typed(struct app *app); /* the line may have changed */
void app_chats_enter(struct app *app, enum app_input input, const char *text);
void app_chats_draw(struct app *app, struct rect r);

/* app_cursor.c: the token cursor, where it is and how it walks. */
bool app_cursor_do(struct app *app, enum action action);
/* The message it is in, with its spans; NULL: there is none. */
struct transcript_item *app_cursor_item(struct app *app);
void app_cursor_show(struct app *app); /* where the transcript has the focus */
void app_cursor_follow(struct app *app);
void app_cursor_put(struct app *app, struct transcript_item *item,
                    size_t token);
/* To the message below `parent` on the path as it is now, at the same token. */
void app_cursor_to_child(struct app *app, int64_t parent);
/* To the message with a number; false: a notice says that there is none. */
bool app_cursor_to_number(struct app *app, const char *number);
/* To the nearest row of the window that has tokens, when it was scrolled away. */
void app_cursor_into_window(struct app *app);
/* To the next (1) or the former (-1) match of the search, or the one where it stands
 * (0). */
void app_cursor_to_match(struct app *app, int step);
void app_cursor_click(struct app *app, int row, int col);

/* app_tokens.c: what is done with the token under it, or with one that the
 * argument gives. */
bool app_tokens_do(struct app *app, enum action action, const char *argument);
void app_take_text(struct app *app, const char *text);
/* The position in the sequence of a reply's first token; SIZE_MAX: unknown. */
size_t app_reply_position(struct app *app, const struct message *m);

#endif
