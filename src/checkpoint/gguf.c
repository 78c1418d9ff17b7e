#include "checkpoint/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "checkpoint/gguf_cursor.h"
#include "checkpoint/gguf_format.h"
#include "checkpoint/gguf_metadata.h"
#include "math/packed.h"

#define TENSORS_MAX     65536 /* of one part; the largest files have 1,200 */
#define TENSOR_BYTES    33    /* the least that an info takes */
#define TENSOR_NAME_MAX 127   /* bytes; ggml itself stops at 63 */
#define ALIGNMENT_MAX   (1 << 20) /* bytes */
#define PARTS_MAX       128
#define AFTER_LAST_MAX  65536 /* bytes of padding at the end of a file */

struct entry {
	char *name; /* owned */
	struct tensor tensor;
	uint64_t offset; /* from the start of its part's data */
	size_t part;
};

struct part {
	struct file_map map;
	struct gguf_metadata metadata;
	size_t alignment; /* bytes, a power of two */
	size_t data;      /* where the tensors begin, bytes */
};

struct gguf {
	struct part **parts; /* [n_parts] */
	size_t n_parts;
	struct entry *entries; /* [n_entries], in the files' order */
	size_t n_entries, capacity;
};

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

static int read_alignment(struct gguf_cursor *c, struct part *part)
{
	const struct gguf_field *field;
	int64_t alignment = GGUF_ALIGNMENT;

	field = gguf_metadata_find(&part->metadata, "general.alignment");
	gguf_cursor_enter(c, "key general.alignment");
	if (field && (field->kind == GGUF_ARRAY ||
	              !gguf_metadata_integer(field, 0, &alignment)))
		return gguf_cursor_fail(c, "not an integer");
	if (alignment < 8 || alignment > ALIGNMENT_MAX ||
	    (alignment & (alignment - 1)))
		return gguf_cursor_fail(c,
		                        "%" PRId64 ", not a power of two from "
		                        "8 to %d",
		                        alignment, ALIGNMENT_MAX);
	part->alignment = (size_t)alignment;
	return 0;
}

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

static int read_tensor(struct gguf_cursor *c, struct entry *entry)
{
	struct gguf_string name;

	if (gguf_cursor_name(c, TENSOR_NAME_MAX, &name))
		return -1;
	gguf_cursor_enter(c, "tensor %.*s", (int)name.len, name.bytes);
	if (read_shape(c, &entry->tensor) || read_type(c, &entry->tensor) ||
	    gguf_cursor_u64(c, "the offset", &entry->offset))
		return -1;
	entry->name = mem_dup(name.bytes, name.len);
	return 0;
}

static int read_tensors(struct gguf *gguf, struct gguf_cursor *c, uint64_t n)
{
	gguf_cursor_enter(c, "header");
	if (n > TENSORS_MAX || n > (c->size - c->pos) / TENSOR_BYTES)
		return gguf_cursor_fail(c,
		                        "%" PRIu64 " tensors in a file of %zu "
		                        "bytes (the most is %d)",
		                        n, c->size, TENSORS_MAX);
	for (uint64_t i = 0; i < n; i++) {
		struct entry *entry;

		gguf->entries =
			mem_grow(gguf->entries, gguf->n_entries,
		                 &gguf->capacity, sizeof *gguf->entries);
		entry = &gguf->entries[gguf->n_entries];
		memset(entry, 0, sizeof *entry);
		entry->part = gguf->n_parts - 1;
		gguf_cursor_enter(c, "tensor %" PRIu64 " of %" PRIu64, i + 1,
		                  n);
		if (read_tensor(c, entry))
			return -1;
		gguf->n_entries++;
	}
	return 0;
}

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

/* Gives the part's tensors, entries [first, n_entries), their places. */
static int place_tensors(struct gguf *gguf, struct gguf_cursor *c,
                         struct part *part, size_t first)
{
	size_t size = part->map.size, begin = align(c->pos, part->alignment);
	size_t end = begin < size ? begin : size; /* of the last tensor */

	gguf_cursor_enter(c, "padding after the header");
	if (check_zero(c, c->pos, end))
		return -1;
	part->data = end;
	for (size_t i = first; i < gguf->n_entries; i++) {
		struct entry *entry = &gguf->entries[i];
		size_t at = align(end - part->data, part->alignment);

		gguf_cursor_enter(c, "tensor %s", entry->name);
		if (packed_is(entry->tensor.dtype) &&
		    part->alignment % PACKED_ALIGN)
			return gguf_cursor_fail(
				c, "type %s in a file of alignment %zu, not %d",
				dtype_info(entry->tensor.dtype)->name,
				part->alignment, PACKED_ALIGN);
		if (entry->offset != at)
			return gguf_cursor_fail(c,
			                        "its offset is %" PRIu64
			                        ", but the tensors "
			                        "before it end at %zu",
			                        entry->offset, at);
		if (at > size - part->data ||
		    entry->tensor.bytes > size - part->data - at)
			return gguf_cursor_fail(
				c,
				"%zu bytes at offset %zu, where the file of "
				"%zu bytes has %zu left",
				entry->tensor.bytes, part->data + at, size,
				at > size - part->data
					? 0
					: size - part->data - at);
		entry->tensor.data = part->map.bytes + part->data + at;
		end = part->data + at + entry->tensor.bytes;
	}
	gguf_cursor_enter(c, "after the last tensor");
	if (size - end > AFTER_LAST_MAX)
		return gguf_cursor_fail(c,
		                        "%zu bytes at offset %zu that belong "
		                        "to nothing",
		                        size - end, end);
	return check_zero(c, end, size);
}

static int read_part(struct gguf *gguf, struct part *part, struct error *err)
{
	struct gguf_cursor c = { .bytes = part->map.bytes,
		                 .size = part->map.size,
		                 .path = part->map.path,
		                 .err = err };
	uint64_t n_tensors, n_keys;
	size_t first = gguf->n_entries;

	if (read_header(&c, &n_tensors, &n_keys) ||
	    gguf_metadata_read(&part->metadata, &c, n_keys) ||
	    read_alignment(&c, part) || read_tensors(gguf, &c, n_tensors) ||
	    place_tensors(gguf, &c, part, first))
		return -1;
	return 0;
}

static int open_part(struct gguf *gguf, const char *path, struct error *err)
{
	struct part *part = mem_zalloc(1, sizeof *part);

	if (file_map_open(&part->map, path, err)) {
		free(part);
		return -1;
	}
	gguf->parts = mem_realloc(gguf->parts, gguf->n_parts + 1,
	                          sizeof *gguf->parts);
	gguf->parts[gguf->n_parts++] = part;
	return read_part(gguf, part, err);
}

/* A key of the part, or what it means when it is absent. */
static int64_t part_integer(const struct part *part, const char *key,
                            int64_t absent)
{
	const struct gguf_field *field;

	field = gguf_metadata_find(&part->metadata, key);
	if (field && field->kind != GGUF_ARRAY)
		gguf_metadata_integer(field, 0, &absent);
	return absent;
}

static int check_part(const struct gguf *gguf, size_t i, int64_t n,
                      struct error *err)
{
	const struct part *part = gguf->parts[i];
	int64_t number = part_integer(part, "split.no", -1);
	int64_t count = part_integer(part, "split.count", -1);

	if (number != (int64_t)i)
		return error_set(err,
		                 "%s: key split.no: %" PRId64
		                 " in part %zu, which should have %zu",
		                 part->map.path, number, i + 1, i);
	if (count != n)
		return error_set(err,
		                 "%s: key split.count: %" PRId64
		                 ", but %" PRId64 " in the first part",
		                 part->map.path, count, n);
	return 0;
}

/* "-00002-of-00005.gguf" */
static void part_ending(char ending[32], size_t number, size_t n)
{
	snprintf(ending, 32, "-%05zu-of-%05zu.gguf", number, n);
}

/* The other parts of a split model, whose first is open. */
static int open_other_parts(struct gguf *gguf, size_t n, struct error *err)
{
	const char *path = gguf->parts[0]->map.path;
	size_t len = strlen(path), cut;
	char ending[32];

	if (check_part(gguf, 0, (int64_t)n, err))
		return -1;
	part_ending(ending, 1, n);
	cut = len - strlen(ending);
	if (len < strlen(ending) || strcmp(path + cut, ending))
		return error_set(err,
		                 "%s: the first of %zu parts should have a "
		                 "name that ends in %s",
		                 path, n, ending);
	for (size_t i = 1; i < n; i++) {
		char *other = mem_alloc(len + 32);
		int failed;

		part_ending(ending, i + 1, n);
		snprintf(other, len + 32, "%.*s%s", (int)cut, path, ending);
		failed = open_part(gguf, other, err) ||
		         check_part(gguf, i, (int64_t)n, err);
		free(other);
		if (failed)
			return -1;
	}
	return 0;
}

static int open_split(struct gguf *gguf, struct error *err)
{
	const struct part *first = gguf->parts[0];
	int64_t n = part_integer(first, "split.count", 1);
	int64_t total;

	if (n == 0 || n == 1)
		return 0;
	if (n < 0 || n > PARTS_MAX)
		return error_set(err,
		                 "%s: key split.count: %" PRId64
		                 " parts (the most is %d)",
		                 first->map.path, n, PARTS_MAX);
	if (open_other_parts(gguf, (size_t)n, err))
		return -1;
	total = part_integer(first, "split.tensors.count",
	                     (int64_t)gguf->n_entries);
	if (total != (int64_t)gguf->n_entries)
		return error_set(err,
		                 "%s: key split.tensors.count: %" PRId64
		                 ", but its %" PRId64 " parts hold %zu",
		                 first->map.path, total, n, gguf->n_entries);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int check_names(const struct gguf *gguf, struct error *err)
{
	const struct entry **sorted;
	int result = 0;

	sorted = mem_alloc(gguf->n_entries * sizeof *sorted);
	for (size_t i = 0; i < gguf->n_entries; i++)
		sorted[i] = &gguf->entries[i];
	qsort(sorted, gguf->n_entries, sizeof *sorted, compare_names);
	for (size_t i = 1; i < gguf->n_entries && !result; i++)
		if (!compare_names(&sorted[i - 1], &sorted[i]))
			result = error_set(err,
			                   "%s: tensor %s: there is "
			                   "another of that name",
			                   gguf_file(gguf, sorted[i]->part),
			                   sorted[i]->name);
	free(sorted);
	return result;
}

struct gguf *gguf_open(const char *path, struct error *err)
{
	struct gguf *gguf = mem_zalloc(1, sizeof *gguf);

	if (open_part(gguf, path, err) || open_split(gguf, err) ||
	    check_names(gguf, err)) {
		gguf_free(gguf);
		return NULL;
	}
	return gguf;
}

void gguf_free(struct gguf *gguf)
{
	if (!gguf)
		return;
	for (size_t i = 0; i < gguf->n_entries; i++)
		free(gguf->entries[i].name);
	free(gguf->entries);
	for (size_t i = 0; i < gguf->n_parts; i++) {
		gguf_metadata_free(&gguf->parts[i]->metadata);
		file_map_close(&gguf->parts[i]->map);
		free(gguf->parts[i]);
	}
	free(gguf->parts);
	free(gguf);
}

/* The field of a key if it is of that kind (an array: of that kind of items). */
static const struct gguf_field *find(const struct gguf *gguf, const char *key,
                                     bool array)
{
	const struct gguf_field *field;

	field = gguf_metadata_find(&gguf->parts[0]->metadata, key);
	return field && (field->kind == GGUF_ARRAY) == array ? field : NULL;
}

bool gguf_integer(const struct gguf *gguf, const char *key, int64_t *out)
{
	const struct gguf_field *field = find(gguf, key, false);

	return field && gguf_metadata_integer(field, 0, out);
}

bool gguf_number(const struct gguf *gguf, const char *key, double *out)
{
	const struct gguf_field *field = find(gguf, key, false);
	int64_t integer;

	if (!field)
		return false;
	if (gguf_metadata_float(field, 0, out))
		return true;
	if (!gguf_metadata_integer(field, 0, &integer))
		return false;
	*out = (double)integer;
	return true;
}

bool gguf_bool(const struct gguf *gguf, const char *key, bool *out)
{
	const struct gguf_field *field = find(gguf, key, false);

	if (!field || field->kind != GGUF_BOOL)
		return false;
	*out = *(const uint8_t *)field->value != 0;
	return true;
}

/* Reads the string at *p, checked when the file was opened, and moves *p on. */
static struct gguf_string next_string(const uint8_t **p)
{
	struct gguf_string s;

	s.len = (size_t)gguf_cursor_load_u64(*p);
	s.bytes = (const char *)*p + 8;
	*p += 8 + s.len;
	return s;
}

bool gguf_string(const struct gguf *gguf, const char *key,
                 struct gguf_string *out)
{
	const struct gguf_field *field = find(gguf, key, false);
	const uint8_t *p;

	if (!field || field->kind != GGUF_STRING)
		return false;
	p = field->value;
	*out = next_string(&p);
	return true;
}

bool gguf_array(const struct gguf *gguf, const char *key, size_t *n)
{
	const struct gguf_field *field = find(gguf, key, true);

	if (!field)
		return false;
	*n = field->n;
	return true;
}

bool gguf_string_array(const struct gguf *gguf, const char *key,
                       struct gguf_string *out)
{
	const struct gguf_field *field = find(gguf, key, true);
	const uint8_t *p;

	if (!field || field->item != GGUF_STRING)
		return false;
	p = field->value;
	for (size_t i = 0; i < field->n; i++)
		out[i] = next_string(&p);
	return true;
}

bool gguf_integer_array(const struct gguf *gguf, const char *key, int64_t *out)
{
	const struct gguf_field *field = find(gguf, key, true);

	if (!field)
		return false;
	for (size_t i = 0; i < field->n; i++)
		if (!gguf_metadata_integer(field, i, &out[i]))
			return false;
	return true;
}

bool gguf_number_array(const struct gguf *gguf, const char *key, double *out)
{
	const struct gguf_field *field = find(gguf, key, true);

	if (!field)
		return false;
	for (size_t i = 0; i < field->n; i++)
		if (!gguf_metadata_float(field, i, &out[i]))
			return false;
	return true;
}

size_t gguf_n_fields(const struct gguf *gguf)
{
	return gguf->parts[0]->metadata.n;
}

const struct gguf_field *gguf_field(const struct gguf *gguf, size_t i)
{
	return &gguf->parts[0]->metadata.fields[i];
}

size_t gguf_n_tensors(const struct gguf *gguf)
{
	return gguf->n_entries;
}

const char *gguf_tensor_name(const struct gguf *gguf, size_t i)
{
	return gguf->entries[i].name;
}

const struct tensor *gguf_tensor(const struct gguf *gguf, size_t i)
{
	return &gguf->entries[i].tensor;
}

size_t gguf_n_files(const struct gguf *gguf)
{
	return gguf->n_parts;
}

const char *gguf_file(const struct gguf *gguf, size_t i)
{
	return gguf->parts[i]->map.path;
}

size_t gguf_tensor_file(const struct gguf *gguf, size_t i)
{
	return gguf->entries[i].part;
}
