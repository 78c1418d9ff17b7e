#include "ui/line_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/chat_score.h"
#include "ui/chat_tree.h"
#include "ui/commands.h"
#include "ui/inspector_facts.h"
#include "ui/inspector_lines.h"
#include "ui/token_argument.h"
#include "ui/token_walk.h"

static const struct inspector_try not_tried;

/* ---- where one is ---- */

/* The message whose tokens are meant: told last, else the last reply. */
static struct message *current(const struct line_look *look,
                               const struct command_host *host)
{
	const struct conversation *c = host->chat->conversation;
	struct message *m = conversation_message(c, look->message);

	return m ? m : command_message(host, "", ROLE_ASSISTANT);
}

/* The token with a number, or without one ("") the one told last: look->token
 * of the item.  It may be the one that would come next.  NULL: a notice says why
 * not; else *argument is what follows the number. */
static struct transcript_item *find_token(struct line_look *look,
                                          const struct command_host *host,
                                          const char **argument)
{
	struct message *m = current(look, host);
	struct transcript_item *item;

	if (!m)
		return NULL;
	item = line_look_item(look, host->chat, m);
	*argument = token_of_item(host->chat, item, *argument, &look->token);
	if (!*argument)
		return NULL;
	look->message = m->id;
	return item;
}

/* ---- telling ---- */

static void tell_message(struct line_look *look,
                         const struct command_host *host,
                         const struct message *m)
{
	const struct transcript_item *item =
		line_look_item(look, host->chat, m);
	struct strbuf out = STRBUF_INIT, title = STRBUF_INIT;

	look->message = m->id;
	look->token = SIZE_MAX;
	strbuf_printf(&title, "Message %zu, %s", item->number,
	              message_speaker(m));
	inspector_lines_message(&out, host->chat, item);
	host->show(host->arg, title.bytes, out.bytes);
	strbuf_free(&title);
	strbuf_free(&out);
}

static void tell_token(const struct command_host *host,
                       const struct transcript_item *item, size_t token,
                       const struct inspector_try *tried)
{
	struct strbuf out = STRBUF_INIT;
	char *rest;

	inspector_lines_token(&out, host->chat, item, token, tried);
	rest = out.bytes + strcspn(out.bytes, "\n");
	if (*rest)
		*rest++ = '\0'; /* the first line is the title */
	host->show(host->arg, out.bytes, rest);
	strbuf_free(&out);
}

static void tell_explored(const struct command_host *host)
{
	struct strbuf out = STRBUF_INIT;

	inspector_lines_explored(&out, host->chat);
	host->show(host->arg, "The likeliest tokens here, continued",
	           out.bytes);
	strbuf_free(&out);
}

/* ---- what the commands do ---- */

static void inspect(struct line_look *look, const struct command_host *host,
                    const char *argument)
{
	struct message *m = command_message(host, argument, ROLE_ASSISTANT);

	if (m)
		tell_message(look, host, m);
}

static void score(struct line_look *look, const struct command_host *host,
                  const char *argument)
{
	struct message *m = command_message(host, argument, ROLE_USER);

	if (!m)
		return;
	look->message = m->id;
	look->token = SIZE_MAX;
	chat_score(host->chat, m);
	if (host->chat->state == CHAT_SCORING)
		look->after = ACTION_SCORE;
}

static void take(const struct command_host *host,
                 const struct transcript_item *item, size_t token,
                 const char *number)
{
	struct chat *chat = host->chat;
	const struct token_odds *odds = inspector_odds(chat, item, token);
	size_t choice;
	int id;

	if (!chat_may_fork(chat, item->message) ||
	    !token_candidate(chat, odds, number, &choice))
		return;
	id = odds->top[choice].id;
	chat_take_token(chat, item->message, token, id);
	if (chat_is_stop(chat, id))
		chat_notice(chat, "the reply ends there now");
}

/* All of one token; the one that would come next is asked for first. */
static void alternatives(struct line_look *look,
                         const struct command_host *host, const char *argument)
{
	struct chat *chat = host->chat;
	const struct transcript_item *item = find_token(look, host, &argument);
	size_t token = look->token;

	if (!item)
		return;
	if (token == item->spans.n && !inspector_odds(chat, item, token)) {
		chat_peek(chat, item->message, token);
		if (chat->state == CHAT_EXPLORING)
			look->after = ACTION_ALTERNATIVES;
	} else if (*argument) {
		take(host, item, token, argument);
	} else {
		tell_token(host, item, token, &not_tried);
	}
}

static void type_token(struct line_look *look, const struct command_host *host,
                       const char *argument)
{
	const struct transcript_item *item = find_token(look, host, &argument);
	char *text;

	if (!item)
		return;
	text = token_unquoted(argument);
	if (!*text)
		chat_error(host->chat, "/type-token TOKEN TEXT; between quotes "
		                       "it may begin with a space");
	else if (chat_may_fork(host->chat, item->message))
		chat_take_text(host->chat, item->message, look->token, text);
	free(text);
}

static void explore(struct line_look *look, const struct command_host *host,
                    const char *argument)
{
	const struct transcript_item *item = find_token(look, host, &argument);

	if (!item)
		return;
	chat_explore(host->chat, item->message, look->token);
	if (host->chat->state == CHAT_EXPLORING)
		look->after = ACTION_EXPLORE;
}

static void try_settings(struct line_look *look,
                         const struct command_host *host, const char *argument)
{
	struct inspector_try tried = { .on = false };
	struct error err = { "" };
	const char *none = "";
	const struct transcript_item *item;

	token_try_begin(&tried, &host->chat->sampling);
	if (token_try_read(&tried, argument, &err))
		chat_error(host->chat, "%s", err.text);
	else if ((item = find_token(look, host, &none)))
		tell_token(host, item, look->token, &tried);
}

/* ---- walking ---- */

static void tell_briefly(struct line_look *look,
                         const struct command_host *host, int64_t message,
                         size_t token)
{
	const struct conversation *c = host->chat->conversation;
	const struct message *m = conversation_message(c, message);
	const struct transcript_item *item =
		line_look_item(look, host->chat, m);
	struct strbuf out = STRBUF_INIT;

	look->message = message;
	look->token = token;
	/* Another model's tokens need not be there. */
	if (token < item->spans.n)
		inspector_lines_brief(&out, host->chat, item, token);
	else
		strbuf_add_str(&out, "the model that wrote this is not here");
	chat_notice(host->chat, "%s", out.bytes);
	strbuf_free(&out);
}

static void walk(struct line_look *look, const struct command_host *host,
                 enum action action)
{
	const struct message *m = current(look, host);
	size_t token = look->token;
	const char *why;
	int64_t message;

	if (!m)
		return;
	message = m->id;
	why = token_walk(host->chat, action, &message, &token);
	if (why)
		chat_notice(host->chat, "%s", why);
	else
		tell_briefly(look, host, message, token);
}

/* ---- the table ---- */

bool line_tokens_do(struct line_look *look, const struct command_host *host,
                    enum action action, const char *argument)
{
	switch (action) {
	case ACTION_INSPECTOR:
		inspect(look, host, argument);
		return true;
	case ACTION_SCORE:
		score(look, host, argument);
		return true;
	case ACTION_ALTERNATIVES:
		alternatives(look, host, argument);
		return true;
	case ACTION_TYPE_TOKEN:
		type_token(look, host, argument);
		return true;
	case ACTION_EXPLORE:
		explore(look, host, argument);
		return true;
	case ACTION_TEMPERATURE:
		try_settings(look, host, argument);
		return true;
	default:
		if (!token_is_walk(action))
			return false;
		walk(look, host, action);
		return true;
	}
}

void line_tokens_ready(struct line_look *look, const struct command_host *host)
{
	const struct message *m =
		conversation_message(host->chat->conversation, look->message);
	enum action after = look->after;

	if (after == ACTION_NONE || chat_is_busy(host->chat))
		return;
	look->after = ACTION_NONE;
	if (!m)
		return;
	if (after == ACTION_SCORE)
		tell_message(look, host, m);
	else if (after == ACTION_ALTERNATIVES)
		tell_token(host, line_look_item(look, host->chat, m),
		           look->token, &not_tried);
	else
		tell_explored(host);
}
