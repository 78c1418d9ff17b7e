/*
 * machine.c - multiply-adds a second of one thread and of several
 *
 *	machine [THREADS]
 *
 * Prints both in GFLOP/s and how much the one goes into the other.  Threads
 * that share a core, or a machine whose neighbours take it away, do not add
 * up; figures of such a minute say nothing.  compare.sh builds and reads it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHAINS  10 /* independent sums: latency times width of any CPU */
#define LANES   8  /* floats: a register of AVX2, or half of one */
#define STEPS   1000000
#define REPEATS 7

typedef float vector __attribute__((vector_size(4 * LANES)));

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The compiler makes fused multiply-adds of the widest kind that each of the
 * targets has. */
#ifdef __x86_64__
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
static float
work(float start)
{
	vector a[CHAINS], b = { start };
	float sum = 0;

	for (int i = 0; i < CHAINS; i++)
		a[i] = b + (float)i;
	for (int step = 0; step < STEPS; step++)
#pragma GCC unroll 10
		for (int i = 0; i < CHAINS; i++)
			a[i] = a[i] * b + b;
	for (int i = 0; i < CHAINS; i++)
		sum += a[i][0];
	return sum;
}

static void *run(void *arg)
{
	float *x = arg;

	*x = work(*x);
	return NULL;
}

/* GFLOP/s of n threads together, the best of some: a neighbour can only slow
 * them down. */
static double rate(int n)
{
	pthread_t *threads = calloc((size_t)n, sizeof *threads);
	float *x = calloc((size_t)n * 16, sizeof *x); /* a line each */
	double best = 0;

	if (!threads || !x)
		exit(1);
	for (int r = 0; r < REPEATS; r++) {
		double start = now(), got;

		for (int i = 0; i < n; i++) {
			x[i * 16] = 0.5f;
			if (pthread_create(&threads[i], NULL, run, &x[i * 16]))
				exit(1);
		}
		for (int i = 0; i < n; i++)
			pthread_join(threads[i], NULL);
		got = 2e-9 * CHAINS * LANES * STEPS * n / (now() - start);
		best = got > best ? got : best;
	}
	free(threads);
	free(x);
	return best;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 2;
	double one, all;

	if (n < 1)
		return 2;
	one = rate(1);
	all = rate(n);
	printf("%.0f %.0f %.2f\n", one, all, all / one);
	return 0;
}
