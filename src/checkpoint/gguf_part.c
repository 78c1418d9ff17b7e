#include "checkpoint/gguf_part.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "checkpoint/gguf_cursor.h"
#include "checkpoint/gguf_format.h"
#include "math/packed.h"

#define TENSORS_MAX     65536 /* of one part; the largest files have 1,200 */
#define TENSOR_BYTES    33    /* the least that an info takes */
#define TENSOR_NAME_MAX 127   /* bytes; ggml itself stops at 63 */
#define ALIGNMENT_MAX   (1 << 20) /* bytes */
#define AFTER_LAST_MAX  65536     /* bytes of padding at the end of a file */

/* ---- the header ---- */

/* Magic, version and the two counts. */
static int read_header(struct gguf_cursor *c, uint64_t *n_tensors,
                       uint64_t *n_keys)
{
	const uint8_t *magic;
	uint32_t version;

	gguf_cursor_enter(c, "header");
	magic = gguf_cursor_take(c, 4, "the magic number");
	if (!magic)
		return -1;
	if (memcmp(magic, GGUF_MAGIC, 4))
		return gguf_cursor_fail(c,
		                        "begins with %02x %02x %02x %02x, "
		                        "not with \"GGUF\"",
		                        magic[0], magic[1], magic[2], magic[3]);
	if (gguf_cursor_u32(c, "the version", &version))
		return -1;
	if (version && (version & 0xffff) == 0)
		return gguf_cursor_fail(c,
		                        "version 0x%08" PRIx32
		                        ": a big-endian file",
		                        version);
	if (version < 2 || version > GGUF_VERSION)
		return gguf_cursor_fail(c, "version %" PRIu32 ", not 2 or %d",
		                        version, GGUF_VERSION);
	if (gguf_cursor_u64(c, "the number of tensors", n_tensors) ||
	    gguf_cursor_u64(c, "the number of keys", n_keys))
		return -1;
	return 0;
}

/* Bytes, a power of two. */
static int read_alignment(struct gguf_cursor *c,
                          const struct gguf_metadata *metadata,
                          size_t *alignment)
{
	const struct gguf_field *field;
	int64_t value = GGUF_ALIGNMENT;

	field = gguf_metadata_find(metadata, "general.alignment");
	gguf_cursor_enter(c, "key general.alignment");
	if (field && (field->kind == GGUF_ARRAY ||
	              !gguf_metadata_integer(field, 0, &value)))
		return gguf_cursor_fail(c, "not an integer");
	if (value < 8 || value > ALIGNMENT_MAX || (value & (value - 1)))
		return gguf_cursor_fail(c,
		                        "%" PRId64 ", not a power of two from "
		                        "8 to %d",
		                        value, ALIGNMENT_MAX);
	*alignment = (size_t)value;
	return 0;
}

/* ---- what tensors there are ---- */

/* The dimensions, innermost first in the file, outermost first in the tensor. */
static int read_shape(struct gguf_cursor *c, struct tensor *tensor)
{
	uint32_t n_dims;

	if (gguf_cursor_u32(c, "the number of dimensions", &n_dims))
		return -1;
	if (n_dims < 1 || n_dims > TENSOR_MAX_DIMS)
		return gguf_cursor_fail(c,
		                        "%" PRIu32 " dimensions, not 1 to %d",
		                        n_dims, TENSOR_MAX_DIMS);
	tensor->n_dims = (int)n_dims;
	for (uint32_t i = 0; i < n_dims; i++) {
		uint64_t dim;

		if (gguf_cursor_u64(c, "a dimension", &dim))
			return -1;
		if (dim == 0 || dim > INT64_MAX)
			return gguf_cursor_fail(c,
			                        "dimension %" PRIu32
			                        " is %" PRIu64,
			                        i, dim);
		tensor->shape[n_dims - 1 - i] = (int64_t)dim;
	}
	return 0;
}

/* Of one matrix, where there are several. */
static int64_t rows_of(const struct tensor *tensor)
{
	return tensor->n_dims > 1 ? tensor->shape[tensor->n_dims - 2] : 1;
}

static int read_type(struct gguf_cursor *c, struct tensor *tensor)
{
	int64_t cols = tensor->shape[tensor->n_dims - 1], elements;
	const struct dtype_info *info;
	uint32_t number;

	if (gguf_cursor_u32(c, "the type", &number))
		return -1;
	if (!gguf_format_dtype(number, &tensor->dtype))
		return gguf_cursor_fail(c,
		                        "type %" PRIu32 " (%s), which this "
		                        "program does not read",
		                        number, gguf_format_type_name(number));
	info = dtype_info(tensor->dtype);
	if (cols % info->block)
		return gguf_cursor_fail(c,
		                        "rows of %" PRId64 " elements of type "
		                        "%s, whose blocks have %d",
		                        cols, info->name, info->block);
	if (rows_of(tensor) % info->rows)
		return gguf_cursor_fail(c,
		                        "%" PRId64 " rows of type %s, which "
		                        "has %d together",
		                        rows_of(tensor), info->name,
		                        info->rows);
	if (!tensor_size(tensor->dtype, tensor->n_dims, tensor->shape,
	                 &elements, &tensor->bytes))
		return gguf_cursor_fail(c,
		                        "the product of its dimensions "
		                        "overflows (rows of %" PRId64 ")",
		                        cols);
	return 0;
}

static int read_tensor(struct gguf_cursor *c, struct gguf_part_tensor *t)
{
	struct gguf_string name;

	if (gguf_cursor_name(c, TENSOR_NAME_MAX, &name))
		return -1;
	gguf_cursor_enter(c, "tensor %.*s", (int)name.len, name.bytes);
	if (read_shape(c, &t->tensor) || read_type(c, &t->tensor) ||
	    gguf_cursor_u64(c, "the offset", &t->offset))
		return -1;
	t->name = mem_dup(name.bytes, name.len);
	return 0;
}

static int read_tensors(struct gguf_part *part, struct gguf_cursor *c,
                        uint64_t n)
{
	gguf_cursor_enter(c, "header");
	if (gguf_cursor_expect(c, n, "tensors", TENSORS_MAX, TENSOR_BYTES))
		return -1;
	part->tensors = mem_zalloc((size_t)n, sizeof *part->tensors);
	for (; part->n < n; part->n++) {
		gguf_cursor_enter(c, "tensor %zu of %" PRIu64, part->n + 1, n);
		if (read_tensor(c, &part->tensors[part->n]))
			return -1;
	}
	return 0;
}

/* ---- where they are ---- */

/* The next multiple of alignment; x is at most a file's size. */
static size_t align(size_t x, size_t alignment)
{
	return (x + alignment - 1) & ~(alignment - 1);
}

static int check_zero(struct gguf_cursor *c, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++)
		if (c->bytes[i])
			return gguf_cursor_fail(c,
			                        "byte 0x%02x at offset %zu, "
			                        "where there should be padding",
			                        c->bytes[i], i);
	return 0;
}

/* The tensor must lie where those before it, which end at *end, say; *end is
 * then its own.  The file's data begin at `data`. */
static int place_tensor(struct gguf_cursor *c, struct gguf_part_tensor *t,
                        size_t data, size_t *end, size_t alignment)
{
	size_t at = align(*end - data, alignment), left = c->size - data;

	left = at < left ? left - at : 0;
	gguf_cursor_enter(c, "tensor %s", t->name);
	if (packed_is(t->tensor.dtype) && alignment % PACKED_ALIGN)
		return gguf_cursor_fail(
			c, "type %s in a file of alignment %zu, not %d",
			dtype_info(t->tensor.dtype)->name, alignment,
			PACKED_ALIGN);
	if (t->offset != at)
		return gguf_cursor_fail(c,
		                        "its offset is %" PRIu64
		                        ", but the tensors "
		                        "before it end at %zu",
		                        t->offset, at);
	if (t->tensor.bytes > left)
		return gguf_cursor_fail(
			c,
			"%zu bytes at offset %zu, where the file of "
			"%zu bytes has %zu left",
			t->tensor.bytes, data + at, c->size, left);
	t->tensor.data = c->bytes + data + at;
	*end = data + at + t->tensor.bytes;
	return 0;
}

static int place_tensors(struct gguf_part *part, struct gguf_cursor *c,
                         size_t alignment)
{
	size_t data = align(c->pos, alignment), end;

	if (data > c->size)
		data = c->size;
	gguf_cursor_enter(c, "padding after the header");
	if (check_zero(c, c->pos, data))
		return -1;
	end = data;
	for (size_t i = 0; i < part->n; i++)
		if (place_tensor(c, &part->tensors[i], data, &end, alignment))
			return -1;
	gguf_cursor_enter(c, "after the last tensor");
	if (c->size - end > AFTER_LAST_MAX)
		return gguf_cursor_fail(c,
		                        "%zu bytes at offset %zu that belong "
		                        "to nothing",
		                        c->size - end, end);
	return check_zero(c, end, c->size);
}

/* ---- all of it ---- */

static int read_part(struct gguf_part *part, struct error *err)
{
	struct gguf_cursor c = { .bytes = part->map.bytes,
		                 .size = part->map.size,
		                 .path = part->map.path,
		                 .err = err };
	uint64_t n_tensors, n_keys;
	size_t alignment = 0;

	if (read_header(&c, &n_tensors, &n_keys) ||
	    gguf_metadata_read(&part->metadata, &c, n_keys) ||
	    read_alignment(&c, &part->metadata, &alignment) ||
	    read_tensors(part, &c, n_tensors) ||
	    place_tensors(part, &c, alignment))
		return -1;
	return 0;
}

struct gguf_part *gguf_part_open(const char *path, struct error *err)
{
	struct gguf_part *part = mem_zalloc(1, sizeof *part);

	if (file_map_open(&part->map, path, err) || read_part(part, err)) {
		gguf_part_free(part);
		return NULL;
	}
	return part;
}

void gguf_part_free(struct gguf_part *part)
{
	if (!part)
		return;
	for (size_t i = 0; i < part->n; i++)
		free(part->tensors[i].name);
	free(part->tensors);
	gguf_metadata_free(&part->metadata);
	file_map_close(&part->map);
	free(part);
}

int64_t gguf_part_integer(const struct gguf_part *part, const char *key,
                          int64_t absent)
{
	const struct gguf_field *field;

	field = gguf_metadata_find(&part->metadata, key);
	if (field && field->kind != GGUF_ARRAY)
		gguf_metadata_integer(field, 0, &absent);
	return absent;
}
