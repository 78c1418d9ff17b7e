/*
 * tokenizer_json.h - reads Hugging Face's tokenizer.json
 *
 * What this program does is what Qwen's tokenizers need: a BPE model with
 * ordered merges ("a b" or ["a", "b"]), normalizer NFC or none, pre_tokenizer
 * Split (a regex, Isolated) then ByteLevel, decoder ByteLevel, added tokens.
 * Whatever else a file asks for is refused by name: it would give other ids.
 * post_processor, truncation and padding are not read; encode() without
 * special tokens does not use them.
 */
#ifndef CONFAB_TOKENIZER_JSON_H
#define CONFAB_TOKENIZER_JSON_H

#include <stddef.h>

struct error;
struct tokenizer_source;

/* source is zero-initialised, and freed by the caller whatever comes back.
 * path is for messages and borrowed by source; text is not needed after. */
int tokenizer_json_read(struct tokenizer_source *source, const char *text,
                        size_t len, const char *path, struct error *err);

#endif
