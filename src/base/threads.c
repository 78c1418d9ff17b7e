#include "base/threads.h"

#include <assert.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cores.h"
#include "base/error.h"
#include "base/fault_stack.h"
#include "base/mem.h"

/*
 * How long a thread waits and how.  Inside a forward pass the others come
 * within microseconds: SPINS pauses take 20 to 60 of these.  Between two
 * tokens the caller samples and talks to the front end, some hundred
 * microseconds: YIELD_NS bridges that.  Whoever waits longer is idle.  A pool
 * of more threads than processors waits for threads that need its processor:
 * it does not spin and sleeps early.
 */
#define SPINS           1000
#define YIELD_NS        2000000
#define YIELD_NS_SHARED 50000

#define CACHE_LINE 64

/* A word that threads wait on, alone on its cache line.  `sleepers` counts
 * those that are in the kernel or about to be. */
struct gate {
	_Alignas(CACHE_LINE) atomic_uint word;
	atomic_int sleepers;
};

struct worker {
	struct threads *pool;
	pthread_t thread;
	int index; /* 1..n-1; index 0 is the caller */
};

struct threads {
	struct gate start; /* counts the runs; moves on when one begins */
	struct gate phase; /* counts the barriers; moves on when all arrived */
	_Alignas(CACHE_LINE) atomic_int arrived; /* at the current barrier */
	/* Written before `start` moves, read after it has. */
	_Alignas(CACHE_LINE) void (*work)(void *arg, int index, int n);
	void *arg;
	bool stop;
	/* Constant once the workers run. */
	int n;
	int spins;
	int64_t yield_ns;
	struct worker *workers; /* [n], the first unused */
};

static void cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void futex(atomic_uint *word, int operation, unsigned value)
{
	syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL,
	        NULL, 0);
}

/*
 * The sleeper counts itself and then has the kernel look at the word once
 * more; the opener moves the word and then looks at the count.  All four are
 * sequentially consistent, so at least one of the two sees the other.
 */
static void gate_sleep(struct gate *gate, unsigned old)
{
	atomic_fetch_add(&gate->sleepers, 1);
	while (atomic_load(&gate->word) == old)
		futex(&gate->word, FUTEX_WAIT, old);
	atomic_fetch_sub(&gate->sleepers, 1);
}

static void gate_wait(const struct threads *pool, struct gate *gate,
                      unsigned old)
{
	int64_t end;

	for (int i = 0; i < pool->spins; i++) {
		if (atomic_load_explicit(&gate->word, memory_order_acquire) !=
		    old)
			return;
		cpu_pause();
	}
	end = now_ns() + pool->yield_ns;
	do {
		if (atomic_load_explicit(&gate->word, memory_order_acquire) !=
		    old)
			return;
		sched_yield();
	} while (now_ns() < end);
	gate_sleep(gate, old);
}

static void gate_open(struct gate *gate)
{
	atomic_fetch_add(&gate->word, 1);
	if (atomic_load(&gate->sleepers))
		futex(&gate->word, FUTEX_WAKE, INT32_MAX);
}

/* Nobody can be a whole phase behind: the next barrier needs everyone, and so
 * the count of phases is all the sense that a thread must remember. */
void threads_barrier(struct threads *pool)
{
	unsigned phase;

	if (!pool || pool->n == 1)
		return;
	phase = atomic_load_explicit(&pool->phase.word, memory_order_relaxed);
	if (atomic_fetch_add(&pool->arrived, 1) == pool->n - 1) {
		atomic_store(&pool->arrived, 0);
		gate_open(&pool->phase);
	} else {
		gate_wait(pool, &pool->phase, phase);
	}
}

static void *worker_main(void *arg)
{
	const struct worker *self = arg;
	struct threads *pool = self->pool;

	fault_stack_use();
	for (unsigned run = 0;; run++) {
		gate_wait(pool, &pool->start, run);
		if (pool->stop)
			return NULL;
		pool->work(pool->arg, self->index, pool->n);
		threads_barrier(pool);
	}
}

void threads_run(struct threads *pool,
                 void (*work)(void *arg, int index, int n), void *arg)
{
	if (!pool || pool->n == 1) {
		work(arg, 0, 1);
		return;
	}
	pool->work = work;
	pool->arg = arg;
	gate_open(&pool->start);
	work(arg, 0, pool->n);
	threads_barrier(pool);
}

/* Signals are for the main thread.  The ones that an instruction raises must
 * stay open: blocked, the kernel would kill without calling the handler that
 * restores the terminal. */
static void block_signals(sigset_t *before)
{
	static const int own[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
		                   SIGABRT, SIGTRAP, SIGSYS };
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

static int start_worker(struct threads *pool, int index)
{
	struct worker *worker = &pool->workers[index];
	int failed;

	worker->pool = pool;
	worker->index = index;
	failed = pthread_create(&worker->thread, NULL, worker_main, worker);
	if (!failed)
		pthread_setname_np(worker->thread, "confab-worker");
	return failed;
}

/*
 * A pool as wide as the machine keeps each worker on its core, so that the
 * kernel never puts two on one while they spin for each other.  A narrower
 * pool is left alone: a second program with the same idea would pile onto the
 * same few cores while others are free.  The caller is not ours to move.
 * Where pinning is forbidden the pool is merely slower.
 */
static void pin_workers(struct threads *pool)
{
	int *processors = mem_zalloc((size_t)pool->n, sizeof *processors);

	if (cores_list(processors, pool->n) == pool->n)
		for (int i = 1; i < pool->n; i++) {
			cpu_set_t set;

			if (processors[i] >= CPU_SETSIZE)
				break;
			CPU_ZERO(&set);
			CPU_SET(processors[i], &set);
			pthread_setaffinity_np(pool->workers[i].thread,
			                       sizeof set, &set);
		}
	free(processors);
}

static void stop_workers(struct threads *pool, int n)
{
	pool->stop = true;
	gate_open(&pool->start);
	for (int i = 1; i < n; i++)
		pthread_join(pool->workers[i].thread, NULL);
	free(pool->workers);
	free(pool);
}

struct threads *threads_new(int n, struct error *err)
{
	struct threads *pool = aligned_alloc(CACHE_LINE, sizeof *pool);
	bool shared = n > cores_logical();
	sigset_t before;

	assert(n >= 1);
	if (!pool) {
		error_set(err, "no memory for %d threads", n);
		return NULL;
	}
	memset(pool, 0, sizeof *pool);
	pool->n = n;
	pool->spins = shared ? 0 : SPINS;
	pool->yield_ns = shared ? YIELD_NS_SHARED : YIELD_NS;
	pool->workers = mem_zalloc((size_t)n, sizeof *pool->workers);
	block_signals(&before);
	for (int i = 1; i < n; i++) {
		int failed = start_worker(pool, i);

		if (!failed)
			continue;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		stop_workers(pool, i);
		error_set(err, "thread %d of %d: %s", i + 1, n,
		          strerror(failed));
		return NULL;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pin_workers(pool);
	return pool;
}

void threads_free(struct threads *pool)
{
	if (pool)
		stop_workers(pool, pool->n);
}

int threads_count(const struct threads *pool)
{
	return pool ? pool->n : 1;
}

void threads_split(size_t total, size_t grain, int index, int n, size_t *begin,
                   size_t *end)
{
	size_t units = total / grain + (total % grain != 0);
	size_t each = units / (size_t)n, more = units % (size_t)n;
	size_t i = (size_t)index;
	size_t first = each * i + (i < more ? i : more);
	size_t last = first + each + (i < more);

	*begin = first * grain < total ? first * grain : total;
	*end = last * grain < total ? last * grain : total;
}

int threads_default_count(void)
{
	int cores = cores_physical(), quota = cores_quota();

	return quota && quota < cores ? quota : cores;
}
