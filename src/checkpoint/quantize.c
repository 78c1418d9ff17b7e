#include "checkpoint/quantize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_keys.h"
#include "checkpoint/gguf_vocabulary.h"
#include "checkpoint/gguf_write.h"
#include "checkpoint/quantize_mix.h"
#include "checkpoint/quantize_plan.h"
#include "math/packed.h"
#include "math/quant.h"
#include "math/quantize_row.h"

#define CHUNK ((size_t)2 << 20) /* bytes of the source that are taken at once */

/* What the metadata of a GGUF say of a file that is about to be another. */
static bool is_stale(const struct gguf_string *key)
{
	static const char *const stale[] = {
		"general.alignment",
		"general.file_type",
		"general.quantization_version",
		"quantize.",
		"split.",
	};

	for (size_t i = 0; i < sizeof stale / sizeof stale[0]; i++) {
		size_t len = strlen(stale[i]);

		if (key->len >= len && !memcmp(key->bytes, stale[i], len))
			return true;
	}
	return false;
}

static int write_vocabulary(struct gguf_write *w, const struct checkpoint *cp,
                            struct error *err)
{
	const char *path = checkpoint_tokenizer_path(cp);
	const struct tensor *embedding =
		checkpoint_tensor(cp, "model.embed_tokens.weight");

	if (!embedding)
		return error_set(err,
		                 "%s: there is no "
		                 "model.embed_tokens.weight",
		                 checkpoint_path(cp));
	if (path)
		return gguf_vocabulary_write(w, path,
		                             (size_t)tensor_rows(embedding),
		                             err);
	gguf_write_string(w, "tokenizer.ggml.model", "none", 4);
	return 0;
}

static int write_keys(struct gguf_write *w, const struct checkpoint *cp,
                      const struct quantize_mix *mix, bool packed,
                      struct error *err)
{
	const struct gguf *gguf = checkpoint_gguf(cp);

	if (gguf) {
		for (size_t i = 0; i < gguf_n_fields(gguf); i++)
			if (!is_stale(&gguf_field(gguf, i)->key))
				gguf_write_field(w, gguf_field(gguf, i));
	} else if (gguf_keys_write(w, cp, err) ||
	           write_vocabulary(w, cp, err)) {
		return -1;
	}
	if (packed)
		gguf_write_align(w, PACKED_ALIGN);
	gguf_write_u32(w, "general.file_type", quantize_mix_file_type(mix));
	gguf_write_u32(w, "general.quantization_version", 2);
	return 0;
}

static int declare(struct gguf_write *w, const struct quantize_plan *plan,
                   struct error *err)
{
	int64_t shape[TENSOR_MAX_DIMS];

	for (size_t i = 0; i < plan->n; i++) {
		const struct quantize_item *item = &plan->items[i];
		int n_dims;

		if (item->n_parts == 0)
			continue;
		n_dims = quantize_plan_shape(plan, i, shape);
		if (gguf_write_tensor(w, item->name, item->dtype, n_dims, shape,
		                      err))
			return -1;
	}
	return 0;
}

/* The work in progress. */
struct run {
	const struct quantize_options *options;
	struct gguf_write *w;
	struct error *err;
	uint64_t done, total; /* bytes of the source */

	const struct quantize_item *item; /* and of its rows the chunk */
	size_t first_row, rows;
	size_t cols, in_row, out_row; /* elements, bytes of a row */
	unsigned char *out;           /* [rows * out_row] */
	float *scratch;               /* [threads][cols] */
	unsigned char *group;         /* [threads][PACKED_ROWS * plain_row] */
	size_t plain_row;             /* bytes of a row that is to be packed */
	size_t *bad_rows;             /* [threads], SIZE_MAX: none */
};

static const unsigned char *row_in(const struct run *run, size_t row)
{
	return (const unsigned char *)run->item->source->data +
	       row * run->in_row;
}

/* Row r of the chunk in the plain type; false where that cannot say it. */
static bool convert_row(const struct run *run, size_t r, float *x, void *to)
{
	const struct tensor *source = run->item->source;
	const unsigned char *from = row_in(run, run->first_row + r);
	enum dtype plain = packed_plain(run->item->dtype);
	int64_t cols = (int64_t)run->cols, bad;

	if (source->dtype == plain) {
		memcpy(to, from, run->in_row);
		return true;
	}
	quant_dequantize_row(source->dtype, from, x, cols);
	if (!quantize_row_fits(plain, x, cols, &bad))
		return false;
	quantize_row(plain, x, NULL, to, cols);
	return true;
}

/* One thread's share of the chunk: whole groups, where rows are packed. */
static void convert(void *arg, int index, int n)
{
	struct run *run = arg;
	const enum dtype dtype = run->item->dtype;
	const size_t together = (size_t)dtype_info(dtype)->rows;
	float *x = run->scratch + (size_t)index * run->cols;
	unsigned char *group =
		run->group + (size_t)index * together * run->plain_row;
	size_t begin, end;

	run->bad_rows[index] = SIZE_MAX;
	threads_split(run->rows, together, index, n, &begin, &end);
	for (size_t r = begin; r < end; r++) {
		size_t lane = r % together;
		unsigned char *to = packed_is(dtype)
		                            ? group + lane * run->plain_row
		                            : run->out + r * run->out_row;

		if (!convert_row(run, r, x, to)) {
			run->bad_rows[index] = run->first_row + r;
			return;
		}
		if (packed_is(dtype) && lane + 1 == together)
			packed_group(dtype, group,
			             run->out + (r - lane) * run->out_row,
			             (int64_t)run->cols);
	}
}

/* The first row of the chunk that could not be said, if any. */
static int check_rows(const struct run *run)
{
	const struct quantize_item *item = run->item;
	size_t row = SIZE_MAX;
	int64_t bad = 0;

	for (int t = 0; t < threads_count(run->options->pool); t++)
		if (run->bad_rows[t] < row)
			row = run->bad_rows[t];
	if (row == SIZE_MAX)
		return 0;
	quant_dequantize_row(item->source->dtype, row_in(run, row),
	                     run->scratch, (int64_t)run->cols);
	quantize_row_fits(packed_plain(item->dtype), run->scratch,
	                  (int64_t)run->cols, &bad);
	return error_set(run->err,
	                 "%s: tensor %s: row %zu, column %" PRId64
	                 " is %g, which %s cannot say",
	                 item->file, item->name, row, bad,
	                 (double)run->scratch[bad],
	                 dtype_info(packed_plain(item->dtype))->name);
}

/* Gives the chunk's pages back: they stay in the page cache, but are no longer
 * this process's. */
static void forget(const unsigned char *begin, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)begin + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)begin + bytes) / page * page;

	if (to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

static int write_chunk(struct run *run)
{
	const struct quantize_item *item = run->item;
	const unsigned char *in = row_in(run, run->first_row);
	size_t bytes = run->rows * run->in_row;
	int result;

	if (item->source->dtype == item->dtype) {
		result = gguf_write_data(run->w, in, bytes, run->err);
	} else {
		threads_run(run->options->pool, convert, run);
		result = check_rows(run) ||
		         gguf_write_data(run->w, run->out,
		                         run->rows * run->out_row, run->err);
	}
	forget(in, bytes);
	if (result)
		return -1;
	run->done += bytes;
	if (run->options->progress &&
	    !run->options->progress(run->options->arg, item->name, run->done,
	                            run->total))
		return 1;
	return 0;
}

/* Rows of a chunk: whole groups. */
static size_t chunk_rows(const struct run *run, size_t rows)
{
	size_t together = (size_t)dtype_info(run->item->dtype)->rows;
	size_t step = CHUNK / run->in_row / together * together;

	step = step ? step : together;
	return step < rows ? step : rows;
}

/* All rows of one source, a chunk at a time. */
static int write_source(struct run *run, const struct quantize_item *item)
{
	size_t rows = (size_t)tensor_rows(item->source), step;
	size_t n = (size_t)threads_count(run->options->pool);
	int result = 0;

	run->item = item;
	run->cols = (size_t)tensor_cols(item->source);
	dtype_row_bytes(item->source->dtype, (int64_t)run->cols, &run->in_row);
	dtype_row_bytes(item->dtype, (int64_t)run->cols, &run->out_row);
	dtype_row_bytes(packed_plain(item->dtype), (int64_t)run->cols,
	                &run->plain_row);
	step = chunk_rows(run, rows);
	run->out = mem_try(step, run->out_row);
	run->scratch = mem_try(n * run->cols, sizeof *run->scratch);
	run->group = mem_try(n * PACKED_ROWS, run->plain_row);
	if (!run->out || !run->scratch || !run->group)
		result = error_set(run->err,
		                   "%s: tensor %s: no memory for a "
		                   "row of %zu elements",
		                   item->file, item->name, run->cols);
	for (size_t r = 0; r < rows && !result; r += step) {
		run->first_row = r;
		run->rows = rows - r < step ? rows - r : step;
		result = write_chunk(run);
	}
	free(run->group);
	free(run->scratch);
	free(run->out);
	return result;
}

static int write_tensors(struct gguf_write *w, const struct quantize_plan *plan,
                         const struct quantize_options *options,
                         struct error *err)
{
	struct run run = { .options = options, .w = w, .err = err };
	int result = 0;

	run.bad_rows = mem_zalloc((size_t)threads_count(options->pool),
	                          sizeof *run.bad_rows);
	for (size_t i = 0; i < plan->n; i++)
		run.total += plan->items[i].source->bytes;
	for (size_t i = 0; i < plan->n && !result; i++)
		result = write_source(&run, &plan->items[i]);
	free(run.bad_rows);
	return result;
}

static void fill_report(struct quantize_report *report,
                        const struct quantize_plan *plan,
                        const struct gguf_write *w)
{
	*report = (struct quantize_report){ .bytes = gguf_write_size(w) };
	for (size_t i = 0; i < plan->n; i++) {
		const struct quantize_item *item = &plan->items[i];

		report->n_tensors += item->n_parts > 0;
		report->n_fallbacks += item->n_parts > 0 && item->fallback;
		report->weights += (uint64_t)tensor_rows(item->source) *
		                   (uint64_t)tensor_cols(item->source);
	}
}

int quantize(const struct checkpoint *cp, const char *out,
             const struct quantize_options *options,
             struct quantize_report *report, struct error *err)
{
	const struct quantize_mix *mix = quantize_mix_find(options->type);
	struct quantize_plan plan;
	struct gguf_write *w;
	int result = -1;

	if (!mix)
		return error_set(err, "type %s is none of %s", options->type,
		                 quantize_mix_names());
	if (quantize_plan_make(&plan, cp, mix, err))
		return -1;
	if (options->packed)
		quantize_plan_pack(&plan);
	w = gguf_write_new(out, err);
	if (!w)
		goto free_plan;
	if (write_keys(w, cp, mix, options->packed, err) ||
	    declare(w, &plan, err) || gguf_write_begin(w, err))
		goto free_writer;
	result = write_tensors(w, &plan, options, err);
	if (!result)
		result = gguf_write_finish(w, err);
	if (!result && report)
		fill_report(report, &plan, w);
free_writer:
	gguf_write_free(w);
free_plan:
	quantize_plan_free(&plan);
	return result;
}
