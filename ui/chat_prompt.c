#include "ui/chat_prompt.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/reply.h"
#include "ui/chat.h"

/* Room that a reply must have, in tokens: less than this is no answer. */
#define ROOM_FOR_REPLY 256

static bool is_seen(const struct chat *chat, const struct message *m)
{
	return m->role == ROLE_SYSTEM || chat->first_seen < 0 ||
	       m->id >= chat->first_seen;
}

/* The path from the root to a message, without what is not to be seen. */
static size_t collect(const struct chat *chat, int64_t last,
                      struct chat_message **out)
{
	const struct conversation *c = chat->conversation;
	const struct message *m;
	size_t n = 0, i;

	for (m = conversation_message(c, last); m;
	     m = conversation_message(c, m->parent))
		n += is_seen(chat, m);
	*out = mem_zalloc(n, sizeof **out);
	i = n;
	for (m = conversation_message(c, last); m;
	     m = conversation_message(c, m->parent))
		if (is_seen(chat, m))
			(*out)[--i] = reply_as_chat(m, chat->model);
	return n;
}

int chat_prompt_render(const struct chat *chat, int64_t last, bool reply,
                       struct strbuf *text, struct ids *ids, struct error *err)
{
	struct chat_options options = { .add_generation_prompt = reply,
		                        .enable_thinking = chat->think };
	struct chat_message *messages;
	size_t n = collect(chat, last, &messages);
	int result;

	result = chat_template_render(chat->family, messages, n, &options,
	                              chat->model->tokenizer, text, ids, err);
	free(messages);
	return result;
}

static size_t room_for_reply(const struct chat *chat)
{
	size_t room = ROOM_FOR_REPLY;

	if (chat->max_tokens && chat->max_tokens < room)
		room = chat->max_tokens;
	if (room > chat->model->context / 4)
		room = chat->model->context / 4;
	return room ? room : 1;
}

/* Tokens of the prompt if first_seen were this message. */
static size_t tokens_from(struct chat *chat, int64_t first, int64_t last)
{
	int64_t before = chat->first_seen;
	struct ids ids = { 0 };
	size_t n = SIZE_MAX / 2;

	chat->first_seen = first;
	if (!chat_prompt_render(chat, last, true, NULL, &ids, NULL))
		n = ids.n;
	chat->first_seen = before;
	ids_free(&ids);
	return n;
}

/* The user messages up to `last` that the model sees now: turns begin there. */
static size_t find_turns(const struct chat *chat, int64_t last, int64_t **turns)
{
	struct message **path;
	size_t n = conversation_path(chat->conversation, &path), n_turns = 0;

	*turns = mem_zalloc(n, sizeof **turns);
	for (size_t i = 0; i < n && path[i]->id <= last; i++)
		if (path[i]->role == ROLE_USER && is_seen(chat, path[i]))
			(*turns)[n_turns++] = path[i]->id;
	free(path);
	return n_turns;
}

/* The fewest of the oldest turns that must go; the last one stays.  The later
 * the first turn, the shorter the prompt: so a binary search. */
static void find_drop(struct chat *chat, int64_t last, size_t tokens,
                      size_t room)
{
	struct chat_overflow *o = &chat->overflow;
	int64_t *turns;
	size_t n = find_turns(chat, last, &turns), low = 1, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tokens_from(chat, turns[middle], last) + room <= o->context)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < n) {
		o->drop_turns = low;
		o->first_seen = turns[low];
		o->drop_tokens = tokens - tokens_from(chat, turns[low], last);
	}
	free(turns);
}

/* Whether there is memory for it, the engine knows. */
static void find_larger(struct chat *chat)
{
	struct chat_overflow *o = &chat->overflow;
	const struct engine_model *model = chat->model;
	size_t context = model->context;

	while (context < o->needed && context <= SIZE_MAX / 2)
		context *= 2;
	if (context > model->max_context)
		context = model->max_context;
	if (context < o->needed)
		return;
	o->larger_context = context;
	o->larger_bytes = context * model->kv_bytes_per_token;
}

bool chat_prompt_fits(struct chat *chat, int64_t last, size_t tokens)
{
	const struct message *m = conversation_message(chat->conversation, last);
	size_t room = room_for_reply(chat);

	if (tokens + room <= chat->model->context)
		return true;
	chat->overflow = (struct chat_overflow){
		.needed = tokens + room,
		.context = chat->model->context,
		.first_seen = -1,
		.unsent = m && m->role == ROLE_USER ? last : -1,
	};
	find_drop(chat, last, tokens, room);
	find_larger(chat);
	return false;
}
