#include "ui/commands.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "ui/action_help.h"
#include "ui/branch_map.h"
#include "ui/chat.h"
#include "ui/chat_model.h"
#include "ui/chat_tree.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/options.h"
#include "ui/code_blocks.h"
#include "ui/command_conversations.h"
#include "ui/command_exchange.h"
#include "ui/command_set.h"
#include "ui/thought.h"

/* ---- arguments ---- */

/* A number from 1; 0: it is none. */
static int number_of(const char *text)
{
	uint64_t n;

	return value_integer(text, &n) && n <= 1000000 ? (int)n : 0;
}

struct message *command_message(const struct command_host *host,
                                const char *argument, enum message_role role)
{
	const struct conversation *c = host->chat->conversation;
	int number = number_of(argument);
	struct message *m = NULL;

	if (number)
		m = conversation_message(c,
		                         branch_map_message(c, (size_t)number));
	else if (!*argument)
		m = conversation_last(c, role);
	if (!m)
		chat_error(host->chat, *argument ? "there is no message %s" :
		                                   "there is no message%s",
		           argument);
	return m;
}

/* ---- messages ---- */

static void edit(const struct command_host *host, const char *argument)
{
	const struct message *m = command_message(host, argument, ROLE_USER);

	if (m)
		host->set_input(host->arg, m->text.bytes, m->id);
}

static void branch(const struct command_host *host, const char *argument)
{
	const struct message *m =
		command_message(host, argument, ROLE_ASSISTANT);

	if (m)
		chat_branch(host->chat, m->id);
}

static void branches(const struct command_host *host, const char *argument)
{
	const struct conversation *c = host->chat->conversation;
	struct strbuf out = STRBUF_INIT;
	int number = number_of(argument);
	int64_t id = branch_map_message(c, (size_t)number);

	if (id >= 0) {
		chat_select(host->chat, id);
	} else if (*argument) {
		chat_error(host->chat, "the map has no message %s", argument);
	} else if (!c->n) {
		chat_notice(host->chat, "there is nothing yet");
	} else {
		branch_map(&out, c, !host->has_screen);
		host->show(host->arg, "Branches: /branches N", out.bytes);
	}
	strbuf_free(&out);
}

static void undo(const struct command_host *host)
{
	char *text = chat_undo(host->chat);

	if (text)
		host->set_input(host->arg, text, -1);
	else
		chat_notice(host->chat, "there is nothing to undo");
	free(text);
}

static void system_prompt(const struct command_host *host, const char *text)
{
	const struct message *m =
		conversation_last(host->chat->conversation, ROLE_SYSTEM);

	if (*text && (m || strcmp(text, "none"))) {
		bool removed = !strcmp(text, "none");

		chat_set_system(host->chat, removed ? "" : text);
		chat_notice(host->chat, "the system prompt is %s",
		            removed ? "removed" : "changed");
	} else if (m) {
		host->show(host->arg, "System prompt (/system none removes it)",
		           m->text.bytes);
	} else {
		chat_notice(host->chat, "there is no system prompt");
	}
}

/* ---- the model ---- */

static void list_models(const struct command_host *host)
{
	const struct chat *chat = host->chat;
	struct installed_models list = { 0 };
	struct strbuf out = STRBUF_INIT;

	if (chat->model)
		strbuf_printf(&out, "%s, %s, context %zu\n\n",
		              chat->model->name, chat->model->type,
		              chat->model->context);
	installed_models_find(&list, options_setting(chat->options,
	                                             "model_path"));
	for (size_t i = 0; i < list.n; i++)
		strbuf_printf(&out, "  %-32s %s\n", list.models[i].name,
		              list.models[i].path);
	installed_models_free(&list);
	host->show(host->arg, "Models: /model NAME", out.bytes);
	strbuf_free(&out);
}

static void model(const struct command_host *host, const char *name)
{
	struct chat *chat = host->chat;
	struct error err = { "" };
	char *path;

	if (!*name) {
		list_models(host);
		return;
	}
	path = options_find_model(chat->options, name, &err);
	if (!path) {
		chat_error(chat, "%s", err.text);
		return;
	}
	chat_interrupt(chat);
	chat_load(chat, path, chat->options->context);
}

static void think(const struct command_host *host, const char *argument)
{
	struct chat *chat = host->chat;
	bool on = chat->think == CHAT_THINK_OFF;

	if (*argument && !value_switch(argument, &on)) {
		chat_error(chat, "/think on, or /think off");
		return;
	}
	chat->think = on ? CHAT_THINK_ON : CHAT_THINK_OFF;
	if (chat->model && chat->family != CHAT_HYBRID)
		chat_notice(chat, "thinking cannot be switched with this model");
	else
		chat_notice(chat, "thinking is %s", on ? "on" : "off");
}

/* ---- in and out ---- */

static void save(const struct command_host *host, const char *title)
{
	struct chat *chat = host->chat;

	if (*title)
		command_conversations(host, ACTION_RENAME, title);
	chat_save(chat);
	if (!chat->saving.wanted)
		chat_notice(chat, "conversations are not saved (--no-save)");
	else if (chat->saving.read_only)
		chat_error(chat, "not saved: %s",
		           saving_notice(&chat->saving, chat->conversation));
	else if (*chat->saving.trouble.text)
		chat_error(chat, "not saved: %s", chat->saving.trouble.text);
	else if (chat->conversation->id)
		chat_notice(chat, "saved as %s", chat->conversation->id);
	else
		chat_notice(chat, "there is nothing to save yet");
}

/* The last reply without what was thought, or a code block. */
static int pick(const struct command_host *host, const char *argument,
                struct strbuf *out, struct strbuf *what)
{
	struct chat *chat = host->chat;
	const struct message *m;
	struct thought thought;

	if (*argument) {
		int number = number_of(argument);

		strbuf_printf(what, "code block %s", argument);
		if (number && !code_block(chat->conversation, number, out, NULL))
			return 0;
		chat_error(chat, "there is no code block %s", argument);
		return -1;
	}
	strbuf_add_str(what, "the last reply");
	m = conversation_last(chat->conversation, ROLE_ASSISTANT);
	if (!m) {
		chat_error(chat, "there is no reply yet");
		return -1;
	}
	thought = thought_find(m->text.bytes, m->text.len, false);
	strbuf_add(out, m->text.bytes + thought.body,
	           m->text.len - thought.body);
	return 0;
}

static void copy(const struct command_host *host, const char *argument)
{
	struct strbuf text = STRBUF_INIT, what = STRBUF_INIT;

	if (!pick(host, argument, &text, &what))
		host->copy(host->arg, text.bytes, text.len, what.bytes);
	strbuf_free(&text);
	strbuf_free(&what);
}

/* "FILE" or "FILE N": a number at the end is a code block's. */
static void write_file(const struct command_host *host, const char *argument)
{
	struct strbuf text = STRBUF_INIT, what = STRBUF_INIT;
	const char *space = strrchr(argument, ' ');
	bool has_number = space && number_of(space + 1);
	size_t len = has_number ? (size_t)(space - argument) : strlen(argument);
	char *name = mem_dup(argument, len), *path;
	struct error err = { "" };

	if (!*name) {
		chat_error(host->chat, "/write FILE, or /write FILE N for code "
				       "block N");
	} else if (!pick(host, has_number ? space + 1 : "", &text, &what)) {
		bool over;

		path = installed_models_expand(name);
		over = file_exists(path);
		if (file_write(path, text.bytes, text.len, &err))
			chat_error(host->chat, "%s", err.text);
		else
			chat_notice(host->chat, "%s written %s %s (%zu bytes)",
			            what.bytes, over ? "over" : "to", path,
			            text.len);
		free(path);
	}
	free(name);
	strbuf_free(&text);
	strbuf_free(&what);
}

static const char line_help[] =
	"\nLines\n"
	"  A line that ends in a backslash goes on in the next one.\n"
	"  Two slashes at the beginning send one.\n"
	"  Tokens have numbers: /inspector tells them, /alternatives 12 all of "
	"one.\n"
	"  Ctrl-C stops the reply; at the prompt it leaves, as Ctrl-D does.\n";

static void help(const struct command_host *host)
{
	struct strbuf out = STRBUF_INIT;

	action_help_print(&out, host->has_screen);
	if (!host->has_screen)
		strbuf_add_str(&out, line_help);
	host->show(host->arg, "Help", out.bytes);
	strbuf_free(&out);
}

/* ---- the table's side ---- */

static bool run_message(const struct command_host *host, enum action action,
                        const char *argument)
{
	switch (action) {
	case ACTION_RETRY:
		chat_retry(host->chat);
		return true;
	case ACTION_CONTINUE:
		chat_continue(host->chat);
		return true;
	case ACTION_EDIT:
		edit(host, argument);
		return true;
	case ACTION_UNDO:
		undo(host);
		return true;
	case ACTION_BRANCH:
		branch(host, argument);
		return true;
	case ACTION_BACK:
		chat_back(host->chat);
		return true;
	case ACTION_BRANCHES:
		branches(host, argument);
		return true;
	default:
		return false;
	}
}

bool commands_run(const struct command_host *host, enum action action,
                  const char *argument)
{
	switch (action) {
	case ACTION_STOP:
		chat_stop(host->chat);
		return true;
	case ACTION_SYSTEM:
		system_prompt(host, argument);
		return true;
	case ACTION_SET:
		command_set(host, argument);
		return true;
	case ACTION_MODEL:
		model(host, argument);
		return true;
	case ACTION_THINK:
		think(host, argument);
		return true;
	case ACTION_SAVE:
		save(host, argument);
		return true;
	case ACTION_COPY:
		copy(host, argument);
		return true;
	case ACTION_WRITE:
		write_file(host, argument);
		return true;
	case ACTION_EXPORT:
		command_export_chat(host, argument);
		return true;
	case ACTION_IMPORT:
		command_import_chat(host, argument);
		return true;
	case ACTION_HELP:
		help(host);
		return true;
	case ACTION_QUIT:
		host->quit(host->arg);
		return true;
	default:
		return run_message(host, action, argument) ||
		       command_conversations(host, action, argument);
	}
}

bool commands_is_command(const char *line)
{
	return line[0] == '/' && line[1] != '/' &&
	       !isspace((unsigned char)line[1]);
}

static void unknown(const struct command_host *host, const char *name)
{
	const char *near = actions_nearest(name);

	if (!*name)
		chat_error(host->chat, "/help lists the commands; // sends a "
				       "slash");
	else if (near)
		chat_error(host->chat, "/%s is no command; did you mean /%s?",
		           name, near);
	else
		chat_error(host->chat, "/%s is no command; /help lists them",
		           name);
}

enum action commands_line(const struct command_host *host, const char *line,
                          const char **argument)
{
	size_t n = strcspn(line + 1, " \n");
	enum action action = action_named(line + 1, n);

	*argument = line + 1 + n;
	while (isspace((unsigned char)**argument))
		++*argument;
	if (action == ACTION_NONE || !action_info(action)->slash) {
		char *name = mem_dup(line + 1, n);

		unknown(host, name);
		free(name);
		return ACTION_NONE;
	}
	return commands_run(host, action, *argument) ? ACTION_NONE : action;
}
