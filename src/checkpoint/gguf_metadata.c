#include "checkpoint/gguf_metadata.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "checkpoint/gguf_cursor.h"
#include "checkpoint/gguf_format.h"

#define KEYS_MAX  65536 /* real files have some 30 */
#define KEY_MAX   65535 /* bytes, by the format's definition */
#define KEY_BYTES 14    /* the least that a pair takes: length, 1, kind, 1 */

static int read_kind(struct gguf_cursor *c, const char *what, int *kind)
{
	uint32_t number;

	if (gguf_cursor_u32(c, what, &number))
		return -1;
	if (number >= GGUF_KINDS)
		return gguf_cursor_fail(c,
		                        "%s %" PRIu32 ", where %d is the last",
		                        what, number, GGUF_KINDS - 1);
	*kind = (int)number;
	return 0;
}

static int check_bools(struct gguf_cursor *c, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] > 1)
			return gguf_cursor_fail(c, "a bool of value %d", p[i]);
	return 0;
}

/* The items of an array, or one value; field->n and the kinds are known. */
static int read_items(struct gguf_cursor *c, struct gguf_field *field, int kind)
{
	size_t width = gguf_format_width((enum gguf_kind)kind), begin = c->pos;
	const uint8_t *at;
	uint64_t bytes;

	if (kind == GGUF_STRING) {
		struct gguf_string s;

		for (size_t i = 0; i < field->n; i++)
			if (gguf_cursor_string(c, "a string", &s))
				return -1;
	} else {
		if (__builtin_mul_overflow((uint64_t)field->n, width, &bytes))
			bytes = UINT64_MAX;
		at = gguf_cursor_take(c, bytes, "a value");
		if (!at)
			return -1;
		if (kind == GGUF_BOOL && check_bools(c, at, field->n))
			return -1;
	}
	field->value = c->bytes + begin;
	field->bytes = c->pos - begin;
	return 0;
}

static int read_value(struct gguf_cursor *c, struct gguf_field *field)
{
	uint64_t n;

	field->n = 1;
	field->item = 0;
	if (read_kind(c, "value kind", &field->kind))
		return -1;
	if (field->kind != GGUF_ARRAY)
		return read_items(c, field, field->kind);
	if (read_kind(c, "item kind", &field->item) ||
	    gguf_cursor_u64(c, "an array's length", &n))
		return -1;
	if (field->item == GGUF_ARRAY)
		return gguf_cursor_fail(c, "an array of arrays");
	if (n > c->size - c->pos)
		return gguf_cursor_fail(c,
		                        "an array of %" PRIu64 " items at "
		                        "offset %zu, where %zu bytes are left",
		                        n, c->pos, c->size - c->pos);
	field->n = (size_t)n;
	return read_items(c, field, field->item);
}

static int compare_key(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;
	int order = memcmp(a, b, n);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_fields(const void *a, const void *b)
{
	const struct gguf_field *x = *(const struct gguf_field *const *)a;
	const struct gguf_field *y = *(const struct gguf_field *const *)b;

	return compare_key(x->key.bytes, x->key.len, y->key.bytes, y->key.len);
}

/* Sorts by key and refuses a key that is there twice. */
static int sort_fields(struct gguf_metadata *metadata, struct gguf_cursor *c)
{
	const struct gguf_field **sorted;

	sorted = mem_alloc(metadata->n * sizeof *sorted);
	metadata->sorted = sorted;
	for (size_t i = 0; i < metadata->n; i++)
		sorted[i] = &metadata->fields[i];
	qsort(sorted, metadata->n, sizeof *sorted, compare_fields);
	for (size_t i = 1; i < metadata->n; i++) {
		const struct gguf_string *key = &sorted[i]->key;

		if (compare_fields(&sorted[i - 1], &sorted[i]))
			continue;
		gguf_cursor_enter(c, "key %.*s",
		                  (int)(key->len < 80 ? key->len : 80),
		                  key->bytes);
		return gguf_cursor_fail(c, "there is another of that name");
	}
	return 0;
}

static int read_field(struct gguf_cursor *c, struct gguf_field *field)
{
	if (gguf_cursor_name(c, KEY_MAX, &field->key))
		return -1;
	gguf_cursor_enter(c, "key %.*s",
	                  (int)(field->key.len < 80 ? field->key.len : 80),
	                  field->key.bytes);
	return read_value(c, field);
}

int gguf_metadata_read(struct gguf_metadata *metadata, struct gguf_cursor *c,
                       uint64_t n)
{
	size_t capacity = 0;

	memset(metadata, 0, sizeof *metadata);
	gguf_cursor_enter(c, "header");
	if (gguf_cursor_expect(c, n, "keys", KEYS_MAX, KEY_BYTES))
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		metadata->fields =
			mem_grow(metadata->fields, metadata->n, &capacity,
		                 sizeof *metadata->fields);
		gguf_cursor_enter(c, "key %" PRIu64 " of %" PRIu64, i + 1, n);
		if (read_field(c, &metadata->fields[metadata->n]))
			goto fail;
		metadata->n++;
	}
	if (sort_fields(metadata, c))
		goto fail;
	return 0;
fail:
	gguf_metadata_free(metadata);
	return -1;
}

void gguf_metadata_free(struct gguf_metadata *metadata)
{
	free(metadata->fields);
	free(metadata->sorted);
	memset(metadata, 0, sizeof *metadata);
}

const struct gguf_field *gguf_metadata_find(
	const struct gguf_metadata *metadata, const char *key)
{
	size_t low = 0, high = metadata->n, len = strlen(key);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct gguf_field *field = metadata->sorted[middle];
		int order =
			compare_key(field->key.bytes, field->key.len, key, len);

		if (order == 0)
			return field;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* An item's bits, zero extended, and its kind. */
static int load(const struct gguf_field *field, size_t i, uint64_t *bits)
{
	int kind = field->kind == GGUF_ARRAY ? field->item : field->kind;
	size_t width = gguf_format_width((enum gguf_kind)kind);
	const uint8_t *p = (const uint8_t *)field->value + i * width;

	*bits = 0;
	for (size_t b = 0; b < width; b++)
		*bits |= (uint64_t)p[b] << 8 * b;
	return kind;
}

bool gguf_metadata_integer(const struct gguf_field *field, size_t i,
                           int64_t *out)
{
	uint64_t bits;

	switch (load(field, i, &bits)) {
	case GGUF_U8:
	case GGUF_U16:
	case GGUF_U32:
		*out = (int64_t)bits;
		return true;
	case GGUF_I8:
		*out = (int8_t)bits;
		return true;
	case GGUF_I16:
		*out = (int16_t)bits;
		return true;
	case GGUF_I32:
		*out = (int32_t)bits;
		return true;
	case GGUF_U64:
		if (bits > INT64_MAX)
			return false;
		*out = (int64_t)bits;
		return true;
	case GGUF_I64:
		*out = (int64_t)bits;
		return true;
	default:
		return false;
	}
}

bool gguf_metadata_float(const struct gguf_field *field, size_t i, double *out)
{
	uint64_t bits;
	uint32_t low;
	float f;

	switch (load(field, i, &bits)) {
	case GGUF_F32:
		low = (uint32_t)bits;
		memcpy(&f, &low, sizeof f);
		*out = f;
		return true;
	case GGUF_F64:
		memcpy(out, &bits, sizeof *out);
		return true;
	default:
		return false;
	}
}
