#include <string.h>

#include "base/error.h"
#include "library/conversation.h"
#include "ui/app_state.h"
#include "ui/chat_tree.h"
#include "ui/cli/options.h"
#include "ui/clipboard.h"
#include "ui/external_editor.h"
#include "ui/line_editor.h"
#include "ui/screen/screen.h"
#include "ui/terminal.h"
#include "ui/transcript_find.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

/* ---- the input line ---- */

void app_set_input(struct app *app, enum app_input input, const char *text)
{
	if (app->input == INPUT_SAY && input != INPUT_SAY) {
		strbuf_clear(&app->stash);
		strbuf_add_str(&app->stash, line_editor_text(NULL, NULL));
		app->from_transcript = app->in_transcript;
	}
	app->input = input;
	app->in_transcript = false;
	line_editor_set(text);
}

void app_end_input(struct app *app)
{
	if (app->input == INPUT_SAY)
		return;
	app->input = INPUT_SAY;
	app->edited = -1;
	line_editor_set(app->stash.bytes);
	strbuf_clear(&app->stash);
	app_focus(app, app->from_transcript);
}

void app_give_back(struct app *app, const char *text)
{
	struct strbuf line = STRBUF_INIT;
	const char *typed;

	app_end_input(app);
	typed = line_editor_text(NULL, NULL);
	strbuf_add_str(&line, text);
	if (*typed)
		strbuf_add_char(&line, '\n');
	strbuf_add_str(&line, typed);
	app_set_input(app, INPUT_SAY, line.bytes);
	strbuf_free(&line);
}

/* ---- what commands ask of this front end ---- */

static void show(void *arg, const char *title, const char *text)
{
	struct app *app = arg;

	strbuf_clear(&app->text_title);
	strbuf_add_str(&app->text_title, title);
	strbuf_clear(&app->text);
	strbuf_add_str(&app->text, text);
	app->text_first = 0;
	app->text_open = true;
}

static void set_input(void *arg, const char *text, int64_t edits)
{
	struct app *app = arg;

	if (edits < 0) {
		app_give_back(app, text);
		return;
	}
	app_set_input(app, INPUT_EDIT, text);
	app->edited = edits;
}

static void switched(void *arg)
{
	struct app *app = arg;
	struct transcript old = app->transcript;

	transcript_init(&app->transcript);
	app->transcript.raw = old.raw;
	app->transcript.times = old.times;
	app->transcript.heat = old.heat;
	transcript_free(&old);
	app_focus(app, false); /* it is to be talked to */
	app->edited = -1;
}

static void quit(void *arg)
{
	((struct app *)arg)->leaving = true;
}

static void copy(void *arg, const char *bytes, size_t len, const char *what)
{
	struct app *app = arg;
	const char *command = clipboard_command(
		options_setting(app->options, "copy_command"));
	struct strbuf sequence = STRBUF_INIT;
	bool taken = command && !clipboard_run(command, bytes, len);

	clipboard_sequence(&sequence, bytes, len);
	screen_send(sequence.bytes, (int)sequence.len);
	if (!taken && !sequence.len)
		chat_error(&app->chat,
		           "%s: %zu bytes are too many for the terminal's "
		           "clipboard; /write keeps them",
		           what, len);
	else
		chat_notice(&app->chat, "copied %s, %zu bytes, by %s", what, len,
		            taken ? command : "the terminal (OSC 52)");
	strbuf_free(&sequence);
}

static void set_mouse(struct app *app, bool on)
{
	app->mouse = on;
	screen_set_mouse(on);
}

static const char *const notices[] = { "off", "bell", "osc9" };

static void set_notify(struct app *app, const char *value)
{
	for (int i = 0; i < (int)ARRAY_SIZE(notices); i++)
		if (!strcmp(value, notices[i]))
			app->notify = (enum app_notify)i;
}

static void put_setting(const struct app *app, const char *key,
                        struct strbuf *out)
{
	bool on = false;

	if (!strcmp(key, "theme"))
		strbuf_add_str(out, theme_name(theme_kind()));
	else if (!strcmp(key, "notify"))
		strbuf_add_str(out, notices[app->notify]);
	else if (!strcmp(key, "heat"))
		strbuf_add_str(out, transcript_heat_name(app->transcript.heat));
	else if (!strcmp(key, "mouse"))
		on = app->mouse;
	else if (!strcmp(key, "times"))
		on = app->transcript.times;
	else
		on = app->pane;
	if (!out->len)
		strbuf_add_str(out, on ? "on" : "off");
}

static bool setting(void *arg, const char *key, const char *value,
                    struct strbuf *out)
{
	struct app *app = arg;
	bool on = false;

	if (!value) {
		put_setting(app, key, out);
		return true;
	}
	value_switch(value, &on);
	if (!strcmp(key, "theme"))
		screen_set_theme((enum theme_kind)theme_named(value));
	else if (!strcmp(key, "mouse"))
		set_mouse(app, on);
	else if (!strcmp(key, "notify"))
		set_notify(app, value);
	else if (!strcmp(key, "heat"))
		transcript_heat_named(value, &app->transcript.heat);
	else if (!strcmp(key, "times"))
		app->transcript.times = on;
	else
		app->pane = on;
	return true;
}

void app_host_init(struct app *app)
{
	app->host =
		(struct command_host){ &app->chat, true, show,    set_input,
		                       switched,   quit, copy,    setting,
		                       app };
}

/* ---- single actions ---- */

/* What was told of the other use of the line is over, too. */
static void leave_input(struct app *app)
{
	chat_notice_clear(&app->chat);
	app_end_input(app);
}

/* Esc and Ctrl-C: what is open is closed first, then the reply is stopped. */
static void stop(struct app *app)
{
	struct transcript *t = &app->transcript;
	size_t len;

	line_editor_text(&len, NULL);
	if (app->choosing || app->tried.on)
		app->choosing = app->tried.on = false;
	else if (app->input != INPUT_SAY)
		leave_input(app);
	else if (t->marking)
		t->marking = false;
	else if (chat_is_busy(&app->chat) && app->chat.state != CHAT_LOADING)
		chat_stop(&app->chat);
	else if (t->query.len)
		transcript_search(t, "");
	else if (app->in_transcript)
		app_focus(app, false);
	else if (app->chat.notice.len)
		chat_notice_clear(&app->chat);
	else
		line_editor_escape();
}

void app_focus(struct app *app, bool in_transcript)
{
	app->in_transcript = in_transcript;
	app->choosing = app->tried.on = false;
	app->transcript.numbers = app->in_transcript;
	if (app->in_transcript)
		app_cursor_show(app);
	else
		app->transcript.cursor = app->transcript.marking = false;
}

/* Of a message: opens it there. */
static void inspector(struct app *app, const char *argument)
{
	bool typed = !app->in_transcript;

	app->pane = *argument || !app->pane;
	app_focus(app, app->pane);
	/* After a number that is none another command is typed. */
	if (*argument && !app_cursor_to_number(app, argument) && typed)
		app_focus(app, false);
}

static void suspend(struct app *app)
{
	chat_save(&app->chat);
	screen_leave();
	terminal_stop();
	screen_return();
}

static void run_editor(struct app *app)
{
	struct strbuf text = STRBUF_INIT;
	struct error err = { "" };

	strbuf_add_str(&text, line_editor_text(NULL, NULL));
	screen_leave();
	if (external_editor(&text, &err))
		chat_error(&app->chat, "%s", err.text);
	else
		line_editor_set(text.bytes);
	screen_return();
	strbuf_free(&text);
}

static void start_find(struct app *app, const char *argument)
{
	if (!*argument) {
		app_set_input(app, INPUT_FIND, "");
		return;
	}
	transcript_search(&app->transcript, argument);
	app_cursor_to_match(app, -1);
}

static void cycle_heat(struct app *app, const char *argument)
{
	struct transcript *t = &app->transcript;

	if (*argument && !transcript_heat_named(argument, &t->heat))
		chat_error(&app->chat,
		           "/heat off, probability, entropy or rank");
	else if (!*argument)
		t->heat = (enum transcript_heat)((t->heat + 1) % HEATS);
}

static void sibling(struct app *app, int step)
{
	struct transcript_item *item = transcript_current(&app->transcript);
	int64_t parent;
	bool others;

	/* Without a cursor: the last message that has siblings. */
	for (size_t i = app->transcript.n;
	     i-- > 0 && !(item && item->siblings > 1);)
		item = &app->transcript.items[i];
	if (!item)
		return;
	parent = item->message->parent;
	others = item->siblings > 1;
	chat_sibling(&app->chat, item->id, step);
	if (others)
		app_cursor_to_child(app, parent);
}

static void back(struct app *app)
{
	const struct transcript_item *item =
		transcript_current(&app->transcript);
	int64_t parent = item ? item->message->parent : -1;

	if (chat_back(&app->chat))
		app_cursor_to_child(app, parent);
}

/* The message under the cursor as an argument. */
static void on_current(struct app *app, enum action action)
{
	struct transcript_item *item = transcript_current(&app->transcript);

	if (!item)
		chat_notice(&app->chat, "there is no message yet");
	else if (action == ACTION_EDIT)
		set_input(app, item->message->text.bytes, item->id);
	else
		chat_branch(&app->chat, item->id);
}

static void copy_marked(struct app *app)
{
	struct transcript *t = &app->transcript;
	struct strbuf text = STRBUF_INIT;

	if (!t->marking) {
		commands_run(&app->host, ACTION_COPY, "");
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		struct text_range range = transcript_marked(t, &t->items[i]);

		if (range.end <= range.begin)
			continue;
		if (text.len) /* between messages */
			strbuf_add_str(&text, "\n\n");
		strbuf_add(&text, t->items[i].message->text.bytes + range.begin,
		           range.end - range.begin);
	}
	copy(app, text.bytes, text.len, "the marked text");
	strbuf_free(&text);
	t->marking = false;
}

static void mark(struct app *app)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = transcript_item(t, t->cursor_message);

	t->marking = !t->marking && item;
	if (!t->marking)
		return;
	t->mark_message = item->id;
	t->mark_pos = transcript_item_token(item, t->cursor_token).begin;
	chat_notice(&app->chat, "marking; %s copies", action_key(ACTION_COPY));
}

static void next(struct app *app, int step)
{
	if (app->transcript.query.len)
		app_cursor_to_match(app, step);
	else
		app_tokens_do(app, step > 0 ? ACTION_NEXT : ACTION_BEFORE, "");
}

/* The window alone, or with the cursor when there is one. */
static void jump(struct app *app, enum action action)
{
	struct transcript *t = &app->transcript;

	if (action == ACTION_TOP)
		transcript_top(t);
	else if (action == ACTION_BOTTOM)
		transcript_bottom(t);
	else if (!app->in_transcript)
		transcript_step_message(t, action == ACTION_MESSAGE_UP ? -1 : 1);
	if (app->in_transcript)
		app_tokens_do(app, action, "");
}

/* ---- the table ---- */

static bool do_looking(struct app *app, enum action action,
                       const char *argument)
{
	struct transcript *t = &app->transcript;
	int page = t->rows > 2 ? t->rows - 1 : 1;

	switch (action) {
	case ACTION_INSPECTOR:
		inspector(app, argument);
		return true;
	case ACTION_LIST:
	case ACTION_SEARCH:
		app_chats_open(app, argument);
		return true;
	case ACTION_FOCUS:
		app_focus(app, !app->in_transcript);
		return true;
	case ACTION_FIND:
		start_find(app, argument);
		return true;
	case ACTION_NEXT:
		next(app, 1);
		return true;
	case ACTION_BEFORE:
		next(app, -1);
		return true;
	case ACTION_HEAT:
		cycle_heat(app, argument);
		return true;
	case ACTION_RAW:
		t->raw = !t->raw;
		return true;
	case ACTION_FOLD:
		if (!transcript_toggle_fold(t))
			chat_notice(&app->chat, "there is no thought to open");
		return true;
	case ACTION_TIMES:
		t->times = !t->times;
		return true;
	case ACTION_PAGE_UP:
	case ACTION_PAGE_DOWN:
		transcript_scroll(t, action == ACTION_PAGE_UP ? -page : page);
		if (app->in_transcript)
			app_cursor_into_window(app);
		return true;
	case ACTION_MESSAGE_UP:
	case ACTION_MESSAGE_DOWN:
	case ACTION_TOP:
	case ACTION_BOTTOM:
		jump(app, action);
		return true;
	default:
		return false;
	}
}

static bool do_program(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_STOP:
		stop(app);
		return true;
	case ACTION_NEWLINE:
		line_editor_insert("\n", 1);
		return true;
	case ACTION_EDITOR:
		run_editor(app);
		return true;
	case ACTION_REDRAW:
		screen_redraw();
		return true;
	case ACTION_SUSPEND:
		suspend(app);
		return true;
	case ACTION_MARK:
		mark(app);
		return true;
	case ACTION_BACK:
		back(app);
		return true;
	case ACTION_SIBLING_BEFORE:
		sibling(app, -1);
		return true;
	case ACTION_SIBLING_AFTER:
		sibling(app, 1);
		return true;
	default:
		return false;
	}
}

/* Those that put something else into the input line, or end the conversation. */
static bool takes_line(enum action action)
{
	switch (action) {
	case ACTION_FIND:
	case ACTION_TYPE_TOKEN:
	case ACTION_EDIT:
	case ACTION_UNDO:
	case ACTION_LIST:
	case ACTION_SEARCH:
	case ACTION_NEW:
	case ACTION_DELETE:
	case ACTION_UNDELETE:
		return true;
	default:
		return false;
	}
}

void app_do(struct app *app, enum action action, const char *argument)
{
	bool listed = line_editor_close_list();

	app->dirty = true;
	if (listed && action == ACTION_STOP)
		return;
	if (action != ACTION_STOP) /* which closes the notice last */
		chat_notice_clear(&app->chat);
	if (app->input == INPUT_EDIT && takes_line(action)) {
		chat_notice(&app->chat, "a message is being edited: Enter "
		                        "sends it, Esc leaves it as it was");
		return;
	}
	/* What is done is done to the conversation as it is, drawn or not. */
	if (app->transcript.width)
		transcript_update(&app->transcript, &app->chat,
		                  app->transcript.width, app->transcript.rows);
	if (do_looking(app, action, argument) || do_program(app, action))
		return;
	if (app->in_transcript && !*argument) {
		if (action == ACTION_EDIT || action == ACTION_BRANCH) {
			on_current(app, action);
			return;
		}
		if (action == ACTION_COPY) {
			copy_marked(app);
			return;
		}
	}
	if (app_tokens_do(app, action, argument))
		return;
	commands_run(&app->host, action, argument);
}
