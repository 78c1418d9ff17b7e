#include "tests/support.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/shares.h"
#include "base/threads.h"

#define MAX_TOTAL 1000

struct run {
	struct shares *shares;
	size_t most;
	int slow; /* a thread that does nothing until all else is done; -1 */
	atomic_int done[MAX_TOTAL];
	atomic_size_t n_done, slow_did;
	size_t total;
};

static void take_all(void *arg, int index, int n)
{
	struct run *run = arg;
	size_t begin, end;

	(void)n;
	while (index == run->slow && atomic_load(&run->n_done) < run->total)
		sched_yield();
	while (shares_take(run->shares, index, run->most, &begin, &end)) {
		assert(begin < end && end - begin <= run->most);
		assert(end <= run->total);
		for (size_t i = begin; i < end; i++)
			atomic_fetch_add(&run->done[i], 1);
		atomic_fetch_add(&run->n_done, end - begin);
		if (index == run->slow)
			atomic_fetch_add(&run->slow_did, 1);
	}
}

static void check(struct threads *pool, struct run *run)
{
	for (size_t i = 0; i < MAX_TOTAL; i++)
		atomic_store(&run->done[i], 0);
	atomic_store(&run->n_done, 0);
	atomic_store(&run->slow_did, 0);
	threads_run(pool, take_all, run);
	assert_int_equal(atomic_load(&run->n_done), run->total);
	for (size_t i = 0; i < MAX_TOTAL; i++)
		assert_int_equal(atomic_load(&run->done[i]), i < run->total);
}

static void every_item_is_done_once(void **state)
{
	static const size_t totals[] = { 0, 1, 7, 16, 17, 96, 500, MAX_TOTAL };

	(void)state;
	for (int n = 1; n <= 5; n++) {
		struct threads *pool = threads_new(n, NULL);
		struct run run = { .shares = shares_new(n), .slow = -1 };

		for (size_t t = 0; t < sizeof totals / sizeof *totals; t++)
			for (run.most = 1; run.most < 200; run.most += 33) {
				run.total = totals[t];
				shares_begin(run.shares, run.total, 16);
				check(pool, &run);
			}
		shares_free(run.shares);
		threads_free(pool);
	}
}

static void a_late_thread_finds_its_share_done(void **state)
{
	struct threads *pool = threads_new(3, NULL);
	struct run run = { .shares = shares_new(3),
		           .most = 10,
		           .total = MAX_TOTAL };

	(void)state;
	for (run.slow = 0; run.slow < 3; run.slow++) {
		shares_begin(run.shares, run.total, 1);
		check(pool, &run);
		assert_int_equal(atomic_load(&run.slow_did), 0);
	}
	shares_free(run.shares);
	threads_free(pool);
}

static void own_pieces_come_first_and_in_order(void **state)
{
	struct shares *shares = shares_new(2);
	size_t begin, end;

	(void)state;
	shares_begin(shares, 64, 16);
	assert_true(shares_take(shares, 1, 20, &begin, &end));
	assert_true(begin == 32 && end == 52);
	assert_true(shares_take(shares, 1, 20, &begin, &end));
	assert_true(begin == 52 && end == 64);
	assert_true(shares_take(shares, 1, 20, &begin, &end));
	assert_true(begin == 0 && end == 20);
	assert_true(shares_take(shares, 0, 50, &begin, &end));
	assert_true(begin == 20 && end == 32);
	assert_false(shares_take(shares, 0, 1, &begin, &end));
	assert_false(shares_take(shares, 1, 1, &begin, &end));
	shares_free(shares);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_item_is_done_once),
	cmocka_unit_test(a_late_thread_finds_its_share_done),
	cmocka_unit_test(own_pieces_come_first_and_in_order),
};

TEST_MAIN(tests)
