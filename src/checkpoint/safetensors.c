#include "checkpoint/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#define FORMAT_MAX 100000000u  /* bytes of header that the format allows */
#define HEADER_MAX (16u << 20) /* bytes of header that are read */
#define VALUES_MAX ((size_t)1 << 18) /* JSON values; 8 describe a matrix */

struct entry {
	char *name; /* owned */
	struct tensor tensor;
	uint64_t begin, end; /* bytes, in the data; begin < end <= data_size */
	bool skipped;        /* of a type that is not read */
};

struct safetensors {
	struct file_map map;
	struct entry *entries; /* [n_entries], sorted by begin */
	size_t n_entries, capacity;
};

/* A file while it is read. */
struct reader {
	struct safetensors *st;
	const char *path;
	const uint8_t *data; /* after the header */
	uint64_t data_size;
	struct error *err;
};

struct type {
	const char *name;
	uint64_t bytes; /* of an element */
	int dtype;      /* -1: not read */
};

static const struct type types[] = {
	{ "BF16", 2, DTYPE_BF16 }, { "F16", 2, DTYPE_F16 },
	{ "F32", 4, DTYPE_F32 },   { "F64", 8, -1 },
	{ "I64", 8, -1 },          { "I32", 4, -1 },
	{ "I16", 2, -1 },          { "I8", 1, -1 },
	{ "U64", 8, -1 },          { "U32", 4, -1 },
	{ "U16", 2, -1 },          { "U8", 1, -1 },
	{ "BOOL", 1, -1 },         { "F8_E4M3", 1, -1 },
	{ "F8_E5M2", 1, -1 },      { "F8_E8M0", 1, -1 },
};

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len >= n && !strcmp(name + len - n, end);
}

static int read_type(const struct reader *r, const char *name,
                     const struct json *value, const struct type **type)
{
	const char *text = json_string(value);

	if (!text)
		return error_set(r->err, "%s: tensor \"%.120s\": no dtype",
		                 r->path, name);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		*type = &types[i];
		if (strcmp(text, types[i].name))
			continue;
		if (types[i].dtype >= 0 || !ends_in(name, "weight"))
			return 0;
		break;
	}
	return error_set(
		r->err,
		"%s: tensor \"%.120s\": dtype %.40s is not supported (BF16, "
		"F16 and F32 are)",
		r->path, name, text);
}

/* A whole number from 0 that fits. */
static bool count_of(const struct json *value, uint64_t *out)
{
	int64_t number;

	if (!json_integer(value, &number) || number < 0)
		return false;
	*out = (uint64_t)number;
	return true;
}

/* Shape and the bytes that it needs. */
static int read_shape(const struct reader *r, const char *name,
                      const struct json *value, struct tensor *t,
                      uint64_t *bytes)
{
	size_t n_dims = json_count(value), d = 0;

	if (!json_is_array(value))
		return error_set(r->err, "%s: tensor \"%.120s\": no shape",
		                 r->path, name);
	if (n_dims > TENSOR_MAX_DIMS)
		return error_set(
			r->err,
			"%s: tensor \"%.120s\": %zu dimensions, at most "
			"%d are supported",
			r->path, name, n_dims, TENSOR_MAX_DIMS);
	t->n_dims = n_dims ? (int)n_dims : 1;
	t->shape[0] = 1;
	for (const struct json *c = json_first(value); c; c = json_next(c)) {
		uint64_t dim;

		if (!count_of(c, &dim) || dim == 0)
			return error_set(
				r->err,
				"%s: tensor \"%.120s\": dimension %zu is "
				"no positive integer",
				r->path, name, d);
		t->shape[d++] = (int64_t)dim;
		if (__builtin_mul_overflow(*bytes, dim, bytes))
			return error_set(r->err,
			                 "%s: tensor \"%.120s\": the shape's "
			                 "product overflows",
			                 r->path, name);
	}
	return 0;
}

static int read_offsets(const struct reader *r, const struct json *value,
                        struct entry *e)
{
	const struct json *begin = json_first(value);
	const struct json *end = json_next(begin);

	if (!json_is_array(value) || json_count(value) != 2 ||
	    !count_of(begin, &e->begin) || !count_of(end, &e->end))
		return error_set(
			r->err,
			"%s: tensor \"%.120s\": data_offsets is no pair "
			"of integers",
			r->path, e->name);
	if (e->begin > e->end)
		return error_set(
			r->err,
			"%s: tensor \"%.120s\": begins at byte %" PRIu64
			" and ends at %" PRIu64,
			r->path, e->name, e->begin, e->end);
	if (e->end > r->data_size)
		return error_set(r->err,
		                 "%s: tensor \"%.120s\": ends at byte %" PRIu64
		                 " of %" PRIu64 " bytes of data (a truncated "
		                 "file?)",
		                 r->path, e->name, e->end, r->data_size);
	return 0;
}

/* Do type, shape and offsets agree?  Fills what is left of the tensor. */
static int place(const struct reader *r, struct entry *e,
                 const struct type *type, uint64_t bytes)
{
	const uint8_t *data = r->data + e->begin;

	if (bytes != e->end - e->begin)
		return error_set(
			r->err,
			"%s: tensor \"%.120s\": its shape needs %" PRIu64
			" bytes, its offsets give %" PRIu64,
			r->path, e->name, bytes, e->end - e->begin);
	if ((uintptr_t)data % type->bytes)
		return error_set(
			r->err,
			"%s: tensor \"%.120s\": begins at byte %zu of the "
			"file, no multiple of its %" PRIu64 "-byte "
			"elements",
			r->path, e->name, (size_t)(data - r->st->map.bytes),
			type->bytes);
	e->skipped = type->dtype < 0;
	e->tensor.dtype = e->skipped ? DTYPE_F32 : (enum dtype)type->dtype;
	e->tensor.data = data;
	e->tensor.bytes = (size_t)bytes;
	return 0;
}

/* One member of the header.  The name is freed with the table. */
static int read_tensor(const struct reader *r, const struct json *value)
{
	struct safetensors *st = r->st;
	const char *name = json_key(value);
	const struct type *type = NULL;
	uint64_t bytes;
	struct entry *e;

	if (!name[0])
		return error_set(r->err, "%s: a tensor without a name",
		                 r->path);
	if (!json_is_object(value))
		return error_set(r->err, "%s: tensor \"%.120s\": no object",
		                 r->path, name);
	st->entries = mem_grow(st->entries, st->n_entries, &st->capacity,
	                       sizeof *st->entries);
	e = &st->entries[st->n_entries++];
	*e = (struct entry){ .name = mem_strdup(name) };
	if (read_type(r, name, json_get(value, "dtype"), &type))
		return -1;
	bytes = type->bytes;
	if (read_shape(r, name, json_get(value, "shape"), &e->tensor, &bytes) ||
	    read_offsets(r, json_get(value, "data_offsets"), e))
		return -1;
	return place(r, e, type, bytes);
}

static int check_metadata(const struct reader *r, const struct json *metadata)
{
	if (!json_is_object(metadata))
		return error_set(r->err, "%s: __metadata__ is no object",
		                 r->path);
	for (const struct json *c = json_first(metadata); c; c = json_next(c))
		if (!json_is_string(c))
			return error_set(r->err,
			                 "%s: __metadata__: \"%.120s\" is no "
			                 "string",
			                 r->path, json_key(c));
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Sorts by place; every byte of the data must belong to one tensor. */
static int check_places(const struct reader *r)
{
	struct safetensors *st = r->st;
	uint64_t at = 0;

	if (st->n_entries)
		qsort(st->entries, st->n_entries, sizeof *st->entries,
		      compare_places);
	for (size_t i = 0; i < st->n_entries; i++) {
		const struct entry *e = &st->entries[i];

		if (e->begin < at)
			return error_set(
				r->err,
				"%s: tensors \"%.120s\" and \"%.120s\" "
				"overlap",
				r->path, e[-1].name, e->name);
		if (e->begin > at)
			return error_set(r->err,
			                 "%s: %" PRIu64 " bytes before tensor "
			                 "\"%.120s\" belong to none",
			                 r->path, e->begin - at, e->name);
		at = e->end;
	}
	if (at != r->data_size)
		return error_set(r->err,
		                 "%s: the tensors end at byte %" PRIu64
		                 " of %" PRIu64 " bytes of data",
		                 r->path, at, r->data_size);
	return 0;
}

static void drop_skipped(struct safetensors *st)
{
	size_t kept = 0;

	for (size_t i = 0; i < st->n_entries; i++)
		if (st->entries[i].skipped)
			free(st->entries[i].name);
		else
			st->entries[kept++] = st->entries[i];
	st->n_entries = kept;
}

static int read_header(const struct reader *r, const struct json *header)
{
	if (!json_is_object(header))
		return error_set(r->err, "%s: the header is no object",
		                 r->path);
	for (const struct json *c = json_first(header); c; c = json_next(c))
		if (!strcmp(json_key(c), "__metadata__") ? check_metadata(r, c)
		                                         : read_tensor(r, c))
			return -1;
	if (check_places(r))
		return -1;
	drop_skipped(r->st);
	return 0;
}

static uint64_t little_endian(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

/* The header's length; at least 2, and inside the file. */
static int read_size(const struct file_map *map, uint64_t *size,
                     struct error *err)
{
	if (map->size < 8)
		return error_set(err,
		                 "%s: %zu bytes, too short for a safetensors "
		                 "file",
		                 map->path, map->size);
	*size = little_endian(map->bytes);
	if (*size > FORMAT_MAX)
		return error_set(err,
		                 "%s: a header of %" PRIu64 " bytes, the "
		                 "format allows %u (not a safetensors file?)",
		                 map->path, *size, FORMAT_MAX);
	if (*size > map->size - 8)
		return error_set(err,
		                 "%s: a header of %" PRIu64 " bytes in a file "
		                 "of %zu (a truncated file?)",
		                 map->path, *size, map->size);
	if (*size > HEADER_MAX)
		return error_set(err,
		                 "%s: a header of %" PRIu64 " bytes, at most "
		                 "%u are read",
		                 map->path, *size, HEADER_MAX);
	if (*size < 2 || map->bytes[8] != '{')
		return error_set(err, "%s: the header does not begin with '{'",
		                 map->path);
	return 0;
}

static int read_file(struct safetensors *st, struct error *err)
{
	struct reader r = { .st = st, .path = st->map.path, .err = err };
	struct json *header;
	uint64_t size = 0;
	int result;

	if (read_size(&st->map, &size, err))
		return -1;
	r.data = st->map.bytes + 8 + size;
	r.data_size = st->map.size - 8 - size;
	header = json_parse_bounded((const char *)st->map.bytes + 8,
	                            (size_t)size, VALUES_MAX, r.path, err);
	if (!header)
		return -1;
	result = read_header(&r, header);
	json_free(header);
	return result;
}

struct safetensors *safetensors_open(const char *path, struct error *err)
{
	struct safetensors *st = mem_zalloc(1, sizeof *st);

	if (file_map_open(&st->map, path, err) || read_file(st, err)) {
		safetensors_free(st);
		return NULL;
	}
	return st;
}

void safetensors_free(struct safetensors *st)
{
	if (!st)
		return;
	for (size_t i = 0; i < st->n_entries; i++)
		free(st->entries[i].name);
	free(st->entries);
	file_map_close(&st->map);
	free(st);
}

size_t safetensors_n_tensors(const struct safetensors *st)
{
	return st->n_entries;
}

const char *safetensors_name(const struct safetensors *st, size_t i)
{
	return st->entries[i].name;
}

const struct tensor *safetensors_tensor(const struct safetensors *st, size_t i)
{
	return &st->entries[i].tensor;
}

const struct file_map *safetensors_file(const struct safetensors *st)
{
	return &st->map;
}
