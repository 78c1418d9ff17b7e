/*
 * quantize_rows.h - a pass over the rows of a tensor that is to be quantized
 *
 * A few MB of rows at a time, whose pages are given back when they were looked at: they
 * stay in the page cache, but are no longer this process's.
 */
#ifndef CONFAB_QUANTIZE_ROWS_H
#define CONFAB_QUANTIZE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkpoint/quantize.h"
#include "checkpoint/quantize_plan.h"

struct error;

struct quantize_rows {
	const struct quantize_options *options;
	struct error *err;
	uint64_t done, total; /* bytes of the source that were passed over */

	/* While there is a chunk. */
	const struct quantize_item *item;
	size_t first_row, rows;
	size_t cols;                       /* elements of a row */
	size_t in_row, plain_row, out_row; /* bytes of it: in the source, in the
	                                    * plain type, in the item's */
	unsigned char *out;                /* [rows * out_row] */
	float *scratch;                    /* [threads][cols] */
	unsigned char *groups; /* [threads][PACKED_ROWS * plain_row] */
	size_t *bad_rows;      /* [threads] chunk()'s: what each found */
};

/* Calls chunk() for all rows of one item, whole groups at a time where they are
 * packed, and says so to options->progress().  0; 1: that said to stop; -1: an error,
 * chunk()'s or its own. */
int quantize_rows_each(struct quantize_rows *pass,
                       const struct quantize_item *item,
                       int (*chunk)(struct quantize_rows *pass, void *arg),
                       void *arg);

/* A row of the source, as it is stored. */
const unsigned char *quantize_rows_in(const struct quantize_rows *pass,
                                      size_t row);

/* Row r of the chunk in the plain type, by thread `index`; false where that cannot say
 * it. */
bool quantize_rows_plain(const struct quantize_rows *pass, size_t r, int index,
                         void *to);

/* Where a thread gathers the rows of a group. */
unsigned char *quantize_rows_group(const struct quantize_rows *pass, int index);

#endif
