#include "checkpoint/quantize_packable.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/threads.h"
#include "checkpoint/quantize_plan.h"
#include "checkpoint/quantize_rows.h"
#include "math/packed.h"

uint64_t quantize_packable_bytes(const struct quantize_plan *plan)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < plan->n; i++)
		if (packed_is_partial(plan->items[i].dtype))
			bytes += plan->items[i].source->bytes;
	return bytes;
}

/* One thread's share of the chunk.  What the plain type cannot say is an error when it
 * is written. */
static void check(void *arg, int index, int n)
{
	struct quantize_rows *pass = arg;
	unsigned char *group = quantize_rows_group(pass, index);
	size_t begin, end;

	pass->bad_rows[index] = 0;
	threads_split(pass->rows, PACKED_ROWS, index, n, &begin, &end);
	for (size_t r = begin; r < end; r++) {
		size_t lane = r % PACKED_ROWS;

		if (!quantize_rows_plain(pass, r, index,
		                         group + lane * pass->plain_row) ||
		    (lane + 1 == PACKED_ROWS &&
		     !packed_can_say(pass->item->dtype, group,
		                     (int64_t)pass->cols))) {
			pass->bad_rows[index] = 1;
			return;
		}
	}
}

/* *can_say: so far. */
static int check_chunk(struct quantize_rows *pass, void *arg)
{
	bool *can_say = arg;

	if (!*can_say)
		return 0;
	threads_run(pass->options->pool, check, pass);
	for (int t = 0; t < threads_count(pass->options->pool); t++)
		*can_say &= !pass->bad_rows[t];
	return 0;
}

/* The experts that make one tensor have one type. */
int quantize_packable(struct quantize_plan *plan, struct quantize_rows *pass)
{
	int result = 0;

	for (size_t i = 0, n; i < plan->n && !result; i += n) {
		struct quantize_item *items = &plan->items[i];
		bool can_say = true;

		n = items->n_parts > 1 ? (size_t)items->n_parts : 1;
		for (size_t k = 0; k < n && !result; k++)
			if (packed_is_partial(items[k].dtype))
				result = quantize_rows_each(pass, &items[k],
				                            check_chunk,
				                            &can_say);
		for (size_t k = 0; k < n && !can_say; k++)
			items[k].dtype = packed_plain(items[k].dtype);
	}
	return result;
}
