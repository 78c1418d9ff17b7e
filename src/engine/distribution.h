/*
 * distribution.h - a row of logits after penalties and samplers
 *
 * What sampler.h says of the order, for one row: the softmax of the row as it
 * is, and of what the settings leave of it.  Which token is drawn is a function
 * of the row and of one number in [0, 1), given from outside.
 */
#ifndef CONFAB_DISTRIBUTION_H
#define CONFAB_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/sampler.h"

struct distribution;
struct pick;

/* The ids that penalties are for. */
struct seen_ids {
	unsigned char *how; /* SEEN_ bits of every id of the row */
	int *ids;           /* [n] ids with a bit set, each once */
	size_t n;
};

#define SEEN_PROMPT 1
#define SEEN_REPLY  2

struct distribution *distribution_new(int n_ids);
void distribution_free(struct distribution *d);

/* Takes in a row, logits [>= n_ids], which what follows borrows until the next
 * one.  settings and seen are needed for this call only. */
void distribution_read(struct distribution *d, const float *logits,
                       const struct sampler_settings *settings,
                       const struct seen_ids *seen);

/* The id at u of the kept ones' mass laid out by id, 0 <= u < 1. */
int distribution_draw(const struct distribution *d, double u);

/* As the members of struct sample and struct candidate.  Any id may be asked
 * for: one outside the row has no probability. */
double distribution_logprob(const struct distribution *d, int id);
double distribution_sampled_prob(const struct distribution *d, int id);
int distribution_rank(const struct distribution *d, int id);
double distribution_entropy(const struct distribution *d);
bool distribution_is_broken(const struct distribution *d);

/* Of ids in the row. */
enum sampler_cut distribution_cut(const struct distribution *d, int id);
bool distribution_is_penalised(const struct distribution *d, int id);

/* Whether any may be, and so the kept ones others than the likeliest. */
bool distribution_has_penalties(const struct distribution *d);

/* The m likeliest of the row as it is, in order, into top[m].  Returns how many
 * there are. */
int distribution_likeliest(struct distribution *d, struct pick *top, int m);

/* The kept ones with their logits as the model gave them, by id; borrowed until
 * the next call that is not const. */
size_t distribution_n_kept(const struct distribution *d);
size_t distribution_kept(struct distribution *d, const struct pick **kept);

#endif
