/*
 * logit_row.h - a row of logits with the largest of each block beside it, so
 * that most questions touch a few blocks only (select.h)
 */
#ifndef CONFAB_LOGIT_ROW_H
#define CONFAB_LOGIT_ROW_H

#include <stddef.h>

#include "math/select.h"
#include "math/tensor.h"

struct error;

struct logit_row {
	size_t n, n_blocks;
	const float *x;   /* [n], borrowed */
	float *block_max; /* [n_blocks], owned */
	float top;        /* the largest; -infinity: there is no number */
};

/* n > 0.  There is nothing in it before logit_row_set(). */
void logit_row_init(struct logit_row *row, size_t n);
void logit_row_free(struct logit_row *row);

void logit_row_set(struct logit_row *row, const float *x);

/* Says of a row without a finite top, after so many tokens, whose fault it is: of the
 * model at that path, or of its cache, unless that is of float32.  -1. */
int logit_row_refuse(const char *model, size_t n_tokens, enum dtype cache,
                     struct error *err);

/* The same for an x that is `of`'s but at ids[0..n_ids). */
void logit_row_set_changed(struct logit_row *row, const struct logit_row *of,
                           const float *x, const int *ids, size_t n_ids);

/* A value that at least m elements reach.  Here and below, picks: [n], what is
 * found, else scratch. */
float logit_row_floor(const struct logit_row *row, size_t m,
                      struct pick *picks);

/* Those >= least, by id.  Returns how many. */
size_t logit_row_gather(const struct logit_row *row, float least,
                        struct pick *picks);

/* The first m in order, unsorted but for the last of them.  Returns how many
 * there are: less than m in a small row. */
size_t logit_row_first(const struct logit_row *row, size_t m,
                       struct pick *picks);

#endif
