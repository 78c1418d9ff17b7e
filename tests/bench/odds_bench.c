/*
 * odds_bench.c - what the inspector's figures cost while a reply is written
 *
 *	odds_bench [-t THREADS] [-n TOKENS] MODEL
 *
 * Decodes and times for each token the forward pass and what turns its logits
 * into a token with all its figures: log-probability, entropy, rank, the 20
 * likeliest with both probabilities and what cut them, at temperature 0.7,
 * top_k 20, top_p 0.8.  "Off" is the forward pass alone, as if choosing a token
 * cost nothing: the share that is printed is the most it can be.  One run, so
 * that both meet the same machine; medians and, for a busy one, the least.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/checkpoint.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "model/model.h"
#include "tests/bench/bench.h"

#define PROMPT 32

static void die(const char *what)
{
	fprintf(stderr, "odds_bench: %s\n", what);
	exit(1);
}

/* Both parts of one token's time, in seconds. */
struct times {
	double *forward, *odds;
	int n;
};

static void run(struct session *s, struct sampler *sampler, struct times *t)
{
	struct error err;
	struct sample sample;

	for (int i = 0; i < t->n; i++) {
		double began = clock_seconds(), drawn;

		sampler_draw(sampler, session_logits(s), &sample);
		drawn = clock_seconds();
		t->odds[i] = drawn - began;
		if (session_step(s, sample.id, &err))
			die(err.text);
		t->forward[i] = clock_seconds() - drawn;
	}
}

static void report_one(const char *what, double forward, double odds)
{
	printf("%s: forward %.3f ms, odds %.3f ms; %.2f tok/s off, %.2f on: "
	       "%.2f %%\n",
	       what, forward * 1e3, odds * 1e3, 1 / forward,
	       1 / (forward + odds), 100 * odds / forward);
}

static void report(struct times *t)
{
	double forward = bench_median(t->forward, (size_t)t->n);
	double odds = bench_median(t->odds, (size_t)t->n);

	report_one("median", forward, odds);
	report_one("least", t->forward[0], t->odds[0]); /* they are sorted */
}

int main(int argc, char **argv)
{
	struct sampler_settings settings = { .temperature = 0.7f,
		                             .top_k = 20,
		                             .top_p = 0.8f,
		                             .repeat_penalty = 1,
		                             .seed = 1 };
	struct model_options options = { 0 };
	struct checkpoint *checkpoint;
	struct sampler *sampler;
	struct session *session;
	struct model *model;
	struct times times = { .n = 64 };
	int ids[PROMPT], vocab, option;
	size_t reused;
	struct error err;

	while ((option = getopt(argc, argv, "t:n:")) != -1) {
		if (option == 't')
			options.threads = atoi(optarg);
		else if (option == 'n')
			times.n = atoi(optarg);
		else
			die("see the head of odds_bench.c");
	}
	if (optind + 1 != argc || times.n < 1)
		die("see the head of odds_bench.c");
	checkpoint = checkpoint_open(argv[optind], &err);
	model = checkpoint ? model_load(checkpoint, &options, &err) : NULL;
	session = model ? session_new(model, DTYPE_F16,
	                              PROMPT + (size_t)times.n + 1, &err)
	                : NULL;
	if (!session)
		die(err.text);
	vocab = model_config(model)->vocab_size;
	for (int i = 0; i < PROMPT; i++)
		ids[i] = 1000 + 37 * i;
	if (session_sync(session, ids, PROMPT, NULL, NULL, &reused, &err) !=
	    SESSION_SYNCED)
		die(err.text);
	sampler = sampler_new(vocab);
	sampler_start(sampler, &settings, ids, PROMPT);
	times.forward = mem_zalloc((size_t)times.n, sizeof(double));
	times.odds = mem_zalloc((size_t)times.n, sizeof(double));
	run(session, sampler, &times);
	report(&times);
	free(times.forward);
	free(times.odds);
	sampler_free(sampler);
	session_free(session);
	model_free(model);
	checkpoint_free(checkpoint);
	return 0;
}
