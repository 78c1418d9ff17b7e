#include "ui/chat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/reply.h"
#include "library/thinking.h"
#include "ui/chat_model.h"
#include "ui/chat_prompt.h"
#include "ui/chat_score.h"
#include "ui/cli/options.h"

#define SAVE_EVERY 1.0 /* seconds: what a crash may cost of an open reply */

/* Seconds, where saving failed: there may be room now. */
#define RETRY_EVERY 5.0

/* What a tokenizer reads in some 20 ms. */
#define MEASURE_BYTES (1 << 18)

/* ---- notices ---- */

static void set_notice(struct chat *chat, bool is_error, const char *format,
                       va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof text, format, args);
	strbuf_clear(&chat->notice);
	strbuf_add_str(&chat->notice, text);
	chat->notice_is_error = is_error;
}

void chat_notice(struct chat *chat, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_notice(chat, false, format, args);
	va_end(args);
}

void chat_error(struct chat *chat, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_notice(chat, true, format, args);
	va_end(args);
}

void chat_notice_clear(struct chat *chat)
{
	strbuf_clear(&chat->notice);
}

/* ---- life ---- */

void chat_init(struct chat *chat, struct engine *engine,
               const struct options *options, struct conversation *c)
{
	*chat = (struct chat){ .engine = engine,
		               .options = options,
		               .conversation = c,
		               .state = CHAT_NO_MODEL,
		               .max_tokens = options->max_tokens,
		               .think = options->think,
		               .context = options->context,
		               .first_seen = -1,
		               .measured = -2,
		               .leaf_before = -1,
		               .notice = STRBUF_INIT,
		               .title = { .text = STRBUF_INIT } };
	chat_explore_init(&chat->explore);
}

static void clear_queue(struct chat *chat)
{
	for (size_t i = 0; i < chat->n_queue; i++)
		free(chat->queue[i]);
	chat->n_queue = 0;
}

void chat_free(struct chat *chat)
{
	chat_score_undo(chat);
	clear_queue(chat);
	free(chat->queue);
	ids_free(&chat->prompt);
	strbuf_free(&chat->notice);
	chat_explore_free(&chat->explore);
	strbuf_free(&chat->title.text);
	free(chat->path);
	free(chat->path_before);
	conversation_free(chat->conversation);
}

bool chat_same_model(const struct chat *chat, const struct message *m)
{
	return chat->model && reply_is_by(m, chat->model);
}

bool chat_ids_hold(const struct chat *chat, const struct message *m)
{
	return chat_same_model(chat, m) &&
	       ((!m->ids.n && !m->text.len) ||
	        reply_ids_hold(m, chat->model->tokenizer));
}

void chat_save(struct chat *chat)
{
	chat_score_swap(chat);
	saving_save(&chat->saving, chat->conversation);
	chat_score_swap(chat);
}

void chat_tell_opened(struct chat *chat)
{
	const char *notice = saving_notice(&chat->saving, chat->conversation);

	if (notice)
		chat_notice(chat, "%s", notice);
}

/* The seconds until it is to be saved again, negative: there is no need. */
static double save_tick(struct chat *chat)
{
	double every = chat->reply ? SAVE_EVERY : RETRY_EVERY, left;

	if (!chat->reply && !saving_is_behind(&chat->saving))
		return -1;
	left = chat->saving.saved_at + every - clock_seconds();
	if (left > 0)
		return left;
	chat_save(chat);
	return every;
}

/* The smaller one; below 0: never. */
static double sooner(double a, double b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int chat_tick(struct chat *chat)
{
	double left;

	/* Another deed may have ended what it waited for. */
	chat_say_next(chat);
	left = sooner(save_tick(chat), chat_title_tick(chat));
	left = sooner(left, chat_snapshot_tick(chat));
	return left < 0 ? -1 : (int)(left * 1000) + 1;
}

/* ---- a reply ---- */

void chat_end_request(struct chat *chat)
{
	chat->request = 0;
	chat->total = 0;
	chat->state = CHAT_READY;
}

bool chat_is_stop(const struct chat *chat, int id)
{
	return reply_is_stop(chat->model, id);
}

/* When the thought of the reply ends, its length is known.  Only the end of the
 * text is new. */
static void watch_thought(struct chat *chat, size_t new_bytes)
{
	static const char mark[] = "</think>";
	const struct strbuf *text = &chat->reply->text;
	size_t look = new_bytes + sizeof mark - 2;

	if (!new_bytes || chat->thought)
		return;
	if (look > text->len)
		look = text->len;
	if (!memmem(text->bytes + text->len - look, look, mark,
	            sizeof mark - 1))
		return;
	chat->thought = true;
	reply_note_thinking(chat->reply, chat->seconds_before +
	                                         chat->last_token_at -
	                                         chat->first_token_at);
}

static void on_token(struct chat *chat, const struct engine_event *event)
{
	struct message *m = chat->reply;
	int id = event->token.sample.id;
	size_t len = m->text.len;

	chat->state = CHAT_REPLYING;
	chat->total = 0;
	chat->context_used = event->token.pos + 1;
	chat->last_token_at = clock_seconds();
	if (!chat->n_tokens++)
		chat->first_token_at = chat->last_token_at;
	if (chat->n_tokens > 1 && chat->last_token_at > chat->first_token_at)
		chat->tokens_per_second =
			(double)(chat->n_tokens - 1) /
			(chat->last_token_at - chat->first_token_at);
	if (chat_is_stop(chat, id))
		return;
	reply_add_token(m, &event->token.sample);
	tokenizer_stream_add(&chat->stream, event->token.bytes,
	                     event->token.len, &m->text);
	watch_thought(chat, m->text.len - len);
}

/* Closes the open message; one without a single token is taken away. */
static void close_reply(struct chat *chat, enum message_state state)
{
	struct message *m = chat->reply;

	chat->reply = NULL;
	chat_score_undo(chat);
	chat_end_request(chat);
	if (!m)
		return;
	tokenizer_stream_end(&chat->stream, &m->text);
	m->state = state;
	chat_snapshot_changed(chat);
	if (!m->ids.n && state != MESSAGE_DONE)
		saving_remove_message(&chat->saving, chat->conversation, m->id);
	chat_save(chat);
}

static void on_finished(struct chat *chat, const struct engine_event *event)
{
	double decode = event->finished.decode_seconds;

	chat->reused = event->finished.reused_tokens;
	chat->restored = event->finished.restored_tokens;
	chat->computed =
		event->finished.prompt_tokens - event->finished.reused_tokens;
	chat->context_used =
		event->finished.prompt_tokens + event->finished.reply_tokens;
	if (decode > 0 && event->finished.reply_tokens > 1)
		chat->tokens_per_second =
			(double)event->finished.reply_tokens / decode;
	chat->measured = chat->conversation->leaf;
	if (chat->reply)
		chat->reply->seconds = chat->seconds_before +
		                       event->finished.prefill_seconds + decode;
	close_reply(chat, reply_state(event->finished.reason));
	chat->finished = true;
	chat_title_wish(chat);
	chat_say_next(chat);
}

static void on_failed(struct chat *chat, const struct engine_event *event)
{
	bool loading = chat->state == CHAT_LOADING;
	struct error text;

	error_set(&text, "%s", event->failed.text);
	close_reply(chat, MESSAGE_INTERRUPTED);
	if (loading)
		chat_model_failed(chat, event->failed.bad_file, text.text);
	else
		chat_error(chat, "%s", text.text);
}

static void on_progress(struct chat *chat, const struct engine_event *event)
{
	if (chat->stage != event->progress.stage || !chat->total)
		chat->stage_began = clock_seconds();
	chat->stage = event->progress.stage;
	chat->done = event->progress.done;
	chat->total = event->progress.total;
}

void chat_handle_event(struct chat *chat, const struct engine_event *event)
{
	if (chat_snapshot_event(chat, event))
		return;
	if (!chat->request || event->request != chat->request) {
		/* Late, of a request that is over. */
		if (event->type == ENGINE_LOADED)
			chat_model_came_late(chat, event->loaded.model);
		return;
	}
	if (event->type == ENGINE_PROGRESS)
		on_progress(chat, event);
	else if (event->type == ENGINE_FAILED)
		on_failed(chat, event);
	else if (event->type == ENGINE_NOTICE)
		chat_notice(chat, "%s", event->notice.text);
	else if (chat->state == CHAT_SCORING)
		chat_score_event(chat, event);
	else if (chat->state == CHAT_EXPLORING)
		chat_explore_event(chat, event);
	else if (chat->state == CHAT_TITLING)
		chat_title_event(chat, event);
	else if (event->type == ENGINE_LOADED)
		chat_model_came(chat, event->loaded.model);
	else if (event->type == ENGINE_TOKEN && chat->reply)
		on_token(chat, event);
	else if (event->type == ENGINE_FINISHED)
		on_finished(chat, event);
}

/* ---- the context ---- */

static size_t path_bytes(const struct conversation *c)
{
	const struct message *m = conversation_message(c, c->leaf);
	size_t n = 0;

	for (; m; m = conversation_message(c, m->parent))
		n += m->text.len;
	return n;
}

bool chat_measure(struct chat *chat)
{
	const struct conversation *c = chat->conversation;
	struct ids ids = { 0 };

	if (!chat->model)
		return false;
	if (chat_is_busy(chat) || chat->measured == c->leaf)
		return true;
	if (path_bytes(c) > MEASURE_BYTES)
		return false;
	chat_prompt_line(chat, &ids);
	chat->context_used = ids.n;
	chat->measured = c->leaf;
	ids_free(&ids);
	return true;
}

/* ---- asking ---- */

/* The stream as it stands after the ids of a reply that goes on; its text
 * becomes exactly what they decode to. */
static void resume_text(struct chat *chat, struct message *m)
{
	strbuf_clear(&m->text);
	chat->stream = (struct tokenizer_stream){ .n_held = 0 };
	for (size_t i = 0; i < m->ids.n; i++) {
		size_t len;
		const char *bytes = tokenizer_bytes(chat->model->tokenizer,
		                                    m->ids.data[i], &len);

		if (bytes)
			tokenizer_stream_add(&chat->stream, bytes, len,
			                     &m->text);
	}
}

void chat_end_reply(struct chat *chat, struct message *reply)
{
	resume_text(chat, reply);
	tokenizer_stream_end(&chat->stream, &reply->text);
	reply->state = MESSAGE_DONE;
	chat_save(chat);
}

void chat_generate(struct chat *chat, enum chat_state state, size_t n_reply,
                   const struct sampler_settings *sampling, size_t max_tokens)
{
	char *snapshot = chat_snapshot_path(chat);
	bool reads_only = !chat_snapshot_is_ours(chat);

	chat->state = state;
	chat->done = chat->total = 0;
	chat->stage = ENGINE_STAGE_PREFILL;
	chat->stage_began = clock_seconds();
	chat->request =
		engine_generate(chat->engine,
	                        &(struct engine_generate){
					.ids = chat->prompt.data,
					.n_ids = chat->prompt.n,
					.n_prompt = chat->prompt.n - n_reply,
					.sampling = *sampling,
					.max_tokens = max_tokens,
					.stop_ids = chat->model->stop_ids,
					.n_stop_ids = chat->model->n_stop_ids,
					.snapshot = snapshot,
					.keep_snapshot = reads_only,
				});
	free(snapshot);
}

struct sampler_settings chat_reply_sampling(const struct chat *chat,
                                            const struct message *m)
{
	struct sampler_settings sampling = chat->sampling;
	struct message **siblings;
	size_t index;

	conversation_siblings(chat->conversation, m->id, &siblings, &index);
	free(siblings);
	sampling.seed += index;
	return sampling;
}

void chat_forget_prompt(struct chat *chat)
{
	chat->reused = chat->computed = chat->restored = 0;
	chat->tokens_per_second = 0;
}

/* chat->prompt holds the whole prompt, the reply's own ids at its end. */
static void send_prompt(struct chat *chat, struct message *m)
{
	struct sampler_settings sampling = chat_reply_sampling(chat, m);

	chat->reply = m;
	chat->seconds_before = m->seconds;
	m->state = MESSAGE_OPEN;
	chat_forget_prompt(chat);
	resume_text(chat, m);
	reply_begin(m, chat->model, &sampling, chat->think);
	chat->thought = thinking_is_over(&m->text);
	chat->n_tokens = 0;
	chat_generate(chat, CHAT_READING, m->ids.n, &sampling,
	              chat->max_tokens);
}

/* Renders the path up to `last`, with the ids of a reply that goes on (or NULL);
 * false when it cannot be sent. */
static bool prepare(struct chat *chat, int64_t last,
                    const struct message *reply)
{
	struct error err = { "" };

	if (chat->state == CHAT_LOADING) {
		chat_notice(chat, "the model is not there yet; /continue "
		                  "answers when it is");
		return false;
	}
	if (!chat->model) {
		chat_error(chat, "there is no model; /model NAME loads one");
		return false;
	}
	chat->prompt.n = 0;
	if (reply ? chat_prompt_before(chat, reply, &chat->prompt, &err)
	          : chat_prompt_render(chat, last, true, NULL, &chat->prompt,
	                               &err)) {
		chat_error(chat, "%s", err.text);
		return false;
	}
	if (reply)
		ids_append(&chat->prompt, reply->ids.data, reply->ids.n);
	return chat_overflow_check(chat, last, reply);
}

void chat_answer(struct chat *chat, int64_t message)
{
	struct message *m;

	if (!prepare(chat, message, NULL))
		return;
	m = conversation_add(chat->conversation, message, ROLE_ASSISTANT, "",
	                     0);
	send_prompt(chat, m);
}

void chat_extend(struct chat *chat, struct message *reply)
{
	chat->conversation->leaf = reply->id;
	if (prepare(chat, reply->parent, reply))
		send_prompt(chat, reply);
	else
		resume_text(chat, reply); /* a new branch has none yet */
}

bool chat_is_busy(const struct chat *chat)
{
	return chat->request != 0;
}

void chat_stop(struct chat *chat)
{
	if (chat->request)
		engine_cancel(chat->engine, chat->request);
}

void chat_interrupt(struct chat *chat)
{
	if (chat->state == CHAT_LOADING)
		return;
	chat_stop(chat);
	close_reply(chat, MESSAGE_INTERRUPTED);
	if (!chat->model)
		chat->state = CHAT_NO_MODEL;
}

static void say_now(struct chat *chat, const char *text)
{
	struct conversation *c = chat->conversation;
	struct message *m;

	m = conversation_add(c, c->leaf, ROLE_USER, text, strlen(text));
	conversation_auto_title(c);
	chat_save(chat);
	chat_answer(chat, m->id);
}

void chat_say(struct chat *chat, const char *text)
{
	if (chat->state == CHAT_READY && !chat->n_queue) {
		say_now(chat, text);
		return;
	}
	chat->queue = mem_grow(chat->queue, chat->n_queue,
	                       &chat->queue_capacity, sizeof *chat->queue);
	chat->queue[chat->n_queue++] = mem_strdup(text);
	chat_say_next(chat);
}

/* The first of the queue, when nothing is under way. */
void chat_say_next(struct chat *chat)
{
	char *text;

	if (chat->state != CHAT_READY || !chat->n_queue)
		return;
	text = chat->queue[0];
	memmove(chat->queue, chat->queue + 1,
	        --chat->n_queue * sizeof *chat->queue);
	say_now(chat, text);
	free(text);
}

void chat_leave(struct chat *chat)
{
	chat_interrupt(chat);
	chat_snapshot_close(chat);
}

void chat_switch(struct chat *chat, struct conversation *c)
{
	clear_queue(chat);
	conversation_free(chat->conversation);
	chat->conversation = c;
	chat->first_seen = chat->leaf_before = -1;
	chat->overflow.enlarging = false;
	chat->explore.message = chat->explore.peek_message = -1;
	chat->title.due = 0;
	chat->measured = -2;
	chat_forget_prompt(chat);
}
