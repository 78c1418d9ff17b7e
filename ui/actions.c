#include "ui/actions.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "ui/cli/nearest.h"

#define INPUT      PLACE_INPUT
#define TRANSCRIPT PLACE_TRANSCRIPT
#define ANYWHERE   PLACE_ANYWHERE
#define CHATS      PLACE_CHATS

#define CONVERSATION "Conversation"
#define SAVED        "Saved conversations (F3)"
#define MODEL        "Model"
#define IN_OUT       "In and out"
#define LOOKING      "Looking"
#define TOKENS       "Tokens (after Tab or F2)"
#define PROGRAM      "Program"

static const struct action_info table[ACTIONS] = {
	[ACTION_NEW] = { "new", "", ANYWHERE, true, "",
	                 "start another conversation", CONVERSATION, NULL },
	[ACTION_OPEN] = { "open", "", ANYWHERE, true, "ID|TITLE",
	                  "open a saved conversation", CONVERSATION, NULL },
	[ACTION_LIST] = { "list", "F3 Ctrl-P", ANYWHERE, true, "",
	                  "the saved conversations", CONVERSATION, "chats" },
	[ACTION_SEARCH] = { "search", "", ANYWHERE, true, "WORDS",
	                    "search the saved conversations", CONVERSATION,
	                    NULL },
	[ACTION_RENAME] = { "rename", "", ANYWHERE, true, "TITLE",
	                    "give this conversation a title", CONVERSATION,
	                    NULL },
	[ACTION_DELETE] = { "delete", "", ANYWHERE, true, "[branch]",
	                    "delete this conversation, or this branch of it",
	                    CONVERSATION, NULL },
	[ACTION_RETRY] = { "retry", "F5", ANYWHERE, true, "",
	                   "answer once more, beside the answer there is",
	                   CONVERSATION, NULL },
	[ACTION_CONTINUE] = { "continue", "F6", ANYWHERE, true, "",
	                      "go on with a reply that was cut", CONVERSATION,
	                      NULL },
	[ACTION_EDIT] = { "edit", "e", TRANSCRIPT, true, "[N]",
	                  "write your last message (or number N) anew, as a "
	                  "branch",
	                  CONVERSATION, NULL },
	[ACTION_UNDO] = { "undo", "", ANYWHERE, true, "",
	                  "step back before your last message; its branch "
	                  "stays",
	                  CONVERSATION, NULL },
	[ACTION_BRANCH] = { "branch", "B", TRANSCRIPT, true, "[N]",
	                    "go on from this message (or number N) on a new "
	                    "branch",
	                    CONVERSATION, NULL },
	[ACTION_BRANCHES] = { "branches", "", ANYWHERE, true, "[N]",
	                      "a map of all branches, or to the one with "
	                      "message N of the map",
	                      CONVERSATION, NULL },
	[ACTION_SIBLING_BEFORE] = { "branch-before", "[ Alt-[", ANYWHERE, false,
	                            "", "the branch before, as 2/3 shows",
	                            CONVERSATION, NULL },
	[ACTION_SIBLING_AFTER] = { "branch-after", "] Alt-]", ANYWHERE, false,
	                           "", "the branch after", CONVERSATION, NULL },
	[ACTION_BACK] = { "back", "u", TRANSCRIPT, true, "",
	                  "to the branch that you left last; again: and back",
	                  CONVERSATION, NULL },
	[ACTION_STOP] = { "stop", "Esc Ctrl-C", ANYWHERE, true, "",
	                  "stop the reply, close what is open", CONVERSATION,
	                  NULL },

	[ACTION_CHATS_TITLE] = { "chats-title", "F2", CHATS, false, "",
	                         "another title for the one that is chosen",
	                         SAVED, NULL },
	[ACTION_CHATS_DELETE] = { "chats-delete", "F8 Delete", CHATS, false, "",
	                          "delete the one that is chosen", SAVED,
	                          NULL },
	[ACTION_UNDELETE] = { "undelete", "F4", CHATS, true, "",
	                      "bring back the one that was deleted last", SAVED,
	                      NULL },

	[ACTION_SYSTEM] = { "system", "", ANYWHERE, true, "[TEXT]",
	                    "show or change the system prompt", MODEL, NULL },
	[ACTION_SET] = { "set", "", ANYWHERE, true, "[KEY VALUE]",
	                 "show or change a setting; without a KEY: which there "
	                 "are",
	                 MODEL, NULL },
	[ACTION_MODEL] = { "model", "", ANYWHERE, true, "[PATH|NAME]",
	                   "show or change the model", MODEL, NULL },
	[ACTION_THINK] = { "think", "", ANYWHERE, true, "[on|off]",
	                   "let the model think first", MODEL, NULL },

	[ACTION_SAVE] = { "save", "", ANYWHERE, true, "[TITLE]",
	                  "save now (it is saved by itself), under a title",
	                  IN_OUT, NULL },
	[ACTION_EXPORT] = { "export", "", ANYWHERE, true, "FILE",
	                    "write the conversation: .md, .json, .jsonl, .html",
	                    IN_OUT, NULL },
	[ACTION_IMPORT] = { "import", "", ANYWHERE, true, "FILE",
	                    "read a conversation", IN_OUT, NULL },
	[ACTION_COPY] = { "copy", "y", TRANSCRIPT, true, "[N]",
	                  "copy the marked text, code block N, or the last "
	                  "reply",
	                  IN_OUT, NULL },
	[ACTION_MARK] = { "mark", "v", TRANSCRIPT, false, "",
	                  "begin to mark text at the cursor", IN_OUT, NULL },
	[ACTION_WRITE] = { "write", "", ANYWHERE, true, "FILE [N]",
	                   "write the last reply, or code block N, to a file",
	                   IN_OUT, NULL },

	[ACTION_INSPECTOR] = { "inspector", "F2", ANYWHERE, true, "[N]",
	                       "the odds of the tokens (of message N)", LOOKING,
	                       "inspector" },
	[ACTION_FOCUS] = { "focus", "Tab", ANYWHERE, false, "",
	                   "between the input line and the transcript", LOOKING,
	                   NULL },
	[ACTION_FIND] = { "find", "Ctrl-S /", ANYWHERE, true, "[TEXT]",
	                  "search this conversation", LOOKING, NULL },
	[ACTION_NEXT] = { "next", "n", TRANSCRIPT, true, "",
	                  "the next uncertain token; in a search, the next "
	                  "match",
	                  LOOKING, NULL },
	[ACTION_BEFORE] = { "before", "N", TRANSCRIPT, true, "",
	                    "the uncertain token or match before", LOOKING,
	                    NULL },
	[ACTION_HEAT] = { "heat", "h", TRANSCRIPT, true, "[KIND]",
	                  "mark the words by probability, entropy, rank, or "
	                  "not",
	                  LOOKING, NULL },
	[ACTION_RAW] = { "raw", "r", TRANSCRIPT, true, "",
	                 "show the text as it is, or as Markdown", LOOKING,
	                 NULL },
	[ACTION_FOLD] = { "fold", "o", TRANSCRIPT, true, "",
	                  "open or fold what the model thought", LOOKING,
	                  NULL },
	[ACTION_TIMES] = { "times", "s", TRANSCRIPT, true, "",
	                   "show when each message was written", LOOKING,
	                   NULL },
	[ACTION_PAGE_UP] = { "page-up", "PgUp", ANYWHERE, false, "",
	                     "scroll up", LOOKING, NULL },
	[ACTION_PAGE_DOWN] = { "page-down", "PgDn", ANYWHERE, false, "",
	                       "scroll down", LOOKING, NULL },
	[ACTION_MESSAGE_UP] = { "message-up", "{ Alt-Up Shift-Up", ANYWHERE,
	                        false, "", "to the message before", LOOKING,
	                        NULL },
	[ACTION_MESSAGE_DOWN] = { "message-down", "} Alt-Down Shift-Down",
	                          ANYWHERE, false, "", "to the message after",
	                          LOOKING, NULL },
	[ACTION_TOP] = { "top", "g Home Ctrl-Home", ANYWHERE, false, "",
	                 "to the beginning", LOOKING, NULL },
	[ACTION_BOTTOM] = { "bottom", "G End Ctrl-End", ANYWHERE, false, "",
	                    "to the end", LOOKING, NULL },

	[ACTION_TOKEN_LEFT] = { "token-left", "Left", TRANSCRIPT, false, "",
	                        "the token before", TOKENS, NULL },
	[ACTION_TOKEN_RIGHT] = { "token-right", "Right", TRANSCRIPT, false, "",
	                         "the next token", TOKENS, NULL },
	[ACTION_LINE_UP] = { "line-up", "Up", TRANSCRIPT, false, "",
	                     "the line above", TOKENS, NULL },
	[ACTION_LINE_DOWN] = { "line-down", "Down", TRANSCRIPT, false, "",
	                       "the line below", TOKENS, NULL },
	[ACTION_NOT_FIRST] = { "not-first", "m", TRANSCRIPT, true, "",
	                       "the next token that was not the likeliest",
	                       TOKENS, NULL },
	[ACTION_SURPRISING] = { "surprising", "M", TRANSCRIPT, true, "",
	                        "the most surprising token of the message",
	                        TOKENS, NULL },
	[ACTION_ALTERNATIVES] = { "alternatives", "Enter", TRANSCRIPT, true,
	                          "[T N]",
	                          "choose another token (number N, at token "
	                          "T), and go on from it",
	                          TOKENS, NULL },
	[ACTION_TYPE_TOKEN] = { "type-token", "i", TRANSCRIPT, true, "T TEXT",
	                        "type what shall stand here (at token T) "
	                        "instead",
	                        TOKENS, NULL },
	[ACTION_EXPLORE] = { "explore", "b", TRANSCRIPT, true, "[T]",
	                     "continue the three likeliest tokens a little",
	                     TOKENS, NULL },
	[ACTION_TEMPERATURE] = { "temperature", "t", TRANSCRIPT, true,
	                         "[VALUE]",
	                         "try other sampling settings on these odds",
	                         TOKENS, NULL },
	[ACTION_SCORE] = { "score", "p", TRANSCRIPT, true, "[N]",
	                   "compute the odds of the prompt's tokens too",
	                   TOKENS, NULL },

	[ACTION_NEWLINE] = { "newline", "Alt-Enter Ctrl-J", INPUT, false, "",
	                     "a new line in the message; Enter sends", PROGRAM,
	                     NULL },
	[ACTION_EDITOR] = { "editor", "Ctrl-O", INPUT, false, "",
	                    "write the message in $VISUAL or $EDITOR (also "
	                    "Ctrl-X Ctrl-E)",
	                    PROGRAM, NULL },
	[ACTION_HELP] = { "help", "F1", ANYWHERE, true, "", "this list",
	                  PROGRAM, "help" },
	[ACTION_REDRAW] = { "redraw", "Ctrl-L", ANYWHERE, false, "",
	                    "draw the screen anew", PROGRAM, NULL },
	[ACTION_SUSPEND] = { "suspend", "Ctrl-Z", ANYWHERE, false, "",
	                     "back to the shell; fg returns", PROGRAM, NULL },
	[ACTION_QUIT] = { "quit", "Ctrl-Q Ctrl-\\", ANYWHERE, true, "",
	                  "leave (also Ctrl-D on an empty line)", PROGRAM,
	                  NULL },
};

struct binding {
	char key[24];
	enum action action;
	enum action_place place;
};

static struct binding
	*bindings; /* [n_bindings]; the last one of a key counts */
static size_t n_bindings, bindings_capacity;

const struct action_info *action_info(enum action action)
{
	return &table[action];
}

/* ---- keys ---- */

/* A plain letter belongs to what is typed, and so do these two. */
static bool is_typing_key(const char *key)
{
	return strlen(key) == 1 || !strcmp(key, "Home") || !strcmp(key, "End");
}

static void add_binding(const char *key, size_t len, enum action action,
                        enum action_place place)
{
	struct binding b = { .action = action, .place = place };

	if (len >= sizeof b.key)
		return;
	memcpy(b.key, key, len);
	if (is_typing_key(b.key))
		b.place = PLACE_TRANSCRIPT;
	bindings = mem_grow(bindings, n_bindings, &bindings_capacity,
	                    sizeof *bindings);
	bindings[n_bindings++] = b;
}

static void add_default_bindings(void)
{
	if (n_bindings)
		return;
	for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
		for (const char *keys = table[a].keys; *keys;) {
			size_t n = strcspn(keys, " ");

			add_binding(keys, n, (enum action)a, table[a].place);
			keys += n;
			keys += *keys == ' ';
		}
	}
}

enum action action_of_key(const char *key, enum action_place place)
{
	add_default_bindings();
	for (size_t i = n_bindings; i-- > 0;)
		if (bindings[i].place & place && !strcmp(bindings[i].key, key))
			return bindings[i].action;
	return ACTION_NONE;
}

const char *action_key(enum action action)
{
	add_default_bindings();
	for (size_t i = 0; i < n_bindings; i++)
		if (bindings[i].action == action &&
		    action_of_key(bindings[i].key, bindings[i].place) == action)
			return bindings[i].key;
	return "";
}

/* Where a key of a person's choice counts: what has a command can be done
 * anywhere. */
static enum action_place place_of(enum action action)
{
	if (action == ACTION_NONE)
		return PLACE_ANYWHERE | PLACE_CHATS;
	return table[action].slash ? table[action].place | PLACE_ANYWHERE
	                           : table[action].place;
}

int action_bind(const char *key, const char *name, struct error *err)
{
	enum action action = action_named(name, strlen(name));

	if (action == ACTION_NONE && strcmp(name, "none"))
		return error_set(err, "bind %s: no action is called \"%s\"",
		                 key, name);
	if (!*key || strlen(key) >= sizeof bindings->key)
		return error_set(err, "bind: \"%s\" is no key", key);
	add_default_bindings();
	add_binding(key, strlen(key), action, place_of(action));
	return 0;
}

void action_add_keys(struct strbuf *out, enum action action)
{
	size_t before = out->len;

	add_default_bindings();
	for (size_t i = 0; i < n_bindings; i++) {
		const struct binding *b = &bindings[i];

		if (b->action != action ||
		    action_of_key(b->key, b->place) != action)
			continue;
		if (out->len > before)
			strbuf_add_str(out, ", ");
		strbuf_add_str(out, b->key);
	}
}

bool action_needs_screen(enum action action)
{
	/* There, text is never laid out and never folded. */
	return !table[action].slash || action == ACTION_RAW ||
	       action == ACTION_FOLD;
}

/* ---- names ---- */

enum action action_named(const char *name, size_t len)
{
	for (int a = ACTION_NONE + 1; a < ACTIONS; a++)
		if (strlen(table[a].name) == len &&
		    !memcmp(table[a].name, name, len))
			return (enum action)a;
	return ACTION_NONE;
}

char **actions_complete(const char *text, size_t len)
{
	char **found = mem_zalloc(ACTIONS + 1, sizeof *found);
	size_t n = 0;

	for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
		struct strbuf name = STRBUF_INIT;

		strbuf_printf(&name, "/%s", table[a].name);
		if (table[a].slash && name.len >= len &&
		    !memcmp(name.bytes, text, len))
			found[n++] = strbuf_take(&name);
		strbuf_free(&name);
	}
	if (n)
		return found;
	free(found);
	return NULL;
}

const char *actions_nearest(const char *name)
{
	const char *names[ACTIONS];
	size_t n = 0;

	for (int a = ACTION_NONE + 1; a < ACTIONS; a++)
		if (table[a].slash)
			names[n++] = table[a].name;
	return nearest(name, names, n);
}
