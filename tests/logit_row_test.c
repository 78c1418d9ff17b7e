#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "engine/logit_row.h"
#include "tests/numbers.h"

#define MOST 1000

static const size_t sizes[] = { 1, 5, 128, 129, 700, MOST };
#define N_SIZES (sizeof sizes / sizeof *sizes)

static uint64_t rng = 7;

/* Many equals or few, some of no probability, some that are no number. */
static void fill(float *x, size_t n)
{
	size_t range = numbers_below(&rng, 2) ? 64 : 1 << 20;

	for (size_t i = 0; i < n; i++) {
		size_t kind = numbers_below(&rng, 20);

		x[i] = kind == 0   ? NAN
		       : kind == 1 ? -INFINITY
		                   : (float)numbers_below(&rng, range) - 32;
	}
}

static void assert_same(const struct logit_row *a, const struct logit_row *b)
{
	assert_ptr_equal(a->x, b->x);
	assert_true(a->top == b->top);
	for (size_t i = 0; i < a->n_blocks; i++)
		assert_true(a->block_max[i] == b->block_max[i]);
}

static void a_changed_row_is_as_one_that_was_set_anew(void **state)
{
	float x[MOST], y[MOST];
	int ids[MOST];

	(void)state;
	for (size_t round = 0; round < 20 * N_SIZES; round++) {
		size_t n = sizes[round % N_SIZES];
		size_t n_ids = numbers_below(&rng, n + 1);
		struct logit_row before, changed, anew;

		if (round % 2)
			n_ids %= 4; /* of fewer ids than blocks, too */
		fill(x, n);
		memcpy(y, x, n * sizeof *y);
		for (size_t i = 0; i < n_ids; i++) {
			ids[i] = (int)numbers_below(&rng, n);
			y[ids[i]] = (float)numbers_below(&rng, 100) - 50;
		}
		logit_row_init(&before, n);
		logit_row_init(&changed, n);
		logit_row_init(&anew, n);
		logit_row_set(&before, x);
		logit_row_set(&anew, y);
		logit_row_set_changed(&changed, &before, y, ids, n_ids);
		assert_same(&changed, &anew);
		logit_row_free(&before);
		logit_row_free(&changed);
		logit_row_free(&anew);
	}
}

/* All numbers of the row in order; how many. */
static size_t in_order(const float *x, size_t n, struct pick *all)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(x[i]))
			all[count++] = (struct pick){ x[i], (int)i };
	pick_sort(all, count);
	return count;
}

static void the_first_are_those_of_the_whole_row_in_order(void **state)
{
	struct pick all[MOST], picks[MOST];
	float x[MOST];

	(void)state;
	for (size_t round = 0; round < 20 * N_SIZES; round++) {
		size_t n = sizes[round % N_SIZES];
		size_t m = 1 + numbers_below(&rng, n + 3);
		struct logit_row row;
		size_t count, got;

		fill(x, n);
		count = in_order(x, n, all);
		logit_row_init(&row, n);
		logit_row_set(&row, x);
		got = logit_row_first(&row, m, picks);
		assert_int_equal(got, m < count ? m : count);
		if (got)
			assert_int_equal(picks[got - 1].id, all[got - 1].id);
		pick_sort(picks, got);
		for (size_t i = 0; i < got; i++)
			assert_int_equal(picks[i].id, all[i].id);
		logit_row_free(&row);
	}
}

static void what_is_gathered_is_all_that_is_large_enough_by_id(void **state)
{
	struct pick picks[MOST];
	float x[MOST];

	(void)state;
	for (size_t round = 0; round < 20 * N_SIZES; round++) {
		size_t n = sizes[round % N_SIZES];
		size_t m = 1 + numbers_below(&rng, n);
		struct logit_row row;
		size_t got, next = 0;
		float least;

		if (round % 2)
			m = 1 + m % 8; /* there are 8 blocks at most */
		fill(x, n);
		logit_row_init(&row, n);
		logit_row_set(&row, x);
		least = logit_row_floor(&row, m, picks);
		got = logit_row_gather(&row, least, picks);
		if (least > -INFINITY)
			assert_true(got >= m);
		for (size_t i = 0; i < n; i++)
			if (x[i] >= least)
				assert_int_equal(picks[next++].id, i);
		assert_int_equal(next, got);
		logit_row_free(&row);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_changed_row_is_as_one_that_was_set_anew),
	cmocka_unit_test(the_first_are_those_of_the_whole_row_in_order),
	cmocka_unit_test(what_is_gathered_is_all_that_is_large_enough_by_id),
};

TEST_MAIN(tests)
