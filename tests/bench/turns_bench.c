/*
 * turns_bench.c - products of few rows in turns with plain reading
 *
 *	turns_bench [-t THREADS] [-d DTYPE] [-r ROWS] [-n TURNS] [ELEMENTS]...
 *
 * What neighbours leave of the memory changes from second to second, and more than
 * two kernels differ.  So turns are short, a few milliseconds: in each, weights of
 * 16 MB with rows of so many ELEMENTS are multiplied by one row (or ROWS) with every
 * vector set of kernels that this processor has, and as many bytes are just read.  The
 * medians of a thousand turns repeat to one per cent: what was read in the time, and
 * that as a share of plain reading in the same turn.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "math/tensor.h"
#include "tests/bench/bench.h"

#define POOL_BYTES (1u << 30) /* of weights: far more than any cache */
#define TURN_BYTES (16u << 20)
#define MOST_IN    32768
#define MOST_OUT   (TURN_BYTES / 64)
#define MAX_TURNS  10000
#define SETS       4 /* and plain reading, which is the last one */

static const char *const names[SETS] = { "avx2", "avx512", "amx", "reading" };

struct bench {
	struct threads *pool;
	struct linear_work *work;
	char *weights;
	size_t offset; /* of those used next */
	float *x, *y;
	enum dtype dtype;
	size_t rows;
};

static volatile float sink;

static void die(const char *text)
{
	fprintf(stderr, "turns_bench: %s\n", text);
	exit(1);
}

static void read_work(void *arg, int index, int n)
{
	const struct bench *bench = arg;
	size_t begin, end;

	threads_split(TURN_BYTES / sizeof(float), 1024, index, n, &begin, &end);
	sink = kernels_get()->max(
		(const float *)(bench->weights + bench->offset) + begin,
		end - begin);
}

/* Seconds; w is TURN_BYTES at most. */
static double turn(struct bench *bench, int set, struct tensor *w)
{
	struct linear_job job = { .w = w,
		                  .y = bench->y,
		                  .y_stride = (size_t)tensor_rows(w) };
	double began;

	if (set < SETS - 1)
		kernels_use(kernels_by_name(names[set]));
	w->data = bench->weights + bench->offset;
	began = clock_seconds();
	if (set == SETS - 1)
		threads_run(bench->pool, read_work, bench);
	else
		linear(bench->work, &job, bench->x, (size_t)tensor_cols(w),
		       bench->rows, false);
	began = clock_seconds() - began;
	bench->offset += TURN_BYTES;
	if (bench->offset + TURN_BYTES > POOL_BYTES)
		bench->offset = 0;
	return began;
}

static void measure(struct bench *bench, int64_t elements, int turns)
{
	static double rate[SETS][MAX_TURNS], share[SETS][MAX_TURNS];
	struct tensor w = { .dtype = bench->dtype, .n_dims = 2 };
	size_t row, n = (size_t)turns;

	if (elements < 256 || elements > MOST_IN ||
	    !dtype_row_bytes(bench->dtype, elements, &row))
		die("rows have 256 to 32768 elements, in whole blocks");
	w.shape[0] = (int64_t)(TURN_BYTES / row / 16 * 16);
	w.shape[1] = elements;
	w.bytes = (size_t)w.shape[0] * row;
	for (int i = 0; i < turns; i++) {
		for (int s = 0; s < SETS; s++)
			if (s == SETS - 1 || kernels_by_name(names[s]))
				rate[s][i] = (double)(s == SETS - 1 ? TURN_BYTES
				                                    : w.bytes) /
				             turn(bench, s, &w);
		for (int s = 0; s < SETS; s++)
			share[s][i] = rate[s][i] / rate[SETS - 1][i];
	}
	for (int s = 0; s < SETS; s++)
		if (rate[s][0] > 0)
			printf("%-5s %6lld elements  %-8s %6.1f GB/s %4.0f%%\n",
			       dtype_info(bench->dtype)->name,
			       (long long)elements, names[s],
			       bench_median(rate[s], n) * 1e-9,
			       100 * bench_median(share[s], n));
	fflush(stdout);
}

static void set_up(struct bench *bench, int threads)
{
	struct error err = { "" };

	bench->pool = threads_new(threads, &err);
	if (!bench->pool)
		die(err.text);
	bench->work = linear_work_new(bench->pool, bench->rows, MOST_IN,
	                              MOST_OUT, &err);
	if (!bench->work)
		die(err.text);
	bench->weights = bench_weights(bench->dtype, POOL_BYTES);
	bench->x = bench_activations(bench->rows, MOST_IN);
	bench->y = mem_try(bench->rows, MOST_OUT * sizeof(float));
	if (!bench->weights || !bench->x || !bench->y)
		die("no memory");
}

int main(int argc, char **argv)
{
	struct bench bench = { .dtype = DTYPE_BF16, .rows = 1 };
	int threads = threads_default_count(), turns = 500, option;
	bool known = true;

	while ((option = getopt(argc, argv, "t:d:r:n:")) != -1) {
		if (option == 't')
			threads = atoi(optarg);
		else if (option == 'd')
			known = bench_dtype(optarg, &bench.dtype);
		else if (option == 'r')
			bench.rows = strtoul(optarg, NULL, 10);
		else if (option == 'n')
			turns = atoi(optarg);
		else
			return 2;
	}
	if (!known)
		die("no such dtype");
	if (threads < 1 || bench.rows < 1 || turns < 1 || turns > MAX_TURNS)
		die("threads, rows and turns are at least 1");
	set_up(&bench, threads);
	if (optind == argc)
		measure(&bench, 2560, turns);
	for (; optind < argc; optind++)
		measure(&bench, strtoll(argv[optind], NULL, 10), turns);
	linear_work_free(bench.work);
	threads_free(bench.pool);
	free(bench.weights);
	free(bench.x);
	free(bench.y);
	return 0;
}
