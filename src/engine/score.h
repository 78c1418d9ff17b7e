/*
 * score.h - how likely each token of a text was, given those before it
 *
 * One pass over the text with the head over every row: perplexity's work.  In
 * float32-grade arithmetic, with a float32 cache that lives for the call only.
 */
#ifndef CONFAB_SCORE_H
#define CONFAB_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/sampler.h"

struct engine_score;
struct error;
struct loaded_model;

/* Called for every position in order.  logits: [n_logit_ids] after this token,
 * or NULL.  Returns false to stop. */
typedef bool score_token(void *arg, size_t pos, const struct sample *sample,
                         const float *logits);
/* Called between chunks; returns false to stop. */
typedef bool score_progress(void *arg, size_t done, size_t total);

/* 0: done; 1: stopped by a callback; -1: err says why.  The ids were checked
 * against vocab_size; n_ids > 0. */
int score(struct loaded_model *m, const struct engine_score *request,
          score_token *token, score_progress *progress, void *arg,
          struct error *err);

#endif
