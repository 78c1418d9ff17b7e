#include "checkpoint/gguf_contents.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "checkpoint/contents.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_names.h"

/* Slices [n_experts, rows, cols] into matrices. */
static int add_experts(struct contents *contents, const char *name,
                       const struct tensor *all, size_t file, struct error *err)
{
	struct tensor one = { .dtype = all->dtype,
		              .n_dims = 2,
		              .shape = { all->shape[1], all->shape[2] },
		              .bytes = all->bytes / (size_t)all->shape[0] };

	for (int64_t e = 0; e < all->shape[0]; e++) {
		char hf[GGUF_NAMES_MAX];

		one.data = (const uint8_t *)all->data + (size_t)e * one.bytes;
		gguf_names_to_hf(name, (int)e, hf, NULL);
		if (contents_add_tensor(contents, hf, &one, file, err))
			return -1;
	}
	return 0;
}

/* A name that Qwen3 does not have is kept, and nobody will ask for it. */
static int add_tensor(struct contents *contents, size_t i, struct error *err)
{
	const struct gguf *gguf = contents->gguf;
	const char *name = gguf_tensor_name(gguf, i);
	const struct tensor *tensor = gguf_tensor(gguf, i);
	size_t file = gguf_tensor_file(gguf, i);
	char hf[GGUF_NAMES_MAX];
	bool stacked;

	if (!gguf_names_to_hf(name, 0, hf, &stacked) ||
	    (stacked && tensor->n_dims != 3))
		return contents_add_tensor(contents, name, tensor, file, err);
	if (stacked)
		return add_experts(contents, name, tensor, file, err);
	return contents_add_tensor(contents, hf, tensor, file, err);
}

static int add_tensors(struct contents *contents, struct error *err)
{
	for (size_t i = 0; i < gguf_n_tensors(contents->gguf); i++)
		if (add_tensor(contents, i, err))
			return -1;
	return contents_sort(contents, err);
}

static void add_files(struct contents *contents)
{
	for (size_t i = 0; i < gguf_n_files(contents->gguf); i++) {
		const struct file_map *map = gguf_file(contents->gguf, i);

		contents_add_file(contents, map->path, map->size,
		                  map->mtime_ns);
	}
}

static int read_configs(struct contents *contents, const char *path,
                        struct error *err)
{
	struct strbuf text = STRBUF_INIT;
	int result = -1;

	if (gguf_config(&text, contents->gguf, path, err))
		goto done;
	contents->config_hash = hash64(text.bytes, text.len);
	contents->config = json_parse(text.bytes, text.len, path, err);
	if (!contents->config)
		goto done;
	strbuf_clear(&text);
	if (gguf_generation_config(&text, contents->gguf, path, err))
		goto done;
	contents->generation_config =
		json_parse(text.bytes, text.len, path, err);
	result = contents->generation_config ? 0 : -1;
done:
	strbuf_free(&text);
	return result;
}

static int read_strings(struct contents *contents, const char *path,
                        struct error *err)
{
	struct gguf_string s;
	struct strbuf name = STRBUF_INIT;

	if (gguf_string(contents->gguf, "general.name", &s) && s.len &&
	    s.len < 200 && !memchr(s.bytes, '\0', s.len)) {
		utf8_repair(&name, s.bytes, s.len);
		contents->name = strbuf_take(&name);
	}
	if (!gguf_string(contents->gguf, "tokenizer.chat_template", &s))
		return 0;
	if (!utf8_valid(s.bytes, s.len) || memchr(s.bytes, '\0', s.len))
		return error_set(
			err, "%s: tokenizer.chat_template is not UTF-8 text",
			path);
	contents->chat_template = mem_dup(s.bytes, s.len);
	return 0;
}

int gguf_contents_read(struct contents *contents, const char *path,
                       struct error *err)
{
	contents->format = "gguf";
	contents->gguf = gguf_open(path, err);
	if (!contents->gguf)
		return -1;
	add_files(contents);
	if (read_configs(contents, path, err) ||
	    read_strings(contents, path, err))
		return -1;
	return add_tensors(contents, err);
}
