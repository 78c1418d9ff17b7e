#include "text/tokenizer_gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_format.h"
#include "text/tokenizer_source.h"

#define PREFIX "tokenizer.ggml."

static int expect(const struct gguf *gguf, const char *key, const char *value,
                  const char *path, struct error *err)
{
	struct gguf_string string = { "none", 4 };

	if (gguf_string(gguf, key, &string) && string.len == strlen(value) &&
	    memcmp(string.bytes, value, string.len) == 0)
		return 0;
	return error_set(err, "%s: %s \"%.*s\", only %s is known", path, key,
	                 string.len < 80 ? (int)string.len : 80, string.bytes,
	                 value);
}

/* A string array of the metadata; NULL with an error where there is none. */
static struct gguf_string *read_strings(const struct gguf *gguf,
                                        const char *key, size_t *n,
                                        const char *path, struct error *err)
{
	struct gguf_string *strings = NULL;

	if (!gguf_array(gguf, key, n)) {
		error_set(err, "%s: no array %s", path, key);
		return NULL;
	}
	if (*n > TOKENIZER_MAX_IDS) {
		error_set(err, "%s: %s: %zu entries, at most %d", path, key, *n,
		          TOKENIZER_MAX_IDS);
		return NULL;
	}
	strings = mem_realloc(NULL, *n, sizeof(*strings));
	if (!gguf_string_array(gguf, key, strings)) {
		error_set(err, "%s: %s is no array of strings", path, key);
		free(strings);
		return NULL;
	}
	return strings;
}

static int64_t *read_types(const struct gguf *gguf, size_t n, const char *path,
                           struct error *err)
{
	int64_t *types;
	size_t n_types;

	if (!gguf_array(gguf, PREFIX "token_type", &n_types) || n_types != n) {
		error_set(err,
		          "%s: " PREFIX "token_type is not as long as the "
		          "%zu tokens",
		          path, n);
		return NULL;
	}
	types = mem_realloc(NULL, n, sizeof(*types));
	if (!gguf_integer_array(gguf, PREFIX "token_type", types)) {
		error_set(err,
		          "%s: " PREFIX "token_type is no array of "
		          "integers",
		          path);
		free(types);
		return NULL;
	}
	return types;
}

/* An added token may be a word as well, which merges name. */
static void add(struct tokenizer_source *source, struct source_text text,
                int64_t id, int64_t type)
{
	struct source_added added = { .text = text,
		                      .id = id,
		                      .special = type == GGUF_TOKEN_CONTROL };

	if (type == GGUF_TOKEN_UNUSED)
		return;
	tokenizer_source_add_token(source, text, id);
	if (type == GGUF_TOKEN_CONTROL || type == GGUF_TOKEN_USER_DEFINED)
		tokenizer_source_add_added(source, &added);
}

static int read_tokens(struct tokenizer_source *source, const struct gguf *gguf,
                       struct error *err)
{
	struct gguf_string *strings;
	int64_t *types;
	size_t n, i;

	strings = read_strings(gguf, PREFIX "tokens", &n, source->path, err);
	if (!strings)
		return -1;
	types = read_types(gguf, n, source->path, err);
	for (i = 0; types && i < n; i++)
		add(source,
		    (struct source_text){ strings[i].bytes, strings[i].len },
		    (int64_t)i, types[i]);
	free(strings);
	free(types);
	return types ? 0 : -1;
}

static int add_merge(struct tokenizer_source *source,
                     const struct gguf_string *line, size_t rank,
                     struct error *err)
{
	const char *space = memchr(line->bytes, ' ', line->len);
	size_t left = space ? (size_t)(space - line->bytes) : 0;
	size_t right = space ? line->len - left - 1 : 0;

	if (!space || memchr(space + 1, ' ', right))
		return error_set(err, "%s: merge %zu is not \"a b\"",
		                 source->path, rank);
	tokenizer_source_add_merge(source,
	                           (struct source_text){ line->bytes, left },
	                           (struct source_text){ space + 1, right });
	return 0;
}

static int read_merges(struct tokenizer_source *source, const struct gguf *gguf,
                       struct error *err)
{
	struct gguf_string *lines;
	size_t n, i;
	int rc = 0;

	lines = read_strings(gguf, PREFIX "merges", &n, source->path, err);
	if (!lines)
		return -1;
	for (i = 0; !rc && i < n; i++)
		rc = add_merge(source, &lines[i], i, err);
	free(lines);
	return rc;
}

int tokenizer_gguf_read(struct tokenizer_source *source,
                        const struct gguf *gguf, struct error *err)
{
	source->path = gguf_file(gguf, 0)->path;
	if (expect(gguf, PREFIX "model", "gpt2", source->path, err) ||
	    expect(gguf, PREFIX "pre", "qwen2", source->path, err))
		return -1;
	source->pattern = (struct source_text){ GGUF_QWEN2_SPLIT,
		                                strlen(GGUF_QWEN2_SPLIT) };
	source->nfc = true;
	if (read_tokens(source, gguf, err))
		return -1;
	return read_merges(source, gguf, err);
}

uint64_t tokenizer_gguf_hash(const struct gguf *gguf)
{
	const struct gguf_field *field;
	uint64_t hash = 0;
	size_t i;

	for (i = 0; i < gguf_n_fields(gguf); i++) {
		field = gguf_field(gguf, i);
		if (field->key.len < strlen(PREFIX) ||
		    memcmp(field->key.bytes, PREFIX, strlen(PREFIX)) != 0)
			continue;
		hash = hash64_with(field->key.bytes, field->key.len, hash);
		hash = hash64_with(field->value, field->bytes, hash);
	}
	return hash;
}
