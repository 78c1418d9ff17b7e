#include "tests/support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "engine/session.h"
#include "model/kv_cache.h"
#include "model/model.h"

#define CONTEXT 300
#define PROMPT  200

static struct checkpoint *checkpoint;
static struct model *model;
static int prompt[PROMPT + 1];

static int open_model(void **unused)
{
	const struct model_options options = { .threads = 1,
		                               .exact = true,
		                               .max_batch = 32 };
	char *dir = test_synth("tiny-tied");
	uint32_t state = 5;

	(void)unused;
	checkpoint = checkpoint_open(dir, NULL);
	assert_non_null(checkpoint);
	model = model_load(checkpoint, &options, NULL);
	assert_non_null(model);
	for (int i = 0; i <= PROMPT; i++) {
		state = state * 1664525 + 1013904223;
		prompt[i] = (int)((state >> 8) %
		                  (uint32_t)model_config(model)->vocab_size);
	}
	free(dir);
	return 0;
}

static int close_model(void **unused)
{
	(void)unused;
	model_free(model);
	checkpoint_free(checkpoint);
	return 0;
}

static struct session *new_session(void)
{
	struct session *s = session_new(model, DTYPE_F32, CONTEXT, NULL);

	assert_non_null(s);
	return s;
}

/* Counts what a sync computed, and stops it where it is told. */
struct watch {
	size_t stop_at; /* tokens; 0: never */
	size_t done, total;
	int calls;
};

static bool watch(void *arg, size_t done, size_t total)
{
	struct watch *w = arg;

	w->calls++;
	w->done = done;
	w->total = total;
	return !w->stop_at || done < w->stop_at;
}

/* Synchronises fully and returns how many tokens were computed. */
static size_t sync(struct session *s, const int *ids, size_t n)
{
	struct watch w = { 0 };
	size_t reused;

	assert_int_equal(session_sync(s, ids, n, watch, &w, &reused, NULL),
	                 SESSION_SYNCED);
	assert_int_equal(w.done, w.total);
	assert_int_equal(reused + w.total, n);
	assert_int_equal(session_length(s), n);
	assert_memory_equal(session_ids(s), ids, n * sizeof *ids);
	assert_int_equal(session_cache(s)->length, n);
	assert_non_null(session_logits(s));
	return w.total;
}

/* Other row counts add in another order: the golden vectors' tolerance. */
static void assert_same_logits(const float *a, const float *b)
{
	for (int i = 0; i < model_config(model)->vocab_size; i++)
		assert_true(fabsf(a[i] - b[i]) <=
		            2e-4f * fmaxf(1, fabsf(b[i])));
}

static void assert_equals_a_fresh_one(const struct session *s, const int *ids,
                                      size_t n)
{
	struct session *fresh = new_session();

	assert_int_equal(sync(fresh, ids, n), n);
	assert_same_logits(session_logits(s), session_logits(fresh));
	session_free(fresh);
}

static void a_longer_prompt_computes_only_what_is_new(void **unused)
{
	struct session *s = new_session();

	(void)unused;
	assert_null(session_logits(s));
	assert_int_equal(sync(s, prompt, 100), 100);
	assert_int_equal(sync(s, prompt, 170), 70);
	assert_equals_a_fresh_one(s, prompt, 170);
	session_free(s);
}

static void a_branch_computes_only_what_follows_the_fork(void **unused)
{
	struct session *s = new_session();
	int other[150];

	(void)unused;
	memcpy(other, prompt, sizeof other);
	other[120] = prompt[120] ? 0 : 1;
	sync(s, prompt, PROMPT);
	assert_int_equal(sync(s, other, 150), 30);
	assert_equals_a_fresh_one(s, other, 150);
	/* And back: the line holds one branch only. */
	assert_int_equal(sync(s, prompt, PROMPT), PROMPT - 120);
	assert_equals_a_fresh_one(s, prompt, PROMPT);
	session_free(s);
}

static void the_same_prompt_computes_nothing_a_beginning_one_token(void **u)
{
	struct session *s = new_session();

	(void)u;
	sync(s, prompt, PROMPT);
	assert_int_equal(sync(s, prompt, PROMPT), 0);
	assert_int_equal(sync(s, prompt, 90), 1);
	assert_equals_a_fresh_one(s, prompt, 90);
	assert_int_equal(sync(s, prompt, 90), 0);
	session_free(s);
}

static void a_cancelled_prompt_is_continued(void **unused)
{
	struct session *s = new_session();

	(void)unused;
	for (size_t stop = 1; stop < PROMPT; stop += 37) {
		struct watch w = { .stop_at = stop };
		size_t reused, held;

		session_truncate(s, 0);
		assert_int_equal(session_sync(s, prompt, PROMPT, watch, &w,
		                              &reused, NULL),
		                 SESSION_CANCELLED);
		held = session_length(s);
		assert_true(held >= stop && held <= stop + 32);
		assert_int_equal(session_cache(s)->length, held);
		assert_null(session_logits(s));
		assert_int_equal(sync(s, prompt, PROMPT), PROMPT - held);
		assert_equals_a_fresh_one(s, prompt, PROMPT);
	}
	session_free(s);
}

static void a_cancel_before_the_first_chunk_keeps_what_was_there(void **unused)
{
	struct session *s = new_session();
	size_t reused;

	(void)unused;
	sync(s, prompt, 50);
	for (int i = 0; i < 3; i++) {
		struct watch w = { .stop_at = SIZE_MAX };

		w.stop_at = 1;
		assert_int_equal(session_sync(s, prompt, PROMPT, watch, &w,
		                              &reused, NULL),
		                 SESSION_CANCELLED);
		assert_true(reused >= 50);
	}
	assert_true(session_length(s) > 50);
	sync(s, prompt, PROMPT);
	assert_equals_a_fresh_one(s, prompt, PROMPT);
	session_free(s);
}

static void stepping_equals_reading_at_once(void **unused)
{
	struct session *s = new_session();

	(void)unused;
	sync(s, prompt, 60);
	for (int i = 60; i < 80; i++)
		assert_int_equal(session_step(s, prompt[i], NULL), 0);
	assert_equals_a_fresh_one(s, prompt, 80);
	assert_int_equal(sync(s, prompt, 80), 0);
	session_free(s);
}

static void what_does_not_fit_the_context_is_refused_with_both_numbers(void **u)
{
	struct session *s = session_new(model, DTYPE_F32, 100, NULL);
	struct error err = { "" };
	size_t reused;

	(void)u;
	assert_int_equal(session_context(s), 100);
	sync(s, prompt, 40);
	assert_int_equal(session_sync(s, prompt, 101, NULL, NULL, &reused,
	                              &err),
	                 SESSION_FAILED);
	assert_non_null(strstr(err.text, "101"));
	assert_non_null(strstr(err.text, "100"));
	assert_int_equal(session_length(s), 40);
	assert_non_null(session_logits(s));

	assert_int_equal(sync(s, prompt, 100), 60);
	assert_int_equal(session_step(s, 1, &err), -1);
	assert_non_null(strstr(err.text, "100"));
	assert_int_equal(session_length(s), 100);
	assert_int_equal(sync(s, prompt, 100), 0);
	session_free(s);
}

static void truncation_forgets_the_logits_too(void **unused)
{
	struct session *s = new_session();

	(void)unused;
	sync(s, prompt, 100);
	session_truncate(s, 100);
	assert_non_null(session_logits(s));
	session_truncate(s, 64);
	assert_null(session_logits(s));
	assert_int_equal(session_length(s), 64);
	session_truncate(s, 0);
	assert_int_equal(sync(s, prompt, 10), 10);
	session_free(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_longer_prompt_computes_only_what_is_new),
	cmocka_unit_test(a_branch_computes_only_what_follows_the_fork),
	cmocka_unit_test(
		the_same_prompt_computes_nothing_a_beginning_one_token),
	cmocka_unit_test(a_cancelled_prompt_is_continued),
	cmocka_unit_test(a_cancel_before_the_first_chunk_keeps_what_was_there),
	cmocka_unit_test(stepping_equals_reading_at_once),
	cmocka_unit_test(
		what_does_not_fit_the_context_is_refused_with_both_numbers),
	cmocka_unit_test(truncation_forgets_the_logits_too),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, open_model, close_model);
}
