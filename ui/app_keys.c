#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "ui/app_state.h"
#include "ui/chat_tree.h"
#include "ui/line_editor.h"
#include "ui/transcript_find.h"

#define WHEEL_ROWS 3
#define TEXT_END   (1 << 30) /* a line: drawing knows the last one */

/* ---- Enter ---- */

static void say(struct app *app, const char *text)
{
	const char *argument;
	enum action action;

	line_editor_remember(text);
	chat_notice_clear(&app->chat);
	if (commands_is_command(text)) {
		action = commands_line(&app->host, text, &argument);
		if (action != ACTION_NONE)
			app_do(app, action, argument);
		return;
	}
	transcript_bottom(&app->transcript);
	chat_say(&app->chat, text[0] == '/' && text[1] == '/' ? text + 1 :
	                                                        text);
}

static void find(struct app *app, const char *text)
{
	transcript_search(&app->transcript, text);
	if (*text)
		app_cursor_to_match(app, 0);
}

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t\n")];
}

/* What was pasted may be no text. */
static char *repaired(const char *text)
{
	struct strbuf out = STRBUF_INIT;

	utf8_repair(&out, text, strlen(text));
	return strbuf_take(&out);
}

void app_enter(struct app *app, const char *text)
{
	char *copy = repaired(text);
	enum app_input input = app->input;
	int64_t edited = app->edited;

	app->dirty = true;
	if (input == INPUT_CHATS || input == INPUT_TITLE) {
		app_chats_enter(app, input, copy);
		free(copy);
		return;
	}
	if (input != INPUT_SAY)
		app_end_input(app);
	if (input == INPUT_FIND) {
		find(app, copy);
	} else if (is_blank(copy)) {
		/* Nothing to say. */
	} else if (input == INPUT_TOKEN) {
		app_take_text(app, copy);
	} else if (input == INPUT_EDIT) {
		line_editor_remember(copy);
		app_focus(app, false);
		transcript_bottom(&app->transcript);
		chat_edit(&app->chat, edited, copy);
	} else {
		say(app, copy);
	}
	free(copy);
}

/* ---- keys ---- */

static bool is(const struct key *key, const char *name)
{
	return key->type == KEY_NAMED && !strcmp(key->name, name);
}

/* What searches while it is typed. */
static void line_changed(struct app *app)
{
	if (app->input == INPUT_FIND)
		transcript_search(&app->transcript,
		                  line_editor_text(NULL, NULL));
	app_chats_typed(app);
}

static void pasted(struct app *app)
{
	if (app->text_open)
		return;
	if (app->in_transcript)
		app_focus(app, false);
	line_editor_insert(app->keys.paste.bytes, app->keys.paste.len);
	strbuf_free(&app->keys.paste); /* it may have been a megabyte */
	line_changed(app);
}

/* What is on top scrolls. */
static void wheel(struct app *app, int rows)
{
	if (!app->text_open)
		transcript_scroll(&app->transcript, rows);
	else if (app->text_first + rows >= 0)
		app->text_first += rows;
	else
		app->text_first = 0;
}

static void mouse(struct app *app, const struct key *key)
{
	if (app->chats.open) {
		app_chats_mouse(app, key);
		return;
	}
	if (key->button == 64 || key->button == 65)
		wheel(app, key->button == 64 ? -WHEEL_ROWS : WHEEL_ROWS);
	else if (key->button == 0 && !key->released && !app->text_open)
		app_cursor_click(app, key->row, key->col);
}

/* A text over the transcript takes the keys that scroll it. */
static bool text_key(struct app *app, const struct key *key)
{
	enum action action = action_of_key(key->name, PLACE_TRANSCRIPT);
	int page = app->layout.transcript.rows - 2;

	if (!app->text_open)
		return false;
	if (action == ACTION_PAGE_DOWN || !strcmp(key->name, " "))
		app->text_first += page;
	else if (action == ACTION_PAGE_UP)
		app->text_first -= page;
	else if (action == ACTION_LINE_DOWN)
		app->text_first++;
	else if (action == ACTION_LINE_UP)
		app->text_first--;
	else if (action == ACTION_TOP)
		app->text_first = 0;
	else if (action == ACTION_BOTTOM)
		app->text_first = TEXT_END;
	else if (action == ACTION_STOP || action == ACTION_HELP ||
	         !strcmp(key->name, "q"))
		app->text_open = false;
	else if (action == ACTION_QUIT || action == ACTION_REDRAW ||
	         action == ACTION_SUSPEND)
		return false;
	if (app->text_first < 0)
		app->text_first = 0;
	return true;
}

static void choose_not_to(struct app *app)
{
	char *text = chat_overflow_cancel(&app->chat, true);

	if (text)
		app_give_back(app, text);
	free(text);
}

/* The question that a full context asks.  Where something is typed, a number is a
 * part of it. */
static bool choice_key(struct app *app, const struct key *key)
{
	bool number = app->in_transcript || !*line_editor_text(NULL, NULL);

	if (app->chat.state != CHAT_CHOOSING || app->input != INPUT_SAY)
		return false;
	if (number && !strcmp(key->name, "1"))
		chat_overflow_drop(&app->chat);
	else if (number && !strcmp(key->name, "2"))
		chat_overflow_enlarge(&app->chat);
	else if (is(key, "Esc") || is(key, "Ctrl-C"))
		choose_not_to(app);
	else
		return false;
	return true;
}

/* What has no name here may have a meaning in readline. */
static void feed_line(const struct key *key)
{
	bool sequence = key->len > 2 && key->bytes[0] == '\033';

	if (!sequence || line_editor_knows(key->bytes, key->len))
		line_editor_feed(key->bytes, key->len);
}

/* Readline is in the middle of something: its keys are its own. */
static bool readline_key(const struct key *key)
{
	if (!line_editor_busy())
		return false;
	if (line_editor_quotes())
		line_editor_feed(key->bytes, key->len);
	else if (is(key, "Esc") || is(key, "Ctrl-C"))
		line_editor_feed("\007", 1);
	else
		feed_line(key);
	return true;
}

static bool input_special(struct app *app, const struct key *key)
{
	size_t len;
	const char *text = line_editor_text(&len, NULL);

	/* Another use of the line is left first. */
	if (is(key, "Ctrl-D") && !len) {
		app_do(app, app->input == INPUT_SAY ? ACTION_QUIT : ACTION_STOP,
		       "");
		return true;
	}
	if (is(key, "Tab") && len && *text == '/' && app->input == INPUT_SAY) {
		line_editor_complete();
		return true;
	}
	/* In a search line these walk the matches. */
	if (app->input == INPUT_FIND && (is(key, "Up") || is(key, "Down"))) {
		transcript_next_match(&app->transcript, is(key, "Up") ? -1 : 1);
		return true;
	}
	return false;
}

static void input_key(struct app *app, const struct key *key)
{
	enum action action;

	if (readline_key(key)) {
		line_changed(app);
		return;
	}
	if (input_special(app, key))
		return;
	action = key->type == KEY_NAMED ?
	                 action_of_key(key->name, PLACE_INPUT) :
	                 ACTION_NONE;
	if (action != ACTION_NONE)
		app_do(app, action, "");
	else
		feed_line(key);
	line_changed(app);
}

static void transcript_key(struct app *app, const struct key *key)
{
	enum action action = action_of_key(key->name, PLACE_TRANSCRIPT);

	if (action != ACTION_NONE)
		app_do(app, action, "");
}

void app_key(struct app *app, const struct key *key)
{
	struct transcript *t = &app->transcript;

	/* What was drawn may be of messages that are gone. */
	if (t->n_removed != app->chat.conversation->n_removed)
		transcript_update(t, &app->chat, t->width, t->rows);
	if (key->type != KEY_FOCUS)
		chat_title_stop(&app->chat);
	switch (key->type) {
	case KEY_PASTE:
		pasted(app);
		return;
	case KEY_FOCUS:
		app->unfocused = !key->button;
		return;
	case KEY_MOUSE:
		mouse(app, key);
		return;
	case KEY_UNKNOWN:
		return;
	case KEY_NAMED:
	case KEY_TEXT:
		break;
	}
	if (text_key(app, key) || app_chats_key(app, key) ||
	    choice_key(app, key))
		return;
	if (app->in_transcript)
		transcript_key(app, key);
	else
		input_key(app, key);
}
