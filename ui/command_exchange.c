#include "ui/command_exchange.h"

#include <stdlib.h>

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
	char *path;
	int format;

	if (!*file) {
		chat_error(chat, "/export FILE: .md, .html, .json or .jsonl");
		return;
	}
	path = installed_models_expand(file);
	format = export_format_of_path(path);
	make_export(chat,
	            format < 0 ? EXPORT_MARKDOWN : (enum export_format)format,
	            &text);
	if (file_write(path, text.bytes, text.len, &err))
		chat_error(chat, "%s", err.text);
	else
		chat_notice(chat,
		            "the conversation is written to %s (%zu "
		            "bytes)",
		            path, text.len);
	free(path);
	strbuf_free(&text);
}

/* Saves all, the first last, so that it is the newest and stays locked. */
static int keep(struct saving *saving, struct conversation **list, size_t n,
                struct error *err)
{
	if (!saving->library || !saving->wanted)
		return 0;
	for (size_t i = n; i-- > 0;) {
		if (library_save(saving->library, list[i], err))
			return -1;
		if (i)
			library_unlock(saving->library, list[i]->id);
	}
	return 0;
}

void command_import_chat(const struct command_host *host, const char *file)
{
	struct chat *chat = host->chat;
	struct conversation **list, *first;
	struct error err = { "" };
	char *path;
	size_t n;
	int status;

	if (!*file) {
		chat_error(chat, "/import FILE: a conversation of confab, "
		                 "OpenAI, llama.cpp or ShareGPT");
		return;
	}
	path = installed_models_expand(file);
	status = import_file(path, &list, &n, &err);
	free(path);
	if (status || keep(&chat->saving, list, n, &err)) {
		chat_error(chat, "%s", err.text);
		if (!status)
			import_free(list, n);
		return;
	}
	chat_save(chat);
	saving_leave(&chat->saving, chat->conversation);
	first = list[0];
	chat_switch(chat, first);
	host->switched(host->arg);
	if (n > 1)
		chat_notice(chat,
		            "%zu conversations imported; this is the "
		            "first, /list shows the others",
		            n);
	else
		chat_notice(chat, "imported: %zu messages", first->n);
	for (size_t i = 1; i < n; i++)
		conversation_free(list[i]);
	free(list);
}
