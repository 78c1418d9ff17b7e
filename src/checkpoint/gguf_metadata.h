/*
 * gguf_metadata.h - the key-value pairs of a GGUF file
 */
#ifndef CONFAB_GGUF_METADATA_H
#define CONFAB_GGUF_METADATA_H

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/gguf.h"

struct gguf_cursor;

struct gguf_metadata {
	struct gguf_field *fields;        /* [n], in the file's order */
	const struct gguf_field **sorted; /* [n], by key */
	size_t n;
};

/* Reads n pairs.  The fields point into the cursor's bytes.  On failure there
 * is nothing to free. */
int gguf_metadata_read(struct gguf_metadata *metadata, struct gguf_cursor *c,
                       uint64_t n);
void gguf_metadata_free(struct gguf_metadata *metadata);

/* NULL when there is none. */
const struct gguf_field *gguf_metadata_find(
	const struct gguf_metadata *metadata, const char *key);

/* Item i of an array of numbers, or a single number (i = 0), i < field->n;
 * false for other kinds and for integers over INT64_MAX. */
bool gguf_metadata_integer(const struct gguf_field *field, size_t i,
                           int64_t *out);
bool gguf_metadata_float(const struct gguf_field *field, size_t i, double *out);

#endif
