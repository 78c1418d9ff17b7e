#include "checkpoint/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/gguf_cursor.h"
#include "checkpoint/gguf_format.h"
#include "checkpoint/gguf_metadata.h"
#include "checkpoint/gguf_part.h"

#define PARTS_MAX 128

/* A tensor, and which part it lies in. */
struct entry {
	const struct gguf_part_tensor *at;
	size_t part;
};

struct gguf {
	struct gguf_part **parts; /* [n_parts], owned */
	size_t n_parts;
	struct entry *entries; /* [n_entries], in the files' order */
	size_t n_entries;
};

/* ---- the parts ---- */

static void add_tensors(struct gguf *gguf, size_t i)
{
	const struct gguf_part *part = gguf->parts[i];

	gguf->entries = mem_realloc(gguf->entries, gguf->n_entries + part->n,
	                            sizeof *gguf->entries);
	for (size_t t = 0; t < part->n; t++)
		gguf->entries[gguf->n_entries++] =
			(struct entry){ &part->tensors[t], i };
}

static int open_part(struct gguf *gguf, const char *path, struct error *err)
{
	struct gguf_part *part = gguf_part_open(path, err);

	if (!part)
		return -1;
	gguf->parts = mem_realloc(gguf->parts, gguf->n_parts + 1,
	                          sizeof *gguf->parts);
	gguf->parts[gguf->n_parts++] = part;
	add_tensors(gguf, gguf->n_parts - 1);
	return 0;
}

static int check_part(const struct gguf *gguf, size_t i, int64_t n,
                      struct error *err)
{
	const struct gguf_part *part = gguf->parts[i];
	int64_t number = gguf_part_integer(part, "split.no", -1);
	int64_t count = gguf_part_integer(part, "split.count", -1);

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
	const struct gguf_part *first = gguf->parts[0];
	int64_t n = gguf_part_integer(first, "split.count", 1);
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
	total = gguf_part_integer(first, "split.tensors.count",
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

	return strcmp((*x)->at->name, (*y)->at->name);
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
			result = error_set(
				err,
				"%s: tensor %s: there is "
				"another of that name",
				gguf_file(gguf, sorted[i]->part)->path,
				sorted[i]->at->name);
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
	free(gguf->entries);
	for (size_t i = 0; i < gguf->n_parts; i++)
		gguf_part_free(gguf->parts[i]);
	free(gguf->parts);
	free(gguf);
}

/* ---- metadata ---- */

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

/* ---- tensors and files ---- */

size_t gguf_n_tensors(const struct gguf *gguf)
{
	return gguf->n_entries;
}

const char *gguf_tensor_name(const struct gguf *gguf, size_t i)
{
	return gguf->entries[i].at->name;
}

const struct tensor *gguf_tensor(const struct gguf *gguf, size_t i)
{
	return &gguf->entries[i].at->tensor;
}

size_t gguf_n_files(const struct gguf *gguf)
{
	return gguf->n_parts;
}

const struct file_map *gguf_file(const struct gguf *gguf, size_t i)
{
	return &gguf->parts[i]->map;
}

size_t gguf_tensor_file(const struct gguf *gguf, size_t i)
{
	return gguf->entries[i].part;
}
