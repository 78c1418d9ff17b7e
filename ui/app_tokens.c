#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "library/conversation.h"
#include "ui/app_state.h"
#include "ui/chat_explore.h"
#include "ui/chat_score.h"
#include "ui/chat_tree.h"
#include "ui/inspector.h"
#include "ui/inspector_facts.h"
#include "ui/token_argument.h"
#include "ui/token_walk.h"

size_t app_reply_position(struct app *app, const struct message *m)
{
	/* Rendered once for every message that is looked at. */
	if (app->position_message != m->id ||
	    app->position_of != app->chat.conversation) {
		size_t start = inspector_reply_start(&app->chat, m);

		if (start == SIZE_MAX)
			return SIZE_MAX;
		app->position = start;
		app->position_message = m->id;
		app->position_of = app->chat.conversation;
	}
	return app->position;
}

/* ---- taking another one ---- */

/* The cursor's message, where a person acts on it: a notice says that there is
 * none. */
static struct transcript_item *chosen_item(struct app *app)
{
	struct transcript_item *item = app_cursor_item(app);

	if (!item)
		chat_notice(&app->chat, "no token is chosen; %s goes to them",
		            action_key(ACTION_FOCUS));
	return item;
}

/* "12 ...": the cursor goes to that token of its message; gives what follows.
 * NULL: there is none, and a notice says so. */
static const char *to_token(struct app *app, const char *argument)
{
	struct transcript_item *item = chosen_item(app);
	size_t token = SIZE_MAX;

	if (!*argument || !item)
		return item ? argument : NULL;
	argument = token_of_item(&app->chat, item, argument, &token);
	if (argument)
		app_cursor_put(app, item, token);
	return argument;
}

static void take(struct app *app, const struct token_odds *odds, int choice)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = app_cursor_item(app);

	app->choosing = false;
	chat_take_token(&app->chat, item->message, t->cursor_token,
	                odds->top[choice].id);
	t->cursor_follows = true;
	transcript_bottom(t);
}

/* Begins to choose, or takes what is chosen: by its number, too.  False: that cannot
 * be, and a notice says why. */
static bool alternatives(struct app *app, const char *number)
{
	const struct token_odds *odds = inspector_cursor_odds(app);
	struct transcript_item *item = chosen_item(app);
	size_t choice = (size_t)app->choice;

	if (!item || !chat_may_fork(&app->chat, item->message))
		return false;
	if (!odds || !odds->n_top) {
		chat_notice(&app->chat, "no odds are known here");
		return true;
	}
	if (*number && !token_candidate(&app->chat, odds, number, &choice))
		return false;
	app->pane = true;
	if (*number || app->choosing) {
		take(app, odds, (int)choice);
	} else {
		app->choosing = true;
		/* The first that is not the one there, where one is. */
		app->choice = app->transcript.cursor_token < item->spans.n &&
		              odds->n_top > 1 && odds->top[0].id == odds->id;
	}
	return true;
}

static void choose(struct app *app, int direction)
{
	const struct token_odds *odds = inspector_cursor_odds(app);

	if (!odds)
		return;
	app->choice += direction;
	if (app->choice < 0)
		app->choice = 0;
	if (app->choice >= odds->n_top)
		app->choice = odds->n_top - 1;
}

/* Any text in the place of the token, typed in the input line. */
static void type_token(struct app *app, const char *text)
{
	const struct transcript_item *item = chosen_item(app);
	char *unquoted;

	if (!item || !chat_may_fork(&app->chat, item->message))
		return;
	if (!*text) {
		app_set_input(app, INPUT_TOKEN, "");
		return;
	}
	unquoted = token_unquoted(text);
	app_take_text(app, unquoted);
	free(unquoted);
}

void app_take_text(struct app *app, const char *text)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = transcript_item(t, t->cursor_message);

	if (!item)
		return;
	chat_take_text(&app->chat, item->message, t->cursor_token, text);
	t->cursor_follows = true;
	transcript_bottom(t);
}

static void explore(struct app *app)
{
	struct transcript_item *item = chosen_item(app);

	if (!item)
		return;
	app->pane = true;
	chat_explore(&app->chat, item->message, app->transcript.cursor_token);
}

static void compute_odds(struct app *app)
{
	struct transcript_item *item = chosen_item(app);
	size_t token = app->transcript.cursor_token;

	if (!item)
		return;
	app->pane = true;
	if (item->message->role == ROLE_ASSISTANT && token >= item->spans.n)
		chat_peek(&app->chat, item->message, token);
	else
		chat_score(&app->chat,
		           conversation_message(app->chat.conversation,
		                                item->id));
}

/* ---- trying other settings ---- */

static void try_start(struct app *app, const char *values)
{
	struct inspector_try tried = app->tried;
	struct error err = { "" };

	if (tried.on && !*values)
		tried.on = false;
	else if (!tried.on)
		token_try_begin(&tried, &app->chat.sampling);
	if (token_try_read(&tried, values, &err)) {
		chat_error(&app->chat, "%s", err.text);
		return;
	}
	app->pane = true;
	app->tried = tried;
}

static double between(double value, double low, double high)
{
	return value < low ? low : value > high ? high : value;
}

/* What a setting lost as a float does not stay and add up: at a temperature that
 * is shown as 0 only the likeliest is drawn. */
static double stepped(double value, double step, double low, double high)
{
	return between(round((value + step) * 1e4) / 1e4, low, high);
}

static void try_change(struct app *app, int direction)
{
	struct inspector_try *t = &app->tried;

	switch (t->field) {
	case 0:
		t->temperature =
			stepped(t->temperature, 0.05 * direction, 0, 5);
		break;
	case 1:
		t->top_k = (int)between(t->top_k + direction, 0, 1000);
		break;
	case 2:
		t->top_p = stepped(t->top_p, 0.05 * direction, 0.05, 1);
		break;
	default:
		t->min_p = stepped(t->min_p, 0.01 * direction, 0, 1);
	}
}

/* ---- the table ---- */

/* The arrows, where they choose and not walk. */
static bool choose_by_arrow(struct app *app, enum action action)
{
	bool sideways =
		action == ACTION_TOKEN_LEFT || action == ACTION_TOKEN_RIGHT;
	bool upwards = action == ACTION_LINE_UP || action == ACTION_LINE_DOWN;
	int direction = action == ACTION_TOKEN_LEFT || action == ACTION_LINE_UP
	                        ? -1
	                        : 1;

	if (upwards && app->choosing)
		choose(app, direction);
	else if (upwards && app->tried.on)
		app->tried.field = (app->tried.field + 4 + direction) % 4;
	else if (sideways && app->tried.on)
		try_change(app, direction);
	else
		return false;
	return true;
}

static bool has_token_argument(enum action action)
{
	return action == ACTION_ALTERNATIVES || action == ACTION_TYPE_TOKEN ||
	       action == ACTION_EXPLORE;
}

/* False: the argument says nothing that there is. */
static bool do_token(struct app *app, enum action action, const char *argument)
{
	if (has_token_argument(action) && !(argument = to_token(app, argument)))
		return false;
	if (action == ACTION_ALTERNATIVES)
		return alternatives(app, argument);
	if (action == ACTION_TYPE_TOKEN)
		type_token(app, argument);
	else if (action == ACTION_EXPLORE)
		explore(app);
	else if (action == ACTION_TEMPERATURE)
		try_start(app, argument);
	else if (!*argument || app_cursor_to_number(app, argument))
		compute_odds(app);
	else
		return false;
	return true;
}

bool app_tokens_do(struct app *app, enum action action, const char *argument)
{
	bool is_deed = has_token_argument(action) ||
	               action == ACTION_TEMPERATURE || action == ACTION_SCORE;
	bool typed = !app->in_transcript;

	/* A command typed in the input line is about the transcript. */
	if ((token_is_walk(action) || is_deed) && typed)
		app_focus(app, true);
	if (is_deed) {
		/* It is about the token that is seen now. */
		app->transcript.cursor_follows = false;
		/* After one that failed another is typed. */
		if (!do_token(app, action, argument) && typed)
			app_focus(app, false);
		return true;
	}
	if (!choose_by_arrow(app, action) && !app_cursor_do(app, action))
		return false;
	/* The reader has moved: the stream goes on without him. */
	app->transcript.cursor_follows = false;
	return true;
}
