/*
 * What a process left, another one takes up: the engine's snapshots.
 * CONFAB_LONG=1 runs the full numbers (make check-long).
 */
#include "tests/engine_support.h"
#include "tests/support.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/paths.h"
#include "engine/engine.h"
#include "text/tokenizer.h"

static struct engine *engine;
static const struct engine_model *model;
static char *cache_dir;  /* of compiled tokenizers */
static char *dir, *path; /* of snapshots, and one in it */

static int full_or_short(int full, int brief)
{
	return getenv("CONFAB_LONG") ? full : brief;
}

/* As if a process began; NULL: f16. */
static void start(const char *kv_type, bool exact)
{
	char *source = test_source("data/confab-20m");
	struct engine_event *event;

	engine = engine_new(NULL);
	assert_non_null(engine);
	engine_load(engine, &(struct engine_load){ .path = source,
	                                           .cache_dir = cache_dir,
	                                           .kv_type = kv_type,
	                                           .kv_memory = 1 << 20,
	                                           .threads = 1,
	                                           .exact = exact });
	event = test_next_event(engine);
	assert_int_equal(event->type, ENGINE_LOADED);
	model = event->loaded.model;
	engine_event_free(event);
	free(source);
}

static void stop(void)
{
	engine_free(engine);
	engine = NULL;
}

struct reply {
	struct ids ids;
	float logprobs[300], margins[300]; /* nats; to the second likeliest */
	size_t reused, restored;
	char notice[200];
};

static void take_token(struct reply *r, const struct sample *sample)
{
	assert_true(r->ids.n < 300);
	r->logprobs[r->ids.n] = (float)sample->logprob;
	r->margins[r->ids.n] = sample->top[0].logprob - sample->top[1].logprob;
	ids_add(&r->ids, sample->id);
}

/* Goes on from ids for up to n tokens; stop ids are tokens like any other, so
 * that there are n. */
static void generate(struct reply *r, const struct ids *ids, size_t n,
                     const char *snapshot)
{
	bool finished = false;

	memset(r, 0, sizeof *r);
	engine_generate(engine, &(struct engine_generate){
					.ids = ids->data,
					.n_ids = ids->n,
					.sampling = test_greedy,
					.max_tokens = n,
					.snapshot = snapshot,
				});
	while (!finished) {
		struct engine_event *event = test_next_event(engine);

		finished = event->type == ENGINE_FINISHED;
		assert_int_not_equal(event->type, ENGINE_FAILED);
		if (event->type == ENGINE_TOKEN) {
			take_token(r, &event->token.sample);
		} else if (event->type == ENGINE_NOTICE) {
			snprintf(r->notice, sizeof r->notice, "%s",
			         event->notice.text);
		} else if (finished) {
			r->reused = event->finished.reused_tokens;
			r->restored = event->finished.restored_tokens;
		}
		engine_event_free(event);
	}
	assert_int_equal(r->ids.n, n);
}

/* The event that ends it, yours to free. */
static struct engine_event *save(const struct ids *ids, uint64_t budget)
{
	struct engine_event *event;

	engine_save_line(engine,
	                 &(struct engine_save_line){ .path = path,
	                                             .ids = ids->data,
	                                             .n_ids = ids->n,
	                                             .disk_budget = budget });
	event = test_next_event(engine);
	assert_true(event->type == ENGINE_FINISHED ||
	            event->type == ENGINE_FAILED);
	return event;
}

static void saved(const struct ids *ids)
{
	struct engine_event *event = save(ids, 0);

	assert_int_equal(event->type, ENGINE_FINISHED);
	assert_int_equal(event->finished.reason, ENGINE_STOP);
	engine_event_free(event);
}

static void encode(struct ids *ids, const char *text)
{
	tokenizer_encode(model->tokenizer, text, strlen(text), TOKENIZER_ALL,
	                 ids);
}

static void ask(struct ids *ids, const char *question)
{
	encode(ids, "<|im_start|>user\n");
	encode(ids, question);
	encode(ids, "<|im_end|>\n<|im_start|>assistant\n");
}

/* A conversation of some turns, the k-th of many; the last reply is read but for
 * its last token. */
static void converse(struct ids *ids, int k)
{
	static const char *const questions[] = {
		"Tell me a story.",
		"What is the capital of France?",
		"Write a poem about the sea, the wind and an old boat.",
		"Why is the sky blue?",
		"My name is Anna. I live in a small house with my two dogs.",
	};
	struct reply r;

	for (int turn = 0; turn < 1 + k % 3; turn++) {
		ask(ids, questions[(k + turn * 2) % 5]);
		generate(&r, ids, 20 + (size_t)k * 9 % 50, NULL);
		ids_append(ids, r.ids.data, r.ids.n);
		ids_free(&r.ids);
		encode(ids, "<|im_end|>\n");
	}
	/* What was read but its last two: <|im_end|> and the line's end are not
	 * in memory, nor is the reply's last token. */
	ids->n -= 3;
}

static int open_folder(void **unused)
{
	char *tmp = test_tmp_dir();

	(void)unused;
	cache_dir = tmp;
	dir = paths_join(tmp, "kv");
	path = paths_join(dir, "talk.kv");
	return 0;
}

static int close_folder(void **unused)
{
	(void)unused;
	if (engine)
		stop();
	free(path);
	free(dir);
	free(cache_dir);
	return 0;
}

/* ---- tests ---- */

static void assert_resumes_bit_for_bit(const char *kv_type, int conversations,
                                       size_t n)
{
	for (int k = 0; k < conversations; k++) {
		struct ids line = { 0 };
		struct reply never_stopped, resumed;

		start(kv_type, false);
		converse(&line, k);
		saved(&line);
		generate(&never_stopped, &line, n, NULL);
		assert_int_equal(never_stopped.reused, line.n);
		stop();

		start(kv_type, false);
		generate(&resumed, &line, n, path);
		/* The logits came along: not one token is computed. */
		assert_int_equal(resumed.restored, line.n);
		assert_int_equal(resumed.reused, line.n);
		assert_memory_equal(resumed.ids.data, never_stopped.ids.data,
		                    n * sizeof(int));
		assert_memory_equal(resumed.logprobs, never_stopped.logprobs,
		                    n * sizeof(float));
		stop();
		ids_free(&line);
		ids_free(&resumed.ids);
		ids_free(&never_stopped.ids);
	}
}

static void a_resumed_f16_conversation_goes_on_bit_for_bit(void **unused)
{
	(void)unused;
	assert_resumes_bit_for_bit("f16", full_or_short(20, 3),
	                           (size_t)full_or_short(256, 40));
}

static void a_resumed_q8_0_conversation_goes_on_bit_for_bit(void **unused)
{
	(void)unused;
	assert_resumes_bit_for_bit("q8_0", full_or_short(20, 3),
	                           (size_t)full_or_short(256, 40));
}

/* What was read token by token is now read at once, in narrower arithmetic
 * (linear.h, paged_attention.h): a log-probability moves by less than this. */
#define NARROW 0.15f

static void without_a_snapshot_a_word_differs_only_where_two_are_near(void **u)
{
	const size_t n = 60;
	int conversations = full_or_short(20, 3), differ = 0;

	(void)u;
	for (int k = 0; k < conversations; k++) {
		struct ids line = { 0 };
		struct reply before, after;
		size_t same = 0;

		start(NULL, false);
		converse(&line, k);
		generate(&before, &line, n, NULL);
		stop();
		start(NULL, false);
		generate(&after, &line, n, path);
		assert_int_equal(after.reused, 0);
		while (same < n &&
		       before.ids.data[same] == after.ids.data[same]) {
			assert_true(fabsf(before.logprobs[same] -
			                  after.logprobs[same]) < NARROW);
			same++;
		}
		if (same < n) {
			assert_true(before.margins[same] < 2 * NARROW);
			differ++;
		}
		stop();
		ids_free(&line);
		ids_free(&before.ids);
		ids_free(&after.ids);
	}
	assert_true(differ < conversations);
}

static void a_resumed_turn_computes_what_is_new(void **unused)
{
	struct ids line = { 0 };
	struct reply before, after;
	size_t held;

	(void)unused;
	start(NULL, false);
	converse(&line, 2);
	held = line.n;
	saved(&line);
	ask(&line, "And then?");
	generate(&before, &line, 30, NULL);
	assert_int_equal(before.reused, held);
	stop();
	start(NULL, false);
	generate(&after, &line, 30, path);
	assert_int_equal(after.restored, held);
	assert_int_equal(after.reused, held);
	assert_memory_equal(after.ids.data, before.ids.data, 30 * sizeof(int));
	assert_memory_equal(after.logprobs, before.logprobs,
	                    30 * sizeof(float));
	ids_free(&before.ids);
	ids_free(&after.ids);
	/* Memory holds more by now: the snapshot is left where it is. */
	generate(&after, &line, 1, path);
	assert_int_equal(after.restored, 0);
	assert_int_equal(after.reused, line.n - 1);
	ids_free(&after.ids);
	ids_free(&line);
}

/* As where a branch was chosen and nothing was asked of it. */
static void a_line_of_which_memory_holds_less_stays_on_disk(void **unused)
{
	struct ids line = { 0 }, beginning = { 0 };
	struct reply r;

	(void)unused;
	start(NULL, false);
	converse(&line, 2);
	saved(&line);
	stop();
	start(NULL, false);
	ids_append(&beginning, line.data, 20);
	generate(&r, &beginning, 1, NULL);
	ids_free(&r.ids);
	saved(&line);
	stop();
	start(NULL, false);
	generate(&r, &line, 1, path);
	assert_in_range(r.restored, line.n - 1, line.n);
	ids_free(&r.ids);
	ids_free(&beginning);
	ids_free(&line);
}

static void another_branch_restores_what_they_have_in_common(void **unused)
{
	struct ids line = { 0 };
	struct reply r;
	size_t fork;

	(void)unused;
	start(NULL, false);
	converse(&line, 5);
	saved(&line);
	stop();
	start(NULL, false);
	fork = line.n - 40;
	line.data[fork] = line.data[fork] ? 0 : 1;
	generate(&r, &line, 1, path);
	assert_int_equal(r.restored, fork);
	assert_int_equal(r.reused, fork);
	ids_free(&r.ids);
	ids_free(&line);
}

static void two_conversations_walk_in_and_out_of_memory(void **unused)
{
	struct ids a = { 0 }, b = { 0 };
	struct reply first, again;
	char *other = paths_join(dir, "other.kv");

	(void)unused;
	start(NULL, false);
	converse(&a, 2);
	saved(&a);
	generate(&first, &a, 10, NULL);
	converse(&b, 5); /* a is forgotten: 1 MiB is less than it needs */
	for (int i = 0; i < 3; i++) {
		generate(&again, &b, 1, other);
		ids_free(&again.ids);
		generate(&again, &a, 10, path);
		assert_int_equal(again.restored, a.n);
		assert_memory_equal(again.logprobs, first.logprobs,
		                    10 * sizeof(float));
		ids_free(&again.ids);
	}
	ids_free(&first.ids);
	ids_free(&a);
	ids_free(&b);
	free(other);
}

static void what_was_made_otherwise_is_told_and_computed_anew(void **unused)
{
	struct ids line = { 0 };
	struct reply r;

	(void)unused;
	start("f16", false);
	converse(&line, 1);
	saved(&line);
	stop();
	start("bf16", false);
	generate(&r, &line, 1, path);
	assert_int_equal(r.restored, 0);
	assert_int_equal(r.reused, 0);
	assert_non_null(strstr(r.notice, "f16"));
	assert_non_null(strstr(r.notice, "bf16"));
	ids_free(&r.ids);
	stop();
	start("f16", true);
	generate(&r, &line, 1, path);
	assert_int_equal(r.restored, 0);
	assert_non_null(strstr(r.notice, "arithmetic"));
	ids_free(&r.ids);
	stop();
	/* It was only looked at. */
	start("f16", false);
	generate(&r, &line, 1, path);
	assert_int_equal(r.restored, line.n);
	assert_string_equal(r.notice, "");
	ids_free(&r.ids);
	ids_free(&line);
}

/* ---- damage ---- */

static uint32_t random_state = 7;

static uint32_t random_number(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)random_state * below) >> 32);
}

/* A file's bytes, so that each corruption begins with the sound one. */
struct copy {
	uint8_t *bytes;
	size_t size;
};

static struct copy read_file(void)
{
	struct copy copy;
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_int_equal(fstat(fd, &st), 0);
	copy.size = (size_t)st.st_size;
	copy.bytes = malloc(copy.size);
	assert_int_equal(read(fd, copy.bytes, copy.size), st.st_size);
	close(fd);
	return copy;
}

static void write_damaged(const struct copy *sound)
{
	size_t at = random_number((uint32_t)sound->size), n;
	uint8_t *bytes = malloc(sound->size);

	memcpy(bytes, sound->bytes, sound->size);
	n = sound->size;
	switch (random_number(5)) {
	case 0:
		n = at;
		break;
	case 1: /* a sector of zeros */
		memset(bytes + at, 0, n - at < 512 ? n - at : 512);
		break;
	case 2: /* one of another place */
		memmove(bytes + at, bytes, n - at < 4096 ? n - at : 4096);
		break;
	case 3:
		for (size_t i = at; i < n && i < at + 64; i++)
			bytes[i] = (uint8_t)random_number(256);
		break;
	default:
		bytes[at] ^= (uint8_t)(1 << random_number(8));
	}
	test_write(dir, "talk.kv", bytes, n);
	free(bytes);
}

static void a_damaged_snapshot_never_changes_a_word(void **unused)
{
	const size_t n = 6;
	int rounds = full_or_short(1000, 25);
	struct ids line = { 0 }, nothing = { 0 };
	struct reply truth, r;
	struct copy sound;
	size_t partly = 0;

	(void)unused;
	ids_add(&nothing, 1);
	start("f32", true);
	converse(&line, 2);
	saved(&line);
	generate(&truth, &line, n, NULL);
	sound = read_file();
	for (int i = 0; i < rounds; i++) {
		/* Out of memory with it. */
		generate(&r, &nothing, 1, NULL);
		ids_free(&r.ids);
		write_damaged(&sound);
		generate(&r, &line, n, path);
		partly += r.restored > 0 && r.restored < line.n;
		assert_true(r.restored <= line.n);
		/* Equal but for the last digits: what is computed anew may be
		 * summed in another order. */
		for (size_t t = 0; t < n; t++) {
			assert_true(r.ids.data[t] == truth.ids.data[t]);
			assert_true(fabsf(r.logprobs[t] - truth.logprobs[t]) <
			            1e-3f);
		}
		ids_free(&r.ids);
	}
	assert_true(partly > (size_t)rounds / 4);
	ids_free(&truth.ids);
	ids_free(&line);
	ids_free(&nothing);
	free(sound.bytes);
}

/* A page is written before its hash: who reads in between sees this. */
static void write_half_way(const struct copy *sound)
{
	uint8_t *bytes = malloc(sound->size);

	memcpy(bytes, sound->bytes, sound->size);
	bytes[sound->size - 1] ^= 1;
	test_write(dir, "talk.kv", bytes, sound->size);
	free(bytes);
}

static size_t restored(const struct ids *line, bool keep)
{
	bool finished = false;
	size_t n = 0;

	engine_generate(engine, &(struct engine_generate){
					.ids = line->data,
					.n_ids = line->n,
					.sampling = test_greedy,
					.max_tokens = 1,
					.snapshot = path,
					.keep_snapshot = keep,
				});
	while (!finished) {
		struct engine_event *event = test_next_event(engine);

		finished = event->type == ENGINE_FINISHED;
		assert_int_not_equal(event->type, ENGINE_FAILED);
		if (finished)
			n = event->finished.restored_tokens;
		engine_event_free(event);
	}
	return n;
}

static void what_another_program_is_writing_is_left_to_it(void **unused)
{
	struct ids line = { 0 };
	struct copy sound;

	(void)unused;
	start(NULL, false);
	converse(&line, 2);
	saved(&line);
	sound = read_file();
	stop();

	start(NULL, false);
	write_half_way(&sound);
	assert_true(restored(&line, true) < line.n);
	assert_int_equal(access(path, F_OK), 0);
	stop();
	/* Its owner has ended, or was killed: then it is removed. */
	start(NULL, false);
	assert_true(restored(&line, false) < line.n);
	assert_int_equal(access(path, F_OK), -1);
	ids_free(&line);
	free(sound.bytes);
}

/* ---- the disk ---- */

static void what_cannot_be_written_fails_and_the_chat_goes_on(void **unused)
{
	struct engine_event *event;
	struct ids line = { 0 };
	struct reply r;

	(void)unused;
	start(NULL, false);
	converse(&line, 2);
	/* A budget that one page exceeds. */
	event = save(&line, 1);
	assert_int_equal(event->type, ENGINE_FAILED);
	engine_event_free(event);
	assert_int_equal(access(path, F_OK), -1);
	/* A file where the folder should be. */
	assert_int_equal(rmdir(dir), 0);
	test_write(cache_dir, "kv", "", 0);
	event = save(&line, 0);
	assert_int_equal(event->type, ENGINE_FAILED);
	assert_non_null(strstr(event->failed.text, "kv"));
	engine_event_free(event);
	generate(&r, &line, 1, path);
	assert_int_equal(r.reused, line.n);
	ids_free(&r.ids);
	assert_int_equal(unlink(dir), 0);
	saved(&line);
	assert_int_equal(access(path, F_OK), 0);
	ids_free(&line);
}

static void a_save_gives_way_to_what_waits(void **unused)
{
	struct ids line = { 0 };
	struct reply r;
	uint64_t request;
	struct engine_event *event;
	bool gave_way = false;

	(void)unused;
	start(NULL, false);
	converse(&line, 2);
	/* Both are in the queue before the engine looks: the save is first. */
	for (int i = 0; i < 50 && !gave_way; i++) {
		request = engine_save_line(engine, &(struct engine_save_line){
							   .path = path,
							   .ids = line.data,
							   .n_ids = line.n });
		engine_generate(engine,
		                &(struct engine_generate){ .ids = line.data,
		                                           .n_ids = line.n,
		                                           .sampling = test_greedy,
		                                           .max_tokens = 1 });
		event = test_next_event(engine);
		assert_int_equal(event->request, request);
		assert_int_equal(event->type, ENGINE_FINISHED);
		gave_way = event->finished.reason == ENGINE_CANCELLED;
		do {
			engine_event_free(event);
			event = test_next_event(engine);
		} while (event->type != ENGINE_FINISHED);
		engine_event_free(event);
	}
	assert_true(gave_way);
	/* What it left is a beginning of the line or nothing. */
	saved(&line);
	stop();
	start(NULL, false);
	generate(&r, &line, 1, path);
	assert_int_equal(r.restored, line.n);
	ids_free(&r.ids);
	ids_free(&line);
}

#define FOLDER_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

static const struct CMUnitTest tests[] = {
	FOLDER_TEST(a_resumed_f16_conversation_goes_on_bit_for_bit),
	FOLDER_TEST(a_resumed_q8_0_conversation_goes_on_bit_for_bit),
	FOLDER_TEST(without_a_snapshot_a_word_differs_only_where_two_are_near),
	FOLDER_TEST(a_resumed_turn_computes_what_is_new),
	FOLDER_TEST(a_line_of_which_memory_holds_less_stays_on_disk),
	FOLDER_TEST(another_branch_restores_what_they_have_in_common),
	FOLDER_TEST(two_conversations_walk_in_and_out_of_memory),
	FOLDER_TEST(what_was_made_otherwise_is_told_and_computed_anew),
	FOLDER_TEST(a_damaged_snapshot_never_changes_a_word),
	FOLDER_TEST(what_another_program_is_writing_is_left_to_it),
	FOLDER_TEST(what_cannot_be_written_fails_and_the_chat_goes_on),
	FOLDER_TEST(a_save_gives_way_to_what_waits),
};

TEST_MAIN(tests)
