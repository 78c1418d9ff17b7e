#include "tests/support.h"

#include <stdint.h>
#include <string.h>

#include "engine/draft.h"

#define N_OF(ids) (sizeof(ids) / sizeof *(ids))

static void nothing_follows_what_is_new(void **state)
{
	const int ids[] = { 1, 2, 3, 4, 5, 2 };
	int draft[DRAFT_MOST];

	(void)state;
	assert_int_equal(draft_next(ids, 0, draft), 0);
	assert_int_equal(draft_next(ids, 1, draft), 0);
	assert_int_equal(draft_next(ids, 5, draft), 0);
	assert_int_equal(draft_next(ids, 6, draft), 0); /* an ending of one */
}

static void a_longer_ending_is_followed_farther(void **state)
{
	const int ids[] = { 1,  2, 3, 4, 5, 6, 7, 8, 9,
		            10, 0, 1, 2, 3, 4, 5, 6, 7 };
	int draft[DRAFT_MOST];

	(void)state;
	assert_int_equal(draft_next(ids, 13, draft), 1);
	assert_int_equal(draft[0], 3);
	assert_int_equal(draft_next(ids, 15, draft), 3);
	assert_memory_equal(draft, ids + 4, 3 * sizeof *ids);
	for (size_t n = 17; n <= 18; n++) {
		assert_int_equal(draft_next(ids, n, draft), DRAFT_MOST);
		assert_memory_equal(draft, ids + n - 11, sizeof draft);
	}
}

static void the_longest_ending_counts_then_the_last(void **state)
{
	const int longest[] = { 1, 2, 3, 40, 9, 2, 3, 50, 1, 2, 3 };
	const int last[] = { 2, 3, 40, 2, 3, 50, 1, 2, 3 };
	int draft[DRAFT_MOST];

	(void)state;
	assert_int_equal(draft_next(longest, N_OF(longest), draft), 2);
	assert_int_equal(draft[0], 40);
	assert_int_equal(draft_next(last, N_OF(last), draft), 1);
	assert_int_equal(draft[0], 50);
}

static void what_repeats_itself_goes_on_so(void **state)
{
	const int ids[] = { 5, 6, 7, 7, 7, 7, 7, 7, 7, 7 };
	const int pairs[] = { 9, 1, 2, 1, 2, 1, 2, 1, 2 };
	const int sevens[] = { 7, 7, 7, 7, 7 }, next[] = { 1, 2, 1, 2, 1 };
	int draft[DRAFT_MOST];

	(void)state;
	assert_int_equal(draft_next(ids, N_OF(ids), draft), 5);
	assert_memory_equal(draft, sevens, sizeof draft);
	assert_int_equal(draft_next(pairs, N_OF(pairs), draft), 5);
	assert_memory_equal(draft, next, sizeof draft);
}

/* On random lines of few different tokens: the longest ending that stood before, by
 * trying all. */
static void it_is_what_trying_all_finds(void **state)
{
	uint32_t rng = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		int ids[60], draft[DRAFT_MOST];
		size_t n, longest = 0, from = 0, got;

		for (n = 0; n < 60; n++) {
			rng = rng * 1664525 + 1013904223;
			ids[n] = (int)(rng >> 24) % (2 + round % 5);
		}
		n = 1 + (rng >> 8) % 60;
		for (size_t m = 1; m <= DRAFT_MOST + 1; m++)
			for (size_t end = m; end < n; end++)
				if (!memcmp(ids + end - m, ids + n - m,
				            m * sizeof *ids)) {
					longest = m;
					from = end;
				}
		got = draft_next(ids, n, draft);
		assert_int_equal(got, longest ? longest - 1 : 0);
		for (size_t i = 0; i < got && from + i < n; i++)
			assert_int_equal(draft[i], ids[from + i]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nothing_follows_what_is_new),
	cmocka_unit_test(a_longer_ending_is_followed_farther),
	cmocka_unit_test(the_longest_ending_counts_then_the_last),
	cmocka_unit_test(what_repeats_itself_goes_on_so),
	cmocka_unit_test(it_is_what_trying_all_finds),
};

TEST_MAIN(tests)
