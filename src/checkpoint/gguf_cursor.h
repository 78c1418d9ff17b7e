/*
 * gguf_cursor.h - reading a GGUF's header from front to back, never past its end
 *
 * Every function checks the length against what is left before it touches
 * anything, returns 0 or -1 (or NULL), and on failure names file, thing and numbers.
 */
#ifndef CONFAB_GGUF_CURSOR_H
#define CONFAB_GGUF_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/gguf.h"

/* A header holds the vocabulary: some 6 MB for Qwen3.  What is longer is not
 * read, so that a bad file cannot make us walk through gigabytes. */
#define GGUF_HEADER_MAX ((size_t)48 << 20) /* bytes */

struct gguf_cursor {
	const uint8_t *bytes; /* [size], the whole file */
	size_t size;
	size_t pos; /* <= size, <= GGUF_HEADER_MAX */
	const char *path;
	char thing[128]; /* what is being read: "tensor 3 of 10" */
	struct error *err;
};

/* Says what is read from here on, for messages. */
void gguf_cursor_enter(struct gguf_cursor *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "PATH: THING: " and the text; returns -1. */
int gguf_cursor_fail(struct gguf_cursor *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Passes over n bytes, of which `what` tells, and gives their place; NULL when
 * they are not there. */
const uint8_t *gguf_cursor_take(struct gguf_cursor *c, uint64_t n,
                                const char *what);
int gguf_cursor_u32(struct gguf_cursor *c, const char *what, uint32_t *out);
int gguf_cursor_u64(struct gguf_cursor *c, const char *what, uint64_t *out);
int gguf_cursor_string(struct gguf_cursor *c, const char *what,
                       struct gguf_string *out);
/* A string of 1..max printable ASCII characters. */
int gguf_cursor_name(struct gguf_cursor *c, size_t max,
                     struct gguf_string *out);

/* Whether n things can follow: at most `most`, each of no less than so many
 * bytes. */
int gguf_cursor_expect(struct gguf_cursor *c, uint64_t n, const char *things,
                       int most, size_t bytes);

/* Little-endian numbers at any address. */
uint32_t gguf_cursor_load_u32(const void *p);
uint64_t gguf_cursor_load_u64(const void *p);

#endif
