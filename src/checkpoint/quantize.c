#include "checkpoint/quantize.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_keys.h"
#include "checkpoint/gguf_vocabulary.h"
#include "checkpoint/gguf_write.h"
#include "checkpoint/quantize_mix.h"
#include "checkpoint/quantize_packable.h"
#include "checkpoint/quantize_plan.h"
#include "checkpoint/quantize_rows.h"
#include "math/packed.h"
#include "math/quant.h"
#include "math/quantize_row.h"

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

/* One thread's share of the chunk: whole groups, where rows are packed. */
static void convert(void *arg, int index, int n)
{
	struct quantize_rows *pass = arg;
	const enum dtype dtype = pass->item->dtype;
	const size_t together = (size_t)dtype_info(dtype)->rows;
	unsigned char *group = quantize_rows_group(pass, index);
	size_t begin, end;

	pass->bad_rows[index] = SIZE_MAX;
	threads_split(pass->rows, together, index, n, &begin, &end);
	for (size_t r = begin; r < end; r++) {
		size_t lane = r % together;
		unsigned char *to = packed_is(dtype)
		                            ? group + lane * pass->plain_row
		                            : pass->out + r * pass->out_row;

		if (!quantize_rows_plain(pass, r, index, to)) {
			pass->bad_rows[index] = pass->first_row + r;
			return;
		}
		if (packed_is(dtype) && lane + 1 == together)
			packed_group(dtype, group,
			             pass->out + (r - lane) * pass->out_row,
			             (int64_t)pass->cols);
	}
}

/* The first row of the chunk that could not be said, if any. */
static int check_rows(const struct quantize_rows *pass)
{
	const struct quantize_item *item = pass->item;
	size_t row = SIZE_MAX;
	int64_t bad = 0;

	for (int t = 0; t < threads_count(pass->options->pool); t++)
		if (pass->bad_rows[t] < row)
			row = pass->bad_rows[t];
	if (row == SIZE_MAX)
		return 0;
	quant_dequantize_row(item->source->dtype, quantize_rows_in(pass, row),
	                     pass->scratch, (int64_t)pass->cols);
	quantize_row_fits(packed_plain(item->dtype), pass->scratch,
	                  (int64_t)pass->cols, &bad);
	return error_set(pass->err,
	                 "%s: tensor %s: row %zu, column %" PRId64
	                 " is %g, which %s cannot say",
	                 item->file, item->name, row, bad,
	                 (double)pass->scratch[bad],
	                 dtype_info(packed_plain(item->dtype))->name);
}

static int write_chunk(struct quantize_rows *pass, void *writer)
{
	struct gguf_write *w = writer;

	if (pass->item->source->dtype == pass->item->dtype)
		return gguf_write_data(w,
		                       quantize_rows_in(pass, pass->first_row),
		                       pass->rows * pass->in_row, pass->err);
	threads_run(pass->options->pool, convert, pass);
	return check_rows(pass)
	               ? QUANTIZE_BAD_SOURCE
	               : gguf_write_data(w, pass->out,
	                                 pass->rows * pass->out_row, pass->err);
}

static int write_tensors(struct gguf_write *w, const struct quantize_plan *plan,
                         struct quantize_rows *pass)
{
	int result = 0;

	for (size_t i = 0; i < plan->n && !result; i++)
		result = quantize_rows_each(pass, &plan->items[i], write_chunk,
		                            w);
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

static int write_file(const struct checkpoint *cp,
                      const struct quantize_mix *mix, struct gguf_write *w,
                      const struct quantize_plan *plan,
                      struct quantize_rows *pass)
{
	int result;

	if (write_keys(w, cp, mix, pass->options->packed, pass->err) ||
	    declare(w, plan, pass->err))
		return QUANTIZE_BAD_SOURCE;
	if (gguf_write_begin(w, pass->err))
		return -1;
	result = write_tensors(w, plan, pass);
	return result ? result : gguf_write_finish(w, pass->err);
}

int quantize(const struct checkpoint *cp, const char *out,
             const struct quantize_options *options,
             struct quantize_report *report, struct error *err)
{
	const struct quantize_mix *mix = quantize_mix_find(options->type);
	struct quantize_rows pass = { .options = options, .err = err };
	struct quantize_plan plan;
	struct gguf_write *w;
	int result;

	if (!mix)
		return error_set(err, "type %s is none of %s", options->type,
		                 quantize_mix_names());
	if (quantize_plan_make(&plan, cp, mix, err))
		return QUANTIZE_BAD_SOURCE;
	if (options->packed)
		quantize_plan_pack(&plan);
	pass.total = quantize_packable_bytes(&plan);
	for (size_t i = 0; i < plan.n; i++)
		pass.total += plan.items[i].source->bytes;
	result = quantize_packable(&plan, &pass);
	w = result ? NULL : gguf_write_new(out, err);
	if (w)
		result = write_file(cp, mix, w, &plan, &pass);
	else if (!result)
		result = -1;
	if (!result && report)
		fill_report(report, &plan, w);
	gguf_write_free(w);
	quantize_plan_free(&plan);
	return result;
}
