#include "ui/app.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "engine/engine.h"
#include "library/conversation.h"
#include "ui/app_state.h"
#include "ui/chat_model.h"
#include "ui/cli/options.h"
#include "ui/line_editor.h"
#include "ui/screen/screen.h"
#include "ui/terminal.h"

#define FRAME         (1.0 / 30) /* seconds between two drawings */
#define LONG_REPLY    10.0       /* seconds: worth a notice when it ends */
#define LAST_WORDS_MS 300        /* that the engine gets to stop */

/* ---- the engine's side ---- */

static void notify(struct app *app)
{
	static const char osc9[] = "\033]9;confab: the reply is complete\a";

	if (!app->unfocused || clock_seconds() - app->reply_began < LONG_REPLY)
		return;
	if (app->notify == NOTIFY_BELL)
		screen_bell();
	else if (app->notify == NOTIFY_OSC9)
		screen_send(osc9, (int)sizeof osc9 - 1);
}

/* The first model that cannot be loaded ends the program; a later one does not. */
static void check_loading(struct app *app, struct error *err)
{
	struct chat *chat = &app->chat;

	if (chat->state == CHAT_READY)
		app->loaded_once = true;
	if (chat->state != CHAT_NO_MODEL || app->loaded_once)
		return;
	error_set(err, "%s", chat->notice.bytes);
	app->status = chat->failed_file ? EXIT_BAD_FILE : EXIT_FAILED;
	app->leaving = true;
}

static void read_events(struct app *app, struct error *err)
{
	struct engine_event *event;

	while ((event = engine_next_event(app->engine))) {
		chat_handle_event(&app->chat, event);
		engine_event_free(event);
		app_cursor_follow(app);
		app->dirty = true;
	}
	check_loading(app, err);
	if (app->chat.finished) {
		app->chat.finished = false;
		notify(app);
	}
	if (app->chat.state == CHAT_READING)
		app->reply_began = app->chat.stage_began;
}

/* ---- keys and signals ---- */

static void take_keys(struct app *app, bool late)
{
	struct key key;

	while (!app->leaving && keys_next(&app->keys, &key, late)) {
		app_key(app, &key);
		app->dirty = true;
	}
}

/* What was typed before the terminal was ours had its Enter made a newline. */
static void as_typed(struct app *app, char *bytes, size_t len)
{
	for (size_t i = 0; i < len && app->typed_before > 0; i++) {
		app->typed_before--;
		if (bytes[i] == '\n')
			bytes[i] = '\r';
	}
}

/* Keys of which only a part has come, when they waited long enough. */
static int late_keys(struct app *app)
{
	int timeout = keys_timeout(&app->keys);
	double left;

	if (timeout < 0)
		return -1;
	left = app->keys_at + timeout / 1000.0 - clock_seconds();
	if (left > 0)
		return (int)(left * 1000) + 1;
	/* This program may be what was late. */
	if (poll(&(struct pollfd){ STDIN_FILENO, POLLIN, 0 }, 1, 0) <= 0)
		take_keys(app, true);
	return 0;
}

static void read_keys(struct app *app)
{
	char bytes[65536];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		app->lost = app->leaving = true;
		return;
	}
	as_typed(app, bytes, (size_t)n);
	keys_feed(&app->keys, bytes, (size_t)n);
	app->keys_at = clock_seconds();
	take_keys(app, false);
}

static void read_signals(struct app *app)
{
	int number;

	while ((number = terminal_next_signal())) {
		app->dirty = true;
		switch (number) {
		case SIGWINCH:
			break; /* the size is read when drawing */
		case SIGCONT:
			screen_return();
			break;
		case SIGTSTP:
			app_do(app, ACTION_SUSPEND, "");
			break;
		default:
			app->signal = number;
			app->leaving = true;
		}
	}
}

/* ---- the loop ---- */

static int sooner(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

/* Draws when it is due; the milliseconds until it will be. */
static int draw_in_time(struct app *app)
{
	double wait;

	if (!app->dirty)
		return -1;
	wait = app->drawn_at + FRAME - clock_seconds();
	if (wait > 0)
		return (int)(wait * 1000) + 1;
	app_draw(app);
	app->dirty = false;
	app->drawn_at = clock_seconds();
	return -1;
}

static void wait_once(struct app *app, struct error *err)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = terminal_signal_fd(), .events = POLLIN },
		{ .fd = engine_fd(app->engine), .events = POLLIN },
	};
	int timeout = late_keys(app);

	timeout = sooner(timeout, draw_in_time(app));
	timeout = sooner(timeout, chat_tick(&app->chat));
	if (poll(fds, 3, timeout) < 0)
		return; /* a signal: it is in the pipe */
	if (fds[1].revents)
		read_signals(app);
	if (fds[0].revents & POLLIN)
		read_keys(app);
	else if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		app->lost = app->leaving = true;
	if (fds[2].revents)
		read_events(app, err);
}

/* ---- coming and going ---- */

static void on_accept(void *arg, const char *text)
{
	app_enter(arg, text);
}

static void on_edit(void *arg)
{
	app_do(arg, ACTION_EDITOR, "");
}

static char **on_complete(void *arg, const char *text, int start, int point,
                          char *append)
{
	return app_complete(arg, text, start, point, append);
}

static int open_editor(struct app *app, struct error *err)
{
	struct line_editor_hooks hooks = { on_accept, on_edit, on_complete,
		                           app };
	char *dir = paths_user(PATHS_STATE, NULL), *path = NULL;
	int result;

	if (dir && !file_make_dirs(dir, NULL))
		path = paths_join(dir, "history");
	result = line_editor_open(&hooks, path, err);
	free(path);
	free(dir);
	return result;
}

/* `bind KEY ACTION` lines; a wrong one is told and passed over. */
static void bind_keys(struct app *app)
{
	const struct settings *s = app->options->settings;

	for (size_t i = 0; i < settings_n_binds(s); i++) {
		const struct setting_bind *bind = settings_bind(s, i);
		struct error err = { "" };

		if (action_bind(bind->key, bind->action, &err))
			chat_error(&app->chat, "%s: %s", bind->where, err.text);
	}
}

static void read_settings(struct app *app)
{
	const struct setting_info *info;

	for (size_t i = 0; (info = settings_info(i)); i++) {
		const char *value = options_setting(app->options, info->key);

		if (info->owner == SETTING_SCREEN && value)
			app->host.setting(app, info->key, value, NULL);
	}
	bind_keys(app);
}

static enum theme_kind wanted_theme(const struct options *o)
{
	const char *name = options_setting(o, "theme");
	int theme = theme_named(name ? name : "auto");

	return (enum theme_kind)(theme < 0 ? theme_named("auto") : theme);
}

static int open_chat(struct app *app, struct error *err)
{
	struct saving saving;
	struct conversation *c;
	char *path = options_model_path(app->options, err);
	int status = EXIT_FAILED;

	if (!path)
		return EXIT_BAD_FILE;
	saving_open(&saving, app->options);
	c = saving_begin(&saving, app->options, &status, err);
	terminal_block_signals();
	app->engine = c ? engine_new(err) : NULL;
	terminal_unblock_signals();
	if (!app->engine) {
		free(path);
		saving_close(&saving);
		conversation_free(c);
		return status;
	}
	chat_init(&app->chat, app->engine, app->options, c);
	app->chat.saving = saving;
	chat_load(&app->chat, path, app->options->context);
	return EXIT_OK;
}

/* The engine may be inside a long step.  Nobody waits for that: the process
 * ends anyway. */
static void close_engine(struct app *app)
{
	struct pollfd fd = { .fd = engine_fd(app->engine), .events = POLLIN };
	double until = clock_seconds() + LAST_WORDS_MS / 1000.0;
	double left;

	while (app->chat.request &&
	       (left = until - clock_seconds()) > 0 &&
	       poll(&fd, 1, (int)(left * 1000) + 1) > 0) {
		struct engine_event *event = engine_next_event(app->engine);

		if (event && event->request == app->chat.request &&
		    (event->type == ENGINE_FINISHED ||
		     event->type == ENGINE_LOADED ||
		     event->type == ENGINE_FAILED))
			app->chat.request = 0;
		engine_event_free(event);
	}
	if (!app->chat.request)
		engine_free(app->engine);
}

static void close_chat(struct app *app)
{
	uint64_t request = app->chat.request;

	/* Close and save first: the terminal may be gone, and time short. */
	chat_stop(&app->chat);
	if (app->chat.reply)
		chat_interrupt(&app->chat);
	chat_save(&app->chat);
	if (!app->lost && !app->signal && chat_snapshot_leave(&app->chat))
		request = 0;
	saving_close(&app->chat.saving);
	app->chat.request = request;
	close_engine(app);
}

static void app_free(struct app *app)
{
	transcript_free(&app->transcript);
	chat_free(&app->chat);
	keys_free(&app->keys);
	canvas_free(&app->canvas);
	strbuf_free(&app->stash);
	strbuf_free(&app->text_title);
	strbuf_free(&app->text);
	chats_close(&app->chats);
}

static int run_screen(struct app *app, struct error *err)
{
	terminal_set_restore(screen_restore_sequences());
	if (open_editor(app, err))
		return EXIT_FAILED;
	ioctl(STDIN_FILENO, FIONREAD, &app->typed_before);
	app_host_init(app);
	transcript_init(&app->transcript);
	read_settings(app);
	chat_tell_opened(&app->chat);
	app->dirty = true;
	while (!app->leaving)
		wait_once(app, err);
	return app->status;
}

static int run_terminal(struct app *app, struct error *err)
{
	int status;

	if (terminal_open(err))
		return EXIT_FAILED;
	status = open_chat(app, err);
	if (status == EXIT_OK && screen_open(wanted_theme(app->options), err))
		status = EXIT_FAILED;
	if (status == EXIT_OK)
		status = run_screen(app, err);
	if (app->lost)
		terminal_set_restore("");
	if (app->engine)
		close_chat(app);
	line_editor_close();
	screen_close();
	terminal_close();
	return status;
}

/* Widths and clusters need UTF-8, also where the environment says "C": which readline
 * asks once more. */
static void use_utf8(void)
{
	const char *all = getenv("LC_ALL");

	if (!strcmp(nl_langinfo(CODESET), "UTF-8") ||
	    !setlocale(LC_CTYPE, "C.UTF-8"))
		return;
	setenv(all && *all ? "LC_ALL" : "LC_CTYPE", "C.UTF-8", 1);
}

int app_run(const struct options *o, struct error *err)
{
	struct app app = { .options = o,
		           .keys = KEYS_INIT,
		           .stash = STRBUF_INIT,
		           .text_title = STRBUF_INIT,
		           .text = STRBUF_INIT,
		           .chats = CHATS_INIT,
		           .edited = -1,
		           .position_message = -1 };
	int status, signal_number;

	use_utf8();
	status = run_terminal(&app, err);
	signal_number = app.lost ? SIGHUP : app.signal;
	if (app.engine)
		app_free(&app);
	if (signal_number)
		terminal_die(signal_number);
	return status;
}
