#include "ui/chat_overflow.h"

#include <stdlib.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/chat_model.h"
#include "ui/chat_prompt.h"

/* Room that a reply must have, in tokens: less than this is no answer. */
#define ROOM_FOR_REPLY 256

/* ---- what could be done ---- */

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
	int64_t first = chat_prompt_first(chat, last);

	*turns = mem_zalloc(n, sizeof **turns);
	for (size_t i = 0; i < n && path[i]->id <= last; i++)
		if (path[i]->role == ROLE_USER && path[i]->id >= first)
			(*turns)[n_turns++] = path[i]->id;
	free(path);
	return n_turns;
}

/* The fewest of the oldest turns that must go; the last one stays.  The later
 * the first turn, the shorter the prompt: so a binary search.  rest: tokens that
 * come after the message, those of a reply included. */
static void find_drop(struct chat *chat, int64_t last, size_t rest)
{
	struct chat_overflow *o = &chat->overflow;
	int64_t *turns;
	size_t n = find_turns(chat, last, &turns), low = 1, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tokens_from(chat, turns[middle], last) + rest <= o->context)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < n) {
		o->drop_turns = low;
		o->first_seen = turns[low];
		o->drop_tokens =
			o->needed - rest - tokens_from(chat, turns[low], last);
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

static bool has_answers(const struct conversation *c, int64_t id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->messages[i]->parent == id)
			return true;
	return false;
}

bool chat_overflow_check(struct chat *chat, int64_t message,
                         const struct message *reply)
{
	const struct conversation *c = chat->conversation;
	const struct message *m = conversation_message(c, message);
	size_t room = room_for_reply(chat);

	if (chat->prompt.n + room <= chat->model->context)
		return true;
	chat->overflow = (struct chat_overflow){
		.needed = chat->prompt.n + room,
		.context = chat->model->context,
		.first_seen = -1,
		.message = message,
		.reply = reply ? reply->id : -1,
		.leaf = c->leaf,
		.unsent = m && m->role == ROLE_USER && !has_answers(c, message),
	};
	find_drop(chat, message, room + (reply ? reply->ids.n : 0));
	find_larger(chat);
	chat->state = CHAT_CHOOSING;
	return false;
}

/* ---- the answers ---- */

static void send_again(struct chat *chat)
{
	const struct chat_overflow *o = &chat->overflow;
	struct conversation *c = chat->conversation;
	struct message *reply = conversation_message(c, o->reply);

	if (c->leaf != o->leaf)
		return; /* the reader has gone elsewhere meanwhile */
	if (reply)
		chat_extend(chat, reply);
	else
		chat_answer(chat, o->message);
}

void chat_overflow_drop(struct chat *chat)
{
	if (chat->state != CHAT_CHOOSING || !chat->overflow.drop_turns)
		return;
	chat->first_seen = chat->overflow.first_seen;
	chat->state = CHAT_READY;
	send_again(chat);
}

void chat_overflow_enlarge(struct chat *chat)
{
	if (chat->state != CHAT_CHOOSING || !chat->overflow.larger_context)
		return;
	chat->overflow.enlarging = true;
	chat_load(chat, mem_strdup(chat->path), chat->overflow.larger_context);
}

void chat_overflow_loaded(struct chat *chat)
{
	if (!chat->overflow.enlarging)
		return;
	chat->overflow.enlarging = false;
	send_again(chat);
}

void chat_overflow_refused(struct chat *chat)
{
	if (!chat->overflow.enlarging)
		return;
	chat->overflow.enlarging = false;
	chat->overflow.larger_context = 0;
	chat->state = CHAT_CHOOSING;
}

static void take_queue(struct chat *chat, struct strbuf *out)
{
	for (size_t i = 0; i < chat->n_queue; i++) {
		strbuf_printf(out, "\n%s", chat->queue[i]);
		free(chat->queue[i]);
	}
	chat->n_queue = 0;
}

char *chat_overflow_cancel(struct chat *chat, bool queued)
{
	struct conversation *c = chat->conversation;
	const struct message *m;
	struct strbuf text = STRBUF_INIT;

	if (chat->state != CHAT_CHOOSING)
		return NULL;
	chat->state = CHAT_READY;
	m = conversation_message(c, chat->overflow.message);
	if (!m || !chat->overflow.unsent) {
		chat_say_next(chat);
		return NULL;
	}
	strbuf_add(&text, m->text.bytes, m->text.len);
	saving_take_back(&chat->saving, c, m->id);
	if (queued)
		take_queue(chat, &text);
	chat_say_next(chat);
	return strbuf_take(&text);
}
