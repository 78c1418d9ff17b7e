#include "engine/engine.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fault_stack.h"
#include "base/mem.h"
#include "checkpoint/checkpoint.h"
#include "engine/command.h"
#include "engine/event.h"
#include "engine/loaded_model.h"
#include "engine/logit_row.h"
#include "engine/mailbox.h"
#include "engine/resume.h"
#include "engine/score.h"
#include "engine/session.h"
#include "model/kv_cache.h"

#define PROGRESS_SECONDS 0.03 /* between two events: a redraw's time */

struct engine {
	struct mailbox *mailbox;
	uint64_t requests; /* the last number given; the front end's */
	pthread_t thread;
	struct loaded_model *loaded; /* the thread's, or NULL */
};

/* A request while it is served, on the engine's thread. */
struct service {
	struct engine *engine;
	uint64_t request;
	enum engine_stage stage;
	double last_progress; /* seconds, when a PROGRESS was sent */
};

static void post(struct service *service, struct engine_event *event)
{
	mailbox_post(service->engine->mailbox, event);
}

static void fail(struct service *service, const struct error *err,
                 bool bad_file)
{
	post(service, event_new_failed(service->request, err->text, bad_file));
}

static void finish_cancelled(struct service *service)
{
	post(service, event_new_finished(service->request, ENGINE_CANCELLED));
}

static bool cancelled(struct service *service)
{
	return mailbox_cancelled(service->engine->mailbox);
}

/* Tells of the beginning, the end and now and then; false: cancelled. */
static bool progress(struct service *service, uint64_t done, uint64_t total)
{
	double time = clock_seconds();
	struct engine_event *event;

	if (done == 0 || done == total ||
	    time - service->last_progress >= PROGRESS_SECONDS) {
		event = event_new(ENGINE_PROGRESS, service->request);
		event->progress.stage = service->stage;
		event->progress.done = done;
		event->progress.total = total;
		post(service, event);
		service->last_progress = time;
	}
	return !cancelled(service);
}

/* ---- load ---- */

static bool load_progress(void *arg, uint64_t done, uint64_t total)
{
	return progress(arg, done, total);
}

static void replace_model(struct service *service, struct loaded_model *m)
{
	struct engine *engine = service->engine;
	struct engine_event *event = event_new(ENGINE_LOADED, service->request);

	event->loaded.model = &m->facts;
	event->loaded.seconds = m->load_seconds;
	event->loaded.previous = engine->loaded;
	if (engine->loaded)
		loaded_model_retire(engine->loaded);
	engine->loaded = m;
	post(service, event);
}

static void serve_load(struct service *service, const struct engine_load *load)
{
	struct error err = { "" };
	struct loaded_model *m;
	bool bad_file;
	double start = clock_seconds();

	service->stage = ENGINE_STAGE_QUANTIZE;
	m = loaded_model_open(load, load_progress, service, &bad_file, &err);
	if (!m) {
		if (cancelled(service))
			finish_cancelled(service);
		else
			fail(service, &err, bad_file);
		return;
	}
	service->stage = ENGINE_STAGE_WEIGHTS;
	if (load->warm)
		checkpoint_warm(m->checkpoint, load_progress, service);
	if (cancelled(service)) {
		loaded_model_free(m);
		finish_cancelled(service);
		return;
	}
	m->load_seconds = clock_seconds() - start;
	replace_model(service, m);
}

/* ---- what generate and score have in common ---- */

static bool prefill_progress(void *arg, size_t done, size_t total)
{
	return progress(arg, done, total);
}

static int check_ids(const struct loaded_model *m, const int *ids, size_t n,
                     struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] < 0 || ids[i] >= m->facts.vocab_size)
			return error_set(err,
			                 "token id %d at %zu: the model has %d",
			                 ids[i], i, m->facts.vocab_size);
	return 0;
}

/* ---- generate ---- */

struct reply {
	struct service *service;
	struct loaded_model *m;
	const struct engine_generate *request;
	size_t limit;                  /* tokens */
	bool bad_file;                 /* a failure is the model's files' */
	struct engine_event *finished; /* counts on the way */
};

static bool is_stop(const struct engine_generate *request, int id)
{
	for (size_t i = 0; i < request->n_stop_ids; i++)
		if (request->stop_ids[i] == id)
			return true;
	return false;
}

static size_t reply_limit(const struct loaded_model *m,
                          const struct engine_generate *request)
{
	size_t room = session_context(m->session) - request->n_ids;

	if (request->max_tokens && request->max_tokens < room)
		return request->max_tokens;
	return room;
}

/* The reply's settings, its prompt, and the beginning that it was given. */
static void start_sampler(struct loaded_model *m,
                          const struct engine_generate *request)
{
	size_t n_prompt = request->n_ids;

	if (request->n_prompt && request->n_prompt < n_prompt)
		n_prompt = request->n_prompt;
	sampler_start(m->sampler, &request->sampling, request->ids, n_prompt);
	for (size_t i = n_prompt; i < request->n_ids; i++)
		sampler_accept(m->sampler, request->ids[i]);
}

/* What would be drawn from a row of NaN is noise that looks like a bad answer. */
static int refuse_broken(struct reply *reply, size_t pos, struct error *err)
{
	const struct kv_cache *cache = session_cache(reply->m->session);

	reply->bad_file = true;
	return logit_row_refuse(reply->m->facts.path, pos, cache->shape.dtype,
	                        err);
}

/* Samples one token and hands it over; 1: cancelled. */
static int next_token(struct reply *reply, int *id, struct error *err)
{
	struct service *service = reply->service;
	size_t pos = session_length(reply->m->session);
	struct sample sample;

	if (cancelled(service))
		return 1;
	sampler_draw(reply->m->sampler, session_logits(reply->m->session),
	             &sample);
	*id = sample.id;
	if (sample.broken)
		return refuse_broken(reply, pos, err);
	if (!mailbox_post_token(service->engine->mailbox,
	                        event_new_token(service->request, pos, &sample,
	                                        reply->m->tokenizer)))
		return 1;
	reply->finished->finished.reply_tokens++;
	return 0;
}

/* The last token is not read: the next prompt does that, if it is kept. */
static int decode(struct reply *reply, struct error *err)
{
	size_t n = 0;
	int id;

	reply->finished->finished.reason = ENGINE_LENGTH;
	while (n < reply->limit) {
		int result = next_token(reply, &id, err);

		if (result < 0)
			return -1;
		if (result) {
			reply->finished->finished.reason = ENGINE_CANCELLED;
			return 0;
		}
		if (is_stop(reply->request, id)) {
			reply->finished->finished.reason = ENGINE_STOP;
			return 0;
		}
		if (++n < reply->limit &&
		    session_step(reply->m->session, id, err))
			return -1;
	}
	return 0;
}

/* Tokens that a snapshot gave; a mismatch is told. */
static size_t restore(struct reply *reply)
{
	const struct engine_generate *request = reply->request;
	struct error why = { "" }, text;
	size_t restored;

	if (!request->snapshot)
		return 0;
	restored = resume_restore(reply->m, request, &why);
	if (*why.text) {
		error_set(&text, "the KV snapshot is of no use: %s", why.text);
		post(reply->service,
		     event_new_notice(reply->service->request, text.text));
	}
	return restored;
}

/* Prefill and decode; counts and times go to reply->finished. */
static int write_reply(struct reply *reply, struct error *err)
{
	const struct engine_generate *request = reply->request;
	struct engine_event *finished = reply->finished;
	double start = clock_seconds();
	enum session_result synced;
	int result = 0;

	finished->finished.restored_tokens = restore(reply);
	synced = session_sync(reply->m->session, request->ids, request->n_ids,
	                      prefill_progress, reply->service,
	                      &finished->finished.reused_tokens, err);
	finished->finished.prefill_seconds = clock_seconds() - start;
	if (synced == SESSION_FAILED)
		return -1;
	if (synced == SESSION_SYNCED) {
		start = clock_seconds();
		reply->limit = reply_limit(reply->m, request);
		start_sampler(reply->m, request);
		result = decode(reply, err);
		finished->finished.decode_seconds = clock_seconds() - start;
	}
	return result;
}

static void serve_generate(struct service *service,
                           const struct engine_generate *request)
{
	struct loaded_model *m = service->engine->loaded;
	struct reply reply = { .service = service, .m = m, .request = request };
	struct error err = { "" };

	service->stage = ENGINE_STAGE_PREFILL;
	if (!m)
		error_set(&err, "no model is loaded");
	else if (request->n_ids == 0)
		error_set(&err, "an empty prompt");
	else
		check_ids(m, request->ids, request->n_ids, &err);
	if (err.text[0]) {
		fail(service, &err, false);
		return;
	}
	reply.finished = event_new_finished(service->request, ENGINE_CANCELLED);
	reply.finished->finished.prompt_tokens = request->n_ids;
	reply.finished->finished.load_seconds = m->load_seconds;
	if (write_reply(&reply, &err)) {
		engine_event_free(reply.finished);
		fail(service, &err, reply.bad_file);
		return;
	}
	post(service, reply.finished);
}

/* ---- score ---- */

struct scoring {
	struct service *service;
	const struct tokenizer *tokenizer;
	size_t n_logits;
};

static bool scored_token(void *arg, size_t pos, const struct sample *sample,
                         const float *logits)
{
	struct scoring *scoring = arg;
	struct service *service = scoring->service;
	struct engine_event *event;

	event = event_new_token(service->request, pos, sample,
	                        scoring->tokenizer);
	if (logits)
		event->token.logits =
			mem_dup(logits, scoring->n_logits * sizeof *logits);
	return mailbox_post_token(service->engine->mailbox, event) &&
	       !cancelled(service);
}

static bool score_progressed(void *arg, size_t done, size_t total)
{
	struct scoring *scoring = arg;

	return progress(scoring->service, done, total);
}

static void finish_score(struct service *service,
                         const struct engine_score *request, double seconds)
{
	struct engine_event *event =
		event_new_finished(service->request, ENGINE_STOP);

	event->finished.prompt_tokens = request->n_ids;
	event->finished.prefill_seconds = seconds;
	event->finished.load_seconds = service->engine->loaded->load_seconds;
	post(service, event);
}

static void serve_score(struct service *service,
                        const struct engine_score *request)
{
	struct loaded_model *m = service->engine->loaded;
	struct scoring scoring = { .service = service,
		                   .n_logits = request->n_logit_ids };
	struct error err = { "" };
	double start = clock_seconds();
	int result;

	service->stage = ENGINE_STAGE_PREFILL;
	if (!m) {
		error_set(&err, "no model is loaded");
		fail(service, &err, false);
		return;
	}
	if (request->n_ids == 0) {
		finish_score(service, request, 0);
		return;
	}
	scoring.tokenizer = m->tokenizer;
	result = check_ids(m, request->ids, request->n_ids, &err);
	if (result == 0)
		result = check_ids(m, request->logit_ids, request->n_logit_ids,
		                   &err);
	if (result == 0)
		result = score(m, request, scored_token, score_progressed,
		               &scoring, &err);
	if (result < 0)
		fail(service, &err, false);
	else if (result > 0)
		finish_cancelled(service);
	else
		finish_score(service, request, clock_seconds() - start);
}

/* ---- save ---- */

static bool go_on_saving(void *arg)
{
	struct service *service = arg;

	return !cancelled(service) &&
	       !mailbox_has_waiting(service->engine->mailbox);
}

static void serve_save_line(struct service *service,
                            const struct engine_save_line *request)
{
	struct loaded_model *m = service->engine->loaded;
	struct error err = { "" };
	int result;

	if (m)
		result = resume_save(m, request, go_on_saving, service, &err);
	else
		result = error_set(&err, "no model is loaded");
	if (result < 0)
		fail(service, &err, false);
	else
		post(service, event_new_finished(service->request,
		                                 result ? ENGINE_CANCELLED
		                                        : ENGINE_STOP));
}

/* ---- the thread ---- */

static void serve(struct engine *engine, const struct command *command)
{
	struct service service = { .engine = engine,
		                   .request = command->request };

	switch (command->type) {
	case COMMAND_LOAD:
		serve_load(&service, &command->load);
		break;
	case COMMAND_GENERATE:
		serve_generate(&service, &command->generate);
		break;
	case COMMAND_SCORE:
		serve_score(&service, &command->score);
		break;
	case COMMAND_SAVE_LINE:
		serve_save_line(&service, &command->save_line);
		break;
	case COMMAND_CANCEL:
	case COMMAND_STOP:
		break; /* the mailbox keeps these */
	}
}

static void *run(void *arg)
{
	struct engine *engine = arg;
	struct command *command;

	fault_stack_use();
	while ((command = mailbox_next(engine->mailbox))) {
		serve(engine, command);
		command_free(command);
	}
	loaded_model_free(engine->loaded);
	return NULL;
}

/* Signals are the front end's: this thread and those it makes take none but
 * faults of their own.  A blocked fault would kill the process without its
 * handler, which restores the terminal and names a model file that shrank. */
static int start_thread(struct engine *engine, struct error *err)
{
	static const int own[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
		                   SIGABRT, SIGTRAP, SIGSYS };
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&engine->thread, NULL, run, engine);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return error_set(err, "the engine's thread: %s",
		                 strerror(failed));
	return 0;
}

/* ---- the front end's side ---- */

struct engine *engine_new(struct error *err)
{
	struct engine *engine = mem_zalloc(1, sizeof *engine);

	engine->mailbox = mailbox_new(err);
	if (!engine->mailbox)
		goto fail;
	if (start_thread(engine, err))
		goto fail;
	return engine;
fail:
	mailbox_free(engine->mailbox);
	free(engine);
	return NULL;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	mailbox_send(engine->mailbox, command_new(COMMAND_STOP, 0));
	pthread_join(engine->thread, NULL);
	mailbox_free(engine->mailbox);
	free(engine);
}

int engine_fd(const struct engine *engine)
{
	return mailbox_fd(engine->mailbox);
}

uint64_t engine_load(struct engine *engine, const struct engine_load *load)
{
	uint64_t request = ++engine->requests;

	mailbox_send(engine->mailbox, command_new_load(request, load));
	return request;
}

uint64_t engine_generate(struct engine *engine,
                         const struct engine_generate *generate)
{
	uint64_t request = ++engine->requests;

	mailbox_send(engine->mailbox, command_new_generate(request, generate));
	return request;
}

uint64_t engine_score(struct engine *engine, const struct engine_score *score)
{
	uint64_t request = ++engine->requests;

	mailbox_send(engine->mailbox, command_new_score(request, score));
	return request;
}

uint64_t engine_save_line(struct engine *engine,
                          const struct engine_save_line *save)
{
	uint64_t request = ++engine->requests;

	mailbox_send(engine->mailbox, command_new_save_line(request, save));
	return request;
}

void engine_cancel(struct engine *engine, uint64_t request)
{
	mailbox_send(engine->mailbox, command_new(COMMAND_CANCEL, request));
}

struct engine_event *engine_next_event(struct engine *engine)
{
	return mailbox_receive(engine->mailbox);
}
