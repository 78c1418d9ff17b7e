#include "ui/chat_explore.h"

#include "base/error.h"
#include "library/reply.h"
#include "ui/chat.h"
#include "ui/chat_prompt.h"

void chat_explore_init(struct chat_explore *e)
{
	*e = (struct chat_explore){ .message = -1, .peek_message = -1 };
	for (int i = 0; i < EXPLORE_BRANCHES; i++)
		e->branch[i].text = (struct strbuf)STRBUF_INIT;
}

void chat_explore_free(struct chat_explore *e)
{
	for (int i = 0; i < EXPLORE_BRANCHES; i++)
		strbuf_free(&e->branch[i].text);
}

/* The prompt up to m's token index; false when it cannot be done now. */
static bool prepare(struct chat *chat, const struct message *m, size_t index)
{
	struct error err = { "" };

	if (chat->state != CHAT_READY) {
		chat_notice(chat, "busy; this can be done afterwards");
		return false;
	}
	if (m->role != ROLE_ASSISTANT || !chat_ids_hold(chat, m)) {
		chat_notice(chat, "only replies of this model can be explored");
		return false;
	}
	chat->prompt.n = 0;
	if (chat_prompt_before(chat, m, &chat->prompt, &err)) {
		chat_error(chat, "%s", err.text);
		return false;
	}
	ids_append(&chat->prompt, m->ids.data, index);
	if (chat->prompt.n + EXPLORE_TOKENS + 1 > chat->model->context) {
		chat_notice(chat, "the context is full");
		return false;
	}
	return true;
}

/* The next one that goes on after its own token; false: there is none. */
static bool send_branch(struct chat *chat)
{
	struct chat_explore *e = &chat->explore;
	struct sampler_settings greedy = { .top_p = 1, .repeat_penalty = 1 };

	while (e->current < e->n &&
	       chat_is_stop(chat, e->branch[e->current].id))
		e->branch[e->current++].done = true;
	if (e->current >= e->n)
		return false;
	chat->prompt.data[chat->prompt.n - 1] = e->branch[e->current].id;
	chat_generate(chat, CHAT_EXPLORING, 0, &greedy, EXPLORE_TOKENS);
	return true;
}

void chat_explore(struct chat *chat, const struct message *m, size_t index)
{
	struct chat_explore *e = &chat->explore;
	const struct token_odds *odds = index < m->n_odds
	                                        ? &m->odds[index]
	                                        : chat_peeked(chat, m, index);

	if (!odds || !odds->n_top) {
		chat_notice(chat, "no odds are known here");
		return;
	}
	if (!prepare(chat, m, index))
		return;
	e->message = m->id;
	e->index = index;
	e->current = 0;
	e->n = odds->n_top < EXPLORE_BRANCHES ? odds->n_top : EXPLORE_BRANCHES;
	for (int i = 0; i < e->n; i++) {
		e->branch[i].id = odds->top[i].id;
		strbuf_clear(&e->branch[i].text);
		e->branch[i].stream = (struct tokenizer_stream){ .n_held = 0 };
		e->branch[i].done = false;
	}
	ids_add(&chat->prompt, 0); /* the branch's own token */
	send_branch(chat);
}

void chat_peek(struct chat *chat, const struct message *m, size_t index)
{
	struct sampler_settings sampling;

	if (!prepare(chat, m, index))
		return;
	chat->explore.n = 0;
	chat->explore.peek_message = m->id;
	chat->explore.peek_index = index;
	chat->explore.peek = (struct token_odds){ 0 };
	chat->explore.peek_sampling = sampling = chat_reply_sampling(chat, m);
	chat_generate(chat, CHAT_EXPLORING, index, &sampling, 1);
}

const struct token_odds *chat_peeked(const struct chat *chat,
                                     const struct message *m, size_t index)
{
	const struct chat_explore *e = &chat->explore;
	struct sampler_settings now;

	if (e->peek_message != m->id || e->peek_index != index || !e->peek.rank)
		return NULL;
	now = chat_reply_sampling(chat, m);
	return now.seed == e->peek_sampling.seed &&
	                       reply_same_sampling(&now, &e->peek_sampling)
	               ? &e->peek
	               : NULL;
}

/* ---- events ---- */

static void on_finished(struct chat *chat, enum engine_finish reason)
{
	struct chat_explore *e = &chat->explore;

	if (!e->n) {
		chat_end_request(chat);
		return;
	}
	tokenizer_stream_end(&e->branch[e->current].stream,
	                     &e->branch[e->current].text);
	e->branch[e->current].done = true;
	e->current++;
	if (reason == ENGINE_CANCELLED || !send_branch(chat))
		chat_end_request(chat);
}

void chat_explore_event(struct chat *chat, const struct engine_event *event)
{
	struct chat_explore *e = &chat->explore;

	if (event->type == ENGINE_FINISHED) {
		on_finished(chat, event->finished.reason);
		chat_say_next(chat);
	} else if (event->type == ENGINE_TOKEN && !e->n) {
		reply_odds(&e->peek, &event->token.sample);
	} else if (event->type == ENGINE_TOKEN &&
	           !chat_is_stop(chat, event->token.sample.id)) {
		tokenizer_stream_add(&e->branch[e->current].stream,
		                     event->token.bytes, event->token.len,
		                     &e->branch[e->current].text);
	}
}
