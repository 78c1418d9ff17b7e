/*
 * compare.h - how far a model's next-token distributions are from another's
 *
 * For every position of a text, with p the reference's softmax in exact arithmetic
 * and q the candidate's, both at temperature 1:
 *
 *	KL = sum over the vocabulary of p ln(p / q)	(nats)
 *	top-1 agreement: both have the same most likely token
 *
 * The text is cut into windows of COMPARE_WINDOW tokens which are read alone, so
 * that contexts of every length up to that are in the mean.
 */
#ifndef CONFAB_TESTS_COMPARE_H
#define CONFAB_TESTS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ids.h"

#define COMPARE_WINDOW 512

struct checkpoint;
struct error;

struct compare_result {
	double *kls;      /* [positions], nats; the caller's to free */
	double kl;        /* mean, nats */
	double kl_error;  /* standard error of that mean */
	double agreement; /* 0..1 */
	double nll;       /* of the text under the candidate, nats a token */
	size_t positions;
};

struct compare_candidate {
	const struct checkpoint *checkpoint;
	bool exact; /* or as a chat computes: narrow activations, f16 KV */
};

/* results[i] for candidates[i], against reference; all of one vocabulary.  On
 * failure results stay untouched. */
int compare_models(const struct checkpoint *reference,
                   const struct compare_candidate *candidates, size_t n,
                   const struct ids *text, int threads,
                   struct compare_result *results, struct error *err);

/* The mean of n numbers; *error: its standard error. */
double compare_mean(const double *x, size_t n, double *error);

#endif
