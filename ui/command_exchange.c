#include "ui/command_exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/export.h"
#include "library/import.h"
#include "library/library.h"
#include "ui/chat.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/model_texts.h"
#include "ui/commands.h"

static void make_export(const struct chat *chat, enum export_format format,
                        struct strbuf *text)
{
	struct export_tokens tokens;
	struct model_texts models;

	model_texts_init(&models, chat->options);
	if (chat->model)
		model_texts_add(&models, chat->model->name,
		                chat->model->tokenizer);
	tokens = model_texts_tokens(&models);
	export_conversation(text, chat->conversation, format, &tokens);
	model_texts_free(&models);
}

void command_export_chat(const struct command_host *host, const char *file)
{
	struct chat *chat = host->chat;
	struct strbuf text = STRBUF_INIT;
	struct error err = { "" };
	bool over;
	char *path;
	int format;

	if (!*file) {
		chat_error(chat, "/export FILE: .md, .html, .json or .jsonl");
		return;
	}
	path = installed_models_expand(file);
	format = export_format_of_path(path);
	if (format < 0)
		format = EXPORT_MARKDOWN;
	make_export(chat, (enum export_format)format, &text);
	over = file_exists(path);
	if (file_write(path, text.bytes, text.len, &err))
		chat_error(chat, "%s", err.text);
	else
		chat_notice(chat,
		            "the conversation is written %s %s (%s, %zu bytes)",
		            over ? "over" : "to", path,
		            export_format_title((enum export_format)format),
		            text.len);
	free(path);
	strbuf_free(&text);
}

/* The first of the list in the place of what is open; NULL: err.  Where nothing
 * is saved, it is taken out of the list. */
static struct conversation *keep(struct chat *chat, struct conversation **list,
                                 size_t n, struct error *err)
{
	struct saving *saving = &chat->saving;
	struct conversation *first = list[0];

	if (!saving->lib || !saving->wanted) {
		list[0] = NULL;
		chat_leave(chat);
		return first;
	}
	if (library_add(saving->lib, list, n, err))
		return NULL;
	chat_leave(chat);
	chat_save(chat);
	return saving_open_other(saving, chat->conversation, first->id, err);
}

static void import_chat(const struct command_host *host, const char *path,
                        struct error *err)
{
	struct chat *chat = host->chat;
	struct conversation **list, *first;
	size_t n;

	if (import_file(path, &list, &n, err))
		return;
	first = keep(chat, list, n, err);
	if (first) {
		chat_switch(chat, first);
		host->switched(host->arg);
	}
	if (first && n > 1)
		chat_notice(chat,
		            "%zu conversations imported; this is the "
		            "first, F3 or /list shows the others",
		            n);
	else if (first)
		chat_notice(chat, "imported: %zu messages", first->n);
	import_free(list, n);
}

void command_import_chat(const struct command_host *host, const char *file)
{
	struct error err = { "" };
	char *path;

	if (!*file || !strcmp(file, "-")) { /* that is the keyboard */
		chat_error(host->chat, "/import FILE: a conversation of "
		                       "confab, OpenAI, llama.cpp or ShareGPT");
		return;
	}
	path = installed_models_expand(file);
	import_chat(host, path, &err);
	if (*err.text)
		chat_error(host->chat, "%s", err.text);
	free(path);
}
