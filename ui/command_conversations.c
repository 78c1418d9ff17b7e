#include "ui/command_conversations.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/library.h"
#include "ui/chat.h"
#include "ui/commands.h"

static void switch_to(const struct command_host *host, struct conversation *c)
{
	chat_switch(host->chat, c);
	host->switched(host->arg);
}

static void new_conversation(const struct command_host *host)
{
	struct chat *chat = host->chat;
	const struct message *system =
		conversation_last(chat->conversation, ROLE_SYSTEM);
	struct conversation *c = conversation_new();

	if (system)
		conversation_add(c, -1, ROLE_SYSTEM, system->text.bytes,
		                 system->text.len);
	chat_leave(chat);
	saving_leave(&chat->saving, chat->conversation);
	switch_to(host, c);
	chat_notice(chat, "a new conversation");
}

static void open_conversation(const struct command_host *host, const char *id)
{
	struct chat *chat = host->chat;
	struct error err = { "" };
	struct conversation *c = NULL;

	if (!*id) {
		chat_error(chat, "/open needs an id or a title; /list shows "
		                 "them");
		return;
	}
	if (saving_finds(&chat->saving, id, &err)) {
		chat_leave(chat);
		chat_save(chat);
		c = saving_open_other(&chat->saving, chat->conversation, id,
		                      &err);
	}
	if (!c) {
		chat_error(chat, "%s", err.text);
		return;
	}
	switch_to(host, c);
	chat_tell_opened(chat);
}

static void add_entry(struct strbuf *out, const struct library_entry *e)
{
	strbuf_printf(out, "  %-8s %s", e->id, e->title);
	if (e->snippet && *e->snippet && strcmp(e->snippet, e->title))
		strbuf_printf(out, "\n           %s", e->snippet);
	strbuf_add_char(out, '\n');
}

static void list_conversations(const struct command_host *host,
                               const char *words)
{
	struct chat *chat = host->chat;
	struct library_entry *entries;
	struct strbuf out = STRBUF_INIT;
	struct error err = { "" };
	size_t n;

	if (!chat->saving.lib) {
		chat_notice(chat, "conversations are not saved");
		return;
	}
	chat_save(chat);
	if (library_list(chat->saving.lib, words, 200, &entries, &n, &err)) {
		chat_error(chat, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_entry(&out, &entries[i]);
	library_entries_free(entries, n);
	if (n)
		host->show(host->arg, "Conversations: /open ID", out.bytes);
	else
		chat_notice(chat, *words ? "nothing was found"
		                         : "nothing is saved yet");
	strbuf_free(&out);
}

static void rename_conversation(const struct command_host *host,
                                const char *title)
{
	struct conversation *c = host->chat->conversation;

	if (*title) {
		free(c->title);
		c->title = mem_strdup(title);
		chat_save(host->chat);
	}
	if (*title && host->chat->saving.read_only)
		chat_error(host->chat, "title: %s, but not kept: %s", c->title,
		           saving_notice(&host->chat->saving, c));
	else
		chat_notice(host->chat, "title: %s",
		            *c->title ? c->title : "none yet");
}

static void delete_branch(const struct command_host *host)
{
	struct chat *chat = host->chat;
	const struct message *m =
		conversation_last(chat->conversation, ROLE_USER);
	struct conversation *c = chat->conversation;

	if (!m) {
		chat_notice(chat, "there is no message of yours to delete");
		return;
	}
	chat_interrupt(chat);
	saving_remove_message(&chat->saving, c, m->id);
	chat_save(chat);
	chat_notice(chat, "the branch from your last message on is deleted");
}

static void delete_open_one(const struct command_host *host)
{
	struct chat *chat = host->chat;
	struct error err = { "" };
	char *id = NULL, *title = mem_strdup(chat->conversation->title);

	chat_interrupt(chat); /* which may save it */
	if (chat->conversation->id)
		id = mem_strdup(chat->conversation->id);
	chat_snapshot_remove(chat);
	new_conversation(host);
	if (!id)
		chat_notice(chat, "the conversation is gone: it was not saved");
	else if (saving_delete(&chat->saving, id, &err))
		chat_error(chat, "%s", err.text);
	else
		chat_notice(chat, "deleted: %s; /undelete brings it back",
		            *title ? title : id);
	free(title);
	free(id);
}

static void delete_conversation(const struct command_host *host,
                                const char *argument)
{
	struct chat *chat = host->chat;

	if (!strcmp(argument, "branch"))
		delete_branch(host);
	else if (*argument)
		chat_error(chat, "/delete, or /delete branch");
	else if (chat->saving.read_only)
		chat_error(chat, "not deleted: %s",
		           saving_notice(&chat->saving, chat->conversation));
	else if (!chat->conversation->n)
		chat_notice(chat, "there is nothing to delete");
	else
		delete_open_one(host);
}

static void undelete(const struct command_host *host)
{
	struct chat *chat = host->chat;
	struct error err = { "" };
	const char *id = saving_undelete(&chat->saving, &err);

	if (id)
		open_conversation(host, id);
	else
		chat_error(chat, "%s", err.text);
}

bool command_conversations(const struct command_host *host, enum action action,
                           const char *argument)
{
	switch (action) {
	case ACTION_NEW:
		new_conversation(host);
		return true;
	case ACTION_OPEN:
		open_conversation(host, argument);
		return true;
	case ACTION_LIST:
	case ACTION_SEARCH:
		if (!host->has_screen) /* which has a pane for it */
			list_conversations(host, argument);
		return !host->has_screen;
	case ACTION_RENAME:
		rename_conversation(host, argument);
		return true;
	case ACTION_DELETE:
		delete_conversation(host, argument);
		return true;
	case ACTION_UNDELETE:
		undelete(host);
		return true;
	default:
		return false;
	}
}
