/*
 * scripted_engine.c - an engine that says what a test wrote down
 *
 * The same door as src/engine/engine.c, linked in its place, so that the whole
 * front end can be shown replies that no model would give: any bytes, cut into
 * tokens anywhere, at any speed.  Set by environment variables:
 *
 *	SCRIPT_DIR     reply k is the file DIR/k, from 1; the last one again
 *	               when there are no more
 *	SCRIPT_CHUNK   bytes a token (default 3); 0: tokens of the bundled model
 *	SCRIPT_RATE    tokens a second (default 0: as fast as they go)
 *	SCRIPT_PREFILL progress events of every prompt (default 0)
 *	SCRIPT_CONTEXT tokens of context (default 4096)
 *	SCRIPT_TEMPLATE a file with the chat template
 *	SCRIPT_NAME    the model's (default "scripted")
 *	SCRIPT_FAULT   "engine" or "screen": whose stack overflows after the
 *	               first token
 *
 * The odds are made up, and always the same.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault_stack.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/queue.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "text/tokenizer.h"

enum command_type { COMMAND_LOAD, COMMAND_GENERATE, COMMAND_SCORE, COMMAND_STOP };

struct command {
	enum command_type type;
	uint64_t request;
	size_t n_ids, max_tokens;
	int *ids;
	struct sampler_settings sampling;
};

struct engine {
	struct queue *commands, *events;
	pthread_t thread;
	uint64_t last_request;
	_Atomic uint64_t cancelled; /* all requests up to it */
	struct engine_model model;
	struct tokenizer *tokenizer;
	int replies;
};

static long number(const char *name, long otherwise)
{
	const char *value = getenv(name);

	return value ? atol(value) : otherwise;
}

static struct engine_event *new_event(enum engine_event_type type,
                                      uint64_t request)
{
	struct engine_event *event = mem_zalloc(1, sizeof *event);

	event->type = type;
	event->request = request;
	return event;
}

/* ---- faults ---- */

/* Uses up the stack of the thread that calls it. */
static int overflow(volatile int depth)
{
	volatile char page[1024];

	page[depth % 1024] = (char)depth;
	return depth < 0 ? 0 : overflow(depth + 1) + page[depth % 1024];
}

static void fault(const char *whose)
{
	const char *wanted = getenv("SCRIPT_FAULT");

	if (wanted && !strcmp(wanted, whose))
		overflow(0);
}

/* ---- events ---- */

static void load(struct engine *e, const struct command *c)
{
	static int stop_ids[1];
	struct engine_event *event;
	char *dir = paths_bundled_model(), *path;
	const char *template = getenv("SCRIPT_TEMPLATE");
	struct strbuf text = STRBUF_INIT;

	path = paths_join(dir, "tokenizer.json");
	if (!e->tokenizer)
		e->tokenizer = tokenizer_load_json(path, NULL, NULL);
	if (template)
		file_read(&text, template, 1 << 20, NULL);
	free(path);
	free(dir);
	stop_ids[0] = tokenizer_added_id(e->tokenizer, "<|im_end|>");
	e->model = (struct engine_model){
		.name = getenv("SCRIPT_NAME") ? getenv("SCRIPT_NAME")
		                              : "scripted",
		.path = "/scripted",
		.type = "bf16",
		.chat_template = text.len ? strbuf_take(&text) : NULL,
		.tokenizer = e->tokenizer,
		.context = (size_t)number("SCRIPT_CONTEXT", 4096),
		.max_context = 65536,
		.weight_bytes = 1000000,
		.kv_bytes_per_token = 1000,
		.vocab_size = tokenizer_n_ids(e->tokenizer),
		.threads = 1,
		.kernels = "none",
		.sampling = { .temperature = 0,
		              .top_p = 1,
		              .repeat_penalty = 1 },
		.stop_ids = stop_ids,
		.n_stop_ids = 1,
	};
	event = new_event(ENGINE_LOADED, c->request);
	event->loaded.model = &e->model;
	queue_push(e->events, event);
}

/* Entropies of 0 to 3 bits, the second candidate taken every seventh time. */
static void make_odds(struct sample *s, const struct engine *e, int id,
                      size_t index)
{
	double best = 0.9 - 0.08 * (double)(index % 8);
	int n_ids = e->model.vocab_size, rank = index % 7 == 6 ? 2 : 1;
	double total = best;

	s->id = id;
	s->n_top = SAMPLER_TOP;
	s->rank = rank;
	s->entropy = (double)(index % 8) * 0.3;
	for (int i = 0; i < SAMPLER_TOP; i++) {
		double p = i ? (1 - best) * pow(0.5, i) : best;

		s->top[i].id = (id + (i + 1 - rank) * 17 + n_ids) % n_ids;
		s->top[i].logprob = (float)log(p);
		s->top[i].sampled_prob = i < 5 ? p : 0;
		s->top[i].cut = i < 5 ? SAMPLER_KEPT : SAMPLER_CUT_TOP_P;
		total += i ? p : 0;
	}
	for (int i = 0; i < 5; i++)
		s->top[i].sampled_prob /= total;
	s->logprob = s->top[rank - 1].logprob;
	s->sampled_prob = s->top[rank - 1].sampled_prob;
}

static void say(struct engine *e, uint64_t request, int id, const char *bytes,
                size_t len, size_t pos, size_t index)
{
	struct engine_event *event = new_event(ENGINE_TOKEN, request);

	event->token.pos = pos;
	event->token.bytes = mem_dup(bytes, len);
	event->token.len = len;
	make_odds(&event->token.sample, e, id, index);
	queue_push(e->events, event);
}

static void finish(struct engine *e, const struct command *c,
                   enum engine_finish reason, size_t n)
{
	struct engine_event *event = new_event(ENGINE_FINISHED, c->request);

	event->finished.reason = reason;
	event->finished.prompt_tokens = c->n_ids;
	event->finished.reused_tokens = c->n_ids / 2;
	event->finished.reply_tokens = n;
	event->finished.prefill_seconds = 0.5;
	event->finished.decode_seconds = (double)n / 50;
	queue_push(e->events, event);
}

static bool is_cancelled(struct engine *e, const struct command *c)
{
	return atomic_load(&e->cancelled) >= c->request;
}

static void read_reply(struct engine *e, struct strbuf *text)
{
	const char *dir = getenv("SCRIPT_DIR");
	char path[512];

	for (e->replies++; dir; e->replies--) {
		snprintf(path, sizeof path, "%s/%d", dir, e->replies);
		if (!file_read(text, path, 64 << 20, NULL) || e->replies <= 1)
			break;
	}
}

static void prefill(struct engine *e, const struct command *c)
{
	long n = number("SCRIPT_PREFILL", 0);

	for (long i = 1; i <= n && !is_cancelled(e, c); i++) {
		struct engine_event *event = new_event(ENGINE_PROGRESS,
		                                       c->request);

		event->progress.stage = ENGINE_STAGE_PREFILL;
		event->progress.done = (uint64_t)i * 100;
		event->progress.total = (uint64_t)n * 100;
		queue_push(e->events, event);
		usleep(50000);
	}
}

/* The bytes of the next token; its id. */
static int next_token(struct engine *e, const struct ids *ids, size_t n,
                      const struct strbuf *text, size_t pos, const char **bytes,
                      size_t *len)
{
	long chunk = number("SCRIPT_CHUNK", 3);

	if (!chunk) {
		*bytes = tokenizer_bytes(e->tokenizer, ids->data[n], len);
		return ids->data[n];
	}
	*bytes = text->bytes + pos;
	*len = text->len - pos < (size_t)chunk ? text->len - pos : (size_t)chunk;
	return 300 + (int)(n % 100);
}

static void generate(struct engine *e, const struct command *c)
{
	struct strbuf text = STRBUF_INIT;
	struct ids ids = { 0 };
	long rate = number("SCRIPT_RATE", 0);
	enum engine_finish reason = ENGINE_STOP;
	size_t n = 0, pos = 0;

	read_reply(e, &text);
	tokenizer_encode(e->tokenizer, text.bytes, text.len, TOKENIZER_PLAIN,
	                 &ids);
	prefill(e, c);
	while (pos < text.len && reason == ENGINE_STOP) {
		const char *bytes;
		size_t len;
		int id = next_token(e, &ids, n, &text, pos, &bytes, &len);

		if (is_cancelled(e, c)) {
			reason = ENGINE_CANCELLED;
			break;
		}
		say(e, c->request, id, bytes, len, c->n_ids + n, n);
		fault("engine");
		pos += len;
		if (++n == c->max_tokens)
			reason = ENGINE_LENGTH;
		if (rate)
			usleep((useconds_t)(1000000 / rate));
	}
	finish(e, c, reason, n);
	ids_free(&ids);
	strbuf_free(&text);
}

static void score(struct engine *e, const struct command *c)
{
	for (size_t i = 1; i < c->n_ids; i++)
		say(e, c->request, c->ids[i], "", 0, i, i);
	finish(e, c, ENGINE_STOP, 0);
}

/* ---- the thread ---- */

static void *work(void *arg)
{
	struct engine *e = arg;
	bool stop = false;

	fault_stack_use();
	while (!stop) {
		struct command *c = queue_wait(e->commands);

		if (c->type == COMMAND_LOAD)
			load(e, c);
		else if (c->type == COMMAND_GENERATE)
			generate(e, c);
		else if (c->type == COMMAND_SCORE)
			score(e, c);
		stop = c->type == COMMAND_STOP;
		free(c->ids);
		free(c);
	}
	return NULL;
}

static uint64_t send(struct engine *e, struct command c, const int *ids)
{
	c.request = ++e->last_request;
	c.ids = mem_dup(ids ? ids : (const int *)"", c.n_ids * sizeof *ids);
	queue_push(e->commands, mem_dup(&c, sizeof c));
	return c.request;
}

/* ---- the door ---- */

struct engine *engine_new(struct error *err)
{
	struct engine *e = mem_zalloc(1, sizeof *e);

	e->commands = queue_new(err);
	e->events = queue_new(err);
	pthread_create(&e->thread, NULL, work, e);
	return e;
}

static void free_event(void *event)
{
	engine_event_free(event);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	atomic_store(&e->cancelled, e->last_request);
	send(e, (struct command){ .type = COMMAND_STOP }, NULL);
	pthread_join(e->thread, NULL);
	queue_free(e->commands, free);
	queue_free(e->events, free_event);
	tokenizer_free(e->tokenizer);
	free(e->model.chat_template);
	free(e);
}

int engine_fd(const struct engine *e)
{
	return queue_fd(e->events);
}

uint64_t engine_load(struct engine *e, const struct engine_load *load)
{
	(void)load;
	return send(e, (struct command){ .type = COMMAND_LOAD }, NULL);
}

uint64_t engine_generate(struct engine *e, const struct engine_generate *g)
{
	return send(e,
	            (struct command){ .type = COMMAND_GENERATE,
	                              .n_ids = g->n_ids,
	                              .max_tokens = g->max_tokens,
	                              .sampling = g->sampling },
	            g->ids);
}

uint64_t engine_score(struct engine *e, const struct engine_score *s)
{
	return send(e,
	            (struct command){ .type = COMMAND_SCORE,
	                              .n_ids = s->n_ids },
	            s->ids);
}

/* What a test wrote down is not to be kept. */
uint64_t engine_save_line(struct engine *e, const struct engine_save_line *save)
{
	(void)e;
	(void)save;
	return 0;
}

void engine_cancel(struct engine *e, uint64_t request)
{
	if (request > atomic_load(&e->cancelled))
		atomic_store(&e->cancelled, request);
}

struct engine_event *engine_next_event(struct engine *e)
{
	struct engine_event *event = queue_pop(e->events);

	if (event && event->type == ENGINE_TOKEN)
		fault("screen");
	return event;
}

void engine_event_free(struct engine_event *event)
{
	if (!event)
		return;
	if (event->type == ENGINE_TOKEN)
		free(event->token.bytes);
	free(event);
}
