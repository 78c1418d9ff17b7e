/*
 * strbuf.h - a byte string that grows
 *
 * `bytes` is always followed by a 0 byte, so that text without NULs can be
 * handed on as a C string.  Start with `struct strbuf s = STRBUF_INIT;`, end
 * with strbuf_free() or take the bytes with strbuf_take().
 */
#ifndef CONFAB_STRBUF_H
#define CONFAB_STRBUF_H

#include <stddef.h>

struct strbuf {
	char *bytes;     /* owned; points to a constant "" while capacity == 0 */
	size_t len;      /* bytes, without the 0 byte at the end */
	size_t capacity; /* bytes allocated, the 0 byte included */
};

extern char strbuf_empty[1];
#define STRBUF_INIT { strbuf_empty, 0, 0 }

void strbuf_free(struct strbuf *s);                /* leaves STRBUF_INIT */
void strbuf_clear(struct strbuf *s);               /* keeps the memory */
void strbuf_reserve(struct strbuf *s, size_t more); /* room for more bytes */
void strbuf_add(struct strbuf *s, const void *bytes, size_t len);
void strbuf_add_str(struct strbuf *s, const char *str);
void strbuf_add_char(struct strbuf *s, char c);
void strbuf_printf(struct strbuf *s, const char *format, ...)
	__attribute__((format(printf, 2, 3), nonnull(2)));
void strbuf_remove(struct strbuf *s, size_t pos, size_t len);

/* Gives the bytes to the caller (free()) and leaves STRBUF_INIT. */
char *strbuf_take(struct strbuf *s);

#endif
