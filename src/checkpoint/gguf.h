/*
 * gguf.h - the GGUF container, versions 2 and 3: reading
 *
 * Format: ggml-org/ggml, docs/gguf.md.  Little endian.  A header (magic,
 * version, counts), metadata key-value pairs, tensor infos (dimensions stored
 * innermost first), then the tensor data, each aligned to general.alignment
 * (32 where it is absent).  Split models have split.no and split.count, and
 * names that end in -00001-of-0000N.gguf; their metadata is the first part's.
 *
 * The file is untrusted and everything is checked when it is opened: every
 * length against what is left of the file, every shape against its offset, keys
 * and tensor names for printable ASCII and for duplicates.  Tensors must follow
 * each other as ggml itself demands, each at the first aligned offset after the
 * last, and nothing but a little padding may follow them.  Arrays of arrays,
 * which no language model's file has, are refused.  Types that other programs
 * do not know: see GGUF_PACKED in gguf_format.h.
 */
#ifndef CONFAB_GGUF_H
#define CONFAB_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

struct error;
struct file_map;
struct gguf;

/* Maps the file, and with it the other parts of a split model. */
struct gguf *gguf_open(const char *path, struct error *err);
void gguf_free(struct gguf *gguf);

/* Metadata by key; false (out untouched) where it is absent or of another
 * kind.  Integers of every width and signedness widen to int64_t (false where
 * they do not fit); gguf_number() takes floats and integers. */
bool gguf_integer(const struct gguf *gguf, const char *key, int64_t *out);
bool gguf_number(const struct gguf *gguf, const char *key, double *out);
bool gguf_bool(const struct gguf *gguf, const char *key, bool *out);

struct gguf_string {
	const char
		*bytes; /* [len], borrowed from the mapping, no 0 byte after */
	size_t len;
};
bool gguf_string(const struct gguf *gguf, const char *key,
                 struct gguf_string *out);

/* Arrays.  gguf_array() gives the length; the items of a string array are
 * variable in size, so they are read into a list of the caller's. */
bool gguf_array(const struct gguf *gguf, const char *key, size_t *n);
/* Fills out[n], n as gguf_array() gave it; false where it is no string array. */
bool gguf_string_array(const struct gguf *gguf, const char *key,
                       struct gguf_string *out);
/* Fills out[n] from an array of integers of any width; false where it is none
 * or where one does not fit. */
bool gguf_integer_array(const struct gguf *gguf, const char *key, int64_t *out);
/* Fills out[n] from an array of float32 or float64. */
bool gguf_number_array(const struct gguf *gguf, const char *key, double *out);

/* All metadata in the file's order, for those who list or copy it. */
struct gguf_field {
	struct gguf_string key;
	int kind;          /* enum gguf_kind, see gguf_format.h */
	int item;          /* kind of an array's items */
	size_t n;          /* items of an array, else 1 */
	const void *value; /* [bytes], as in the file, without kind and count */
	size_t bytes;
};
size_t gguf_n_fields(const struct gguf *gguf);
const struct gguf_field *gguf_field(const struct gguf *gguf, size_t i);

/* Tensors under their GGUF names, shape outermost first. */
size_t gguf_n_tensors(const struct gguf *gguf);
const char *gguf_tensor_name(const struct gguf *gguf, size_t i);
const struct tensor *gguf_tensor(const struct gguf *gguf, size_t i);

/* The files, one or one a part; which of them holds tensor i. */
size_t gguf_n_files(const struct gguf *gguf);
const struct file_map *gguf_file(const struct gguf *gguf, size_t i);
size_t gguf_tensor_file(const struct gguf *gguf, size_t i);

#endif
