#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "checkpoint/gguf.h"
#include "text/tokenizer_compile.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_image.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_source.h"

enum { KIND_INT32 = 5, KIND_STRING = 8, KIND_ARRAY = 9 };

static void put32(struct strbuf *out, uint32_t value)
{
	strbuf_add(out, &value, sizeof(value));
}

static void put64(struct strbuf *out, uint64_t value)
{
	strbuf_add(out, &value, sizeof(value));
}

static void put_text(struct strbuf *out, const char *bytes, size_t len)
{
	put64(out, len);
	strbuf_add(out, bytes, len);
}

static void put_key(struct strbuf *out, const char *key, uint32_t kind)
{
	put_text(out, key, strlen(key));
	put32(out, kind);
}

static void put_field(struct strbuf *out, const char *key, const char *value)
{
	put_key(out, key, KIND_STRING);
	put_text(out, value, strlen(value));
}

static void put_array(struct strbuf *out, const char *key, uint32_t kind,
                      uint64_t n)
{
	put_key(out, key, KIND_ARRAY);
	put32(out, kind);
	put64(out, n);
}

/* A vocabulary as llama.cpp's converter writes it: ids in order, padding at
 * the end. */
struct vocabulary {
	const char *model, *pre;
	struct source_text tokens[8200];
	int32_t types[8200];
	size_t n, n_types;
	struct source_merge *merges;
	size_t n_merges;
	const char *merge_joint; /* between the two, a space */
};

static struct gguf *write_and_open(const struct vocabulary *v, char *dir)
{
	struct strbuf out = STRBUF_INIT;
	struct error err = { "" };
	struct gguf *gguf;
	char path[4096];

	strbuf_add_str(&out, "GGUF");
	put32(&out, 3);
	put64(&out, 0);
	put64(&out, 5);
	put_field(&out, "tokenizer.ggml.model", v->model);
	put_field(&out, "tokenizer.ggml.pre", v->pre);
	put_array(&out, "tokenizer.ggml.tokens", KIND_STRING, v->n);
	for (size_t i = 0; i < v->n; i++)
		put_text(&out, v->tokens[i].bytes, v->tokens[i].len);
	put_array(&out, "tokenizer.ggml.token_type", KIND_INT32, v->n_types);
	for (size_t i = 0; i < v->n_types; i++)
		put32(&out, (uint32_t)v->types[i]);
	put_array(&out, "tokenizer.ggml.merges", KIND_STRING, v->n_merges);
	for (size_t i = 0; i < v->n_merges; i++) {
		const struct source_merge *m = &v->merges[i];

		put64(&out,
		      m->left.len + m->right.len + strlen(v->merge_joint));
		strbuf_add(&out, m->left.bytes, m->left.len);
		strbuf_add_str(&out, v->merge_joint);
		strbuf_add(&out, m->right.bytes, m->right.len);
	}
	test_write(dir, "vocab.gguf", out.bytes, out.len);
	strbuf_free(&out);
	snprintf(path, sizeof(path), "%s/vocab.gguf", dir);
	gguf = gguf_open(path, &err);
	if (!gguf)
		fail_msg("%s", err.text);
	return gguf;
}

struct fixture {
	struct tokenizer_source json;
	struct strbuf text;
	char *dir, *path;
	struct vocabulary v;
};

static struct fixture *set_up(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vocabulary *v = &f->v;

	f->path = test_source("data/confab-20m/tokenizer.json");
	f->dir = test_tmp_dir();
	f->text = (struct strbuf)STRBUF_INIT;
	assert_int_equal(file_read(&f->text, f->path, 1 << 24, NULL), 0);
	assert_int_equal(tokenizer_json_read(&f->json, f->text.bytes,
	                                     f->text.len, f->path, NULL),
	                 0);
	v->model = "gpt2";
	v->pre = "qwen2";
	v->merge_joint = " ";
	for (size_t i = 0; i < f->json.n_tokens; i++) {
		v->tokens[f->json.tokens[i].id] = f->json.tokens[i].text;
		v->types[f->json.tokens[i].id] = 1;
	}
	for (size_t i = 0; i < f->json.n_added; i++) {
		v->tokens[f->json.added[i].id] = f->json.added[i].text;
		v->types[f->json.added[i].id] = 3;
	}
	v->n = 8192;
	while (v->n < 8200) {
		v->tokens[v->n] = (struct source_text){ "[PAD]", 5 };
		v->types[v->n++] = 5;
	}
	v->n_types = v->n;
	v->merges = f->json.merges;
	v->n_merges = f->json.n_merges;
	return f;
}

static void tear_down(struct fixture *f)
{
	tokenizer_source_free(&f->json);
	strbuf_free(&f->text);
	free(f->dir);
	free(f->path);
	free(f);
}

static void assert_gives_the_image_that_its_json_gives(struct fixture *f)
{
	struct gguf *gguf = write_and_open(&f->v, f->dir);
	struct tokenizer_source source = { 0 };
	struct tokenizer_image_key key = { 0 };
	struct error err = { "" };
	size_t size_json, size_gguf;
	void *from_json, *from_gguf;

	from_json = tokenizer_compile(&f->json, &key, &size_json, NULL);
	assert_non_null(from_json);
	if (tokenizer_gguf_read(&source, gguf, &err))
		fail_msg("%s", err.text);
	from_gguf = tokenizer_compile(&source, &key, &size_gguf, &err);
	if (!from_gguf)
		fail_msg("%s", err.text);
	assert_int_equal(size_gguf, size_json);
	assert_memory_equal(from_gguf, from_json, size_json);
	free(from_json);
	free(from_gguf);
	tokenizer_source_free(&source);
	gguf_free(gguf);
}

static void a_gguf_gives_the_image_that_its_json_gives(void **state)
{
	struct fixture *f = set_up();

	(void)state;
	assert_gives_the_image_that_its_json_gives(f);
	tear_down(f);
}

/* As add_tokens() leaves them, which takes the ids that there are.  "hello" is
 * what merges make, "he" what they make it from, "!" a byte. */
static void words_may_be_added_tokens_too(void **state)
{
	static const char *const words[] = { "hello", "he", "!" };
	struct fixture *f = set_up();
	struct source_added added = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		added.text = (struct source_text){ words[i], strlen(words[i]) };
		added.id = 0;
		while (strcmp(f->v.tokens[added.id].bytes, words[i]) != 0)
			added.id++;
		tokenizer_source_add_added(&f->json, &added);
		f->v.types[added.id] = 4;
	}
	assert_gives_the_image_that_its_json_gives(f);
	tear_down(f);
}

static void user_defined_tokens_are_added_but_not_special(void **state)
{
	struct fixture *f = set_up();
	struct tokenizer_source source = { 0 };
	struct gguf *gguf;

	(void)state;
	f->v.types[8190] = 4;
	gguf = write_and_open(&f->v, f->dir);
	assert_int_equal(tokenizer_gguf_read(&source, gguf, NULL), 0);
	assert_int_equal(source.n_added, 3);
	assert_true(source.added[0].special);
	assert_false(source.added[1].special);
	assert_int_equal(source.added[1].id, 8190);
	assert_int_equal(source.n_tokens, 8192); /* those three as well */
	tokenizer_source_free(&source);
	gguf_free(gguf);
	tear_down(f);
}

static void assert_refused(struct fixture *f, const char *says)
{
	struct gguf *gguf = write_and_open(&f->v, f->dir);
	struct tokenizer_source source = { 0 };
	struct error err = { "" };

	assert_int_equal(tokenizer_gguf_read(&source, gguf, &err), -1);
	if (!strstr(err.text, says) || !strstr(err.text, "vocab.gguf: "))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	tokenizer_source_free(&source);
	gguf_free(gguf);
	tear_down(f);
}

static void other_vocabularies_are_refused_by_name(void **state)
{
	struct fixture *f = set_up();

	(void)state;
	f->v.model = "llama";
	assert_refused(f, "tokenizer.ggml.model \"llama\"");
	f = set_up();
	f->v.pre = "llama-bpe";
	assert_refused(f, "tokenizer.ggml.pre \"llama-bpe\"");
	f = set_up();
	f->v.n_types--;
	assert_refused(f, "tokenizer.ggml.token_type is not as long");
	f = set_up();
	f->v.merge_joint = "";
	assert_refused(f, "merge 0 is not \"a b\"");
	f = set_up();
	f->v.merge_joint = "  ";
	assert_refused(f, "merge 0 is not \"a b\"");
}

static void the_hash_tells_vocabularies_apart(void **state)
{
	struct fixture *f = set_up();
	struct gguf *gguf = write_and_open(&f->v, f->dir);
	uint64_t hash = tokenizer_gguf_hash(gguf);

	(void)state;
	gguf_free(gguf);
	gguf = write_and_open(&f->v, f->dir);
	assert_true(tokenizer_gguf_hash(gguf) == hash);
	gguf_free(gguf);
	f->v.types[17] = 4;
	gguf = write_and_open(&f->v, f->dir);
	assert_true(tokenizer_gguf_hash(gguf) != hash);
	gguf_free(gguf);
	tear_down(f);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_gguf_gives_the_image_that_its_json_gives),
	cmocka_unit_test(words_may_be_added_tokens_too),
	cmocka_unit_test(user_defined_tokens_are_added_but_not_special),
	cmocka_unit_test(other_vocabularies_are_refused_by_name),
	cmocka_unit_test(the_hash_tells_vocabularies_apart),
};

TEST_MAIN(tests)
