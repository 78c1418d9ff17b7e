/*
 * sampler_bench.c - what one draw costs, odds and candidates included
 *
 *	sampler_bench [-n IDS] [-r REPEATS]
 *
 * A row of IDS logits (151,936, Qwen3's vocabulary) as a language model gives
 * them: a bell a few nats wide and some hundred ids far above it.  Microseconds
 * of processor time for sampler_draw(), the best of the repeats, for settings
 * that keep few, many and all ids.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/sampler.h"
#include "math/kernels.h"

static const struct {
	const char *what;
	struct sampler_settings settings;
} rows[] = {
	{ "greedy", { .top_p = 1, .repeat_penalty = 1 } },
	{ "Qwen3's: 0.7, top_k 20, top_p 0.8",
	  { .temperature = 0.7f,
	    .top_k = 20,
	    .top_p = 0.8f,
	    .repeat_penalty = 1 } },
	{ "temperature 1, no cuts",
	  { .temperature = 1, .top_p = 1, .repeat_penalty = 1 } },
	{ "temperature 0.7, no cuts",
	  { .temperature = 0.7f, .top_p = 1, .repeat_penalty = 1 } },
	{ "temperature 1, top_p 0.95",
	  { .temperature = 1, .top_p = 0.95f, .repeat_penalty = 1 } },
	{ "temperature 0.7, top_p 0.95",
	  { .temperature = 0.7f, .top_p = 0.95f, .repeat_penalty = 1 } },
	{ "temperature 1.5, min_p 0.05",
	  { .temperature = 1.5f,
	    .top_p = 1,
	    .min_p = 0.05f,
	    .repeat_penalty = 1 } },
	{ "0.7, top_p 0.95, both penalties",
	  { .temperature = 0.7f,
	    .top_p = 0.95f,
	    .presence_penalty = 1,
	    .repeat_penalty = 1.1f } },
};

static double uniform(void)
{
	static uint64_t state = 5;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return ((double)(state >> 11) + 0.5) * 0x1p-53;
}

static void fill(float *logits, int n)
{
	for (int i = 0; i < n; i++)
		logits[i] = (float)(2.5 * sqrt(-2 * log(uniform())) *
		                    cos(2 * M_PI * uniform()));
	for (int i = 0; i < 300; i++)
		logits[(int)(uniform() * n)] = (float)(20 + 4 * log(uniform()));
}

int main(int argc, char **argv)
{
	int n = 151936, repeats = 101, c;
	float *logits;

	while ((c = getopt(argc, argv, "n:r:")) != -1) {
		if (c == 'n')
			n = atoi(optarg);
		else if (c == 'r')
			repeats = atoi(optarg);
		else
			return 2;
	}
	if (n < 1 || repeats < 1)
		return 2;
	logits = mem_alloc((size_t)n * sizeof *logits);
	fill(logits, n);
	printf("%d ids, %s\n", n, kernels_get()->name);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sampler *s = sampler_new(n);
		double best = INFINITY;
		struct sample sample;

		sampler_start(s, &rows[i].settings, (int[]){ 1, 2, 3 }, 3);
		for (int r = 0; r < repeats; r++) {
			double start = clock_seconds();

			sampler_draw(s, logits, &sample);
			start = clock_seconds() - start;
			best = start < best ? start : best;
		}
		printf("%-34s %7.0f us\n", rows[i].what, best * 1e6);
		sampler_free(s);
	}
	free(logits);
	return 0;
}
