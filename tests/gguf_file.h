/*
 * gguf_file.h - makes GGUF files by hand, right and wrong ones
 *
 * Shares nothing with gguf_write.c, so that reader and writer are each held to
 * the format and not to each other.
 */
#ifndef CONFAB_TESTS_GGUF_FILE_H
#define CONFAB_TESTS_GGUF_FILE_H

#include <stdint.h>
#include <string.h>

#include "base/strbuf.h"
#include "tests/support.h"

static inline void put_int(struct strbuf *s, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		strbuf_add_char(s, (char)(v >> 8 * i & 0xff));
}

static inline void put_u32(struct strbuf *s, uint32_t v)
{
	put_int(s, v, 4);
}

static inline void put_u64(struct strbuf *s, uint64_t v)
{
	put_int(s, v, 8);
}

static inline void put_text(struct strbuf *s, const char *text)
{
	put_u64(s, strlen(text));
	strbuf_add_str(s, text);
}

/* "GGUF", version, counts. */
static inline void put_head(struct strbuf *s, uint32_t version,
                            uint64_t n_tensors, uint64_t n_keys)
{
	strbuf_add_str(s, "GGUF");
	put_u32(s, version);
	put_u64(s, n_tensors);
	put_u64(s, n_keys);
}

/* A key and the number of its kind; the value is put after it. */
static inline void put_key(struct strbuf *s, const char *key, uint32_t kind)
{
	put_text(s, key);
	put_u32(s, kind);
}

static inline void put_string_key(struct strbuf *s, const char *key,
                                  const char *value)
{
	put_key(s, key, 8);
	put_text(s, value);
}

static inline void put_u32_key(struct strbuf *s, const char *key,
                               uint32_t value)
{
	put_key(s, key, 4);
	put_u32(s, value);
}

/* A tensor's info with up to two dimensions, innermost first as in the file. */
static inline void put_tensor(struct strbuf *s, const char *name,
                              uint64_t inner, uint64_t outer, uint32_t type,
                              uint64_t offset)
{
	put_text(s, name);
	put_u32(s, outer ? 2 : 1);
	put_u64(s, inner);
	if (outer)
		put_u64(s, outer);
	put_u32(s, type);
	put_u64(s, offset);
}

static inline void put_padding(struct strbuf *s, size_t alignment)
{
	while (s->len % alignment)
		strbuf_add_char(s, 0);
}

/* n bytes that are never 0. */
static inline void put_data(struct strbuf *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_add_char(s, (char)(1 + i * 37 % 255));
}

#endif
