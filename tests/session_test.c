#include "tests/support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "engine/session.h"
#include "model/available_memory.h"
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

		sync(s, prompt, 1); /* its logits are of no use later */
		assert_int_equal(session_sync(s, prompt, PROMPT, watch, &w,
		                              &reused, NULL),
		                 SESSION_CANCELLED);
		held = session_length(s);
		assert_true(w.done >= stop && held <= 1 + w.done);
		assert_true(1 + w.done - held <= 32); /* a chunk at most */
		assert_int_equal(session_cache(s)->length, held);
		assert_null(session_logits(s));
		assert_int_equal(sync(s, prompt, PROMPT), PROMPT - held);
		assert_equals_a_fresh_one(s, prompt, PROMPT);
	}
	session_free(s);
}

static void a_cancel_in_the_first_chunk_keeps_what_was_there(void **unused)
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
		assert_int_equal(reused, 50);
		assert_int_equal(session_length(s), 50);
		assert_int_equal(session_cache(s)->length, 50);
	}
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

/* ---- drafts ---- */

/* Steps through ids[from..to) with drafts and without; every step's logits are the
 * same.  Returns how many steps had nothing to compute. */
static int step_both(struct session *with, struct session *without,
                     const int *ids, size_t from, size_t to)
{
	int found = 0;

	sync(with, ids, from);
	sync(without, ids, from);
	for (size_t i = from; i < to; i++) {
		size_t before = session_cache(with)->length;

		assert_int_equal(session_step(with, ids[i], NULL), 0);
		assert_int_equal(session_step(without, ids[i], NULL), 0);
		assert_int_equal(session_length(with), i + 1);
		assert_memory_equal(session_ids(with), ids,
		                    (i + 1) * sizeof *ids);
		assert_same_logits(session_logits(with),
		                   session_logits(without));
		found += session_cache(with)->length == before;
	}
	return found;
}

static void what_comes_again_is_read_ahead(void **unused)
{
	struct session *with = new_session(), *without = new_session();
	int ids[CONTEXT];

	(void)unused;
	session_speculate(with);
	for (int i = 0; i < CONTEXT; i++)
		ids[i] = prompt[i % 40];
	assert_true(step_both(with, without, ids, 40, 140) >= 70);
	assert_equals_a_fresh_one(with, ids, 140);
	/* Up to the last token of the context. */
	assert_true(step_both(with, without, ids, 200, CONTEXT) >= 70);
	assert_int_equal(session_cache(with)->length, CONTEXT);
	assert_int_equal(session_step(with, 1, &(struct error){ "" }), -1);
	session_free(with);
	session_free(without);
}

static void a_draft_that_is_wrong_leaves_nothing(void **unused)
{
	struct session *with = new_session(), *without = new_session();
	int ids[CONTEXT];
	uint32_t state = 3;

	(void)unused;
	session_speculate(with);
	session_keep_lines(with, SIZE_MAX);
	/* Runs of 1 to 8 tokens that come again, each then as another. */
	for (size_t i = 0, from = 0, left = 0; i < CONTEXT; i++, left--) {
		if (!left) {
			state = state * 1664525 + 1013904223;
			left = 1 + (state >> 24) % 8;
			from = (state >> 8) % 60;
		}
		ids[i] = prompt[from++];
	}
	assert_in_range(step_both(with, without, ids, 100, 250), 10, 100);
	assert_equals_a_fresh_one(with, ids, 250);
	assert_int_equal(sync(with, ids, 240), 1);
	assert_equals_a_fresh_one(with, ids, 240);
	/* A branch, and back, with tokens ahead of both. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(session_step(with, prompt[i], NULL), 0);
	assert_true(sync(with, ids, 238) > 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(session_step(with, prompt[40 + i], NULL), 0);
	memcpy(ids + 240, prompt, 20 * sizeof *ids);
	assert_int_equal(sync(with, ids, 260), 0);
	assert_equals_a_fresh_one(with, ids, 260);
	session_free(with);
	session_free(without);
}

/* ---- lines that were left ---- */

#define LONG   2000
#define COMMON 1500

/* Two branches of LONG tokens that part after COMMON. */
static void make_branches(int *a, int *b)
{
	for (int i = 0; i < LONG; i++) {
		a[i] = prompt[i * 7 % PROMPT];
		b[i] = i < COMMON ? a[i] : prompt[i * 11 % PROMPT];
	}
	b[COMMON] = a[COMMON] ? 0 : 1;
}

static struct session *new_long_session(size_t bytes)
{
	struct session *s = session_new(model, DTYPE_F16, LONG, NULL);

	assert_non_null(s);
	session_keep_lines(s, bytes);
	return s;
}

static float *copy_of_logits(const struct session *s)
{
	size_t bytes = (size_t)model_config(model)->vocab_size * sizeof(float);
	float *copy = malloc(bytes);

	assert_non_null(copy);
	memcpy(copy, session_logits(s), bytes);
	return copy;
}

static void going_back_to_a_branch_computes_nothing(void **unused)
{
	struct session *s = new_long_session(SIZE_MAX);
	size_t vocab_bytes =
		(size_t)model_config(model)->vocab_size * sizeof(float);
	size_t page = kv_page_bytes(&session_cache(s)->shape);
	/* Both hold the page in which they part, each its own copy. */
	size_t pages = LONG / KV_PAGE_TOKENS + 1 - COMMON / KV_PAGE_TOKENS;
	int a[LONG], b[LONG];
	float *after_a, *after_b;

	(void)unused;
	make_branches(a, b);
	assert_int_equal(sync(s, a, LONG), LONG);
	after_a = copy_of_logits(s);
	assert_int_equal(session_kept_bytes(s), 0);
	assert_int_equal(sync(s, b, LONG), LONG - COMMON);
	after_b = copy_of_logits(s);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sync(s, a, LONG), 0);
		assert_memory_equal(session_logits(s), after_a, vocab_bytes);
		assert_int_equal(session_kept_bytes(s),
		                 pages * page + vocab_bytes);
		assert_int_equal(sync(s, b, LONG), 0);
		assert_memory_equal(session_logits(s), after_b, vocab_bytes);
		assert_int_equal(session_kept_bytes(s),
		                 pages * page + vocab_bytes);
	}
	free(after_a);
	free(after_b);
	session_free(s);
}

static void a_line_that_is_left_is_not_changed_by_what_follows(void **unused)
{
	struct session *s = new_long_session(SIZE_MAX);
	size_t vocab_bytes =
		(size_t)model_config(model)->vocab_size * sizeof(float);
	float *step[6];

	(void)unused;
	/* A reply of six tokens, thrown away for another, and taken again. */
	sync(s, prompt, 100);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(session_step(s, prompt[100 + i], NULL), 0);
		step[i] = copy_of_logits(s);
	}
	assert_int_equal(sync(s, prompt, 100), 1);
	for (int i = 0; i < 40; i++)
		assert_int_equal(session_step(s, i, NULL), 0);
	assert_int_equal(sync(s, prompt, 106), 0);
	assert_memory_equal(session_logits(s), step[5], vocab_bytes);
	for (int i = 0; i < 6; i++)
		free(step[i]);
	session_free(s);
}

/* A page is full, and the token that would begin the next one finds no memory. */
static void a_step_without_memory_leaves_the_line_as_it_was(void **unused)
{
	struct session *s = new_session();
	struct error err = { "" };

	(void)unused;
	sync(s, prompt, KV_PAGE_TOKENS);
	available_memory_pretend(1);
	assert_int_equal(session_step(s, prompt[KV_PAGE_TOKENS], &err), -1);
	available_memory_pretend(0);
	assert_non_null(strstr(err.text, "available"));
	assert_int_equal(session_length(s), KV_PAGE_TOKENS);
	assert_int_equal(session_step(s, prompt[KV_PAGE_TOKENS], NULL), 0);
	assert_int_equal(session_cache(s)->length, KV_PAGE_TOKENS + 1);
	assert_equals_a_fresh_one(s, prompt, KV_PAGE_TOKENS + 1);
	session_free(s);
}

static void without_a_budget_a_line_that_is_left_is_gone(void **unused)
{
	struct session *s = new_long_session(0);
	int a[LONG], b[LONG];

	(void)unused;
	make_branches(a, b);
	sync(s, a, LONG);
	sync(s, b, LONG);
	assert_int_equal(session_kept_bytes(s), 0);
	sync(s, b, LONG);
	assert_int_equal(session_kept_bytes(s), 0);
	assert_int_equal(sync(s, a, LONG), LONG - COMMON);
	/* And where it is taken away, a line goes at once. */
	session_keep_lines(s, SIZE_MAX);
	sync(s, b, LONG);
	assert_true(session_kept_bytes(s) > 0);
	session_keep_lines(s, 0);
	assert_int_equal(session_kept_bytes(s), 0);
	session_free(s);
}

static void lines_give_way_when_memory_is_short(void **unused)
{
	struct session *s = new_long_session(SIZE_MAX);
	struct error err = { "" };
	size_t reused;
	int a[LONG], b[LONG];

	(void)unused;
	make_branches(a, b);
	sync(s, a, LONG);
	b[0] = a[0] ? 0 : 1; /* nothing in common */
	sync(s, b, 100);
	assert_true(session_kept_bytes(s) > 0);
	/* Pretended memory does not grow when a line goes: so all of them do,
	 * and then the cache's own words are the reason. */
	available_memory_pretend(1);
	assert_int_equal(session_sync(s, b, LONG, NULL, NULL, &reused, &err),
	                 SESSION_FAILED);
	available_memory_pretend(0);
	assert_non_null(strstr(err.text, "available"));
	assert_int_equal(session_kept_bytes(s), 0);
	assert_int_equal(sync(s, b, LONG), LONG - 100);
	session_free(s);
}

/* Whatever the order of prompts and the budget: what is computed plus what is
 * reused is right, and the logits are those of a fresh session. */
static void any_walk_through_branches_equals_a_fresh_session(void **unused)
{
	static const size_t budgets[] = { 0, 60000, SIZE_MAX };
	uint32_t state = 11;

	(void)unused;
	for (size_t k = 0; k < sizeof budgets / sizeof *budgets; k++) {
		struct session *s = new_session();
		int ids[PROMPT];

		session_keep_lines(s, budgets[k]);
		for (int i = 0; i < 60; i++) {
			size_t n, fork;

			state = state * 1664525 + 1013904223;
			fork = (state >> 8) % 8 * 20;
			n = fork + 1 + (state >> 16) % 40;
			memcpy(ids, prompt, fork * sizeof *ids);
			for (size_t j = fork; j < n; j++)
				ids[j] = prompt[(j * 3 + (state >> 28)) %
				                PROMPT];
			assert_true(sync(s, ids, n) <= n);
			assert_true(session_kept_bytes(s) <= budgets[k]);
			if (i % 4 == 0)
				assert_equals_a_fresh_one(s, ids, n);
		}
		session_free(s);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_longer_prompt_computes_only_what_is_new),
	cmocka_unit_test(a_branch_computes_only_what_follows_the_fork),
	cmocka_unit_test(
		the_same_prompt_computes_nothing_a_beginning_one_token),
	cmocka_unit_test(a_cancelled_prompt_is_continued),
	cmocka_unit_test(a_cancel_in_the_first_chunk_keeps_what_was_there),
	cmocka_unit_test(stepping_equals_reading_at_once),
	cmocka_unit_test(
		what_does_not_fit_the_context_is_refused_with_both_numbers),
	cmocka_unit_test(what_comes_again_is_read_ahead),
	cmocka_unit_test(a_draft_that_is_wrong_leaves_nothing),
	cmocka_unit_test(going_back_to_a_branch_computes_nothing),
	cmocka_unit_test(a_line_that_is_left_is_not_changed_by_what_follows),
	cmocka_unit_test(without_a_budget_a_line_that_is_left_is_gone),
	cmocka_unit_test(lines_give_way_when_memory_is_short),
	cmocka_unit_test(a_step_without_memory_leaves_the_line_as_it_was),
	cmocka_unit_test(any_walk_through_branches_equals_a_fresh_session),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, open_model, close_model);
}
