/*
 * commands.h - what the slash commands do to the chat, whatever the front end
 *
 * The full screen and line mode share these.  What each of them shows in its
 * own way (the inspector, a search, marks) is not here.
 */
#ifndef CONFAB_UI_COMMANDS_H
#define CONFAB_UI_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "library/conversation.h"
#include "ui/actions.h"

struct chat;
struct strbuf;

/* What a command asks of its front end. */
struct command_host {
	struct chat *chat;
	bool has_screen;
	/* Text of several lines to read. */
	void (*show)(void *arg, const char *title, const char *text);
	/* The input line gets this text; with a message id (not -1), sending it
	 * makes a sibling of that message. */
	void (*set_input)(void *arg, const char *text, int64_t edits);
	/* Another conversation was opened (chat->conversation has changed). */
	void (*switched)(void *arg);
	void (*quit)(void *arg);
	/* Copies to the clipboard; what: "code block 2". */
	void (*copy)(void *arg, const char *bytes, size_t len, const char *what);
	/* Changes a setting of the screen to a value that its type allows, or
	 * appends the present one to out (value NULL).  false: it has none of
	 * that name. */
	bool (*setting)(void *arg, const char *key, const char *value,
	                struct strbuf *out);
	void *arg;
};

/* The message with a number ("4") as the transcript and the map of branches show
 * it; without one ("") the last of a role on the current branch.  NULL: there is
 * none, and a notice says so. */
struct message *command_message(const struct command_host *host,
                                const char *argument, enum message_role role);

/* Runs an action with its argument ("" for none); false: it is not for here. */
bool commands_run(const struct command_host *host, enum action action,
                  const char *argument);

/* Takes "/name argument" apart and runs it: a line that begins with one slash.
 * Gives the action when it is not for commands_run(), else ACTION_NONE. */
enum action commands_line(const struct command_host *host, const char *line,
                          const char **argument);

/* Is the line a command?  "//" begins a message with a slash. */
bool commands_is_command(const char *line);

#endif
