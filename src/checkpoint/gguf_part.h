/*
 * gguf_part.h - one GGUF file: all of a model, or a part of a split one
 *
 * What gguf.h says of a file is checked here, before anything is believed.
 */
#ifndef CONFAB_GGUF_PART_H
#define CONFAB_GGUF_PART_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "checkpoint/gguf_metadata.h"
#include "math/tensor.h"

struct error;

struct gguf_part_tensor {
	char *name; /* owned */
	struct tensor tensor;
	uint64_t offset; /* from the start of the file's data */
};

struct gguf_part {
	struct file_map map;
	struct gguf_metadata metadata;
	struct gguf_part_tensor *tensors; /* [n], in the file's order */
	size_t n;
};

/* NULL where the file cannot be read or is not what it should be. */
struct gguf_part *gguf_part_open(const char *path, struct error *err);
void gguf_part_free(struct gguf_part *part);

/* The number of that key, or what it means that there is none. */
int64_t gguf_part_integer(const struct gguf_part *part, const char *key,
                          int64_t absent);

#endif
