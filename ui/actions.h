/*
 * actions.h - the one table of what a person can do
 *
 * A row is a name, the keys that do it, the slash command that does it, its
 * argument and one line of help.  From this table come the keys, the slash
 * commands and their completion, the help screen, the footer, `bind KEY ACTION`
 * in the configuration, and the list in the manual page.
 */
#ifndef CONFAB_ACTIONS_H
#define CONFAB_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct strbuf;

enum action {
	ACTION_NONE,
	/* the conversation */
	ACTION_NEW,
	ACTION_OPEN,
	ACTION_LIST,
	ACTION_SEARCH,
	ACTION_RENAME,
	ACTION_DELETE,
	ACTION_RETRY,
	ACTION_CONTINUE,
	ACTION_EDIT,
	ACTION_UNDO,
	ACTION_BRANCH,
	ACTION_BRANCHES,
	ACTION_SIBLING_BEFORE,
	ACTION_SIBLING_AFTER,
	ACTION_BACK,
	ACTION_STOP,
	/* the list of conversations */
	ACTION_CHATS_TITLE,
	ACTION_CHATS_DELETE,
	ACTION_UNDELETE,
	/* the model */
	ACTION_SYSTEM,
	ACTION_SET,
	ACTION_MODEL,
	ACTION_THINK,
	/* in and out */
	ACTION_SAVE,
	ACTION_EXPORT,
	ACTION_IMPORT,
	ACTION_COPY,
	ACTION_MARK,
	ACTION_WRITE,
	/* looking */
	ACTION_INSPECTOR,
	ACTION_FOCUS,
	ACTION_FIND,
	ACTION_NEXT,
	ACTION_BEFORE,
	ACTION_HEAT,
	ACTION_RAW,
	ACTION_FOLD,
	ACTION_TIMES,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_MESSAGE_UP,
	ACTION_MESSAGE_DOWN,
	ACTION_TOP,
	ACTION_BOTTOM,
	/* tokens */
	ACTION_TOKEN_LEFT,
	ACTION_TOKEN_RIGHT,
	ACTION_LINE_UP,
	ACTION_LINE_DOWN,
	ACTION_NOT_FIRST,
	ACTION_SURPRISING,
	ACTION_ALTERNATIVES,
	ACTION_TYPE_TOKEN,
	ACTION_EXPLORE,
	ACTION_TEMPERATURE,
	ACTION_SCORE,
	/* the program */
	ACTION_NEWLINE,
	ACTION_EDITOR,
	ACTION_HELP,
	ACTION_REDRAW,
	ACTION_SUSPEND,
	ACTION_QUIT,
	ACTIONS
};

/* Where a key counts.  What is typed goes to readline when no action takes it. */
enum action_place {
	PLACE_INPUT = 1,      /* the input line has the focus */
	PLACE_TRANSCRIPT = 2, /* the token cursor has it */
	PLACE_ANYWHERE = 3,   /* one of these two has it */
	PLACE_CHATS = 4       /* the list of conversations is open */
};

struct action_info {
	const char *name;     /* "retry"; also the slash command's */
	const char *keys;     /* separated by spaces, or "" */
	enum action_place place;
	bool slash;           /* has a slash command */
	const char *argument; /* "TITLE", "[N]" where it may be left out; "" */
	const char *help;
	const char *group;    /* its heading in help */
	const char *footer;   /* its short word in the status line; or NULL */
};

const struct action_info *action_info(enum action action);

/* The action of a key ("Ctrl-L") in a place; ACTION_NONE when there is none. */
enum action action_of_key(const char *key, enum action_place place);

/* The first key of an action as it is bound now, or "". */
const char *action_key(enum action action);

/* All of them, "F3, Ctrl-P". */
void action_add_keys(struct strbuf *out, enum action action);

/* Has it nothing to do in line mode? */
bool action_needs_screen(enum action action);

/* `bind KEY ACTION` of the configuration; ACTION "none" frees the key. */
int action_bind(const char *key, const char *name, struct error *err);

/* By its name, without the slash; ACTION_NONE. */
enum action action_named(const char *name, size_t len);

/* Every slash command that begins with text[0..len); malloc'd names with their
 * slash, NULL-terminated. */
char **actions_complete(const char *text, size_t len);

/* The nearest slash command to an unknown one, or NULL. */
const char *actions_nearest(const char *name);

#endif
