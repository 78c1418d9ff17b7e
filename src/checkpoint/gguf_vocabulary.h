/*
 * gguf_vocabulary.h - a tokenizer.json as the keys that GGUF has for it
 *
 *	tokenizer.ggml.model		"gpt2": byte-level BPE
 *	tokenizer.ggml.pre		"qwen2": the split pattern
 *	tokenizer.ggml.tokens		by id, in the byte-level alphabet
 *	tokenizer.ggml.token_type	see enum gguf_token_type
 *	tokenizer.ggml.merges		"a b", most important first
 *
 * As the usual converters do it: the list is filled up to the embedding's rows
 * with unused tokens called [PAD151669] and so on; added tokens that are marked
 * special, or are spelled <|like this|>, are of type control, the others
 * user-defined.
 */
#ifndef CONFAB_GGUF_VOCABULARY_H
#define CONFAB_GGUF_VOCABULARY_H

#include <stddef.h>

struct error;
struct gguf_write;

/* n_ids: rows of the embedding.  Fails where the file is no byte-level BPE with
 * Qwen's split pattern, NFC and merges that count, which is all that "qwen2"
 * stands for, and where an id is n_ids or more or is used twice. */
int gguf_vocabulary_write(struct gguf_write *w, const char *tokenizer_path,
                          size_t n_ids, struct error *err);

#endif
