#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kv_store.h"
#include "model/kv_cache.h"

#define VOCAB 10

static const struct kv_shape shape = {
	.layers = 1, .kv_heads = 1, .head_dim = 8, .dtype = DTYPE_F16
};
static const float some_logits[VOCAB] = { 1, 2, 3 };

static struct kv_store *store;

static int open_store(void **unused)
{
	(void)unused;
	store = kv_store_new(VOCAB);
	kv_store_set_budget(store, SIZE_MAX);
	return 0;
}

static int close_store(void **unused)
{
	(void)unused;
	kv_store_free(store);
	return 0;
}

/* Appends n tokens, whatever is in them. */
static void grow(struct kv_cache *cache, size_t n)
{
	assert_int_equal(kv_cache_reserve(cache, n, NULL), 0);
	cache->length += n;
}

static struct kv_cache *cache_of(size_t n)
{
	struct kv_cache *cache = kv_cache_new(&shape, 10000, NULL);

	assert_non_null(cache);
	grow(cache, n);
	return cache;
}

/* n ids: `first` ones of a common beginning, then ids that begin with mark. */
static int *ids_of(size_t n, size_t first, int mark)
{
	int *ids = malloc(n * sizeof *ids);

	assert_non_null(ids);
	for (size_t i = 0; i < n; i++)
		ids[i] = i < first ? (int)i : mark + (int)(i - first);
	return ids;
}

static void put(size_t n, size_t first, int mark, struct kv_cache *cache,
                const float *logits)
{
	int *ids = ids_of(n, first, mark);

	kv_store_put(store, ids, n, cache, logits);
	free(ids);
}

/* The reusable tokens of the best line for such a prompt. */
static size_t look(size_t n, size_t first, int mark)
{
	int *ids = ids_of(n, first, mark);
	size_t reusable;

	kv_store_find(store, ids, n, &reusable);
	free(ids);
	return reusable;
}

static void the_last_id_counts_only_with_its_logits(void **unused)
{
	const int line[] = { 1, 2, 3, 4 };

	(void)unused;
	assert_int_equal(kv_line_reusable(line, 4, true, line, 4), 4);
	assert_int_equal(kv_line_reusable(line, 4, false, line, 4), 3);
	/* The line goes on: what comes after the prompt's end is not kept. */
	assert_int_equal(kv_line_reusable(line, 4, true, line, 3), 2);
	assert_int_equal(kv_line_reusable(line, 3, false, line, 4), 3);
	assert_int_equal(kv_line_reusable(NULL, 0, false, line, 4), 0);
	assert_int_equal(kv_line_reusable(NULL, 0, false, line, 1), 0);
}

static void the_longest_common_beginning_is_found(void **unused)
{
	(void)unused;
	assert_int_equal(look(10, 10, 0), 0);
	put(100, 50, 1000, cache_of(100), some_logits);
	put(120, 70, 2000, cache_of(120), NULL);
	put(90, 0, 3000, cache_of(90), NULL);
	assert_int_equal(kv_store_lines(store), 3);
	assert_int_equal(look(200, 200, 0), 70);
	assert_int_equal(look(200, 50, 1000), 100);
	assert_int_equal(look(100, 50, 1000), 100); /* logits are there */
	assert_int_equal(look(120, 70, 2000), 119); /* and here not */
	assert_int_equal(look(200, 0, 4000), 0);
}

static void a_found_line_can_be_taken(void **unused)
{
	struct kv_cache *cache = cache_of(100), *taken;
	const struct kv_line *line;
	int *ids = ids_of(100, 100, 0);
	float *logits;
	size_t reusable;

	(void)unused;
	kv_store_put(store, ids, 100, cache, some_logits);
	put(100, 10, 1000, cache_of(100), NULL);
	line = kv_store_find(store, ids, 100, &reusable);
	taken = kv_store_take(store, line, &logits);
	assert_ptr_equal(taken, cache);
	assert_memory_equal(logits, some_logits, sizeof some_logits);
	assert_int_equal(kv_store_lines(store), 1);
	assert_int_equal(look(100, 100, 0), 10);
	kv_cache_free(taken);
	free(logits);
	free(ids);
}

static void the_same_tokens_are_not_kept_twice(void **unused)
{
	(void)unused;
	put(100, 100, 0, cache_of(100), NULL);
	put(60, 60, 0, cache_of(60), some_logits);
	assert_int_equal(kv_store_lines(store), 1);
	/* The same line again, now with its logits. */
	put(100, 100, 0, cache_of(100), some_logits);
	assert_int_equal(kv_store_lines(store), 1);
	assert_int_equal(look(100, 100, 0), 100);
	/* A longer one takes its place. */
	put(150, 150, 0, cache_of(150), NULL);
	assert_int_equal(kv_store_lines(store), 1);
	assert_int_equal(look(200, 200, 0), 150);
}

static void shared_pages_are_counted_once_and_those_of_the_open_line_not(
	void **unused)
{
	size_t page = kv_page_bytes(&shape);
	struct kv_cache *live = cache_of(10 * KV_PAGE_TOKENS), *fork;

	(void)unused;
	/* Five pages in common with the open line, two of its own. */
	fork = kv_cache_fork(live, 5 * KV_PAGE_TOKENS, NULL);
	grow(fork, 2 * KV_PAGE_TOKENS);
	put(7 * KV_PAGE_TOKENS, 5 * KV_PAGE_TOKENS, 1000, fork, NULL);
	assert_int_equal(kv_store_bytes(store, live), 2 * page);
	assert_int_equal(kv_store_bytes(store, NULL), 7 * page);
	/* One more in common with the other, three of its own. */
	fork = kv_cache_fork(fork, 6 * KV_PAGE_TOKENS, NULL);
	grow(fork, 3 * KV_PAGE_TOKENS);
	put(9 * KV_PAGE_TOKENS, 6 * KV_PAGE_TOKENS, 2000, fork, some_logits);
	assert_int_equal(kv_store_bytes(store, live),
	                 5 * page + sizeof some_logits);
	/* Parted inside a page: each has its own copy of that one. */
	fork = kv_cache_fork(fork, 6 * KV_PAGE_TOKENS + 1, NULL);
	grow(fork, 1);
	put(6 * KV_PAGE_TOKENS + 2, 1, 3000, fork, NULL);
	assert_int_equal(kv_store_bytes(store, live),
	                 6 * page + sizeof some_logits);
	kv_cache_free(live);
	/* What the open line shared is the store's alone now. */
	assert_int_equal(kv_store_bytes(store, NULL),
	                 11 * page + sizeof some_logits);
}

static void the_budget_forgets_what_was_not_wanted_for_longest(void **unused)
{
	size_t page = kv_page_bytes(&shape);

	(void)unused;
	for (int i = 0; i < 4; i++)
		put(KV_PAGE_TOKENS, 0, 1000 * (i + 1), cache_of(KV_PAGE_TOKENS),
		    NULL);
	assert_int_equal(look(100, 0, 1000), KV_PAGE_TOKENS); /* a use */
	kv_store_set_budget(store, 2 * page + page / 2);
	kv_store_trim(store, NULL);
	assert_int_equal(kv_store_lines(store), 2);
	assert_int_equal(look(100, 0, 1000), KV_PAGE_TOKENS);
	assert_int_equal(look(100, 0, 2000), 0);
	assert_int_equal(look(100, 0, 3000), 0);
	assert_int_equal(look(100, 0, 4000), KV_PAGE_TOKENS);
	assert_true(kv_store_evict(store));
	assert_int_equal(look(100, 0, 1000), 0);
	assert_true(kv_store_evict(store));
	assert_false(kv_store_evict(store));
	assert_int_equal(kv_store_bytes(store, NULL), 0);
}

/* What follows token 50 of a line is not what follows its last. */
static void a_line_is_not_given_the_logits_of_its_beginning(void **unused)
{
	(void)unused;
	put(100, 100, 0, cache_of(100), NULL);
	put(50, 50, 0, cache_of(50), some_logits);
	assert_int_equal(kv_store_lines(store), 1);
	assert_int_equal(look(100, 100, 0), 99);
	put(100, 100, 0, cache_of(100), some_logits);
	assert_int_equal(look(100, 100, 0), 100);
}

static void what_is_kept_again_is_wanted_again(void **unused)
{
	(void)unused;
	put(100, 0, 1000, cache_of(100), NULL);
	put(100, 0, 2000, cache_of(100), NULL);
	put(100, 0, 1000, cache_of(100), NULL);
	assert_true(kv_store_evict(store));
	assert_int_equal(look(100, 0, 1000), 99);
	assert_int_equal(look(100, 0, 2000), 0);
}

static void a_line_of_no_use_is_not_found(void **unused)
{
	const int other[] = { 5000, 5001 };
	size_t reusable;

	(void)unused;
	put(100, 0, 1000, cache_of(100), some_logits);
	assert_null(kv_store_find(store, other, 2, &reusable));
	assert_int_equal(reusable, 0);
}

static void the_number_of_lines_is_bounded(void **unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++)
		put(2, 0, 1000 + i * 10, cache_of(2), NULL);
	assert_in_range(kv_store_lines(store), 10, 100);
	assert_int_equal(look(2, 0, 1000 + 9990), 1);
}

#define STORE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_store, close_store)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_last_id_counts_only_with_its_logits),
	STORE_TEST(the_longest_common_beginning_is_found),
	STORE_TEST(a_found_line_can_be_taken),
	STORE_TEST(the_same_tokens_are_not_kept_twice),
	STORE_TEST(
		shared_pages_are_counted_once_and_those_of_the_open_line_not),
	STORE_TEST(the_budget_forgets_what_was_not_wanted_for_longest),
	STORE_TEST(a_line_is_not_given_the_logits_of_its_beginning),
	STORE_TEST(what_is_kept_again_is_wanted_again),
	STORE_TEST(a_line_of_no_use_is_not_found),
	STORE_TEST(the_number_of_lines_is_bounded),
};

TEST_MAIN(tests)
