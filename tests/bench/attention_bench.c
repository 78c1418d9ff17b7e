/*
 * attention_bench.c - how close paged_attention.h comes to this machine's
 * limits
 *
 *	attention_bench [-t THREADS] [-k f16|bf16|f32|q8_0] [-e] [-b] [-c] [-H HEADS]
 *	                [-K KV_HEADS] [-D HEAD_DIM] [-L LAYERS] [-d DEPTH]
 *	                [-s SEQ] [-r REPEATS]
 *
 * One pass over all layers of a cache that holds DEPTH tokens, of which the
 * last SEQ are new: SEQ 1 is decode, bound by memory, the more the nearer
 * arithmetic.  Without -s both are measured.  The defaults are the shape of
 * Qwen3-4B.  Reading the same pages and doing nothing is the limit for decode;
 * multiply-adds in registers that for prefill.  -b takes the best repeat
 * instead of the median, -c the processor's time instead of the clock's (with
 * -t 1), both for a machine that has other work.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "math/kernels.h"
#include "model/kv_cache.h"
#include "model/paged_attention.h"
#include "tests/bench/bench.h"

struct bench {
	struct threads *pool;
	struct paged_attention *work;
	struct kv_cache *cache;
	struct kv_shape shape;
	int heads;
	size_t depth;
	int repeats;
	bool exact, best;
	clockid_t clock;
	float *q;
};

static double now(const struct bench *bench)
{
	struct timespec t;

	clock_gettime(bench->clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *text)
{
	fprintf(stderr, "attention_bench: %s\n", text);
	exit(1);
}

static float noise(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (float)(int32_t)(*state >> 32) * 0x1p-31f;
}

/* Any finite numbers will do: the same in every layer and head. */
static void fill(struct bench *bench)
{
	size_t dim = (size_t)bench->shape.head_dim;
	float *k = mem_alloc(2 * dim * sizeof *k), *v = k + dim;
	uint64_t state = 1;

	for (size_t t = 0; t < bench->depth; t++) {
		for (size_t d = 0; d < 2 * dim; d++)
			k[d] = noise(&state);
		for (int l = 0; l < bench->shape.layers; l++)
			for (int h = 0; h < bench->shape.kv_heads; h++)
				kv_cache_store(bench->cache, t, l, h, k, v);
	}
	bench->cache->length = bench->depth;
	free(k);
}

/* ---- the limits ---- */

static volatile float sink;

static void read_work(void *arg, int index, int n)
{
	const struct bench *bench = arg;
	const struct kv_cache *cache = bench->cache;
	size_t bytes = kv_page_bytes(&bench->shape), begin, end;
	float sum = 0;

	threads_split(cache->n_pages * bytes, bytes / 64, index, n, &begin,
	              &end);
	for (size_t at = begin; at < end; at += bytes / 64) {
		const char *part = kv_cache_page(cache, at / bytes);
		const float *x = (const void *)(part + at % bytes);
		float s[64] = { 0 };

		for (size_t i = 0; i + 64 <= bytes / 256; i += 64)
			for (size_t j = 0; j < 64; j++)
				s[j] += x[i + j];
		for (size_t j = 0; j < 64; j++)
			sum += s[j];
	}
	sink = sum;
}

static double read_pass(struct bench *bench)
{
	double start = now(bench);

	threads_run(bench->pool, read_work, bench);
	return now(bench) - start;
}

#ifdef __x86_64__
/* Chains of multiply-adds that stay in registers, which takes unrolled loops
 * throughout. */
#define CHAINS 12
#define EACH   _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++)
#define STEPS  500000

__attribute__((target("avx512f"))) static void fma_work(void *arg, int index,
                                                        int n)
{
	__m512 a[CHAINS];

	(void)arg, (void)index, (void)n;
	EACH a[i] = _mm512_set1_ps(.5f);
	for (int step = 0; step < STEPS; step++) {
		EACH
		{
			a[i] = _mm512_fmadd_ps(a[i], a[i], a[i]);
			__asm__ volatile("" : "+v"(a[i]));
		}
	}
	EACH sink = _mm512_cvtss_f32(a[i]);
}

/* NaN where there is no AVX-512. */
static double fma_rate(struct bench *bench)
{
	double best = 0, rate, start;

	if (!kernels_get()->panel_levelled)
		return NAN;
	for (int i = 0; i < 20; i++) {
		start = now(bench);
		threads_run(bench->pool, fma_work, NULL);
		rate = 32. * CHAINS * STEPS * threads_count(bench->pool) /
		       (now(bench) - start);
		best = rate > best ? rate : best;
	}
	return best * 1e-9;
}
#else
static double fma_rate(struct bench *bench)
{
	(void)bench;
	return NAN;
}
#endif

/* ---- attention ---- */

static double attend_pass(struct bench *bench, size_t seq)
{
	size_t n = seq * (size_t)bench->heads * (size_t)bench->shape.head_dim;
	uint64_t state = 7;
	double start;

	for (size_t j = 0; j < n; j++)
		bench->q[j] = noise(&state);
	start = now(bench);
	for (int l = 0; l < bench->shape.layers; l++)
		paged_attention(bench->work, bench->cache, l, bench->q, seq,
		                bench->depth - seq, bench->exact);
	return now(bench) - start;
}

/* The middle one, or the least with -b. */
static double of_repeats(const struct bench *bench, double *x)
{
	qsort(x, (size_t)bench->repeats, sizeof *x, bench_by_value);
	return x[bench->best ? 0 : bench->repeats / 2];
}

/* Every row meets the tokens up to its own, twice 2 operations a number. */
static double operations(const struct bench *bench, size_t seq)
{
	double tokens = (double)seq * (double)(bench->depth - seq) +
	                (double)seq * (double)(seq + 1) / 2;

	return 4 * tokens * bench->heads * bench->shape.head_dim *
	       bench->shape.layers;
}

/* Every pass is followed by one that reads, so that their ratio is one of the
 * same moment. */
static void report_decode(struct bench *bench)
{
	double gigabytes = (double)kv_cache_bytes(bench->cache) * 1e-9;
	size_t n = (size_t)bench->repeats;
	double *attend = mem_alloc(3 * n * sizeof *attend);
	double *reads = attend + n, *ratio = reads + n, seconds;

	for (size_t i = 0; i < n; i++) {
		attend[i] = attend_pass(bench, 1);
		reads[i] = read_pass(bench);
		ratio[i] = attend[i] / reads[i];
	}
	seconds = of_repeats(bench, attend);
	qsort(ratio, n, sizeof *ratio, bench_by_value);
	printf("depth %6zu new    1: %8.2f ms  %5.1f GB/s, %3.0f%% of %.1f\n",
	       bench->depth, seconds * 1e3, gigabytes / seconds,
	       100 / ratio[n / 2], gigabytes / of_repeats(bench, reads));
	free(attend);
}

static void report(struct bench *bench, size_t seq)
{
	double *attend = mem_alloc((size_t)bench->repeats * sizeof *attend);
	double seconds, flops, fma;

	for (int i = 0; i < bench->repeats; i++)
		attend[i] = attend_pass(bench, seq);
	seconds = of_repeats(bench, attend);
	flops = operations(bench, seq) / seconds * 1e-9;
	fma = fma_rate(bench);
	printf("depth %6zu new %4zu: %8.2f ms  %5.0f GFLOP/s", bench->depth,
	       seq, seconds * 1e3, flops);
	if (!isnan(fma))
		printf(", %3.0f%% of fp32 peak %.0f", 100 * flops / fma, fma);
	printf("\n");
	free(attend);
}

static enum dtype type_of(const char *name)
{
	if (strcmp(name, "f32") == 0)
		return DTYPE_F32;
	if (strcmp(name, "q8_0") == 0)
		return DTYPE_Q8_0;
	return strcmp(name, "bf16") == 0 ? DTYPE_BF16 : DTYPE_F16;
}

static void set_up(struct bench *bench, int threads, size_t seq)
{
	struct error err = { "" };
	size_t row = (size_t)bench->heads * (size_t)bench->shape.head_dim;

	bench->pool =
		threads_new(threads ? threads : threads_default_count(), &err);
	bench->work = paged_attention_new(bench->pool, bench->heads,
	                                  bench->shape.kv_heads,
	                                  bench->shape.head_dim, &err);
	bench->cache = kv_cache_new(&bench->shape, bench->depth, &err);
	if (!bench->pool || !bench->work || !bench->cache ||
	    kv_cache_reserve(bench->cache, bench->depth, &err))
		die(err.text);
	bench->q = mem_alloc(seq * row * sizeof *bench->q);
	fill(bench);
}

int main(int argc, char **argv)
{
	struct bench bench = {
		.shape = { 36, 8, 128, DTYPE_F16 },
		.heads = 32,
		.depth = 4096,
		.repeats = 11,
		.clock = CLOCK_MONOTONIC,
	};
	size_t seq = 0, most;
	int threads = 0, c;

	while ((c = getopt(argc, argv, "t:k:ebcH:K:D:L:d:s:r:")) != -1) {
		switch (c) {
		case 't':
			threads = atoi(optarg);
			break;
		case 'k':
			bench.shape.dtype = type_of(optarg);
			break;
		case 'e':
			bench.exact = true;
			break;
		case 'b':
			bench.best = true;
			break;
		case 'c':
			bench.clock = CLOCK_PROCESS_CPUTIME_ID;
			break;
		case 'H':
			bench.heads = atoi(optarg);
			break;
		case 'K':
			bench.shape.kv_heads = atoi(optarg);
			break;
		case 'D':
			bench.shape.head_dim = atoi(optarg);
			break;
		case 'L':
			bench.shape.layers = atoi(optarg);
			break;
		case 'd':
			bench.depth = (size_t)atol(optarg);
			break;
		case 's':
			seq = (size_t)atol(optarg);
			break;
		case 'r':
			bench.repeats = atoi(optarg);
			break;
		default:
			die("see the head of attention_bench.c");
		}
	}
	most = seq ? seq : bench.depth < 512 ? bench.depth : 512;
	if (most > bench.depth || bench.repeats < 1)
		die("more new tokens than the cache holds, or no repeats");
	set_up(&bench, threads, most);
	if (seq <= 1)
		report_decode(&bench);
	if (seq != 1)
		report(&bench, most);
	kv_cache_free(bench.cache);
	paged_attention_free(bench.work);
	threads_free(bench.pool);
	free(bench.q);
	return 0;
}
