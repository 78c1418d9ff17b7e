/*
 * linear_bench.c - how close linear.h comes to this machine's limits
 *
 *	linear_bench [-t THREADS] [-d DTYPE] [-e] [-s SECONDS] [ROWS]...
 *
 * For every weight shape of Qwen3-4B and every number of rows: bytes of weights
 * read a second as a share of the read bandwidth, and operations a second as a
 * share of the arithmetic peak, both measured just before.  Absolute figures
 * drift with the machine's neighbours, the shares much less.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "math/tensor.h"
#include "tests/bench/bench.h"

#define POOL_BYTES (1u << 30) /* of weights: far more than any cache */

static const struct shape {
	const char *name;
	int64_t n_out, n_in;
} shapes[] = {
	{ "q_proj", 4096, 2560 },      { "k_proj", 1024, 2560 },
	{ "o_proj", 2560, 4096 },      { "gate_proj", 9728, 2560 },
	{ "down_proj", 2560, 9728 },   { "lm_head", 151936, 2560 },
	{ "0.6B q_proj", 2048, 1024 }, { "0.6B down", 1024, 3072 },
};

struct bench {
	struct threads *pool;
	struct linear_work *work;
	char *weights;
	size_t offset; /* of the weights used next */
	float *x, *y;
	enum dtype dtype;
	bool exact;
	double seconds; /* per figure */
};

static void die(const char *text)
{
	fprintf(stderr, "linear_bench: %s\n", text);
	exit(1);
}

/* Arithmetic peaks: chains of independent multiply-adds in registers. */
static volatile float sink;

#ifdef __x86_64__
#define CHAINS 12
#define EACH   _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
#define PEAK(name, isa, vector, first, op, last) \
	__attribute__((target(isa))) static void name(long n) \
	{ \
		vector a[CHAINS]; \
\
		EACH a[i] = first; \
		for (; n > 0; n--) \
			EACH \
			{ \
				a[i] = op; \
				__asm__ volatile("" : "+v"(a[i])); \
			} \
		EACH sink = last; \
	}

PEAK(peak_avx2, "avx2,fma", __m256, _mm256_set1_ps(.5f),
     _mm256_fmadd_ps(a[i], a[i], a[i]), _mm256_cvtss_f32(a[i]))
PEAK(peak_avx512, "avx512f", __m512, _mm512_set1_ps(.5f),
     _mm512_fmadd_ps(a[i], a[i], a[i]), _mm512_cvtss_f32(a[i]))
PEAK(peak_bf16, "avx512f,avx512bf16", __m512, _mm512_set1_ps(.5f),
     _mm512_dpbf16_ps(a[i], (__m512bh)a[i], (__m512bh)a[i]),
     _mm512_cvtss_f32(a[i]))
PEAK(peak_int8, "avx512f,avx512vnni", __m512i, _mm512_set1_epi32(1),
     _mm512_dpbusd_epi32(a[i], a[i], a[i]),
     (float)_mm_cvtsi128_si32(_mm512_castsi512_si128(a[i])))
#endif

#define PEAK_STEPS 5000000L

struct peak {
	void (*run)(long n);
	double flops; /* a step */
};

/* What the activations are, and so which instruction's peak counts. */
enum form { FORM_F32, FORM_BF16, FORM_INT8 };

static struct peak peak_of(enum form form)
{
	struct peak peak = { NULL, 0 };
#ifdef __x86_64__
	const struct kernels *kernels = kernels_get();
	bool avx512 = kernels->panel_levelled; /* no other has these */

	if (form == FORM_INT8 && avx512)
		peak = (struct peak){ peak_int8, CHAINS * 128 };
	else if (form == FORM_BF16 && kernels->tile_bf16_narrow)
		peak = (struct peak){ peak_bf16, CHAINS * 64 };
	else if (avx512)
		peak = (struct peak){ peak_avx512, CHAINS * 32 };
	else if (strcmp(kernels->name, "avx2") == 0)
		peak = (struct peak){ peak_avx2, CHAINS * 16 };
#endif
	return peak;
}

static void peak_work(void *arg, int index, int n)
{
	const struct peak *peak = arg;

	(void)index;
	(void)n;
	peak->run(PEAK_STEPS);
}

/* GFLOP/s of all threads; 0 where it is not known how to measure that. */
static double measure_peak(const struct bench *bench, enum form form)
{
	struct peak peak = peak_of(form);
	double start, best = 0, rate;

	if (!peak.run)
		return 0;
	for (int i = 0; i < 3; i++) {
		start = clock_seconds();
		threads_run(bench->pool, peak_work, &peak);
		rate = peak.flops * PEAK_STEPS * threads_count(bench->pool) /
		       (clock_seconds() - start) * 1e-9;
		best = rate > best ? rate : best;
	}
	return best;
}

static void read_work(void *arg, int index, int n)
{
	const struct bench *bench = arg;
	size_t begin, end;

	threads_split(POOL_BYTES / 4, 1024, index, n, &begin, &end);
	sink = kernels_get()->max((const float *)bench->weights + begin,
	                          end - begin);
}

static double measure_read(struct bench *bench)
{
	double start, best = 0, rate;

	for (int i = 0; i < 3; i++) {
		start = clock_seconds();
		threads_run(bench->pool, read_work, bench);
		rate = POOL_BYTES / (clock_seconds() - start) * 1e-9;
		best = rate > best ? rate : best;
	}
	return best;
}

static double once(struct bench *bench, const struct shape *shape, size_t rows,
                   size_t bytes)
{
	struct tensor w = { .dtype = bench->dtype,
		            .n_dims = 2,
		            .bytes = bytes,
		            .shape = { shape->n_out, shape->n_in } };
	struct linear_job job = { .w = &w,
		                  .y = bench->y,
		                  .y_stride = (size_t)shape->n_out };
	double start;

	if (bench->offset + bytes > POOL_BYTES)
		bench->offset = 0;
	w.data = bench->weights + bench->offset;
	bench->offset += bytes;
	start = clock_seconds();
	linear(bench->work, &job, bench->x, (size_t)shape->n_in, rows,
	       bench->exact);
	return clock_seconds() - start;
}

static enum form form_of(const struct bench *bench, size_t rows)
{
	if (bench->exact)
		return FORM_F32;
	if (dtype_info(bench->dtype)->block > 1)
		return FORM_INT8;
	return bench->dtype == DTYPE_BF16 && rows >= LINEAR_NARROW_ROWS
	               ? FORM_BF16
	               : FORM_F32;
}

#define MAX_RUNS 1000

static void measure(struct bench *bench, const struct shape *shape, size_t rows)
{
	double read = measure_read(bench);
	double peak = measure_peak(bench, form_of(bench, rows));
	double times[MAX_RUNS], gbs, gflops, total = 0;
	int64_t elements;
	size_t bytes;
	int n = 0;

	if (!tensor_size(bench->dtype, 2,
	                 (int64_t[]){ shape->n_out, shape->n_in }, &elements,
	                 &bytes))
		return;
	once(bench, shape, rows, bytes);
	while (n < 3 || (n < MAX_RUNS && total < bench->seconds)) {
		times[n] = once(bench, shape, rows, bytes);
		total += times[n++];
	}
	qsort(times, (size_t)n, sizeof *times, bench_by_value);
	gbs = (double)bytes / times[n / 2] * 1e-9;
	gflops = 2.0 * (double)elements * (double)rows / times[n / 2] * 1e-9;
	printf("%-12s %6lld x %-5lld %4zu rows: %6.1f GB/s (%3.0f%%) "
	       "%7.1f GFLOP/s (%3.0f%%)\n",
	       shape->name, (long long)shape->n_out, (long long)shape->n_in,
	       rows, gbs, 100 * gbs / read, gflops,
	       peak > 0 ? 100 * gflops / peak : 0);
	fflush(stdout);
}

static void set_up(struct bench *bench, int threads, size_t max_rows)
{
	struct error err = { "" };

	bench->pool = threads_new(threads, &err);
	if (!bench->pool)
		die(err.text);
	bench->work =
		linear_work_new(bench->pool, max_rows, 9728, 151936, &err);
	if (!bench->work)
		die(err.text);
	bench->weights = bench_weights(bench->dtype, POOL_BYTES);
	bench->x = bench_activations(max_rows, 9728);
	bench->y = mem_try(max_rows, 151936 * sizeof(float));
	if (!bench->weights || !bench->x || !bench->y)
		die("no memory");
	memset(bench->y, 0, max_rows * 151936 * sizeof(float));
}

int main(int argc, char **argv)
{
	static const size_t standard[] = { 1, 2, 4, 8, 16, 32, 64, 512 };
	struct bench bench = { .dtype = DTYPE_BF16, .seconds = 0.5 };
	size_t rows[16], n_rows = 0, max_rows = 0;
	int threads = threads_default_count(), option;
	const char *only = NULL;
	bool known = true;

	while ((option = getopt(argc, argv, "t:d:s:n:e")) != -1) {
		if (option == 't')
			threads = atoi(optarg);
		else if (option == 'd')
			known = bench_dtype(optarg, &bench.dtype);
		else if (option == 's')
			bench.seconds = atof(optarg);
		else if (option == 'n')
			only = optarg;
		else if (option == 'e')
			bench.exact = true;
		else
			return 2;
	}
	if (!known)
		die("no such dtype");
	for (; optind < argc && n_rows < 16; optind++)
		rows[n_rows++] = strtoul(argv[optind], NULL, 10);
	for (size_t i = 0; n_rows == 0 || i < n_rows; i++) {
		if (n_rows == 0) {
			n_rows = sizeof standard / sizeof *standard;
			memcpy(rows, standard, sizeof standard);
		}
		max_rows = rows[i] > max_rows ? rows[i] : max_rows;
	}
	if (threads < 1 || max_rows < 1)
		die("threads and rows are at least 1");
	set_up(&bench, threads, max_rows);
	printf("kernels %s, %s%s, %d threads: read %.1f GB/s, peak %.0f f32 "
	       "%.0f bf16 %.0f int8 GFLOP/s\n",
	       kernels_get()->name, dtype_info(bench.dtype)->name,
	       bench.exact ? " exact" : "", threads, measure_read(&bench),
	       measure_peak(&bench, FORM_F32), measure_peak(&bench, FORM_BF16),
	       measure_peak(&bench, FORM_INT8));
	for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
		for (size_t i = 0; i < n_rows; i++)
			if ((!only || strcmp(only, shapes[s].name) == 0) &&
			    (rows[i] < 128 || shapes[s].n_out < 100000))
				measure(&bench, &shapes[s], rows[i]);
	linear_work_free(bench.work);
	threads_free(bench.pool);
	free(bench.weights);
	free(bench.x);
	free(bench.y);
	return 0;
}
