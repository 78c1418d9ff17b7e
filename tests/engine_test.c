#include "tests/engine_support.h"
#include "tests/support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/paths.h"
#include "engine/engine.h"
#include "model/available_memory.h"
#include "text/tokenizer.h"

static struct engine *engine;
static const struct engine_model *model; /* the one in use */

/* ---- helpers ---- */

/* The event that ends a request; what comes before it is dropped. */
static struct engine_event *end_of(uint64_t request)
{
	struct engine_event *event = test_next_event(engine);

	while (event->request != request || event->type == ENGINE_PROGRESS ||
	       event->type == ENGINE_TOKEN) {
		engine_event_free(event);
		event = test_next_event(engine);
	}
	return event;
}

static void assert_finished(uint64_t request, enum engine_finish reason)
{
	struct engine_event *event = end_of(request);

	assert_int_equal(event->type, ENGINE_FINISHED);
	assert_int_equal(event->finished.reason, reason);
	engine_event_free(event);
}

/* Fails, and the text holds each of the words. */
static void assert_failed(uint64_t request, bool bad_file, const char *word1,
                          const char *word2)
{
	struct engine_event *event = end_of(request);

	assert_int_equal(event->type, ENGINE_FAILED);
	assert_int_equal(event->failed.bad_file, bad_file);
	assert_non_null(strstr(event->failed.text, word1));
	assert_non_null(strstr(event->failed.text, word2));
	assert_null(strchr(event->failed.text, '\n'));
	engine_event_free(event);
}

static uint64_t start_load(const struct engine_load *options)
{
	char *path = test_source("data/confab-20m");
	struct engine_load load = *options;
	uint64_t request;

	load.path = path;
	if (!load.threads)
		load.threads = 1;
	request = engine_load(engine, &load);
	free(path); /* the engine has its own */
	return request;
}

static void load(const struct engine_load *options)
{
	struct engine_event *event = end_of(start_load(options));

	assert_int_equal(event->type, ENGINE_LOADED);
	model = event->loaded.model;
	engine_event_free(event);
}

static int open_engine(void **unused)
{
	(void)unused;
	engine = engine_new(NULL);
	assert_non_null(engine);
	model = NULL;
	return 0;
}

static int open_loaded(void **unused)
{
	open_engine(unused);
	load(&(struct engine_load){ .exact = true });
	return 0;
}

static int close_engine(void **unused)
{
	(void)unused;
	engine_free(engine);
	return 0;
}

static void encode(const char *text, struct ids *ids)
{
	tokenizer_encode(model->tokenizer, text, strlen(text), TOKENIZER_ALL,
	                 ids);
}

struct reply {
	struct ids ids;
	struct sample samples[256];
	size_t prompt, reused, counted;
	enum engine_finish reason;
};

/* Reads a whole reply. */
static void receive(uint64_t request, struct reply *reply)
{
	size_t pos = 0;

	memset(reply, 0, sizeof *reply);
	for (;;) {
		struct engine_event *event = test_next_event(engine);

		assert_int_equal(event->request, request);
		assert_true(event->type == ENGINE_PROGRESS ||
		            event->type == ENGINE_TOKEN ||
		            event->type == ENGINE_FINISHED);
		if (event->type == ENGINE_TOKEN) {
			assert_true(reply->ids.n < 256);
			if (reply->ids.n)
				assert_int_equal(event->token.pos, pos + 1);
			pos = event->token.pos;
			reply->samples[reply->ids.n] = event->token.sample;
			ids_add(&reply->ids, event->token.sample.id);
		}
		if (event->type == ENGINE_FINISHED) {
			reply->prompt = event->finished.prompt_tokens;
			reply->reused = event->finished.reused_tokens;
			reply->counted = event->finished.reply_tokens;
			reply->reason = event->finished.reason;
			engine_event_free(event);
			return;
		}
		engine_event_free(event);
	}
}

static uint64_t start_reply(const struct ids *prompt, size_t n_prompt,
                            const struct sampler_settings *sampling,
                            size_t max_tokens)
{
	struct engine_generate generate = {
		.ids = prompt->data,
		.n_ids = prompt->n,
		.n_prompt = n_prompt,
		.sampling = *sampling,
		.max_tokens = max_tokens,
		.stop_ids = model->stop_ids,
		.n_stop_ids = model->n_stop_ids,
	};

	return engine_generate(engine, &generate);
}

static void chat_prompt(struct ids *prompt)
{
	encode("<|im_start|>user\nTell me a story.<|im_end|>\n"
	       "<|im_start|>assistant\n",
	       prompt);
}

static void assert_same_ids(const struct ids *a, const struct ids *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->data, b->data, a->n * sizeof(int));
}

/* ---- loading ---- */

static void a_request_before_a_model_fails(void **unused)
{
	const int ids[] = { 1, 2 };

	(void)unused;
	assert_failed(engine_generate(engine,
	                              &(struct engine_generate){ .ids = ids,
	                                                         .n_ids = 2 }),
	              false, "no model", "");
	assert_failed(engine_score(engine,
	                           &(struct engine_score){ .ids = ids,
	                                                   .n_ids = 2 }),
	              false, "no model", "");
}

static void a_loaded_model_tells_its_facts(void **unused)
{
	(void)unused;
	load(&(struct engine_load){
		.kv_type = "bf16", .context = 1000, .threads = 2 });
	assert_string_equal(model->name, "confab-20m");
	assert_non_null(strstr(model->path, "data/confab-20m"));
	assert_string_equal(model->type, "bf16");
	assert_non_null(model->chat_template);
	assert_int_equal(model->context, 1000);
	assert_int_equal(model->max_context, 4096);
	assert_int_equal(model->vocab_size, 8192);
	assert_int_equal(tokenizer_n_ids(model->tokenizer), 8192);
	assert_int_equal(model->threads, 2);
	/* 6 layers of K and V, 4 heads of 64, 2 bytes each */
	assert_int_equal(model->kv_bytes_per_token, 6 * 2 * 4 * 64 * 2);
	assert_in_range(model->parameters, 20600000, 20800000);
	assert_int_equal(model->weight_bytes, 2 * model->parameters);
	assert_true(model->sampling.temperature == 0.7f);
	assert_int_equal(model->sampling.top_k, 20);
	assert_true(model->sampling.top_p == 0.8f);
	assert_int_equal(model->n_stop_ids, 2);
	assert_int_equal(model->stop_ids[0], 8191);
	assert_int_equal(model->stop_ids[1], 8189);
	load(&(struct engine_load){ 0 });
	assert_int_equal(model->context, 4096);
}

static void warming_reports_bytes_up_to_the_end(void **unused)
{
	uint64_t request = start_load(&(struct engine_load){ .warm = true });
	uint64_t done = 0, total = 0;
	struct engine_event *event;

	(void)unused;
	while ((event = test_next_event(engine))->type == ENGINE_PROGRESS) {
		assert_int_equal(event->request, request);
		assert_int_equal(event->progress.stage, ENGINE_STAGE_WEIGHTS);
		assert_true(event->progress.done >= done);
		done = event->progress.done;
		total = event->progress.total;
		engine_event_free(event);
	}
	assert_int_equal(event->type, ENGINE_LOADED);
	assert_true(total > 40000000);
	assert_int_equal(done, total);
	engine_event_free(event);
}

/* Loads as q8_0; whether a copy was made for that, with progress to its end. */
static bool load_quantised(const char *cache_dir)
{
	uint64_t done = 0, total = 1;
	struct engine_event *event;
	bool made = false;

	start_load(&(struct engine_load){ .quant = "q8_0",
	                                  .cache_dir = cache_dir });
	while ((event = test_next_event(engine))->type == ENGINE_PROGRESS) {
		assert_int_equal(event->progress.stage, ENGINE_STAGE_QUANTIZE);
		done = event->progress.done;
		total = event->progress.total;
		made = true;
		engine_event_free(event);
	}
	assert_int_equal(event->type, ENGINE_LOADED);
	if (made)
		assert_int_equal(done, total);
	assert_string_equal(event->loaded.model->type, "q8_0");
	assert_string_equal(event->loaded.model->name, "confab-20m");
	assert_int_equal(event->loaded.model->sampling.top_k, 20);
	assert_int_equal(event->loaded.model->n_stop_ids, 2);
	engine_event_free(event);
	return made;
}

static void a_model_is_quantised_on_the_first_load(void **unused)
{
	char *cache_dir = test_tmp_dir();

	(void)unused;
	assert_true(load_quantised(cache_dir));
	assert_false(load_quantised(cache_dir));
	free(cache_dir);
}

static void quantising_can_be_cancelled(void **unused)
{
	char *cache_dir = test_tmp_dir();
	struct engine_event *event;
	uint64_t request;

	(void)unused;
	request = start_load(&(struct engine_load){ .quant = "q4_k_m",
	                                            .cache_dir = cache_dir });
	event = test_next_event(engine);
	assert_int_equal(event->type, ENGINE_PROGRESS);
	engine_event_free(event);
	engine_cancel(engine, request);
	event = end_of(request);
	assert_int_equal(event->type, ENGINE_FINISHED);
	assert_int_equal(event->finished.reason, ENGINE_CANCELLED);
	engine_event_free(event);
	free(cache_dir);
}

static void a_copy_that_cannot_be_kept_is_not_the_models_fault(void **unused)
{
	char *dir = test_tmp_dir(), *file = paths_join(dir, "file");

	(void)unused;
	test_write(dir, "file", "", 0);
	assert_failed(start_load(&(struct engine_load){ .quant = "q8_0",
	                                                .cache_dir = file }),
	              false, file, "");
	free(file);
	free(dir);
}

static void a_load_that_fails_leaves_the_old_model_usable(void **unused)
{
	struct ids prompt = { 0 };
	struct reply before, after;
	char *empty = test_tmp_dir();

	(void)unused;
	chat_prompt(&prompt);
	receive(start_reply(&prompt, 0, &test_greedy, 8), &before);
	assert_failed(engine_load(engine,
	                          &(struct engine_load){ .path = empty }),
	              true, "", "");
	assert_failed(engine_load(engine,
	                          &(struct engine_load){
					  .path = "/nonexistent" }),
	              true, "/nonexistent", "");
	assert_failed(start_load(&(struct engine_load){ .kv_type = "q3" }),
	              false, "q3", "f16");
	assert_failed(start_load(&(struct engine_load){ .context = 5000 }),
	              false, "5000", "4096");
	receive(start_reply(&prompt, 0, &test_greedy, 8), &after);
	assert_same_ids(&before.ids, &after.ids);
	assert_int_equal(after.reused, prompt.n - 1);
	ids_free(&before.ids);
	ids_free(&after.ids);
	ids_free(&prompt);
	free(empty);
}

static void a_context_that_memory_cannot_hold_is_refused_or_halved(void **u)
{
	(void)u;
	/* 4,000 tokens of 6 KiB take 23 MiB; 64 MiB are to stay free. */
	available_memory_pretend((size_t)80 << 20);
	assert_failed(start_load(&(struct engine_load){ .context = 4000 }),
	              false, "4000", "80 MiB");
	load(&(struct engine_load){ 0 });
	assert_int_equal(model->context, 2048);
	available_memory_pretend(0);
	load(&(struct engine_load){ .context = 4000 });
	assert_int_equal(model->context, 4000);
}

static void the_old_model_may_be_used_until_the_news_is_freed(void **unused)
{
	const struct engine_model *old = model;
	struct engine_event *event;
	struct ids prompt = { 0 };

	(void)unused;
	event = end_of(start_load(&(struct engine_load){ 0 }));
	assert_int_equal(event->type, ENGINE_LOADED);
	assert_ptr_not_equal(event->loaded.model, old);
	tokenizer_encode(old->tokenizer, "hello", 5, TOKENIZER_ALL, &prompt);
	assert_true(prompt.n > 0);
	assert_string_equal(old->name, "confab-20m");
	ids_free(&prompt);
	engine_event_free(event);
}

/* ---- the reference ---- */

static double number(const struct json *v)
{
	double x = NAN;

	assert_true(json_number(v, &x));
	return x;
}

static void read_ids(const struct json *list, struct ids *ids)
{
	for (list = json_first(list); list; list = json_next(list))
		ids_add(ids, (int)number(list));
}

/* The ten likeliest: equal ids, unless two are nearly equally likely. */
static void check_top(const struct sample *sample, const struct json *top)
{
	int i = 0;

	assert_true(sample->n_top >= 10);
	for (top = json_first(top); top; top = json_next(top), i++) {
		int id = (int)number(json_first(top));
		double logprob = number(json_next(json_first(top)));

		assert_true(fabs(sample->top[i].logprob - logprob) < 1e-3);
		if (sample->top[i].id == id)
			continue;
		/* A tie: the id is a neighbour. */
		assert_true((i > 0 && sample->top[i - 1].id == id) ||
		            sample->top[i + 1].id == id);
	}
	assert_int_equal(i, 10);
}

static void check_turn(const struct reply *reply, const struct json *tokens)
{
	size_t i = 0;

	for (tokens = json_first(tokens); tokens;
	     tokens = json_next(tokens), i++) {
		const struct sample *sample = &reply->samples[i];

		assert_true(i < reply->ids.n);
		assert_int_equal(sample->id,
		                 (int)number(json_get(tokens, "id")));
		assert_int_equal(sample->rank, 1);
		assert_true(sample->sampled_prob == 1);
		assert_true(fabs(sample->logprob -
		                 number(json_get(tokens, "logprob"))) < 1e-3);
		assert_true(fabs(sample->entropy -
		                 number(json_get(tokens, "entropy"))) < 1e-3);
		check_top(sample, json_get(tokens, "top"));
	}
	assert_int_equal(reply->ids.n, i);
	assert_int_equal(reply->counted, i);
	assert_int_equal(reply->reason, i == 64 ? ENGINE_LENGTH : ENGINE_STOP);
}

static void check_reference_chats(void)
{
	char *path = test_file("golden/chat-confab-20m.json");
	struct json *golden = json_read(path, 1 << 20, NULL);
	const struct json *chat, *turn;

	assert_non_null(golden);
	for (chat = json_first(golden); chat; chat = json_next(chat)) {
		size_t held = 0; /* tokens that the turns before left */

		turn = json_first(json_get(chat, "turns"));
		for (; turn; turn = json_next(turn)) {
			struct ids prompt = { 0 };
			struct reply reply;

			read_ids(json_get(turn, "prompt_ids"), &prompt);
			receive(start_reply(&prompt, 0, &test_greedy, 64),
			        &reply);
			check_turn(&reply, json_get(turn, "tokens"));
			assert_int_equal(reply.prompt, prompt.n);
			assert_true(reply.reused >= held);
			assert_true(reply.reused < prompt.n);
			/* All but the last token of the reply was read. */
			held = prompt.n + reply.ids.n - 1;
			ids_free(&reply.ids);
			ids_free(&prompt);
		}
	}
	json_free(golden);
	free(path);
}

static void the_reference_chats_come_out_token_for_token(void **unused)
{
	(void)unused;
	check_reference_chats();
}

static void they_come_out_so_with_drafts(void **unused)
{
	(void)unused;
	load(&(struct engine_load){ .exact = true, .speculate = true });
	check_reference_chats();
}

/* ---- generating ---- */

static void the_next_turn_reuses_all_but_its_own_tokens(void **unused)
{
	struct ids prompt = { 0 };
	struct reply reply;
	size_t held;

	(void)unused;
	chat_prompt(&prompt);
	receive(start_reply(&prompt, 0, &test_greedy, 20), &reply);
	assert_int_equal(reply.reused, 0);
	held = prompt.n + reply.ids.n - 1;
	ids_append(&prompt, reply.ids.data, reply.ids.n);
	ids_free(&reply.ids);
	encode("<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
	       "<|im_start|>assistant\n",
	       &prompt);
	receive(start_reply(&prompt, 0, &test_greedy, 20), &reply);
	assert_int_equal(reply.reused, held);
	ids_free(&reply.ids);
	/* Again: nothing is computed but the reply's tokens. */
	receive(start_reply(&prompt, 0, &test_greedy, 20), &reply);
	assert_int_equal(reply.reused, prompt.n - 1);
	ids_free(&reply.ids);
	ids_free(&prompt);
}

static void another_token_taken_instead_computes_one(void **unused)
{
	struct ids prompt = { 0 }, branch = { 0 };
	struct reply reply, second;

	(void)unused;
	chat_prompt(&prompt);
	receive(start_reply(&prompt, 0, &test_greedy, 20), &reply);
	ids_append(&branch, prompt.data, prompt.n);
	ids_append(&branch, reply.ids.data, 5);
	ids_add(&branch, reply.samples[5].top[1].id);
	receive(start_reply(&branch, prompt.n, &test_greedy, 10), &second);
	assert_int_equal(second.reused, branch.n - 1);
	ids_free(&reply.ids);
	ids_free(&second.ids);
	ids_free(&prompt);
	ids_free(&branch);
}

static void a_seed_gives_the_same_reply_and_a_cut_one_goes_on(void **unused)
{
	struct sampler_settings hot = { .temperature = 1.5f,
		                        .top_p = 1,
		                        .presence_penalty = 1,
		                        .repeat_penalty = 1.1f,
		                        .seed = 11 };
	struct ids prompt = { 0 }, longer = { 0 };
	struct reply a, b;

	(void)unused;
	chat_prompt(&prompt);
	receive(start_reply(&prompt, 0, &hot, 24), &a);
	receive(start_reply(&prompt, 0, &hot, 24), &b);
	assert_same_ids(&a.ids, &b.ids);
	ids_free(&b.ids);
	assert_true(a.ids.n > 8);
	ids_append(&longer, prompt.data, prompt.n);
	ids_append(&longer, a.ids.data, 8);
	receive(start_reply(&longer, prompt.n, &hot, 24 - 8), &b);
	ids_append(&prompt, a.ids.data, a.ids.n);
	ids_append(&longer, b.ids.data, b.ids.n);
	assert_same_ids(&prompt, &longer);
	ids_free(&a.ids);
	ids_free(&b.ids);
	ids_free(&prompt);
	ids_free(&longer);
}

static void tokens_carry_the_bytes_they_stand_for(void **unused)
{
	struct ids prompt = { 0 };
	uint64_t request;
	struct engine_event *event;
	const char *bytes;
	size_t len;

	(void)unused;
	chat_prompt(&prompt);
	request = start_reply(&prompt, 0, &test_greedy, 64);
	while ((event = test_next_event(engine))->type != ENGINE_FINISHED) {
		assert_int_equal(event->request, request);
		if (event->type == ENGINE_TOKEN) {
			bytes = tokenizer_bytes(model->tokenizer,
			                        event->token.sample.id, &len);
			assert_int_equal(event->token.len, len);
			assert_memory_equal(event->token.bytes, bytes, len);
		}
		engine_event_free(event);
	}
	engine_event_free(event);
	ids_free(&prompt);
}

static void prefill_reports_its_tokens(void **unused)
{
	struct ids prompt = { 0 };
	struct engine_event *event;
	uint64_t total = 0, done = 0;

	(void)unused;
	for (int i = 0; i < 40; i++)
		encode("Once upon a time there was a little fox. ", &prompt);
	start_reply(&prompt, 0, &test_greedy, 1);
	while ((event = test_next_event(engine))->type == ENGINE_PROGRESS) {
		assert_int_equal(event->progress.stage, ENGINE_STAGE_PREFILL);
		assert_true(event->progress.done >= done);
		done = event->progress.done;
		total = event->progress.total;
		engine_event_free(event);
	}
	assert_int_equal(event->type, ENGINE_TOKEN);
	assert_int_equal(total, prompt.n);
	assert_int_equal(done, total);
	engine_event_free(event);
	event = test_next_event(engine);
	assert_int_equal(event->type, ENGINE_FINISHED);
	engine_event_free(event);
	ids_free(&prompt);
}

static void the_context_bounds_prompt_and_reply(void **unused)
{
	struct ids prompt = { 0 };
	struct reply reply;

	(void)unused;
	load(&(struct engine_load){ .context = 40, .exact = true });
	for (int i = 0; i < 41; i++)
		ids_add(&prompt, 100 + i);
	assert_failed(start_reply(&prompt, 0, &test_greedy, 0), false, "41",
	              "40");
	prompt.n = 40;
	receive(start_reply(&prompt, 0, &test_greedy, 0), &reply);
	assert_int_equal(reply.reason, ENGINE_LENGTH);
	assert_int_equal(reply.counted, 0);
	prompt.n = 30;
	{
		struct engine_generate endless = { .ids = prompt.data,
			                           .n_ids = prompt.n,
			                           .sampling = test_greedy };

		receive(engine_generate(engine, &endless), &reply);
	}
	assert_int_equal(reply.reason, ENGINE_LENGTH);
	assert_int_equal(reply.counted, 10);
	ids_free(&reply.ids);
	ids_free(&prompt);
}

static void nonsense_ids_are_refused(void **unused)
{
	const int bad[][2] = { { 1, -1 }, { 8192, 1 } };

	(void)unused;
	for (int i = 0; i < 2; i++) {
		const struct engine_generate generate = { .ids = bad[i],
			                                  .n_ids = 2 };
		const struct engine_score score = { .ids = bad[i], .n_ids = 2 };
		const struct engine_score logits = { .ids = (int[]){ 1 },
			                             .n_ids = 1,
			                             .logit_ids = bad[i],
			                             .n_logit_ids = 2 };

		assert_failed(engine_generate(engine, &generate), false,
		              i ? "8192" : "-1", "8192");
		assert_failed(engine_score(engine, &score), false, "token id",
		              "8192");
		assert_failed(engine_score(engine, &logits), false, "token id",
		              "8192");
	}
	assert_failed(engine_generate(engine, &(struct engine_generate){ 0 }),
	              false, "empty", "");
}

/* ---- cancelling ---- */

static void a_cancelled_request_leaves_the_next_one_unchanged(void **unused)
{
	struct ids prompt = { 0 };
	struct reply want, got;
	uint64_t request;

	(void)unused;
	for (int i = 0; i < 30; i++)
		encode("Once upon a time there was a little fox. ", &prompt);
	receive(start_reply(&prompt, 0, &test_greedy, 16), &want);
	load(&(struct engine_load){ .exact = true });
	request = start_reply(&prompt, 0, &test_greedy, 200);
	engine_event_free(test_next_event(engine)); /* it has begun */
	engine_cancel(engine, request);
	assert_finished(request, ENGINE_CANCELLED);
	receive(start_reply(&prompt, 0, &test_greedy, 16), &got);
	assert_same_ids(&want.ids, &got.ids);
	ids_free(&want.ids);
	ids_free(&got.ids);
	ids_free(&prompt);
}

static void a_request_that_waits_is_cancelled_at_once(void **unused)
{
	struct ids prompt = { 0 };
	uint64_t running, waiting;
	struct engine_event *event;

	(void)unused;
	chat_prompt(&prompt);
	{
		struct engine_generate endless = { .ids = prompt.data,
			                           .n_ids = prompt.n,
			                           .sampling = test_greedy };

		running = engine_generate(engine, &endless);
		waiting = engine_generate(engine, &endless);
	}
	engine_cancel(engine, waiting);
	event = end_of(waiting); /* while the first still runs */
	assert_int_equal(event->type, ENGINE_FINISHED);
	assert_int_equal(event->finished.reason, ENGINE_CANCELLED);
	engine_event_free(event);
	engine_cancel(engine, waiting); /* finished: nothing */
	engine_cancel(engine, 12345);   /* unknown: nothing */
	engine_cancel(engine, running);
	assert_finished(running, ENGINE_CANCELLED);
	ids_free(&prompt);
}

static uint32_t state = 3;

static uint32_t random_below(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

static void a_thousand_cancels_at_random_moments_never_hang(void **unused)
{
	struct ids prompt = { 0 };
	struct reply want, got;

	(void)unused;
	chat_prompt(&prompt);
	receive(start_reply(&prompt, 0, &test_greedy, 8), &want);
	for (int i = 0; i < 1000; i++) {
		struct timespec pause = { 0, random_below(3000000) };
		struct ids other = { 0 };
		uint64_t request;

		ids_append(&other, prompt.data, prompt.n);
		ids_add(&other, (int)random_below(8000));
		request = start_reply(&other, 0, &test_greedy, 50);
		nanosleep(&pause, NULL);
		engine_cancel(engine, request);
		engine_event_free(end_of(request));
		ids_free(&other);
	}
	receive(start_reply(&prompt, 0, &test_greedy, 8), &got);
	assert_same_ids(&want.ids, &got.ids);
	ids_free(&want.ids);
	ids_free(&got.ids);
	ids_free(&prompt);
}

static void a_cancelled_load_leaves_the_old_model(void **unused)
{
	struct ids prompt = { 0 };
	struct reply reply;
	int loaded = 0;

	(void)unused;
	chat_prompt(&prompt);
	for (int i = 0; i < 20; i++) {
		struct timespec pause = { 0, random_below(20000000) };
		uint64_t request;
		struct engine_event *event;

		request = start_load(&(struct engine_load){ .warm = true });
		nanosleep(&pause, NULL);
		engine_cancel(engine, request);
		event = end_of(request);
		if (event->type == ENGINE_LOADED) {
			model = event->loaded.model;
			loaded++;
		} else {
			assert_int_equal(event->type, ENGINE_FINISHED);
			assert_int_equal(event->finished.reason,
			                 ENGINE_CANCELLED);
		}
		engine_event_free(event);
		receive(start_reply(&prompt, 0, &test_greedy, 2), &reply);
		assert_int_equal(reply.counted, 2);
		ids_free(&reply.ids);
	}
	assert_true(loaded < 20);
	ids_free(&prompt);
}

static uint64_t random_request(const struct ids *text, int last,
                               const char *snapshot)
{
	const struct engine_save_line save = { .path = snapshot,
		                               .ids = text->data,
		                               .n_ids = text->n };
	const struct engine_score score = { .ids = text->data,
		                            .n_ids = text->n };

	switch (random_below(8)) {
	case 0:
		return start_load(&(struct engine_load){
			.warm = random_below(2), .threads = 2 });
	case 1:
		return engine_score(engine, &score);
	case 2:
		return engine_save_line(engine, &save);
	default:
		engine_cancel(engine, 1 + random_below((uint32_t)last));
		return engine_generate(engine,
		                       &(struct engine_generate){
					       .ids = text->data,
					       .n_ids = text->n,
					       .sampling = test_greedy,
					       .max_tokens =
						       1 + random_below(20),
					       .snapshot = snapshot });
	}
}

/* Reads what is there; with `wait`, until all of `requests` have ended. */
static void count_ends(int *ends, int requests, int *ended, bool wait)
{
	struct engine_event *event;

	while (*ended < requests) {
		event = wait ? test_next_event(engine)
		             : engine_next_event(engine);
		if (!event)
			return;
		assert_true(event->request <= (uint64_t)requests);
		if (event->type == ENGINE_TOKEN ||
		    event->type == ENGINE_NOTICE ||
		    event->type == ENGINE_PROGRESS) {
			assert_int_equal(ends[event->request], 0);
		} else {
			ends[event->request]++;
			++*ended;
		}
		if (event->type == ENGINE_LOADED)
			model = event->loaded.model;
		engine_event_free(event);
	}
}

static void whatever_is_asked_each_request_ends_once(void **unused)
{
	enum { REQUESTS = 300 };
	int ends[REQUESTS + 2] = { 0 }, ended = 0;
	struct ids text = { 0 };
	char *dir = test_tmp_dir(), *snapshot = paths_join(dir, "some.kv");

	(void)unused;
	chat_prompt(&text);
	ends[1] = 1; /* the load before the test */
	ended = 1;
	for (int i = 2; i <= REQUESTS; i++) {
		struct timespec pause = { 0, random_below(6000000) };

		ids_add(&text, (int)random_below(8000));
		assert_int_equal(random_request(&text, i, snapshot), i);
		nanosleep(&pause, NULL);
		count_ends(ends, i, &ended, false);
	}
	count_ends(ends, REQUESTS, &ended, true);
	for (int i = 1; i <= REQUESTS; i++)
		assert_int_equal(ends[i], 1);
	assert_null(engine_next_event(engine));
	ids_free(&text);
	free(snapshot);
	free(dir);
}

static void the_engine_ends_in_the_middle_of_anything(void **unused)
{
	(void)unused;
	for (int i = 0; i < 30; i++) {
		struct timespec pause = { 0, random_below(30000000) };
		struct ids prompt = { 0 };

		open_loaded(unused);
		for (int k = 0; k < 30; k++)
			chat_prompt(&prompt);
		if (i % 3 == 0)
			start_reply(&prompt, 0, &test_greedy, 0);
		else if (i % 3 == 1)
			engine_score(engine, &(struct engine_score){
						     .ids = prompt.data,
						     .n_ids = prompt.n });
		else
			start_load(&(struct engine_load){ .warm = true });
		start_reply(&prompt, 0, &test_greedy, 0); /* never begins */
		nanosleep(&pause, NULL);
		close_engine(unused);
		ids_free(&prompt);
	}
}

/* ---- scoring ---- */

/* The logprobs of the ids by `score`, and of the first token of a reply to them. */
static void score_then_reply(const struct ids *ids, double *logprobs)
{
	struct engine_event *event;
	struct reply reply;
	size_t n = 0;

	engine_score(engine, &(struct engine_score){ .ids = ids->data,
	                                             .n_ids = ids->n });
	while ((event = test_next_event(engine))->type != ENGINE_FINISHED) {
		if (event->type == ENGINE_TOKEN && event->token.pos)
			logprobs[n++] = event->token.sample.logprob;
		engine_event_free(event);
	}
	engine_event_free(event);
	assert_int_equal(n, ids->n - 1);
	receive(start_reply(ids, 0, &test_greedy, 1), &reply);
	logprobs[n] = reply.samples[0].logprob;
	ids_free(&reply.ids);
}

/* `score` computes exactly whatever the replies do, and these go on as they did. */
static void score_is_exact_where_replies_are_not(void **unused)
{
	double exact[100], narrow[100];
	struct ids prompt = { 0 };
	struct reply before;
	size_t n;

	(void)unused;
	chat_prompt(&prompt);
	n = prompt.n - 1;
	assert_in_range(n, 8, 99);
	score_then_reply(&prompt, exact);
	load(&(struct engine_load){ .exact = false });
	receive(start_reply(&prompt, 0, &test_greedy, 1), &before);
	load(&(struct engine_load){ .exact = false });
	score_then_reply(&prompt, narrow);
	assert_memory_equal(exact, narrow, n * sizeof *exact);
	assert_true(narrow[n] == before.samples[0].logprob);
	ids_free(&before.ids);
	ids_free(&prompt);
}

static void score_equals_what_generating_reported(void **unused)
{
	struct ids prompt = { 0 };
	struct reply reply;
	const int watch[] = { 5, 4000 };
	size_t first, pos = 0;
	uint64_t request;
	struct engine_event *event;

	(void)unused;
	chat_prompt(&prompt);
	receive(start_reply(&prompt, 0, &test_greedy, 100), &reply);
	first = prompt.n;
	ids_append(&prompt, reply.ids.data, reply.ids.n);
	request = engine_score(engine,
	                       &(struct engine_score){ .ids = prompt.data,
	                                               .n_ids = prompt.n,
	                                               .logit_ids = watch,
	                                               .n_logit_ids = 2 });
	while ((event = test_next_event(engine))->type != ENGINE_FINISHED) {
		const struct sample *sample = &event->token.sample;

		assert_int_equal(event->request, request);
		if (event->type == ENGINE_PROGRESS) {
			engine_event_free(event);
			continue;
		}
		assert_int_equal(event->token.pos, pos);
		assert_int_equal(sample->id, prompt.data[pos]);
		assert_non_null(event->token.logits);
		assert_true(isfinite(event->token.logits[0]) &&
		            isfinite(event->token.logits[1]));
		if (pos == 0) {
			assert_int_equal(sample->rank, 0);
			assert_int_equal(sample->n_top, 0);
		}
		if (pos >= first) {
			const struct sample *said = &reply.samples[pos - first];

			assert_true(fabs(sample->logprob - said->logprob) <
			            1e-3);
			assert_true(fabs(sample->entropy - said->entropy) <
			            1e-3);
			assert_int_equal(sample->rank, 1);
			/* Temperature 1, nothing cut. */
			assert_true(fabs(sample->sampled_prob -
			                 exp(sample->logprob)) < 1e-9);
		}
		pos++;
		engine_event_free(event);
	}
	assert_int_equal(pos, prompt.n);
	assert_int_equal(event->finished.reason, ENGINE_STOP);
	assert_int_equal(event->finished.prompt_tokens, prompt.n);
	engine_event_free(event);
	/* The conversation's own cache was left alone. */
	ids_free(&reply.ids);
	receive(start_reply(&prompt, 0, &test_greedy, 1), &reply);
	assert_int_equal(reply.reused, prompt.n - 1);
	ids_free(&reply.ids);
	ids_free(&prompt);
}

static void raw_logits_are_those_after_the_token(void **unused)
{
	/* The difference of two logits is that of two log-probabilities. */
	struct ids prompt = { 0 };
	int watch[2];
	double want = 0;
	struct engine_event *event;

	(void)unused;
	chat_prompt(&prompt);
	watch[0] = prompt.data[4];
	for (int round = 0; round < 2; round++) {
		/* The odds of the token at 4, and of a rival there. */
		engine_score(engine, &(struct engine_score){
					     .ids = prompt.data,
					     .n_ids = prompt.n,
					     .logit_ids = round ? watch : NULL,
					     .n_logit_ids = round ? 2 : 0 });
		while ((event = test_next_event(engine))->type !=
		       ENGINE_FINISHED) {
			bool token = event->type == ENGINE_TOKEN;

			if (token && !round && event->token.pos == 4) {
				assert_null(event->token.logits);
				watch[1] = event->token.sample.top[3].id;
				want = event->token.sample.logprob -
				       event->token.sample.top[3].logprob;
			}
			if (token && round && event->token.pos == 3)
				assert_true(fabs(event->token.logits[0] -
				                 event->token.logits[1] -
				                 want) < 1e-4);
			engine_event_free(event);
		}
		engine_event_free(event);
	}
	ids_free(&prompt);
}

/* Token events of a request that nobody read for a while. */
static size_t score_late(const struct ids *text, bool cancel,
                         enum engine_finish *reason)
{
	const struct engine_score score = { .ids = text->data,
		                            .n_ids = text->n };
	uint64_t request = engine_score(engine, &score);
	struct engine_event *event;
	size_t tokens = 0;

	nanosleep(&(struct timespec){ 2, 0 }, NULL); /* time for all of them */
	if (cancel) {
		engine_cancel(engine, request);
		nanosleep(&(struct timespec){ 0, 200000000 }, NULL);
	}
	while ((event = test_next_event(engine))->type != ENGINE_FINISHED) {
		tokens += event->type == ENGINE_TOKEN;
		engine_event_free(event);
	}
	*reason = event->finished.reason;
	engine_event_free(event);
	return tokens;
}

static void unread_tokens_do_not_pile_up(void **unused)
{
	struct ids text = { 0 };
	enum engine_finish reason;

	(void)unused;
	for (int i = 0; i < 1200; i++)
		ids_add(&text, 100 + i % 50);
	assert_int_equal(score_late(&text, false, &reason), text.n);
	assert_int_equal(reason, ENGINE_STOP);
	/* A cancel reaches an engine that waits for a reader. */
	assert_in_range(score_late(&text, true, &reason), 1, 1024);
	assert_int_equal(reason, ENGINE_CANCELLED);
	ids_free(&text);
}

static void more_than_the_model_was_made_for_is_not_scored(void **unused)
{
	struct ids text = { 0 };

	(void)unused;
	for (int i = 0; i < 4097; i++)
		ids_add(&text, 7);
	assert_failed(engine_score(engine,
	                           &(struct engine_score){ .ids = text.data,
	                                                   .n_ids = text.n }),
	              false, "4097", "4096");
	assert_finished(engine_score(engine, &(struct engine_score){ 0 }),
	                ENGINE_STOP);
	ids_free(&text);
}

#define UNLOADED(test) \
	cmocka_unit_test_setup_teardown(test, open_engine, close_engine)
#define LOADED(test) \
	cmocka_unit_test_setup_teardown(test, open_loaded, close_engine)

static const struct CMUnitTest tests[] = {
	UNLOADED(a_request_before_a_model_fails),
	UNLOADED(a_loaded_model_tells_its_facts),
	UNLOADED(warming_reports_bytes_up_to_the_end),
	UNLOADED(a_model_is_quantised_on_the_first_load),
	UNLOADED(quantising_can_be_cancelled),
	UNLOADED(a_copy_that_cannot_be_kept_is_not_the_models_fault),
	LOADED(a_load_that_fails_leaves_the_old_model_usable),
	UNLOADED(a_context_that_memory_cannot_hold_is_refused_or_halved),
	LOADED(the_old_model_may_be_used_until_the_news_is_freed),
	LOADED(the_reference_chats_come_out_token_for_token),
	LOADED(they_come_out_so_with_drafts),
	LOADED(the_next_turn_reuses_all_but_its_own_tokens),
	LOADED(another_token_taken_instead_computes_one),
	LOADED(a_seed_gives_the_same_reply_and_a_cut_one_goes_on),
	LOADED(tokens_carry_the_bytes_they_stand_for),
	LOADED(prefill_reports_its_tokens),
	UNLOADED(the_context_bounds_prompt_and_reply),
	LOADED(nonsense_ids_are_refused),
	LOADED(a_cancelled_request_leaves_the_next_one_unchanged),
	LOADED(a_request_that_waits_is_cancelled_at_once),
	LOADED(a_thousand_cancels_at_random_moments_never_hang),
	LOADED(a_cancelled_load_leaves_the_old_model),
	LOADED(whatever_is_asked_each_request_ends_once),
	cmocka_unit_test(the_engine_ends_in_the_middle_of_anything),
	LOADED(score_equals_what_generating_reported),
	LOADED(score_is_exact_where_replies_are_not),
	LOADED(raw_logits_are_those_after_the_token),
	LOADED(unread_tokens_do_not_pile_up),
	LOADED(more_than_the_model_was_made_for_is_not_scored),
};

TEST_MAIN(tests)
