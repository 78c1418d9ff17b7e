#include "ui/chat_score.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "library/conversation.h"
#include "library/reply.h"
#include "ui/chat.h"
#include "ui/chat_prompt.h"

/* What ids decode to. */
static void decode(const struct chat *chat, const struct ids *ids,
                   struct strbuf *out)
{
	for (size_t i = 0; i < ids->n; i++) {
		size_t len = 0;
		const char *bytes = tokenizer_bytes(chat->model->tokenizer,
		                                    ids->data[i], &len);

		strbuf_add(out, bytes, len);
	}
}

/* The last place of needle in text; SIZE_MAX: it is not there. */
static size_t find_last(const struct strbuf *text, const struct strbuf *needle)
{
	if (!needle->len || needle->len > text->len)
		return SIZE_MAX;
	for (size_t pos = text->len - needle->len + 1; pos-- > 0;)
		if (!memcmp(text->bytes + pos, needle->bytes, needle->len))
			return pos;
	return SIZE_MAX;
}

/* The tokens of ids that lie wholly in bytes [begin, end) of their text. */
static void find_tokens(const struct chat *chat, const struct ids *ids,
                        size_t begin, size_t end, size_t *first, size_t *n)
{
	size_t pos = 0;

	*first = *n = 0;
	for (size_t i = 0; i < ids->n; i++) {
		size_t len = 0;

		tokenizer_bytes(chat->model->tokenizer, ids->data[i], &len);
		if (pos >= begin && pos + len <= end) {
			if (!*n)
				*first = i;
			++*n;
		}
		pos += len;
	}
}

/* The prompt without what the template puts after its last message. */
static struct ids up_to_end(const struct chat *chat)
{
	struct ids ids = chat->prompt;
	size_t n = ids.n;

	while (n && !chat_is_stop(chat, ids.data[n - 1]))
		n--;
	if (n)
		ids.n = n - 1;
	return ids;
}

/* Finds the message's own tokens at the end of the prompt.  Its text is looked for as
 * tokens spell it, in form C. */
static size_t locate(struct chat *chat, const struct message *m)
{
	struct ids before = up_to_end(chat), own = { 0 };
	struct strbuf text = STRBUF_INIT, wanted = STRBUF_INIT;
	size_t begin, n = 0;

	tokenizer_encode(chat->model->tokenizer, m->text.bytes, m->text.len,
	                 TOKENIZER_PLAIN, &own);
	decode(chat, &before, &text);
	decode(chat, &own, &wanted);
	begin = find_last(&text, &wanted);
	if (begin != SIZE_MAX)
		find_tokens(chat, &before, begin, begin + wanted.len,
		            &chat->score.begin, &n);
	ids_free(&own);
	strbuf_free(&text);
	strbuf_free(&wanted);
	return n;
}

static void swap(struct chat_score *score, struct message *m)
{
	struct ids ids = m->ids;
	struct token_odds *odds = m->odds;
	size_t n_odds = m->n_odds;

	m->ids = score->ids_before;
	m->odds = score->odds_before;
	m->n_odds = m->odds_capacity = score->n_before;
	m->odds_renewed++;
	score->ids_before = ids;
	score->odds_before = odds;
	score->n_before = n_odds;
}

void chat_score_swap(struct chat *chat)
{
	if (chat->score.message)
		swap(&chat->score, chat->score.message);
}

static void end(struct chat_score *score)
{
	ids_free(&score->ids_before);
	free(score->odds_before);
	*score = (struct chat_score){ 0 };
}

void chat_score_undo(struct chat *chat)
{
	chat_score_swap(chat);
	end(&chat->score);
}

static void start(struct chat *chat, struct message *m, size_t n)
{
	swap(&chat->score, m);
	ids_append(&m->ids, chat->prompt.data + chat->score.begin, n);
	for (size_t i = 0; i < n; i++)
		message_add_odds(m)->id = m->ids.data[i];
	chat->score.message = m;
	chat->state = CHAT_SCORING;
	chat->stage = ENGINE_STAGE_PREFILL;
	chat->done = chat->total = 0;
	chat->stage_began = clock_seconds();
	chat->request = engine_score(chat->engine,
	                             &(struct engine_score){
					     .ids = chat->prompt.data,
					     .n_ids = chat->prompt.n,
				     });
}

void chat_score(struct chat *chat, struct message *m)
{
	struct error err = { "" };
	size_t n = 0;

	if (chat->state != CHAT_READY) {
		chat_notice(chat, "busy; the odds can be computed afterwards");
		return;
	}
	if (m->role == ROLE_ASSISTANT && m->n_odds) {
		chat_notice(chat, "%s",
		            chat_same_model(chat, m)
		                    ? "the odds of this reply are known"
		                    : "another model wrote this reply: its "
		                      "odds are kept");
		return;
	}
	chat->prompt.n = 0;
	if (!chat_prompt_render(chat, m->id, false, NULL, &chat->prompt, &err))
		n = locate(chat, m);
	if (n)
		start(chat, m, n);
	else
		chat_error(chat, "%s", *err.text ? err.text :
		                                   "the tokens of this message "
		                                   "cannot be told apart");
}

void chat_score_event(struct chat *chat, const struct engine_event *event)
{
	struct message *m = chat->score.message;
	size_t pos = event->token.pos;

	if (event->type == ENGINE_FINISHED) {
		if (event->finished.reason == ENGINE_CANCELLED)
			chat_score_undo(chat);
		end(&chat->score);
		chat_end_request(chat);
		chat_save(chat);
		chat_say_next(chat);
	} else if (event->type == ENGINE_TOKEN && pos >= chat->score.begin &&
	           pos - chat->score.begin < m->n_odds) {
		reply_odds(&m->odds[pos - chat->score.begin],
		           &event->token.sample);
	}
}
