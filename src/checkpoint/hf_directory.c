#include "checkpoint/hf_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "checkpoint/contents.h"
#include "checkpoint/safetensors.h"

/* Bytes, and JSON values, that are read of each file at most: many times what
 * any model has, and little enough for a hostile one. */
#define CONFIG_MAX   ((size_t)1 << 20)
#define INDEX_MAX    ((size_t)8 << 20)
#define TEMPLATE_MAX ((size_t)1 << 20)
#define VALUES_MAX   ((size_t)1 << 18)

#define SINGLE_FILE "model.safetensors"
#define INDEX_FILE  "model.safetensors.index.json"
#define SUFFIX      ".safetensors"

/* An object from a file, and its text's hash where that is asked for. */
static struct json *read_object(const char *path, size_t max_bytes,
                                uint64_t *hash, struct error *err)
{
	struct strbuf text = STRBUF_INIT;
	struct json *root = NULL;

	if (!file_read_regular(&text, path, max_bytes, err))
		root = json_parse_bounded(text.bytes, text.len, VALUES_MAX,
		                          path, err);
	if (root && hash)
		*hash = hash64(text.bytes, text.len);
	strbuf_free(&text);
	if (root && !json_is_object(root)) {
		error_set(err, "%s: not a JSON object", path);
		json_free(root);
		return NULL;
	}
	return root;
}

static int read_config(struct contents *contents, const char *dir,
                       struct error *err)
{
	char *path = paths_join(dir, "config.json");

	if (file_exists(path))
		contents->config = read_object(path, CONFIG_MAX,
		                               &contents->config_hash, err);
	else
		error_set(err,
		          "%s: no config.json in it (a model is a Hugging Face "
		          "directory or a GGUF file)",
		          dir);
	free(path);
	return contents->config ? 0 : -1;
}

static int read_generation_config(struct contents *contents, const char *dir,
                                  struct error *err)
{
	char *path = paths_join(dir, "generation_config.json");
	int result = 0;

	if (file_exists(path)) {
		contents->generation_config =
			read_object(path, CONFIG_MAX, NULL, err);
		result = contents->generation_config ? 0 : -1;
	}
	free(path);
	return result;
}

/* Opens one file of tensors and adds all that is in it. */
static int add_shard(struct contents *contents, const char *path,
                     struct error *err)
{
	struct safetensors *st = safetensors_open(path, err);
	const struct file_map *map;
	size_t file = contents->n_files;

	if (!st)
		return -1;
	contents->shards = mem_realloc(contents->shards, contents->n_shards + 1,
	                               sizeof *contents->shards);
	contents->shards[contents->n_shards++] = st;
	map = safetensors_file(st);
	contents_add_file(contents, path, map->size, map->mtime_ns);
	for (size_t i = 0; i < safetensors_n_tensors(st); i++)
		if (contents_add_tensor(contents, safetensors_name(st, i),
		                        safetensors_tensor(st, i), file, err))
			return -1;
	return 0;
}

/* A file right here and nowhere else. */
static bool plain_name(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return len > suffix && !strcmp(name + len - suffix, SUFFIX) &&
	       name[0] != '.' && !strchr(name, '/');
}

/* The names of the shards, unsorted and once for each tensor. */
static int list_shards(const char ***names, size_t *n, const struct json *map,
                       const char *index, struct error *err)
{
	size_t capacity = 0;

	if (!json_is_object(map) || !json_first(map))
		return error_set(err, "%s: no weight_map", index);
	for (const struct json *c = json_first(map); c; c = json_next(c)) {
		const char *name = json_string(c);

		if (!name)
			return error_set(
				err, "%s: weight_map: \"%.120s\" is in no file",
				index, json_key(c));
		if (!plain_name(name))
			return error_set(
				err,
				"%s: weight_map: \"%.120s\" is in \"%.120s\", "
				"which is no plain name of a %s file",
				index, json_key(c), name, SUFFIX);
		*names = mem_grow(*names, *n, &capacity, sizeof **names);
		(*names)[(*n)++] = name;
	}
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t sort_and_drop_doubles(const char **names, size_t n)
{
	size_t kept = 0;

	qsort(names, n, sizeof *names, compare_strings);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(names[kept - 1], names[i]))
			names[kept++] = names[i];
	return kept;
}

static int add_shards(struct contents *contents, const char *dir,
                      const char **names, size_t n, const char *index,
                      struct error *err)
{
	if (n > CONTENTS_MAX_FILES)
		return error_set(err, "%s: %zu files, at most %d are read",
		                 index, n, CONTENTS_MAX_FILES);
	for (size_t i = 0; i < n; i++) {
		char *path = paths_join(dir, names[i]);
		int result = add_shard(contents, path, err);

		free(path);
		if (result)
			return -1;
	}
	return 0;
}

/* A shard's integer buffers are left out (safetensors.h): no weights, and so nothing
 * that is missed where it is not there. */
static bool is_weight(const char *name)
{
	size_t len = strlen(name), end = strlen("weight");

	return len >= end && !strcmp(name + len - end, "weight");
}

/* Every weight that the index lists lies in the shard that it says. */
static int check_index(const struct contents *contents, const struct json *map,
                       const char *dir, const char *index, struct error *err)
{
	for (const struct json *c = json_first(map); c; c = json_next(c)) {
		const struct contents_tensor *t =
			contents_find(contents, json_key(c));
		char *path = paths_join(dir, json_string(c));
		bool there = t ? !strcmp(contents->files[t->file].path, path)
		               : !is_weight(json_key(c));

		if (!there)
			error_set(err,
			          "%s: tensor \"%.120s\", which %s lists, is "
			          "not in it",
			          path, json_key(c), index);
		free(path);
		if (!there)
			return -1;
	}
	return 0;
}

static int read_indexed(struct contents *contents, const char *dir,
                        const char *index, struct error *err)
{
	struct json *root = read_object(index, INDEX_MAX, NULL, err);
	const struct json *map = json_get(root, "weight_map");
	const char **names = NULL;
	size_t n = 0;
	int result = -1;

	if (!root || list_shards(&names, &n, map, index, err))
		goto done;
	n = sort_and_drop_doubles(names, n);
	if (add_shards(contents, dir, names, n, index, err) ||
	    contents_sort(contents, err))
		goto done;
	result = check_index(contents, map, dir, index, err);
done:
	free(names);
	json_free(root);
	return result;
}

static int read_tensors(struct contents *contents, const char *dir,
                        struct error *err)
{
	char *single = paths_join(dir, SINGLE_FILE);
	char *index = paths_join(dir, INDEX_FILE);
	int result = -1;

	if (file_exists(single)) {
		if (!add_shard(contents, single, err))
			result = contents_sort(contents, err);
	} else if (file_exists(index)) {
		result = read_indexed(contents, dir, index, err);
	} else {
		error_set(err, "%s: neither %s nor %s in it", dir, SINGLE_FILE,
		          INDEX_FILE);
	}
	free(single);
	free(index);
	return result;
}

/* A template is handed on as a C string, and its text ends up in prompts. */
static int keep_template(struct contents *contents, const char *text,
                         size_t len, const char *path, struct error *err)
{
	if (!utf8_valid(text, len) || memchr(text, '\0', len))
		return error_set(err, "%s: not UTF-8 text", path);
	contents->chat_template = mem_dup(text, len);
	return 0;
}

static int read_jinja(struct contents *contents, const char *path,
                      struct error *err)
{
	struct strbuf text = STRBUF_INIT;
	int result = file_read_regular(&text, path, TEMPLATE_MAX, err);

	if (!result)
		result = keep_template(contents, text.bytes, text.len, path,
		                       err);
	strbuf_free(&text);
	return result;
}

/* The string itself, or the one called "default" of several. */
static const char *default_template(const struct json *value)
{
	const char *name;

	if (!json_is_array(value))
		return json_string(value);
	for (value = json_first(value); value; value = json_next(value)) {
		name = json_string(json_get(value, "name"));
		if (name && !strcmp(name, "default"))
			return json_string(json_get(value, "template"));
	}
	return NULL;
}

static int read_tokenizer_config(struct contents *contents, const char *path,
                                 struct error *err)
{
	struct json *root = read_object(path, INDEX_MAX, NULL, err);
	const struct json *value = json_get(root, "chat_template");
	const char *text = default_template(value);
	int result = 0;

	if (!root)
		return -1;
	if (text)
		result = keep_template(contents, text, strlen(text), path, err);
	else if (value && !json_is_null(value) && !json_is_array(value))
		result = error_set(err, "%s: chat_template is no string", path);
	json_free(root);
	return result;
}

static int read_template(struct contents *contents, const char *dir,
                         struct error *err)
{
	char *jinja = paths_join(dir, "chat_template.jinja");
	char *config = paths_join(dir, "tokenizer_config.json");
	int result = 0;

	if (file_exists(jinja))
		result = read_jinja(contents, jinja, err);
	else if (file_exists(config))
		result = read_tokenizer_config(contents, config, err);
	free(jinja);
	free(config);
	return result;
}

int hf_directory_read(struct contents *contents, const char *dir,
                      struct error *err)
{
	char *tokenizer = paths_join(dir, "tokenizer.json");

	contents->format = "safetensors";
	if (file_exists(tokenizer))
		contents->tokenizer_path = tokenizer;
	else
		free(tokenizer);
	if (read_config(contents, dir, err) ||
	    read_generation_config(contents, dir, err) ||
	    read_template(contents, dir, err))
		return -1;
	return read_tensors(contents, dir, err);
}
