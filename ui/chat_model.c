#include "ui/chat_model.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "ui/chat.h"
#include "ui/cli/engine_model.h"
#include "ui/cli/options.h"

/* The model that is there stays as it is until another one is loaded. */
static void keep_model(struct chat *chat)
{
	free(chat->path_before);
	chat->path_before = chat->path;
	chat->context_before = chat->context;
	chat->path = NULL;
}

void chat_load(struct chat *chat, char *path, size_t context)
{
	if (chat->state == CHAT_LOADING)
		chat_stop(chat);
	else if (chat->model)
		keep_model(chat);
	free(chat->path);
	chat->path = path;
	chat->context = context;
	chat->state = CHAT_LOADING;
	chat->stage = ENGINE_STAGE_WEIGHTS;
	chat->done = chat->total = 0;
	chat->stage_began = clock_seconds();
	chat->request =
		engine_model_load(chat->engine, chat->options, path, context);
}

/* Settings made since then stay where only the context is another one. */
static void take_model(struct chat *chat, const struct engine_model *model)
{
	bool known;

	chat->model = model;
	chat->measured = -2;
	chat->family = chat_family_of(model->chat_template, &known);
	/* What was told of the conversation stays. */
	if (!known && chat->notice.len)
		strbuf_add_str(&chat->notice, "\n" ENGINE_MODEL_UNKNOWN);
	else if (!known)
		chat_notice(chat, ENGINE_MODEL_UNKNOWN);
	if (!chat->overflow.enlarging)
		chat->sampling =
			options_sampling(chat->options, &model->sampling);
}

void chat_model_came_late(struct chat *chat, const struct engine_model *model)
{
	take_model(chat, model);
	free(chat->path_before);
	chat->path_before = mem_strdup(model->path);
	chat->context_before = model->context;
}

void chat_model_came(struct chat *chat, const struct engine_model *model)
{
	take_model(chat, model);
	chat_end_request(chat);
	chat_forget_prompt(chat);
	chat_overflow_loaded(chat);
	chat_say_next(chat);
}

void chat_model_failed(struct chat *chat, bool bad_file, const char *why)
{
	if (!chat->model) {
		chat->state = CHAT_NO_MODEL;
		chat->failed_file = bad_file;
		chat_error(chat, "%s", why);
		return;
	}
	free(chat->path);
	chat->path = chat->path_before;
	chat->context = chat->context_before;
	chat->path_before = NULL;
	chat_overflow_refused(chat);
	chat_error(chat, "%s; it stays %s", why, chat->model->name);
}
