#include "tests/support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cores.h"
#include "base/error.h"
#include "base/threads.h"

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#define MAX_THREADS 8

/* Plain integers: the pool alone orders them, and the thread sanitizer says
 * when it does not. */
struct tally {
	int calls[MAX_THREADS];
	pthread_t who[MAX_THREADS];
	int n;
};

static void count(void *arg, int index, int n)
{
	struct tally *tally = arg;

	tally->calls[index]++;
	tally->who[index] = pthread_self();
	if (index == 0)
		tally->n = n;
}

static void every_index_runs_once_and_zero_on_the_caller(void **state)
{
	(void)state;
	for (int n = 1; n <= MAX_THREADS; n++) {
		struct threads *pool = threads_new(n, NULL);
		struct tally tally = { .n = 0 };

		assert_int_equal(threads_count(pool), n);
		for (int run = 1; run <= 50; run++) {
			threads_run(pool, count, &tally);
			assert_int_equal(tally.n, n);
			for (int i = 0; i < MAX_THREADS; i++)
				assert_int_equal(tally.calls[i],
				                 i < n ? run : 0);
		}
		assert_true(pthread_equal(tally.who[0], pthread_self()));
		for (int i = 1; i < n; i++)
			assert_false(
				pthread_equal(tally.who[i], pthread_self()));
		threads_free(pool);
	}
}

static void no_pool_is_a_pool_of_one(void **state)
{
	struct tally tally = { .n = 0 };

	(void)state;
	assert_int_equal(threads_count(NULL), 1);
	threads_run(NULL, count, &tally);
	threads_barrier(NULL);
	assert_int_equal(tally.calls[0], 1);
	assert_int_equal(tally.n, 1);
	threads_free(NULL);
}

/* A row of cells that is turned over and over: each thread writes its own and
 * reads its neighbour's, which is right only if the barrier holds. */
struct ring {
	struct threads *pool;
	long cell[2][MAX_THREADS];
	int steps;
};

static void turn(void *arg, int index, int n)
{
	struct ring *ring = arg;

	for (int step = 0; step < ring->steps; step++) {
		long *old = ring->cell[step % 2];
		long *new = ring->cell[(step + 1) % 2];

		new[index] = old[(index + 1) % n] + 1;
		threads_barrier(ring->pool);
	}
}

static void a_barrier_lets_nobody_ahead(void **state)
{
	(void)state;
	for (int n = 1; n <= MAX_THREADS; n = n < 4 ? n + 1 : 2 * n) {
		struct ring ring = { .pool = threads_new(n, NULL),
			             .steps = 301 };

		for (int i = 0; i < n; i++)
			ring.cell[0][i] = i;
		for (int run = 0; run < 3; run++) {
			threads_run(ring.pool, turn, &ring);
			memcpy(ring.cell[0], ring.cell[1], sizeof ring.cell[0]);
		}
		for (int i = 0; i < n; i++)
			assert_int_equal(ring.cell[0][i], (i + 903) % n + 903);
		threads_free(ring.pool);
	}
}

/* More threads than processors: one that waits must not keep the processor
 * from the one it waits for. */
static void a_crowded_pool_does_not_crawl(void **state)
{
	struct ring ring = { .pool = threads_new(MAX_THREADS, NULL),
		             .steps = 1000 };
	double start = seconds(CLOCK_MONOTONIC);

	(void)state;
	threads_run(ring.pool, turn, &ring);
	/* About 0.02 s; spinning for a time slice at each barrier takes 4 s
	 * and more. */
	assert_true(seconds(CLOCK_MONOTONIC) - start < 3);
	threads_free(ring.pool);
}

static void an_idle_pool_burns_nothing(void **state)
{
	struct threads *pool = threads_new(4, NULL);
	struct tally tally = { .n = 0 };
	double start;

	(void)state;
	threads_run(pool, count, &tally);
	usleep(50000); /* they may spin for a while */
	start = seconds(CLOCK_PROCESS_CPUTIME_ID);
	usleep(300000);
	assert_true(seconds(CLOCK_PROCESS_CPUTIME_ID) - start < 0.01);
	/* And it wakes from the sleep. */
	threads_run(pool, count, &tally);
	assert_int_equal(tally.calls[3], 2);
	threads_free(pool);
}

/* Runs at all distances from an earlier one meet the workers spinning,
 * yielding, falling asleep and asleep. */
static void a_run_is_never_missed_however_late_it_comes(void **state)
{
	struct threads *pool = threads_new(2, NULL);
	struct tally tally = { .n = 0 };

	(void)state;
	for (int i = 0; i < 300; i++) {
		threads_run(pool, count, &tally);
		usleep((useconds_t)(i * 12));
	}
	assert_int_equal(tally.calls[1], 300);
	threads_free(pool);
}

static void slow_work(void *arg, int index, int n)
{
	(void)n;
	if (index == 1)
		usleep(30000);
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void the_caller_sleeps_while_a_worker_is_slow(void **state)
{
	struct threads *pool = threads_new(3, NULL);
	atomic_int done = 0;
	double start = seconds(CLOCK_PROCESS_CPUTIME_ID);

	(void)state;
	threads_run(pool, slow_work, &done);
	assert_int_equal(done, 3);
	/* Two of them wait for 30 ms and may burn 2 ms each. */
	assert_true(seconds(CLOCK_PROCESS_CPUTIME_ID) - start < 0.02);
	threads_free(pool);
}

static void pools_come_and_go(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct threads *pool = threads_new(1 + i % 5, NULL);
		struct tally tally = { .n = 0 };

		if (i % 2)
			threads_run(pool, count, &tally);
		threads_free(pool);
	}
}

static void read_mask(void *arg, int index, int n)
{
	(void)n;
	if (index == 1)
		pthread_sigmask(SIG_BLOCK, NULL, arg);
}

static void workers_leave_signals_to_the_main_thread(void **state)
{
	struct threads *pool = threads_new(2, NULL);
	sigset_t worker, own;

	(void)state;
	threads_run(pool, read_mask, &worker);
	assert_true(sigismember(&worker, SIGINT));
	assert_true(sigismember(&worker, SIGTERM));
	assert_true(sigismember(&worker, SIGWINCH));
	/* Raised by an instruction: blocked, they would kill unheard. */
	assert_false(sigismember(&worker, SIGBUS));
	assert_false(sigismember(&worker, SIGSEGV));
	pthread_sigmask(SIG_BLOCK, NULL, &own);
	assert_false(sigismember(&own, SIGINT));
	threads_free(pool);
}

static void split_covers_all_in_order_and_evenly(void **state)
{
	static const size_t totals[] = { 0, 1, 7, 64, 65, 1000, 151936 };
	static const size_t grains[] = { 1, 2, 16, 48, 500 };

	(void)state;
	for (size_t t = 0; t < 7; t++)
		for (size_t g = 0; g < 5; g++)
			for (int n = 1; n <= 9; n++) {
				size_t at = 0, least = SIZE_MAX, most = 0;
				size_t grain = grains[g];

				for (int i = 0; i < n; i++) {
					size_t begin, end, units;

					threads_split(totals[t], grain, i, n,
					              &begin, &end);
					assert_int_equal(begin, at);
					assert_true(end >= begin);
					assert_true(begin % grain == 0 ||
					            begin == totals[t]);
					at = end;
					units = (end - begin + grain - 1) /
					        grain;
					least = units < least ? units : least;
					most = units > most ? units : most;
				}
				assert_int_equal(at, totals[t]);
				assert_true(most - least <= 1);
			}
}

static void the_default_respects_the_affinity_mask(void **state)
{
	static int processors[CPU_SETSIZE];
	cpu_set_t before, one;
	int cpu = 0, n;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	assert_true(threads_default_count() >= 1);
	assert_true(threads_default_count() <= CPU_COUNT(&before));
	assert_int_equal(cores_logical(), CPU_COUNT(&before));
	assert_true(cores_physical() <= cores_logical());
	n = cores_list(processors, CPU_SETSIZE);
	assert_int_equal(n, cores_physical());
	for (int i = 0; i < n; i++) {
		assert_true(CPU_ISSET(processors[i], &before));
		assert_true(i == 0 || processors[i] > processors[i - 1]);
	}
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	assert_int_equal(threads_default_count(), 1);
	assert_int_equal(cores_list(processors, 1), 1);
	assert_int_equal(processors[0], cpu);
	assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_index_runs_once_and_zero_on_the_caller),
	cmocka_unit_test(no_pool_is_a_pool_of_one),
	cmocka_unit_test(a_barrier_lets_nobody_ahead),
	cmocka_unit_test(a_crowded_pool_does_not_crawl),
	cmocka_unit_test(an_idle_pool_burns_nothing),
	cmocka_unit_test(a_run_is_never_missed_however_late_it_comes),
	cmocka_unit_test(the_caller_sleeps_while_a_worker_is_slow),
	cmocka_unit_test(pools_come_and_go),
	cmocka_unit_test(workers_leave_signals_to_the_main_thread),
	cmocka_unit_test(split_covers_all_in_order_and_evenly),
	cmocka_unit_test(the_default_respects_the_affinity_mask),
};

TEST_MAIN(tests)
