/*
 * golden.h - a model against the reference values of golden/model-NAME.json
 *
 * The values were computed with Hugging Face transformers in float32 on the
 * synthetic checkpoint of that name (synth_checkpoint.c).  Errors are relative
 * to the larger of 1 and the wanted value.
 */
#ifndef CONFAB_TESTS_GOLDEN_H
#define CONFAB_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "math/tensor.h"

struct error;
struct golden;
struct model;

/* The largest errors met. */
struct golden_errors {
	double logits; /* watched tokens at every position */
	double top;    /* the likeliest 64 of the last position */
	double logsumexp;
	double hidden;        /* the stream after each block */
	double long_top;      /* the likeliest 32 after the long prompt */
	size_t greedy;        /* tokens that were the reference's, */
	size_t greedy_wanted; /* of those that are wanted */
};

struct golden *golden_open(const char *path, struct error *err);
void golden_free(struct golden *golden);
size_t golden_long(const struct golden *golden); /* tokens; 0: none */

/* Reads the prompt in chunks of `chunk` tokens into a cache of dtype and
 * continues greedily; with_long: then the long prompt too.  A greedy token
 * is wanted where its margin to the second exceeds tolerance. */
int golden_run(struct golden_errors *errors, const struct golden *golden,
               struct model *model, enum dtype dtype, size_t chunk,
               bool with_long, double tolerance, struct error *err);

#endif
