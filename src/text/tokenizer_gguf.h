/*
 * tokenizer_gguf.h - reads the vocabulary out of a GGUF's metadata
 *
 *	tokenizer.ggml.model       "gpt2": byte-level BPE
 *	tokenizer.ggml.pre         "qwen2": its split pattern, and NFC
 *	tokenizer.ggml.tokens      spelled in byte-level characters
 *	tokenizer.ggml.merges      "a b", in order
 *	tokenizer.ggml.token_type  3 control, 4 user defined: added tokens, spelled
 *	                           as they are; 5 unused: padding, no token
 *
 * Format: ggml-org/ggml, docs/gguf.md; llama.cpp, llama-vocab.cpp.
 */
#ifndef CONFAB_TOKENIZER_GGUF_H
#define CONFAB_TOKENIZER_GGUF_H

#include <stdint.h>

struct error;
struct gguf;
struct tokenizer_source;

/* source is zero-initialised, and freed by the caller whatever comes back; it
 * borrows from gguf. */
int tokenizer_gguf_read(struct tokenizer_source *source,
                        const struct gguf *gguf, struct error *err);

/* A hash of all that was read. */
uint64_t tokenizer_gguf_hash(const struct gguf *gguf);

#endif
