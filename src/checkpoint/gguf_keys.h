/*
 * gguf_keys.h - config.json and generation_config.json as a GGUF's metadata
 *
 * The other way round than gguf_config.h, which has the same pairs of keys:
 * general.*, ARCH.* (ARCH is qwen3 or qwen3moe), general.sampling.* and the ids
 * of tokenizer.ggml.*.  Of several stop ids other programs get the first, and
 * know <|endoftext|> by its name; this one reads all of them (GGUF_STOPS).
 */
#ifndef CONFAB_GGUF_KEYS_H
#define CONFAB_GGUF_KEYS_H

struct checkpoint;
struct error;
struct gguf_write;

/* Everything but the vocabulary, the file type and the quantization version.
 * What the config leaves out and llama.cpp must have is written as a reader of
 * the config takes it.  Fails where there is no such default, and where the
 * config asks for what GGUF cannot say. */
int gguf_keys_write(struct gguf_write *w, const struct checkpoint *cp,
                    struct error *err);

#endif
