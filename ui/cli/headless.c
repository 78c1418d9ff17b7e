#include "ui/cli/headless.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "library/conversation.h"
#include "library/reply.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "ui/cli/engine_model.h"
#include "ui/cli/headless_library.h"
#include "ui/cli/input.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/progress.h"
#include "ui/cli/prompts.h"
#include "ui/cli/reply_json.h"
#include "ui/cli/signals.h"
#include "ui/cli/snapshots.h"

struct headless {
	const struct options *o;
	struct prompts prompts;
	size_t turn; /* of the prompts */

	struct engine *engine;
	const struct engine_model *model; /* the engine's */
	enum chat_family family;
	struct sampler_settings sampling;

	struct headless_library kept;
	struct conversation *c;
	struct ids line; /* the last prompt and its reply, as they were read */

	/* Of the turn in progress. */
	struct message *reply; /* c's */
	struct tokenizer_stream stream;
	int signal; /* that ends it all, or 0 */
	bool output_failed;
	struct error output_error;
};

/* ---- the engine ---- */

static void cancel_on_trouble(struct headless *h, uint64_t request)
{
	bool cancelled = h->signal || h->output_failed;

	if (!h->output_failed && output_flush(&h->output_error))
		h->output_failed = true;
	if (!cancelled && (h->signal || h->output_failed))
		engine_cancel(h->engine, request);
}

/* The next event of the request, waiting for it.  Meanwhile: output flows, a
 * signal or a reader that went away cancels, the open reply is saved. */
static struct engine_event *next_event(struct headless *h, uint64_t request)
{
	struct engine_event *event;
	int came;

	for (;;) {
		event = engine_next_event(h->engine);
		if (event && event->request == request)
			return event;
		if (event) {
			engine_event_free(event);
			continue;
		}
		cancel_on_trouble(h, request);
		if (h->reply && h->reply->ids.n)
			headless_library_save_open(&h->kept, h->c);
		came = signals_wait(engine_fd(h->engine), 1000);
		if (came && !h->signal) {
			h->signal = came;
			if (!h->output_failed)
				engine_cancel(h->engine, request);
		}
	}
}

/* Takes the reason from the event. */
static int failed(struct headless *h, const struct engine_event *event,
                  struct error *err)
{
	progress_clear();
	if (h->signal)
		return 128 + h->signal;
	error_set(err, "%s", event->failed.text);
	return event->failed.bad_file ? EXIT_BAD_FILE : EXIT_FAILED;
}

static void model_ready(struct headless *h, const struct engine_model *model)
{
	bool known;

	progress_clear();
	h->model = model;
	h->sampling = options_sampling(h->o, &model->sampling);
	h->family = chat_family_of(model->chat_template, &known);
	if (!known && !h->o->raw)
		progress_note("%s: " ENGINE_MODEL_UNKNOWN, model->name);
}

static int load(struct headless *h, const char *path, struct error *err)
{
	uint64_t request =
		engine_model_load(h->engine, h->o, path, h->o->context);
	struct engine_event *event;
	int status = -1;

	while (status < 0) {
		event = next_event(h, request);
		if (event->type == ENGINE_PROGRESS) {
			progress_show(progress_stage(event->progress.stage),
			              event->progress.done,
			              event->progress.total);
		} else if (event->type == ENGINE_LOADED) {
			model_ready(h, event->loaded.model);
			status = EXIT_OK;
		} else if (event->type == ENGINE_FAILED) {
			status = failed(h, event, err);
		} else if (event->type == ENGINE_FINISHED) {
			status = EXIT_FAILED; /* cancelled */
		}
		engine_event_free(event);
	}
	return h->signal ? 128 + h->signal : status;
}

static int start_engine(struct headless *h, struct error *err)
{
	char *path = options_model_path(h->o, err);
	int status = EXIT_FAILED;

	if (!path)
		return EXIT_BAD_FILE;
	h->engine = engine_new(err);
	if (h->engine)
		status = load(h, path, err);
	free(path);
	return status;
}

/* ---- one turn ---- */

static int render(struct headless *h, struct message **path, size_t n,
                  struct ids *ids, struct error *err)
{
	struct chat_options options = { .add_generation_prompt = true,
		                        .enable_thinking = h->o->think };
	struct chat_message *messages = mem_zalloc(n, sizeof *messages);
	int result;

	for (size_t i = 0; i < n; i++)
		messages[i] = reply_as_chat(path[i], h->model);
	result = chat_template_render(h->family, messages, n, &options,
	                              h->model->tokenizer, NULL, ids, err);
	free(messages);
	return result;
}

/* --raw: the texts and the replies one after the other; who writes the template
 * by hand may write control tokens. */
static void chain(struct headless *h, struct message **path, size_t n,
                  struct ids *ids)
{
	for (size_t i = 0; i < n; i++) {
		if (path[i]->role == ROLE_USER && !path[i]->ids.n)
			tokenizer_encode(h->model->tokenizer,
			                 path[i]->text.bytes, path[i]->text.len,
			                 TOKENIZER_ALL, &path[i]->ids);
		ids_append(ids, path[i]->ids.data, path[i]->ids.n);
	}
}

static int make_prompt(struct headless *h, struct ids *ids, struct error *err)
{
	struct message **path;
	size_t n = conversation_path(h->c, &path);
	int result = 0;

	if (h->o->raw)
		chain(h, path, n, ids);
	else
		result = render(h, path, n, ids, err);
	free(path);
	return result;
}

/* New text of the reply: to the message and, unless lines of JSON tell it, to
 * the reader. */
static void put_text(struct headless *h, const struct strbuf *text)
{
	strbuf_add(&h->reply->text, text->bytes, text->len);
	if (!h->o->json)
		output_text(text->bytes, text->len);
}

static void take_token(struct headless *h, const struct engine_event *event)
{
	const struct sample *sample = &event->token.sample;
	struct strbuf out = STRBUF_INIT;

	progress_clear();
	if (h->o->json) {
		reply_json_token(&out, h->turn, event, h->model->tokenizer);
		output_add(out.bytes, out.len);
		strbuf_clear(&out);
	}
	if (!reply_is_stop(h->model, sample->id)) {
		reply_add_token(h->reply, sample);
		tokenizer_stream_add(&h->stream, event->token.bytes,
		                     event->token.len, &out);
		put_text(h, &out);
	}
	strbuf_free(&out);
}

/* What there is of it is shown and saved. */
static void close_reply(struct headless *h, enum message_state state)
{
	struct strbuf out = STRBUF_INIT;

	progress_clear();
	tokenizer_stream_end(&h->stream, &out);
	put_text(h, &out);
	output_text_end();
	strbuf_free(&out);
	h->reply->state = state;
	if (h->reply->ids.n || state != MESSAGE_INTERRUPTED)
		headless_library_save(&h->kept, h->c);
}

static void finish_reply(struct headless *h, const struct engine_event *event)
{
	struct strbuf out = STRBUF_INIT;
	struct message *reply = h->reply;

	reply->seconds = event->finished.prefill_seconds +
	                 event->finished.decode_seconds;
	close_reply(h, reply_state(event->finished.reason));
	if (h->o->json)
		reply_json_end(&out, h->turn, event, reply->text.bytes,
		               reply->text.len,
		               headless_library_keeps(&h->kept) ? h->c->id
		                                                : NULL);
	else
		strbuf_add_char(&out, '\n');
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

static uint64_t start_reply(struct headless *h, const struct ids *prompt)
{
	char *snapshot = snapshots_path(h->o, h->c->id);
	bool reads_only = !headless_library_keeps(&h->kept);
	uint64_t request;

	h->stream = (struct tokenizer_stream){ .n_held = 0 };
	h->reply = conversation_add(h->c, h->c->leaf, ROLE_ASSISTANT, "", 0);
	h->reply->state = MESSAGE_OPEN;
	reply_begin(h->reply, h->model, &h->sampling, h->o->think);
	request = engine_generate(h->engine,
	                          &(struct engine_generate){
					  .ids = prompt->data,
					  .n_ids = prompt->n,
					  .sampling = h->sampling,
					  .max_tokens = h->o->max_tokens,
					  .stop_ids = h->model->stop_ids,
					  .n_stop_ids = h->model->n_stop_ids,
					  .snapshot = snapshot,
					  .keep_snapshot = reads_only,
				  });
	free(snapshot);
	return request;
}

static void keep_line(struct headless *h, const struct ids *prompt)
{
	h->line.n = 0;
	ids_append(&h->line, prompt->data, prompt->n);
	ids_append(&h->line, h->reply->ids.data, h->reply->ids.n);
}

/* A reply that was stopped before its first word is none; it was never saved. */
static void drop_empty_reply(struct headless *h)
{
	if (!h->reply->ids.n && h->reply->state == MESSAGE_INTERRUPTED)
		conversation_remove(h->c, h->reply->id);
	h->reply = NULL;
}

/* The status that ends the program, or EXIT_OK. */
static int status_of(struct headless *h, struct error *err)
{
	if (h->signal)
		return 128 + h->signal;
	if (!h->output_failed && output_flush(&h->output_error))
		h->output_failed = true;
	if (!h->output_failed)
		return EXIT_OK;
	h->signal = signals_wait(-1, 0); /* why it failed, it may be */
	if (h->signal)
		return 128 + h->signal;
	error_set(err, "%s", h->output_error.text);
	return EXIT_FAILED;
}

static int reply(struct headless *h, const struct ids *prompt,
                 struct error *err)
{
	uint64_t request = start_reply(h, prompt);
	struct engine_event *event;
	int status = -1;

	while (status < 0) {
		event = next_event(h, request);
		switch (event->type) {
		case ENGINE_PROGRESS:
			progress_show("reading", event->progress.done,
			              event->progress.total);
			break;
		case ENGINE_TOKEN:
			take_token(h, event);
			break;
		case ENGINE_FINISHED:
			finish_reply(h, event);
			status = status_of(h, err);
			break;
		case ENGINE_FAILED:
			status = failed(h, event, err);
			close_reply(h, MESSAGE_INTERRUPTED);
			break;
		case ENGINE_NOTICE:
			progress_note("%s", event->notice.text);
			break;
		case ENGINE_LOADED:
			break;
		}
		engine_event_free(event);
	}
	keep_line(h, prompt);
	drop_empty_reply(h);
	return status;
}

/* What could not be answered, for want of context it may be, would be part of every
 * later prompt. */
static void take_back(struct headless *h, int64_t question)
{
	if (!h->signal && !h->output_failed && h->c->leaf == question)
		headless_library_take_back(&h->kept, h->c, question);
}

static int run_turn(struct headless *h, const struct strbuf *prompt,
                    struct error *err)
{
	struct ids ids = { 0 };
	int status = EXIT_FAILED;
	int64_t question = conversation_add(h->c, h->c->leaf, ROLE_USER,
	                                    prompt->bytes, prompt->len)
	                           ->id;

	conversation_auto_title(h->c);
	headless_library_save(&h->kept, h->c);
	if (!make_prompt(h, &ids, err))
		status = reply(h, &ids, err);
	if (status != EXIT_OK)
		take_back(h, question);
	ids_free(&ids);
	return status;
}

static int converse(struct headless *h, struct error *err)
{
	int status = EXIT_OK;

	for (; h->turn < h->prompts.n && status == EXIT_OK; h->turn++)
		status = run_turn(h, &h->prompts.texts[h->turn], err);
	return status;
}

/* What was read goes to the disk for the next time.  It is a cache: nobody is
 * told when that fails. */
static void save_line(struct headless *h)
{
	char *path = headless_library_keeps(&h->kept)
	                     ? snapshots_path(h->o, h->c->id)
	                     : NULL;
	enum engine_event_type type = ENGINE_PROGRESS;
	uint64_t request;

	if (path && h->line.n) {
		request = engine_save_line(h->engine,
		                           &(struct engine_save_line){
						   .path = path,
						   .ids = h->line.data,
						   .n_ids = h->line.n,
						   .disk_budget =
							   h->o->kv_disk });
		while (request && type != ENGINE_FINISHED &&
		       type != ENGINE_FAILED) {
			struct engine_event *event = next_event(h, request);

			type = event->type;
			engine_event_free(event);
		}
	}
	free(path);
}

/* ---- all of it ---- */

static void headless_free(struct headless *h)
{
	ids_free(&h->line);
	engine_free(h->engine);
	headless_library_close(&h->kept);
	conversation_free(h->c);
	prompts_free(&h->prompts);
}

bool headless_wanted(const struct options *o)
{
	return o->n_prompts || ((o->json || o->raw) && !input_is_terminal());
}

int headless_run(const struct options *o, struct error *err)
{
	struct headless h = { .o = o };
	int status = EXIT_FAILED;

	if (!prompts_read(&h.prompts, o, err)) {
		signals_note();
		status = headless_library_open(&h.kept, o, &h.c, err);
		if (status == EXIT_OK)
			status = start_engine(&h, err);
		if (status == EXIT_OK)
			status = converse(&h, err);
		if (status == EXIT_OK) {
			save_line(&h);
			status = h.signal ? 128 + h.signal : EXIT_OK;
		}
	}
	progress_clear();
	headless_free(&h);
	return status;
}
