#include "ui/line_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
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

void line_tokens_item(struct transcript_item *item, const struct chat *chat,
                      const struct message *m)
{
	transcript_item_begin(item, m);
	item->number = conversation_place(chat->conversation, m->id) + 1;
	reply_read_notes(&item->notes, m->extra);
	transcript_item_spans(item, chat);
}

/* ---- where one is ---- */

/* The message whose tokens are meant: told last, else the last reply. */
static struct message *current(const struct line_look *look,
                               const struct command_host *host)
{
	const struct conversation *c = host->chat->conversation;
	struct message *m = conversation_message(c, look->message);

	return m ? m : command_message(host, "", ROLE_ASSISTANT);
}

static size_t n_tokens(const struct chat *chat, const struct message *m)
{
	struct transcript_item item = { 0 };
	size_t n;

	line_tokens_item(&item, chat, m);
	n = item.spans.n;
	transcript_item_free(&item);
	return n;
}

/* The token with a number, or without one ("") the one told last.  It may be
 * the one that would come next.  NULL: a notice says why not; else *argument is
 * what follows the number. */
static struct message *find_token(struct line_look *look,
                                  const struct command_host *host,
                                  const char **argument)
{
	struct message *m = current(look, host);
	const char *rest = token_argument(*argument, &look->token);
	size_t n = m ? n_tokens(host->chat, m) : 0;

	if (!m)
		return NULL;
	if ((!rest && **argument) || look->token == SIZE_MAX) {
		chat_error(host->chat, "which token? /inspector gives their "
		                       "numbers");
		return NULL;
	}
	if (look->token > n || !n) {
		chat_error(host->chat, "there is no token %zu, there are %zu",
		           look->token + 1, n);
		look->token = SIZE_MAX;
		return NULL;
	}
	look->message = m->id;
	if (rest)
		*argument = rest;
	return m;
}

/* ---- telling ---- */

static void tell_message(struct line_look *look,
                         const struct command_host *host,
                         const struct message *m)
{
	struct transcript_item item = { 0 };
	struct strbuf out = STRBUF_INIT, title = STRBUF_INIT;

	look->message = m->id;
	look->token = SIZE_MAX;
	line_tokens_item(&item, host->chat, m);
	strbuf_printf(&title, "Message %zu, %s", item.number,
	              message_speaker(m));
	inspector_lines_message(&out, host->chat, &item);
	host->show(host->arg, title.bytes, out.bytes);
	transcript_item_free(&item);
	strbuf_free(&title);
	strbuf_free(&out);
}

static void tell_token(const struct line_look *look,
                       const struct command_host *host, const struct message *m,
                       const struct inspector_try *tried)
{
	struct transcript_item item = { 0 };
	struct strbuf out = STRBUF_INIT;
	char *rest;

	line_tokens_item(&item, host->chat, m);
	inspector_lines_token(&out, host->chat, &item, look->token, tried);
	rest = out.bytes + strcspn(out.bytes, "\n");
	if (*rest)
		*rest++ = '\0'; /* the first line is the title */
	host->show(host->arg, out.bytes, rest);
	transcript_item_free(&item);
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

/* Takes candidate `number` of the list that was told. */
static void take(const struct line_look *look, const struct command_host *host,
                 const struct message *m, const char *number)
{
	struct transcript_item item = { 0 };
	const struct token_odds *odds;
	size_t choice;
	int id = -1;

	line_tokens_item(&item, host->chat, m);
	odds = inspector_odds(host->chat, &item, look->token);
	if (odds && token_argument(number, &choice) && choice < odds->n_top)
		id = odds->top[choice].id;
	transcript_item_free(&item);
	if (id < 0) {
		chat_error(host->chat, "there is no candidate %s", number);
		return;
	}
	chat_take_token(host->chat, m, look->token, id);
	if (chat_is_stop(host->chat, id))
		chat_notice(host->chat, "the reply ends there now");
}

/* All of one token; the one that would come next is asked for first. */
static void alternatives(struct line_look *look,
                         const struct command_host *host, const char *argument)
{
	struct chat *chat = host->chat;
	const struct message *m = find_token(look, host, &argument);
	struct transcript_item item = { 0 };
	bool at_end;

	if (!m)
		return;
	line_tokens_item(&item, chat, m);
	at_end = look->token == item.spans.n &&
	         !inspector_odds(chat, &item, look->token);
	transcript_item_free(&item);
	if (at_end) {
		chat_peek(chat, m, look->token);
		if (chat->state == CHAT_EXPLORING)
			look->after = ACTION_ALTERNATIVES;
	} else if (*argument) {
		if (chat_may_fork(chat, m))
			take(look, host, m, argument);
	} else {
		tell_token(look, host, m, &not_tried);
	}
}

static void type_token(struct line_look *look, const struct command_host *host,
                       const char *argument)
{
	const struct message *m = find_token(look, host, &argument);
	char *text = token_unquoted(argument);

	if (m && !*text)
		chat_error(host->chat, "/type-token TOKEN TEXT; between quotes "
		                       "it may begin with a space");
	else if (m && chat_may_fork(host->chat, m))
		chat_take_text(host->chat, m, look->token, text);
	free(text);
}

static void explore(struct line_look *look, const struct command_host *host,
                    const char *argument)
{
	const struct message *m = find_token(look, host, &argument);

	if (!m)
		return;
	chat_explore(host->chat, m, look->token);
	if (host->chat->state == CHAT_EXPLORING)
		look->after = ACTION_EXPLORE;
}

static void try_settings(struct line_look *look,
                         const struct command_host *host, const char *argument)
{
	struct inspector_try tried = { .on = false };
	struct error err = { "" };
	const char *none = "";
	const struct message *m;

	token_try_begin(&tried, &host->chat->sampling);
	if (token_try_read(&tried, argument, &err))
		chat_error(host->chat, "%s", err.text);
	else if ((m = find_token(look, host, &none)))
		tell_token(look, host, m, &tried);
}

/* ---- walking ---- */

static void tell_briefly(struct line_look *look,
                         const struct command_host *host, int64_t message,
                         size_t token)
{
	struct transcript_item item = { 0 };
	struct strbuf out = STRBUF_INIT;

	look->message = message;
	look->token = token;
	line_tokens_item(&item, host->chat,
	                 conversation_message(host->chat->conversation,
	                                      message));
	/* Another model's tokens need not be there. */
	if (token < item.spans.n)
		inspector_lines_brief(&out, host->chat, &item, token);
	else
		strbuf_add_str(&out, "the model that wrote this is not here");
	chat_notice(host->chat, "%s", out.bytes);
	transcript_item_free(&item);
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
	why = token_walk(host->chat->conversation, action, &message, &token);
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
		tell_token(look, host, m, &not_tried);
	else
		tell_explored(host);
}
