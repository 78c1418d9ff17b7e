#include "engine/logit_row.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

void logit_row_init(struct logit_row *row, size_t n)
{
	row->n = n;
	row->n_blocks = select_blocks(n);
	row->x = NULL;
	row->block_max = mem_zalloc(row->n_blocks, sizeof *row->block_max);
	row->top = -INFINITY;
}

void logit_row_free(struct logit_row *row)
{
	free(row->block_max);
}

static void set_top(struct logit_row *row)
{
	row->top = -INFINITY;
	for (size_t b = 0; b < row->n_blocks; b++)
		if (row->block_max[b] > row->top)
			row->top = row->block_max[b];
}

void logit_row_set(struct logit_row *row, const float *x)
{
	row->x = x;
	select_get()->block_max(x, row->n, row->block_max);
	set_top(row);
}

/* Only the blocks that hold one of the ids have another largest. */
void logit_row_set_changed(struct logit_row *row, const struct logit_row *of,
                           const float *x, const int *ids, size_t n_ids)
{
	const struct select_ops *ops = select_get();

	if (n_ids >= row->n_blocks) {
		logit_row_set(row, x);
		return;
	}
	row->x = x;
	memcpy(row->block_max, of->block_max, row->n_blocks * sizeof(float));
	for (size_t i = 0; i < n_ids; i++) {
		size_t b = (size_t)ids[i] / SELECT_BLOCK;
		size_t first = b * SELECT_BLOCK;

		ops->block_max(x + first,
		               select_block_end(row->n, first) - first,
		               &row->block_max[b]);
	}
	set_top(row);
}

/* The m-th largest of the blocks' largest, as these are m different elements. */
float logit_row_floor(const struct logit_row *row, size_t m, struct pick *picks)
{
	if (m > row->n_blocks)
		return -INFINITY;
	for (size_t b = 0; b < row->n_blocks; b++)
		picks[b] = (struct pick){ row->block_max[b], (int)b };
	pick_part(picks, row->n_blocks, m);
	return picks[m - 1].score;
}

size_t logit_row_gather(const struct logit_row *row, float least,
                        struct pick *picks)
{
	size_t count = 0;

	for (size_t b = 0; b < row->n_blocks; b++) {
		size_t first = b * SELECT_BLOCK;
		size_t end = select_block_end(row->n, first);

		if (row->block_max[b] < least)
			continue;
		for (size_t i = first; i < end; i++)
			if (row->x[i] >= least)
				picks[count++] =
					(struct pick){ row->x[i], (int)i };
	}
	return count;
}

size_t logit_row_first(const struct logit_row *row, size_t m,
                       struct pick *picks)
{
	size_t n = logit_row_gather(row, logit_row_floor(row, m, picks), picks);

	if (m > n)
		m = n;
	if (m)
		pick_part(picks, n, m);
	return m;
}

int logit_row_refuse(const char *model, size_t n_tokens, enum dtype cache,
                     struct error *err)
{
	bool narrow = cache != DTYPE_F32;

	return error_set(err,
	                 "%s: after %zu tokens the logits are not finite: "
	                 "weights are NaN or infinite%s%s",
	                 model, n_tokens,
	                 narrow ? ", or too large for a KV cache in " : "",
	                 narrow ? dtype_info(cache)->name : "");
}
