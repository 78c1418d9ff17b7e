#include "checkpoint/gguf_cursor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

void gguf_cursor_enter(struct gguf_cursor *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->thing, sizeof c->thing, format, args);
	va_end(args);
}

int gguf_cursor_fail(struct gguf_cursor *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(c->err, "%s: %s: %s", c->path, c->thing, text);
}

const uint8_t *gguf_cursor_take(struct gguf_cursor *c, uint64_t n,
                                const char *what)
{
	const uint8_t *at;

	if (n > c->size - c->pos || !c->bytes) {
		gguf_cursor_fail(c,
		                 "%s of %" PRIu64 " bytes at offset %zu, where "
		                 "%zu bytes are left",
		                 what, n, c->pos, c->size - c->pos);
		return NULL;
	}
	if (n > GGUF_HEADER_MAX - c->pos) {
		gguf_cursor_fail(c,
		                 "%s of %" PRIu64 " bytes at offset %zu would "
		                 "make a header of over %zu bytes",
		                 what, n, c->pos, GGUF_HEADER_MAX);
		return NULL;
	}
	at = c->bytes + c->pos;
	c->pos += (size_t)n;
	return at;
}

int gguf_cursor_u32(struct gguf_cursor *c, const char *what, uint32_t *out)
{
	const uint8_t *p = gguf_cursor_take(c, 4, what);

	if (!p)
		return -1;
	*out = gguf_cursor_load_u32(p);
	return 0;
}

int gguf_cursor_u64(struct gguf_cursor *c, const char *what, uint64_t *out)
{
	const uint8_t *p = gguf_cursor_take(c, 8, what);

	if (!p)
		return -1;
	*out = gguf_cursor_load_u64(p);
	return 0;
}

int gguf_cursor_string(struct gguf_cursor *c, const char *what,
                       struct gguf_string *out)
{
	uint64_t len;

	if (gguf_cursor_u64(c, "a string's length", &len))
		return -1;
	out->bytes = (const char *)gguf_cursor_take(c, len, what);
	out->len = (size_t)len;
	return out->bytes ? 0 : -1;
}

int gguf_cursor_name(struct gguf_cursor *c, size_t max, struct gguf_string *out)
{
	if (gguf_cursor_string(c, "a name", out))
		return -1;
	if (out->len == 0 || out->len > max)
		return gguf_cursor_fail(c,
		                        "a name of %zu bytes, not of 1 to %zu",
		                        out->len, max);
	for (size_t i = 0; i < out->len; i++) {
		unsigned char byte = (unsigned char)out->bytes[i];

		if (byte < ' ' || byte > '~')
			return gguf_cursor_fail(c,
			                        "byte 0x%02x at %zu of its "
			                        "name is not printable ASCII",
			                        byte, i);
	}
	return 0;
}

int gguf_cursor_expect(struct gguf_cursor *c, uint64_t n, const char *things,
                       int most, size_t bytes)
{
	if (n > (uint64_t)most || n > (c->size - c->pos) / bytes)
		return gguf_cursor_fail(c,
		                        "%" PRIu64 " %s in a file of %zu "
		                        "bytes (the most is %d)",
		                        n, things, c->size, most);
	return 0;
}

uint32_t gguf_cursor_load_u32(const void *p)
{
	const uint8_t *b = p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

uint64_t gguf_cursor_load_u64(const void *p)
{
	const uint8_t *b = p;

	return gguf_cursor_load_u32(b) | (uint64_t)gguf_cursor_load_u32(b + 4)
	                                         << 32;
}
