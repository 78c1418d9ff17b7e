#include "checkpoint/quantize_rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "math/packed.h"
#include "math/quant.h"
#include "math/quantize_row.h"

#define CHUNK ((size_t)2 << 20) /* bytes of the source that are taken at once */

const unsigned char *quantize_rows_in(const struct quantize_rows *pass,
                                      size_t row)
{
	return (const unsigned char *)pass->item->source->data +
	       row * pass->in_row;
}

unsigned char *quantize_rows_group(const struct quantize_rows *pass, int index)
{
	return pass->groups + (size_t)index * PACKED_ROWS * pass->plain_row;
}

bool quantize_rows_plain(const struct quantize_rows *pass, size_t r, int index,
                         void *to)
{
	const struct tensor *source = pass->item->source;
	const unsigned char *from = quantize_rows_in(pass, pass->first_row + r);
	enum dtype plain = packed_plain(pass->item->dtype);
	float *x = pass->scratch + (size_t)index * pass->cols;
	int64_t cols = (int64_t)pass->cols, bad;

	if (source->dtype == plain) {
		memcpy(to, from, pass->in_row);
		return true;
	}
	quant_dequantize_row(source->dtype, from, x, cols);
	if (!quantize_row_fits(plain, x, cols, &bad))
		return false;
	quantize_row(plain, x, NULL, to, cols);
	return true;
}

static void forget(const unsigned char *begin, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)begin + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)begin + bytes) / page * page;

	if (to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

/* Rows of a chunk: whole groups. */
static size_t chunk_rows(const struct quantize_rows *pass, size_t rows)
{
	size_t together = (size_t)dtype_info(pass->item->dtype)->rows;
	size_t step = CHUNK / pass->in_row / together * together;

	step = step ? step : together;
	return step < rows ? step : rows;
}

static int begin(struct quantize_rows *pass, const struct quantize_item *item,
                 size_t step)
{
	size_t n = (size_t)threads_count(pass->options->pool);

	pass->out = mem_try(step, pass->out_row);
	pass->scratch = mem_try(n * pass->cols, sizeof *pass->scratch);
	pass->groups = mem_try(n * PACKED_ROWS, pass->plain_row);
	pass->bad_rows = mem_try(n, sizeof *pass->bad_rows);
	if (pass->out && pass->scratch && pass->groups && pass->bad_rows)
		return 0;
	return error_set(pass->err,
	                 "%s: tensor %s: no memory for a row of %zu elements",
	                 item->file, item->name, pass->cols);
}

static void end(struct quantize_rows *pass)
{
	free(pass->bad_rows);
	free(pass->groups);
	free(pass->scratch);
	free(pass->out);
}

static int show(struct quantize_rows *pass)
{
	const struct quantize_options *options = pass->options;

	return options->progress &&
	       !options->progress(options->arg, pass->item->name, pass->done,
	                          pass->total);
}

int quantize_rows_each(struct quantize_rows *pass,
                       const struct quantize_item *item,
                       int (*chunk)(struct quantize_rows *pass, void *arg),
                       void *arg)
{
	size_t rows = (size_t)tensor_rows(item->source), step;
	int result;

	pass->item = item;
	pass->cols = (size_t)tensor_cols(item->source);
	dtype_row_bytes(item->source->dtype, (int64_t)pass->cols,
	                &pass->in_row);
	dtype_row_bytes(item->dtype, (int64_t)pass->cols, &pass->out_row);
	dtype_row_bytes(packed_plain(item->dtype), (int64_t)pass->cols,
	                &pass->plain_row);
	step = chunk_rows(pass, rows);
	result = begin(pass, item, step);
	for (size_t r = 0; r < rows && !result; r += step) {
		pass->first_row = r;
		pass->rows = rows - r < step ? rows - r : step;
		result = chunk(pass, arg);
		forget(quantize_rows_in(pass, r), pass->rows * pass->in_row);
		pass->done += pass->rows * pass->in_row;
		if (!result)
			result = show(pass);
	}
	end(pass);
	return result;
}
