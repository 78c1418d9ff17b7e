#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"
#include "tests/golden.h"
#include "tests/numbers.h"

struct fixture {
	char *dir;
	struct checkpoint *cp;
	struct model *model;
	size_t vocab;
};

static void set_up(struct fixture *f, const char *name, int threads, bool exact)
{
	struct model_options options = { .threads = threads, .exact = exact };
	struct error err = { "" };

	f->dir = test_synth(name);
	f->cp = checkpoint_open(f->dir, &err);
	f->model = f->cp ? model_load(f->cp, &options, &err) : NULL;
	if (!f->model)
		fail_msg("%s", err.text);
	f->vocab = (size_t)model_config(f->model)->vocab_size;
}

static void tear_down(struct fixture *f)
{
	model_free(f->model);
	checkpoint_free(f->cp);
	free(f->dir);
}

/* ---- the reference ---- */

/* What the reference's README asks of float32 at these shapes. */
#define TOLERANCE 2e-4

static void check_golden(const char *name)
{
	struct golden_errors e;
	struct error err = { "" };
	struct golden *golden;
	struct fixture f;
	char file[64], *path;

	snprintf(file, sizeof file, "golden/model-%s.json", name);
	path = test_file(file);
	golden = golden_open(path, &err);
	set_up(&f, name, 2, true);
	if (!golden || golden_run(&e, golden, f.model, DTYPE_F32, 20, true,
	                          TOLERANCE, &err))
		fail_msg("%s", err.text);
	print_message("# %s: logits %.1e, top %.1e, logsumexp %.1e, hidden "
	              "%.1e, long %.1e\n",
	              name, e.logits, e.top, e.logsumexp, e.hidden, e.long_top);
	assert_true(e.logits <= TOLERANCE && e.top <= TOLERANCE &&
	            e.logsumexp <= TOLERANCE && e.hidden <= TOLERANCE &&
	            e.long_top <= TOLERANCE);
	assert_true(e.greedy == e.greedy_wanted && e.greedy_wanted >= 20);
	golden_free(golden);
	tear_down(&f);
	free(path);
}

static void tied_head(void **state)
{
	(void)state;
	check_golden("tiny-tied");
}

static void own_head(void **state)
{
	(void)state;
	check_golden("tiny-untied");
}

static void no_groups_and_heads_of_24(void **state)
{
	(void)state;
	check_golden("tiny-mha");
}

static void groups_of_8_and_a_prompt_of_8192_tokens(void **state)
{
	(void)state;
	check_golden("tiny-gqa8");
}

static void yarn_and_a_prompt_of_900_tokens(void **state)
{
	(void)state;
	check_golden("tiny-yarn");
}

static void two_layers_as_wide_as_the_4b(void **state)
{
	(void)state;
	check_golden("wide-2l");
}

static void mixture_of_experts(void **state)
{
	(void)state;
	check_golden("tiny-moe");
}

/* ---- laws ---- */

#define TOKENS 150 /* two pages and a bit */

static void random_ids(int *ids, size_t n, size_t vocab, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		ids[i] = (int)numbers_below(&seed, vocab);
}

static struct kv_cache *new_cache(const struct fixture *f, enum dtype dtype)
{
	struct kv_cache *cache = model_new_cache(f->model, dtype, 1000, NULL);

	assert_non_null(cache);
	return cache;
}

/* Reads ids in pieces and gives the logits of every position. */
static void read_ids(const struct fixture *f, struct kv_cache *cache,
                     const int *ids, size_t n, size_t chunk, float *logits)
{
	assert_int_equal(kv_cache_reserve(cache, n, NULL), 0);
	for (size_t t = 0, m; t < n; t += m) {
		m = n - t < chunk ? n - t : chunk;
		model_forward(f->model, cache, ids + t, m, m);
		model_logits(f->model, 0, m, logits + t * f->vocab);
	}
}

static float *logits_of(const struct fixture *f, size_t n)
{
	return malloc(n * f->vocab * sizeof(float));
}

static double distance(const float *a, const float *b, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		double d =
			fabs((double)a[i] - b[i]) / fmax(1, fabs((double)b[i]));

		if (!(d <= most))
			most = d;
	}
	return most;
}

/* KL(p || q) of two rows of logits, in nats. */
static double divergence(const float *p, const float *q, size_t n)
{
	double top_p = -INFINITY, top_q = -INFINITY, sum_p = 0, sum_q = 0;
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		top_p = fmax(top_p, p[i]);
		top_q = fmax(top_q, q[i]);
	}
	for (size_t i = 0; i < n; i++) {
		sum_p += exp(p[i] - top_p);
		sum_q += exp(q[i] - top_q);
	}
	for (size_t i = 0; i < n; i++) {
		double log_p = p[i] - top_p - log(sum_p);

		sum += exp(log_p) * (log_p - (q[i] - top_q - log(sum_q)));
	}
	return sum;
}

static void a_prompt_may_be_cut_anywhere(void **state)
{
	static const size_t chunks[] = { 1, 2, 5, 8, 31, 64, 149 };
	struct fixture f;
	struct kv_cache *cache;
	int ids[TOKENS];
	float *whole, *cut;

	(void)state;
	set_up(&f, "tiny-gqa8", 2, true);
	random_ids(ids, TOKENS, f.vocab, 1);
	whole = logits_of(&f, TOKENS);
	cut = logits_of(&f, TOKENS);
	cache = new_cache(&f, DTYPE_F32);
	read_ids(&f, cache, ids, TOKENS, TOKENS, whole);
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		kv_cache_truncate(cache, 0);
		read_ids(&f, cache, ids, TOKENS, chunks[i], cut);
		assert_int_equal(cache->length, TOKENS);
		assert_true(distance(cut, whole, TOKENS * f.vocab) < 2e-5);
	}
	kv_cache_free(cache);
	free(whole);
	free(cut);
	tear_down(&f);
}

static void logits_of_some_rows_are_those_of_all(void **state)
{
	struct fixture f;
	struct kv_cache *cache;
	int ids[20];
	float *all, *one;

	(void)state;
	set_up(&f, "tiny-untied", 2, true);
	random_ids(ids, 20, f.vocab, 2);
	all = logits_of(&f, 20);
	one = logits_of(&f, 1);
	cache = new_cache(&f, DTYPE_F32);
	read_ids(&f, cache, ids, 20, 20, all);
	for (size_t t = 20; t--;) {
		model_logits(f.model, t, 1, one);
		assert_true(distance(one, all + t * f.vocab, f.vocab) < 2e-5);
	}
	kv_cache_free(cache);
	free(all);
	free(one);
	tear_down(&f);
}

/* A pass that leaves a few rows, or none, leaves those and the same cache. */
static void rows_that_nobody_wants_change_nothing(void **state)
{
	static const char *const models[] = { "tiny-gqa8", "tiny-moe" };
	static const size_t wanted[] = { 0, 1, 3, 20, 39 };

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct fixture f;
		struct kv_cache *cache;
		int ids[60];
		float *all, *some;

		set_up(&f, models[m], 2, true);
		random_ids(ids, 60, f.vocab, 8);
		all = logits_of(&f, 60);
		some = logits_of(&f, 60);
		cache = new_cache(&f, DTYPE_F32);
		read_ids(&f, cache, ids, 60, 60, all);
		for (size_t i = 0; i < 5; i++) {
			size_t n = wanted[i], first = 40 - n;

			kv_cache_truncate(cache, 0);
			assert_int_equal(kv_cache_reserve(cache, 60, NULL), 0);
			model_forward(f.model, cache, ids, 40, n);
			assert_int_equal(cache->length, 40);
			if (n)
				model_logits(f.model, 0, n, some);
			assert_true(distance(some, all + first * f.vocab,
			                     n * f.vocab) < 2e-5);
			model_forward(f.model, cache, ids + 40, 20, 20);
			model_logits(f.model, 0, 20, some);
			assert_true(distance(some, all + 40 * f.vocab,
			                     20 * f.vocab) < 2e-5);
		}
		kv_cache_free(cache);
		free(all);
		free(some);
		tear_down(&f);
	}
}

/* A fork that goes another way gives what a fresh cache of its tokens gives,
 * and its parent goes on as if there had been no fork. */
static void a_fork_shares_and_then_diverges(void **state)
{
	struct fixture f;
	struct kv_cache *cache, *fork, *fresh;
	int ids[TOKENS], other[TOKENS];
	float *got, *want;

	(void)state;
	set_up(&f, "tiny-tied", 2, true);
	random_ids(ids, TOKENS, f.vocab, 3);
	random_ids(other, TOKENS, f.vocab, 4);
	memcpy(other, ids, 100 * sizeof *ids);
	got = logits_of(&f, TOKENS);
	want = logits_of(&f, TOKENS);
	cache = new_cache(&f, DTYPE_F32);
	fresh = new_cache(&f, DTYPE_F32);
	read_ids(&f, cache, ids, 120, 50, got);
	fork = kv_cache_fork(cache, 100, NULL);

	read_ids(&f, fork, other + 100, 50, 50, got);
	read_ids(&f, fresh, other, TOKENS, 50, want);
	assert_memory_equal(got, want + 100 * f.vocab,
	                    50 * f.vocab * sizeof *got);

	read_ids(&f, cache, ids + 120, 30, 30, got);
	kv_cache_truncate(fresh, 0);
	read_ids(&f, fresh, ids, 120, 50, want);
	read_ids(&f, fresh, ids + 120, 30, 30, want);
	assert_memory_equal(got, want, 30 * f.vocab * sizeof *got);
	kv_cache_free(cache);
	kv_cache_free(fork);
	kv_cache_free(fresh);
	free(got);
	free(want);
	tear_down(&f);
}

static void what_was_cut_off_leaves_no_trace(void **state)
{
	static const size_t keeps[] = { 0, 1, 15, 64, 65, 128, 140 };
	struct fixture f;
	struct kv_cache *cache;
	int ids[TOKENS], other[TOKENS];
	float *got, *want;

	(void)state;
	set_up(&f, "tiny-tied", 2, true);
	random_ids(ids, TOKENS, f.vocab, 5);
	random_ids(other, TOKENS, f.vocab, 6);
	got = logits_of(&f, TOKENS);
	want = logits_of(&f, TOKENS);
	cache = new_cache(&f, DTYPE_F16);
	read_ids(&f, cache, ids, TOKENS, TOKENS, want);
	for (size_t i = 0; i < sizeof keeps / sizeof *keeps; i++) {
		size_t keep = keeps[i], n = TOKENS - keep;

		kv_cache_truncate(cache, keep);
		read_ids(&f, cache, other, 10, 10, got);
		kv_cache_truncate(cache, keep);
		read_ids(&f, cache, ids + keep, n, n, got);
		assert_true(distance(got, want + keep * f.vocab, n * f.vocab) <
		            2e-5);
	}
	kv_cache_free(cache);
	free(got);
	free(want);
	tear_down(&f);
}

static void the_number_of_threads_changes_only_the_last_bits(void **state)
{
	float *want = NULL, *got;
	int ids[TOKENS];

	(void)state;
	for (int n = 1; n <= 5; n++) {
		struct fixture f;
		struct kv_cache *cache;

		set_up(&f, "tiny-gqa8", n, true);
		assert_int_equal(model_threads(f.model), n);
		random_ids(ids, TOKENS, f.vocab, 7);
		got = logits_of(&f, TOKENS);
		cache = new_cache(&f, DTYPE_F32);
		read_ids(&f, cache, ids, TOKENS, 40, got);
		if (want) {
			assert_true(distance(got, want, TOKENS * f.vocab) <
			            2e-5);
			free(got);
		} else {
			want = got;
		}
		kv_cache_free(cache);
		tear_down(&f);
	}
	free(want);
}

/* ---- what narrower numbers cost ---- */

struct cost {
	double logits; /* largest error */
	double nats;   /* largest divergence of a position */
};

/* Of a model and cache against exact arithmetic and an f32 cache. */
static struct cost cost_of(const char *name, bool exact, enum dtype dtype,
                           size_t chunk)
{
	struct fixture f;
	struct kv_cache *wide, *cache;
	int ids[TOKENS];
	float *want, *got;
	struct cost cost = { 0, 0 };

	set_up(&f, name, 2, true);
	random_ids(ids, TOKENS, f.vocab, 8);
	want = logits_of(&f, TOKENS);
	got = logits_of(&f, TOKENS);
	wide = new_cache(&f, DTYPE_F32);
	cache = new_cache(&f, dtype);
	read_ids(&f, wide, ids, TOKENS, TOKENS, want);
	model_set_exact(f.model, exact);
	read_ids(&f, cache, ids, TOKENS, chunk, got);
	cost.logits = distance(got, want, TOKENS * f.vocab);
	for (size_t t = 0; t < TOKENS; t++)
		cost.nats =
			fmax(cost.nats, divergence(want + t * f.vocab,
		                                   got + t * f.vocab, f.vocab));
	kv_cache_free(wide);
	kv_cache_free(cache);
	free(want);
	free(got);
	tear_down(&f);
	print_message("# %s: logits %.1e, %.1e nats\n", name, cost.logits,
	              cost.nats);
	return cost;
}

static const char *const shapes[] = { "tiny-tied", "tiny-untied", "tiny-mha",
	                              "tiny-gqa8" };

/* Keys and values rounded to 11 bits: logits, whose size here is about 1, move
 * in the fourth decimal. */
static void an_f16_cache_costs_little(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct cost c = cost_of(shapes[i], true, DTYPE_F16, 64);

		assert_true(c.logits < 4e-3 && c.nats < 1e-6);
	}
}

/* To 8 bits. */
static void a_bf16_cache_costs_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct cost c = cost_of(shapes[i], true, DTYPE_BF16, 64);

		assert_true(c.logits < 4e-2 && c.nats < 5e-5);
	}
}

/* To 1/127 of the largest of 32: three times the error of bf16, ten times the
 * divergence.  In pieces, and token by token. */
static void a_q8_0_cache_costs_more_still(void **state)
{
	static const char *const names[] = { "tiny-tied", "tiny-gqa8",
		                             "wide-2l" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct cost bf16 = cost_of(names[i], true, DTYPE_BF16, 64);
		struct cost c = cost_of(names[i], true, DTYPE_Q8_0, 64);
		struct cost single = cost_of(names[i], false, DTYPE_Q8_0, 1);

		assert_true(c.logits < 6 * bf16.logits);
		assert_true(c.nats < 20 * bf16.nats);
		assert_true(single.logits < 6 * bf16.logits);
		assert_true(single.nats < 20 * bf16.nats);
	}
}

/* A prompt with bf16 activations, linear and in attention, and an f16 cache:
 * the default. */
static void narrow_products_cost_as_much_as_bf16(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct cost c = cost_of(shapes[i], false, DTYPE_F16, 64);

		assert_true(c.logits < 6e-2 && c.nats < 1e-4);
	}
}

/* ---- faults ---- */

static void a_config_that_is_refused_is_named(void **state)
{
	static const char json[] = "{\"model_type\": \"llama\"}";
	char *dir = test_synth("tiny-tied"), want[512];
	struct model_options options = { 0 };
	struct error err = { "" };
	struct checkpoint *cp;

	(void)state;
	test_write(dir, "config.json", json, sizeof json - 1);
	cp = checkpoint_open(dir, &err);
	assert_non_null(cp);
	assert_null(model_load(cp, &options, &err));
	snprintf(want, sizeof want,
	         "%s/config.json: model_type is \"llama\", and only qwen3 and "
	         "qwen3_moe are known",
	         dir);
	assert_string_equal(err.text, want);
	checkpoint_free(cp);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(tied_head),
	cmocka_unit_test(own_head),
	cmocka_unit_test(no_groups_and_heads_of_24),
	cmocka_unit_test(groups_of_8_and_a_prompt_of_8192_tokens),
	cmocka_unit_test(yarn_and_a_prompt_of_900_tokens),
	cmocka_unit_test(two_layers_as_wide_as_the_4b),
	cmocka_unit_test(mixture_of_experts),
	cmocka_unit_test(a_prompt_may_be_cut_anywhere),
	cmocka_unit_test(logits_of_some_rows_are_those_of_all),
	cmocka_unit_test(rows_that_nobody_wants_change_nothing),
	cmocka_unit_test(a_fork_shares_and_then_diverges),
	cmocka_unit_test(what_was_cut_off_leaves_no_trace),
	cmocka_unit_test(the_number_of_threads_changes_only_the_last_bits),
	cmocka_unit_test(an_f16_cache_costs_little),
	cmocka_unit_test(a_bf16_cache_costs_more),
	cmocka_unit_test(a_q8_0_cache_costs_more_still),
	cmocka_unit_test(narrow_products_cost_as_much_as_bf16),
	cmocka_unit_test(a_config_that_is_refused_is_named),
};

TEST_MAIN(tests)
