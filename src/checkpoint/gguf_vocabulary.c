#include "checkpoint/gguf_vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "checkpoint/gguf_format.h"
#include "checkpoint/gguf_write.h"

#define FILE_MAX ((size_t)256 << 20) /* bytes of tokenizer.json */

struct vocabulary {
	const char *path;
	size_t n;
	struct gguf_string *tokens; /* [n]; bytes NULL: none yet */
	int32_t *types;             /* [n], enum gguf_token_type */
	char *padding;              /* the names of unused tokens */
};

static int set(struct vocabulary *v, const char *text, const struct json *id,
               enum gguf_token_type type, struct error *err)
{
	int64_t i;

	if (!text || !json_integer(id, &i))
		return error_set(err, "%s: token %.80s has no integer id",
		                 v->path, text ? text : "without a text");
	if (i < 0 || (uint64_t)i >= v->n)
		return error_set(err,
		                 "%s: token %.80s has id %" PRId64
		                 ", but the embedding has %zu rows",
		                 v->path, text, i, v->n);
	if (v->tokens[i].bytes && strcmp(v->tokens[i].bytes, text))
		return error_set(err,
		                 "%s: tokens %.80s and %.80s share id %" PRId64,
		                 v->path, v->tokens[i].bytes, text, i);
	v->tokens[i] = (struct gguf_string){ text, strlen(text) };
	v->types[i] = type;
	return 0;
}

static bool looks_special(const char *text)
{
	size_t len = strlen(text);

	return len > 4 && !strncmp(text, "<|", 2) &&
	       !strcmp(text + len - 2, "|>");
}

static int read_tokens(struct vocabulary *v, const struct json *json,
                       struct error *err)
{
	const struct json *vocab = json_get(json_get(json, "model"), "vocab");
	const struct json *t;

	if (!json_is_object(vocab))
		return error_set(err, "%s: model.vocab is no object", v->path);
	for (t = json_first(vocab); t; t = json_next(t))
		if (set(v, json_key(t), t, GGUF_TOKEN_NORMAL, err))
			return -1;
	t = json_first(json_get(json, "added_tokens"));
	for (; t; t = json_next(t)) {
		const char *text = json_string(json_get(t, "content"));
		bool special = json_is_true(json_get(t, "special")) ||
		               (text && looks_special(text));

		if (set(v, text, json_get(t, "id"),
		        special ? GGUF_TOKEN_CONTROL : GGUF_TOKEN_USER_DEFINED,
		        err))
			return -1;
	}
	return 0;
}

/* [PAD123] for every id that has no token. */
static void fill_up(struct vocabulary *v)
{
	size_t width = sizeof "[PAD]" + 20, used = 0;

	for (size_t i = 0; i < v->n; i++)
		used += !v->tokens[i].bytes;
	v->padding = mem_realloc(NULL, used, width);
	for (size_t i = 0, at = 0; i < v->n; i++) {
		char *name = v->padding + at * width;

		if (v->tokens[i].bytes)
			continue;
		snprintf(name, width, "[PAD%zu]", i);
		v->tokens[i] = (struct gguf_string){ name, strlen(name) };
		v->types[i] = GGUF_TOKEN_UNUSED;
		at++;
	}
}

/* Appends "a b"; a merge is that string or the array ["a", "b"]. */
static int add_merge(struct strbuf *text, const struct json *merge)
{
	const struct json *a = json_first(merge), *b = json_next(a);
	const char *left = json_string(a), *right = json_string(b);

	if (json_string(merge))
		strbuf_add_str(text, json_string(merge));
	else if (left && right && !json_next(b))
		strbuf_printf(text, "%s %s", left, right);
	else
		return -1;
	return 0;
}

static int write_merges(struct gguf_write *w, const char *path,
                        const struct json *merges, struct error *err)
{
	size_t n = json_count(merges), i = 0;
	struct gguf_string *items;
	struct strbuf text = STRBUF_INIT;
	const struct json *m;
	int result = -1;

	if (!json_is_array(merges))
		return error_set(err, "%s: model.merges is no array", path);
	items = mem_zalloc(n, sizeof *items);
	for (m = json_first(merges); m; m = json_next(m), i++) {
		size_t before = text.len;

		if (add_merge(&text, m)) {
			error_set(err, "%s: merge %zu is not two strings", path,
			          i);
			goto out;
		}
		items[i].len = text.len - before;
	}
	/* Only now does the text stay where it is. */
	for (size_t at = 0, j = 0; j < n; at += items[j++].len)
		items[j].bytes = text.bytes + at;
	gguf_write_string_array(w, "tokenizer.ggml.merges", items, n);
	result = 0;
out:
	free(items);
	strbuf_free(&text);
	return result;
}

/* The regular expression of the Split among the pre-tokenizers, or NULL. */
static const char *split_pattern(const struct json *pre)
{
	const struct json *list = json_get(pre, "pretokenizers");
	const struct json *p = json_is_array(list) ? json_first(list) : pre;

	for (; p; p = json_next(p)) {
		const char *type = json_string(json_get(p, "type"));

		if (type && !strcmp(type, "Split"))
			return json_string(
				json_get(json_get(p, "pattern"), "Regex"));
	}
	return NULL;
}

/* "qwen2" stands for text in form C, of which every piece is merged. */
static int check_unsaid(const char *path, const struct json *json,
                        struct error *err)
{
	const struct json *normalizer = json_get(json, "normalizer");
	const char *type = json_string(json_get(normalizer, "type"));

	if (!type || strcmp(type, "NFC"))
		return error_set(err,
		                 "%s: normalizer is %.40s, not NFC, which a "
		                 "GGUF is read with",
		                 path, type ? type : "none");
	if (json_is_true(json_get(json_get(json, "model"), "ignore_merges")))
		return error_set(err,
		                 "%s: model.ignore_merges is true, which a "
		                 "GGUF cannot say",
		                 path);
	return 0;
}

static int check_kind(const char *path, const struct json *json,
                      struct error *err)
{
	const char *type =
		json_string(json_get(json_get(json, "model"), "type"));
	const char *split = split_pattern(json_get(json, "pre_tokenizer"));

	if (type && strcmp(type, "BPE"))
		return error_set(err, "%s: model.type is %.40s, not BPE", path,
		                 type);
	if (!split || strcmp(split, GGUF_QWEN2_SPLIT))
		return error_set(err,
		                 "%s: splits text by \"%.200s\", which is "
		                 "not Qwen's pattern",
		                 path, split ? split : "nothing");
	return check_unsaid(path, json, err);
}

int gguf_vocabulary_write(struct gguf_write *w, const char *tokenizer_path,
                          size_t n_ids, struct error *err)
{
	struct vocabulary v = { .path = tokenizer_path, .n = n_ids };
	struct json *json = json_read(tokenizer_path, FILE_MAX, err);
	int result = -1;

	if (!json)
		return -1;
	v.tokens = mem_zalloc(n_ids, sizeof *v.tokens);
	v.types = mem_zalloc(n_ids, sizeof *v.types);
	if (check_kind(tokenizer_path, json, err) || read_tokens(&v, json, err))
		goto out;
	fill_up(&v);
	gguf_write_string(w, "tokenizer.ggml.model", "gpt2", 4);
	gguf_write_string(w, "tokenizer.ggml.pre", "qwen2", 5);
	gguf_write_string_array(w, "tokenizer.ggml.tokens", v.tokens, n_ids);
	gguf_write_i32_array(w, "tokenizer.ggml.token_type", v.types, n_ids);
	result = write_merges(w, tokenizer_path,
	                      json_get(json_get(json, "model"), "merges"), err);
out:
	free(v.padding);
	free(v.types);
	free(v.tokens);
	json_free(json);
	return result;
}
