/*
 * sampler.h - from logits to one token, and the odds of the others
 *
 * The order is transformers' (generation/utils.py, _get_logits_processor):
 *	repetition penalty, presence penalty, temperature, top_k, top_p, min_p
 * and then a draw from the softmax of what is left.  temperature 0 is greedy:
 * the likeliest id after the penalties, probability 1.
 *
 * Beside the draw, the truth about the distribution before any of this:
 * log-probability, entropy and rank at temperature 1 over the ids that have a
 * token (padding ids are never seen).  float32 logits, sums in double.
 */
#ifndef CONFAB_SAMPLER_H
#define CONFAB_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampler_settings {
	float temperature;      /* >= 0; 0: greedy */
	int top_k;              /* 0: off */
	float top_p;            /* 1: off */
	float min_p;            /* 0: off; keeps p >= min_p * p_max */
	float presence_penalty; /* 0: off; subtracted once from logits of ids seen
	                         * in the reply so far */
	float repeat_penalty; /* 1: off; CTRL, arXiv:1909.05858, section 4.1, over
	                         * prompt and reply, as in transformers */
	uint64_t seed;
};

/* What removed a candidate. */
enum sampler_cut {
	SAMPLER_KEPT,
	SAMPLER_CUT_TOP_K,
	SAMPLER_CUT_TOP_P,
	SAMPLER_CUT_MIN_P,
	SAMPLER_CUT_GREEDY /* temperature 0: not the first */
};
const char *sampler_cut_name(enum sampler_cut cut); /* "top_k", ...; "" kept */

struct candidate {
	int id;
	float logprob;       /* nats, before the samplers, temperature 1 */
	double sampled_prob; /* after all samplers; 0 when cut */
	enum sampler_cut cut;
	bool penalised; /* a penalty changed its logit */
};

#define SAMPLER_TOP 20

struct sample {
	int id;
	double logprob;      /* nats */
	double entropy;      /* nats */
	int rank;            /* from 1: ids with a higher logit, plus one */
	double sampled_prob; /* of id */
	bool broken;         /* no logit is finite, or the largest is not: the
	                      * figures are of no model */
	int n_top;           /* <= SAMPLER_TOP */
	/* By logprob, likeliest first.  Every kept candidate is among them when
	 * at most SAMPLER_TOP are kept. */
	struct candidate top[SAMPLER_TOP];
};

struct sampler;

/* n_ids: ids with a token; logits may be longer. */
struct sampler *sampler_new(int n_ids);
void sampler_free(struct sampler *s);

/* Starts a request: the settings, the prompt (for the repetition penalty). */
void sampler_start(struct sampler *s, const struct sampler_settings *settings,
                   const int *prompt, size_t n_prompt);

/* Draws the next token.  logits: [>= n_ids], untouched.  The token is noted
 * for the penalties. */
void sampler_draw(struct sampler *s, const float *logits, struct sample *out);

/* The same figures for a given id, drawing nothing and noting nothing: what
 * score and "take this token instead" show. */
void sampler_describe(struct sampler *s, const float *logits, int id,
                      struct sample *out);

/* Notes a token as part of the reply (a forced one). */
void sampler_accept(struct sampler *s, int id);

#endif
