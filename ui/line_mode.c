#include "ui/line_mode.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/chat_model.h"
#include "ui/chat_tree.h"
#include "ui/cli/model_summary.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/progress.h"
#include "ui/clipboard.h"
#include "ui/commands.h"
#include "ui/line_input.h"
#include "ui/line_look.h"
#include "ui/line_tokens.h"
#include "ui/terminal.h"

struct line_mode {
	const struct options *options;
	struct chat chat;
	struct command_host host;
	bool is_terminal;     /* somebody types: show a prompt */
	bool prompted;        /* the prompt is out */
	struct line_input in;
	int64_t edited;       /* the next line makes a sibling of it; or -1 */
	int64_t shown;        /* the reply that is being printed, or -1 */
	size_t n_shown;       /* bytes of it that are out */
	struct line_look look;
	bool leaving, loaded_once;
	bool behind;          /* it was told that nothing can be saved */
	int signal, status;
};

/* ---- out ---- */

/* Trouble with saving, when it begins and when it is over. */
static void tell_saving(struct line_mode *l)
{
	const struct saving *s = &l->chat.saving;
	bool behind = saving_is_behind(s);

	if (behind == l->behind)
		return;
	l->behind = behind;
	progress_clear();
	output_str("* ");
	if (behind) {
		output_str("not saved: ");
		output_text(s->trouble.text, strlen(s->trouble.text));
		output_text_end();
	} else {
		output_str("saved again");
	}
	output_str("\n");
}

static void tell(struct line_mode *l)
{
	struct chat *chat = &l->chat;

	tell_saving(l);
	if (!chat->notice.len)
		return;
	progress_clear();
	output_str("* ");
	output_text(chat->notice.bytes, chat->notice.len);
	output_text_end();
	output_str("\n");
	chat_notice_clear(chat);
}

static void print_name(struct line_mode *l)
{
	output_text(l->chat.model->name, strlen(l->chat.model->name));
	output_text_end();
	output_str(": ");
}

static void print_new(struct line_mode *l, const struct message *m)
{
	struct strbuf text = STRBUF_INIT;

	progress_clear();
	if (!l->n_shown && l->is_terminal)
		print_name(l);
	line_look_reply(&l->look, &l->chat, m, l->n_shown, &text);
	output_text(text.bytes, text.len);
	l->n_shown = m->text.len;
	strbuf_free(&text);
}

/* What is new of the open reply; its end when it is closed. */
static void print_reply(struct line_mode *l)
{
	const struct message *m = l->chat.reply;
	bool open = m != NULL;

	if (!m && l->shown >= 0)
		m = conversation_message(l->chat.conversation, l->shown);
	if (m && l->shown != m->id) {
		l->shown = m->id;
		l->n_shown = 0;
		line_look_reset(&l->look);
	}
	if (m && m->text.len > l->n_shown)
		print_new(l, m);
	if (open || l->shown < 0)
		return;
	output_text_end();
	if (l->n_shown)
		output_str("\n");
	if (m && m->state == MESSAGE_INTERRUPTED)
		output_str("* stopped; /continue goes on\n");
	else if (m && m->state == MESSAGE_LENGTH)
		output_str("* cut at the limit of tokens; /continue goes on\n");
	l->shown = -1;
}

static void ask_overflow(struct line_mode *l)
{
	const struct chat_overflow *o = &l->chat.overflow;
	char size[16];

	output_printf("* the conversation needs %zu tokens, the context holds "
		      "%zu\n",
	              o->needed, o->context);
	if (o->drop_turns)
		output_printf("  1  leave out the oldest %zu turn%s (%zu "
			      "tokens)\n",
		              o->drop_turns, o->drop_turns == 1 ? "" : "s",
		              o->drop_tokens);
	model_summary_bytes(size, o->larger_bytes);
	if (o->larger_context)
		output_printf("  2  a context of %zu tokens (%s of memory)\n",
		              o->larger_context, size);
	output_printf("  anything else: %s\n",
	              o->unsent ? "do not send" : "leave it as it is");
}

static bool wants_line(const struct line_mode *l)
{
	enum chat_state state = l->chat.state;

	return !line_input_is_over(&l->in) && !l->leaving &&
	       (state == CHAT_READY || state == CHAT_CHOOSING ||
	        state == CHAT_TITLING ||
	        (state == CHAT_NO_MODEL && l->loaded_once));
}

static void prompt(struct line_mode *l)
{
	if (!wants_line(l) || l->prompted)
		return;
	l->prompted = true;
	if (l->chat.state == CHAT_CHOOSING)
		ask_overflow(l);
	if (l->is_terminal)
		output_str(l->in.message.len ? "  " : "> ");
}

/* ---- what commands ask of this front end ---- */

static void show(void *arg, const char *title, const char *text)
{
	(void)arg;
	output_text(title, strlen(title));
	output_text_end();
	output_str("\n");
	output_text(text, strlen(text));
	output_text_end();
	output_str("\n");
}

static void set_input(void *arg, const char *text, int64_t edits)
{
	struct line_mode *l = arg;

	l->edited = edits;
	output_str(edits < 0 ? "* taken back:\n" :
	                       "* the next line takes the place of this:\n");
	output_text(text, strlen(text));
	output_text_end();
	output_str("\n");
}

static void switched(void *arg)
{
	struct line_mode *l = arg;

	l->shown = l->edited = -1;
	line_look_reset(&l->look);
}

static void quit(void *arg)
{
	((struct line_mode *)arg)->leaving = true;
}

static void copy(void *arg, const char *bytes, size_t len, const char *what)
{
	struct line_mode *l = arg;
	const char *command = clipboard_command(
		options_setting(l->options, "copy_command"));

	if (command && !clipboard_run(command, bytes, len))
		chat_notice(&l->chat, "copied %s, %zu bytes, by %s", what, len,
		            command);
	else
		chat_error(&l->chat, "there is no program to copy with; set "
				     "copy_command");
}

static bool setting(void *arg, const char *key, const char *value,
                    struct strbuf *out)
{
	struct line_mode *l = arg;

	if (strcmp(key, "heat"))
		return false; /* there is no screen */
	if (value)
		transcript_heat_named(value, &l->look.heat);
	else
		strbuf_add_str(out, transcript_heat_name(l->look.heat));
	return true;
}

/* ---- in ---- */

static void choose(struct line_mode *l, const char *line)
{
	char *text;

	if (!strcmp(line, "1") && l->chat.overflow.drop_turns) {
		chat_overflow_drop(&l->chat);
	} else if (!strcmp(line, "2") && l->chat.overflow.larger_context) {
		chat_overflow_enlarge(&l->chat);
	} else {
		text = chat_overflow_cancel(&l->chat, false);
		chat_notice(&l->chat, "%s", text ? "not sent" : "left as it is");
		free(text);
	}
}

static void run_command(struct line_mode *l, const char *line)
{
	int64_t leaf = l->chat.conversation->leaf;
	const char *argument;
	enum action action = commands_line(&l->host, line, &argument);

	if (leaf != l->chat.conversation->leaf)
		line_look_place(&l->host);
	if (action != ACTION_NONE &&
	    !line_look_do(&l->look, &l->host, action, argument))
		chat_error(&l->chat, "/%s needs the full screen",
		           action_info(action)->name);
}

static void take_message(struct line_mode *l, const char *text)
{
	int64_t edited = l->edited;

	if (!text[strspn(text, " \t\r\n")])
		return;
	l->edited = -1;
	chat_title_stop(&l->chat);
	if (l->chat.state == CHAT_CHOOSING)
		choose(l, text);
	else if (commands_is_command(text))
		run_command(l, text);
	else if (edited >= 0)
		chat_edit(&l->chat, edited, text);
	else
		chat_say(&l->chat, text[0] == '/' && text[1] == '/' ? text + 1 :
		                                                      text);
}

/* One line at a time: the next one waits for the reply. */
static void take_lines(struct line_mode *l)
{
	while (wants_line(l) && line_input_has_line(&l->in)) {
		char *text;

		if (l->chat.state == CHAT_CHOOSING)
			prompt(l); /* the question, before its answer */
		l->prompted = false;
		text = line_input_take(&l->in);
		if (text)
			take_message(l, text);
		free(text);
		tell(l);
	}
}

/* ---- events and signals ---- */

static void read_events(struct line_mode *l, struct error *err)
{
	struct chat *chat = &l->chat;
	struct engine_event *event;

	while ((event = engine_next_event(chat->engine))) {
		chat_handle_event(chat, event);
		/* Not into the line of a reply that goes on. */
		if (event->type == ENGINE_PROGRESS && l->is_terminal &&
		    (l->shown < 0 || !l->n_shown))
			progress_show(progress_stage(event->progress.stage),
			              event->progress.done,
			              event->progress.total);
		engine_event_free(event);
		print_reply(l);
	}
	if (chat->state == CHAT_READY) {
		l->loaded_once = true;
		progress_clear();
		line_tokens_ready(&l->look, &l->host);
	}
	if (chat->state == CHAT_NO_MODEL && !l->loaded_once) {
		error_set(err, "%s", chat->notice.bytes);
		chat_notice_clear(chat);
		l->status = chat->failed_file ? EXIT_BAD_FILE : EXIT_FAILED;
		l->leaving = true;
	}
}

static void read_signals(struct line_mode *l)
{
	int number;

	while ((number = terminal_next_signal())) {
		if (number == SIGWINCH || number == SIGCONT)
			continue;
		if (number == SIGTSTP) {
			chat_save(&l->chat);
			terminal_stop();
			l->prompted = false;
		} else if (number == SIGINT && chat_is_busy(&l->chat) &&
		           l->chat.state != CHAT_LOADING) {
			chat_stop(&l->chat);
		} else {
			l->signal = number;
			l->leaving = true;
		}
	}
}

static void wait_once(struct line_mode *l, struct error *err)
{
	struct pollfd fds[] = {
		{ .fd = engine_fd(l->chat.engine), .events = POLLIN },
		{ .fd = terminal_signal_fd(), .events = POLLIN },
		{ .fd = wants_line(l) ? STDIN_FILENO : -1, .events = POLLIN },
	};

	if (poll(fds, 3, chat_tick(&l->chat)) < 0)
		return;
	if (fds[1].revents)
		read_signals(l);
	if (fds[0].revents)
		read_events(l, err);
	if (fds[2].revents)
		line_input_read(&l->in);
}

static bool is_done(const struct line_mode *l)
{
	return l->leaving || (line_input_is_over(&l->in) && !l->chat.n_queue &&
	                      !chat_is_busy(&l->chat));
}

/* The input has ended, and nobody is left to choose. */
static void leave_unsent(struct line_mode *l)
{
	if (l->chat.state != CHAT_CHOOSING || l->leaving)
		return;
	if (!l->prompted)
		ask_overflow(l);
	choose(l, "");
}

/* Why output failed, it may be: its reader has stopped, and somebody is in a hurry. */
static void leave_by_signal(struct line_mode *l)
{
	int number;

	while ((number = terminal_next_signal()))
		if (number == SIGINT || number == SIGTERM || number == SIGHUP)
			l->signal = number;
}

static void run(struct line_mode *l, struct error *err)
{
	while (!is_done(l)) {
		take_lines(l);
		print_reply(l);
		tell(l);
		prompt(l);
		if (output_flush(err)) {
			l->status = EXIT_FAILED;
			leave_by_signal(l);
			return;
		}
		if (!is_done(l))
			wait_once(l, err);
	}
	leave_unsent(l);
	print_reply(l);
	tell(l);
}

/* ---- coming and going ---- */

static int open_chat(struct line_mode *l, struct error *err)
{
	struct saving saving;
	struct conversation *c;
	struct engine *engine;
	char *path = options_model_path(l->options, err);
	int status = EXIT_FAILED;

	if (!path)
		return EXIT_BAD_FILE;
	saving_open(&saving, l->options);
	c = saving_begin(&saving, l->options, &status, err);
	terminal_block_signals();
	engine = c ? engine_new(err) : NULL;
	terminal_unblock_signals();
	if (!engine) {
		free(path);
		saving_close(&saving);
		conversation_free(c);
		return status;
	}
	chat_init(&l->chat, engine, l->options, c);
	l->chat.saving = saving;
	chat_tell_opened(&l->chat);
	chat_load(&l->chat, path, l->options->context);
	return EXIT_OK;
}

static void close_chat(struct line_mode *l)
{
	struct engine *engine = l->chat.engine;

	chat_stop(&l->chat);
	if (l->chat.reply)
		chat_interrupt(&l->chat);
	chat_save(&l->chat);
	if (!l->signal)
		chat_snapshot_leave(&l->chat);
	saving_close(&l->chat.saving);
	chat_free(&l->chat);
	engine_free(engine);
}

int line_mode_run(const struct options *o, struct error *err)
{
	struct line_mode l = { .options = o,
		               .is_terminal = isatty(STDIN_FILENO),
		               .in = LINE_INPUT_INIT,
		               .edited = -1,
		               .shown = -1 };

	if (terminal_open(err))
		return EXIT_FAILED;
	line_look_init(&l.look);
	/* A reply that goes to a program stays as it is. */
	if (l.is_terminal && output_is_terminal() && options_setting(o, "heat"))
		transcript_heat_named(options_setting(o, "heat"), &l.look.heat);
	l.host = (struct command_host){ &l.chat,  false, show, set_input,
		                        switched, quit,  copy, setting,
		                        &l };
	l.status = open_chat(&l, err);
	if (l.status == EXIT_OK) {
		run(&l, err);
		close_chat(&l);
	}
	progress_clear();
	output_flush(NULL);
	line_input_free(&l.in);
	line_look_free(&l.look);
	terminal_close();
	if (l.signal)
		terminal_die(l.signal);
	return l.status;
}
