/*
 * contents.h - what a checkpoint is made of, whatever the format of its files
 *
 * hf_directory_read() and gguf_contents_read() fill it, checkpoint.c shows it
 * to the floors above.  Everything is owned, but tensors' bytes belong to the
 * mappings of `shards` or `gguf`.
 */
#ifndef CONFAB_CONTENTS_H
#define CONFAB_CONTENTS_H

#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

struct error;
struct gguf;
struct json;
struct safetensors;

/* More of either are refused; the largest Qwen3 has 118 files and 36,000
 * tensors. */
#define CONTENTS_MAX_FILES   1024
#define CONTENTS_MAX_TENSORS ((size_t)1 << 18)

struct contents_tensor {
	char *name; /* as in Hugging Face's Qwen3 */
	struct tensor tensor;
	size_t file;
};

struct contents_file {
	char *path;
	uint64_t size;    /* bytes */
	int64_t mtime_ns; /* when it was opened */
};

struct contents {
	const char *format; /* "safetensors", "gguf" */
	char *name;         /* of the model, NULL where the files do not say */
	struct json *config;
	uint64_t config_hash; /* of the text that config was read from */
	struct json *generation_config; /* NULL: there is none */
	char *chat_template;            /* NULL: there is none */
	char *tokenizer_path;           /* NULL: there is none */

	struct contents_file *files; /* [n_files] */
	size_t n_files, files_capacity;
	struct contents_tensor *tensors; /* [n_tensors], sorted by name */
	size_t n_tensors, tensors_capacity;

	struct safetensors **shards; /* [n_shards], one a file */
	size_t n_shards;
	struct gguf *gguf;
};

void contents_free(struct contents *contents);

void contents_add_file(struct contents *contents, const char *path,
                       uint64_t size, int64_t mtime_ns);

/* Of the file added last, or of an earlier one. */
int contents_add_tensor(struct contents *contents, const char *name,
                        const struct tensor *tensor, size_t file,
                        struct error *err);

/* When all are there: sorts, and refuses two tensors of one name. */
int contents_sort(struct contents *contents, struct error *err);

/* After contents_sort(); NULL when there is none. */
const struct contents_tensor *contents_find(const struct contents *contents,
                                            const char *name);

#endif
