/*
 * threads.h - a fork-join pool for the inside of one forward pass
 *
 * threads_run() calls work(arg, index, n) once for every index in [0, n) and
 * returns when all are done; index 0 runs on the caller's thread.  A forward
 * pass does this some hundred times a token, so workers spin for a moment
 * (pause, then yield) before they sleep on a futex; an idle pool burns nothing.
 * One thread at a time may call threads_run().  The work must not call it again.
 */
#ifndef CONFAB_THREADS_H
#define CONFAB_THREADS_H

#include <stddef.h>

struct error;
struct threads;

/* n >= 1; n == 1 makes no thread. */
struct threads *threads_new(int n, struct error *err);
void threads_free(struct threads *pool);
int threads_count(const struct threads *pool); /* pool may be NULL: 1 */

/* pool may be NULL: the work runs on the caller alone. */
void threads_run(struct threads *pool, void (*work)(void *arg, int index, int n),
                 void *arg);

/* Waits until every thread of the threads_run() in progress is here.  Only
 * inside work, and by all indices equally often. */
void threads_barrier(struct threads *pool);

/* The part [*begin, *end) of total items for thread index of n, cut at
 * multiples of grain, as even as that allows. */
void threads_split(size_t total, size_t grain, int index, int n, size_t *begin,
                   size_t *end);

/* Physical cores this process may use: affinity mask and cgroup v1/v2 CPU
 * quota taken into account, SMT siblings counted once.  At least 1. */
int threads_default_count(void);

#endif
