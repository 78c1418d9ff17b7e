#include "checkpoint/contents.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "checkpoint/gguf.h"
#include "checkpoint/safetensors.h"

void contents_free(struct contents *contents)
{
	for (size_t i = 0; i < contents->n_tensors; i++)
		free(contents->tensors[i].name);
	free(contents->tensors);
	for (size_t i = 0; i < contents->n_files; i++)
		free(contents->files[i].path);
	free(contents->files);
	for (size_t i = 0; i < contents->n_shards; i++)
		safetensors_free(contents->shards[i]);
	free(contents->shards);
	gguf_free(contents->gguf);
	free(contents->name);
	free(contents->chat_template);
	free(contents->tokenizer_path);
	json_free(contents->config);
	json_free(contents->generation_config);
	*contents = (struct contents){ 0 };
}

void contents_add_file(struct contents *contents, const char *path,
                       uint64_t size, int64_t mtime_ns)
{
	contents->files =
		mem_grow(contents->files, contents->n_files,
	                 &contents->files_capacity, sizeof *contents->files);
	contents->files[contents->n_files++] = (struct contents_file){
		.path = mem_strdup(path),
		.size = size,
		.mtime_ns = mtime_ns,
	};
}

int contents_add_tensor(struct contents *contents, const char *name,
                        const struct tensor *tensor, size_t file,
                        struct error *err)
{
	if (contents->n_tensors == CONTENTS_MAX_TENSORS)
		return error_set(err, "%s: more than %zu tensors",
		                 contents->files[file].path,
		                 CONTENTS_MAX_TENSORS);
	contents->tensors = mem_grow(contents->tensors, contents->n_tensors,
	                             &contents->tensors_capacity,
	                             sizeof *contents->tensors);
	contents->tensors[contents->n_tensors++] = (struct contents_tensor){
		.name = mem_strdup(name),
		.tensor = *tensor,
		.file = file,
	};
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct contents_tensor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int contents_sort(struct contents *contents, struct error *err)
{
	struct contents_tensor *t = contents->tensors;

	if (contents->n_tensors)
		qsort(t, contents->n_tensors, sizeof *t, compare_names);
	for (size_t i = 1; i < contents->n_tensors; i++)
		if (!strcmp(t[i - 1].name, t[i].name))
			return error_set(
				err,
				"tensor \"%.120s\" is there twice, in %s "
				"and in %s",
				t[i].name, contents->files[t[i - 1].file].path,
				contents->files[t[i].file].path);
	return 0;
}

static int compare_to_name(const void *name, const void *tensor)
{
	return strcmp(name, ((const struct contents_tensor *)tensor)->name);
}

const struct contents_tensor *contents_find(const struct contents *contents,
                                            const char *name)
{
	if (!contents->n_tensors)
		return NULL;
	return bsearch(name, contents->tensors, contents->n_tensors,
	               sizeof *contents->tensors, compare_to_name);
}
