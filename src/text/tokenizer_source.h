/*
 * tokenizer_source.h - a vocabulary as a file states it, before it is compiled
 *
 * tokenizer_json.c and tokenizer_gguf.c fill it in, tokenizer_compile.c checks it
 * and makes tables of it.  All text is borrowed from the file (json, mapping),
 * which must outlive the source.
 */
#ifndef CONFAB_TOKENIZER_SOURCE_H
#define CONFAB_TOKENIZER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/* Ids are int32_t and tables are as long as the largest one, so a file may not
 * claim any.  Qwen3 has 151,669. */
#define TOKENIZER_MAX_IDS (1 << 21)

struct source_text {
	const char *bytes; /* [len], supposed to be UTF-8 */
	size_t len;
};

/* A token of the byte-level vocabulary, spelled as in byte_level.h. */
struct source_token {
	struct source_text text;
	int64_t id;
};

/* Merges in the order of their ranks. */
struct source_merge {
	struct source_text left, right;
};

/* An added token stands for its own text. */
struct source_added {
	struct source_text text;
	int64_t id;
	bool special;
	bool normalized; /* is looked for in the text after NFC, not before */
};

struct tokenizer_source {
	const char *path; /* for messages, borrowed */
	struct source_token *tokens;
	size_t n_tokens, tokens_capacity;
	struct source_merge *merges;
	size_t n_merges, merges_capacity;
	struct source_added *added;
	size_t n_added, added_capacity;
	struct source_text pattern;
	bool nfc;
	bool ignore_merges; /* a piece that is a token is that token at once */
	struct json *json;  /* owned, or NULL */
	void *strings;      /* owned, or NULL */
};

/* Zero-initialise; frees the lists, the json and the strings. */
void tokenizer_source_free(struct tokenizer_source *source);

void tokenizer_source_add_token(struct tokenizer_source *source,
                                struct source_text text, int64_t id);
void tokenizer_source_add_merge(struct tokenizer_source *source,
                                struct source_text left,
                                struct source_text right);
void tokenizer_source_add_added(struct tokenizer_source *source,
                                const struct source_added *added);

#endif
