/*
 * tokenizer.h - text to token ids and back: NFC, split pattern, byte-level BPE
 *
 * Byte-level BPE: Radford et al. 2019 (GPT-2), section 2.2; Sennrich et al.
 * 2016, arXiv:1508.07909.  The pieces come from the checkpoint's tokenizer.json
 * (normalizer NFC, a Split pattern, ByteLevel, BPE with ordered merges, added
 * tokens) or from a GGUF's metadata.  Equal to Hugging Face tokenizers 0.23,
 * id for id.
 *
 * A loaded tokenizer is immutable and may be used by several threads at once.
 */
#ifndef CONFAB_TOKENIZER_H
#define CONFAB_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ids.h"
#include "base/strbuf.h"

struct checkpoint;
struct error;
struct tokenizer;

/* cache_dir holds a compiled form of large vocabularies, checked by size,
 * time and hash of the source and made anew when it does not fit; NULL: none. */
struct tokenizer *tokenizer_load(const struct checkpoint *cp,
                                 const char *cache_dir, struct error *err);
/* From a tokenizer.json alone. */
struct tokenizer *tokenizer_load_json(const char *path, const char *cache_dir,
                                      struct error *err);
void tokenizer_free(struct tokenizer *t);

/* Which of the added tokens ("<|im_end|>", "<think>") count when they occur in
 * the text. */
enum tokenizer_mode {
	TOKENIZER_ALL,        /* all of them, as Hugging Face's encode() */
	TOKENIZER_NO_SPECIAL, /* those not marked special (encode_special_tokens) */
	TOKENIZER_PLAIN /* none: what users type can never be a control id */
};

/* Appends the ids of text to out.  Ill-formed UTF-8 is read as U+FFFD. */
void tokenizer_encode(const struct tokenizer *t, const char *text, size_t len,
                      enum tokenizer_mode mode, struct ids *out);

/* Ids from 0; at and above this one an id has no token (padding of the
 * embedding) and must never be sampled. */
int tokenizer_n_ids(const struct tokenizer *t);

/* The bytes an id stands for (a part of a character, maybe); added tokens give
 * their text.  NULL for ids without a token.  Borrowed. */
const char *tokenizer_bytes(const struct tokenizer *t, int id, size_t *len);

bool tokenizer_is_added(const struct tokenizer *t, int id);
bool tokenizer_is_special(const struct tokenizer *t, int id);

/* The id of an added token by its text, or -1. */
int tokenizer_added_id(const struct tokenizer *t, const char *text);
/* Number of added tokens, and their ids in ascending order. */
size_t tokenizer_n_added(const struct tokenizer *t);
int tokenizer_added_at(const struct tokenizer *t, size_t i);

/* Finds the first added token, special or not, at or after text + from (the
 * leftmost, of those the longest); its id, or -1 with begin and end untouched. */
int tokenizer_find_added(const struct tokenizer *t, const char *text,
                         size_t len, size_t from, size_t *begin, size_t *end);

/* Appends the text of ids to out, ill-formed UTF-8 as U+FFFD. */
void tokenizer_decode(const struct tokenizer *t, const int *ids, size_t n,
                      bool skip_special, struct strbuf *out);

/* Streaming: gives each token's bytes as text, holding back half characters
 * (at most 3 bytes) until they are complete.  Zero-initialise. */
struct tokenizer_stream {
	char held[4];
	size_t n_held;
};
void tokenizer_stream_add(struct tokenizer_stream *stream, const char *bytes,
                          size_t len, struct strbuf *out);
/* The end: what is held becomes U+FFFD. */
void tokenizer_stream_end(struct tokenizer_stream *stream, struct strbuf *out);

#endif
