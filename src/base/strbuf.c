#include "base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char strbuf_empty[1];

void strbuf_free(struct strbuf *s)
{
	if (s->capacity)
		free(s->bytes);
	*s = (struct strbuf)STRBUF_INIT;
}

void strbuf_clear(struct strbuf *s)
{
	s->len = 0;
	if (s->capacity)
		s->bytes[0] = '\0';
}

void strbuf_reserve(struct strbuf *s, size_t more)
{
	size_t need, capacity = s->capacity ? s->capacity : 32;

	if (__builtin_add_overflow(s->len, more, &need) ||
	    __builtin_add_overflow(need, 1, &need))
		need = (size_t)-1; /* mem_realloc() ends the program */
	if (need <= s->capacity)
		return;
	while (capacity < need && capacity <= (size_t)-1 / 2)
		capacity *= 2;
	if (capacity < need)
		capacity = need;
	s->bytes = mem_realloc(s->capacity ? s->bytes : NULL, capacity, 1);
	s->bytes[s->len] = '\0';
	s->capacity = capacity;
}

void strbuf_add(struct strbuf *s, const void *bytes, size_t len)
{
	if (!len)
		return;
	strbuf_reserve(s, len);
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
	s->bytes[s->len] = '\0';
}

void strbuf_add_str(struct strbuf *s, const char *str)
{
	strbuf_add(s, str, strlen(str));
}

void strbuf_add_char(struct strbuf *s, char c)
{
	strbuf_add(s, &c, 1);
}

void strbuf_printf(struct strbuf *s, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len <= 0)
		return;
	strbuf_reserve(s, (size_t)len);
	va_start(args, format);
	vsnprintf(s->bytes + s->len, (size_t)len + 1, format, args);
	va_end(args);
	s->len += (size_t)len;
}

void strbuf_remove(struct strbuf *s, size_t pos, size_t len)
{
	assert(pos <= s->len && len <= s->len - pos);
	if (!len)
		return;
	memmove(s->bytes + pos, s->bytes + pos + len, s->len - pos - len + 1);
	s->len -= len;
}

char *strbuf_take(struct strbuf *s)
{
	char *bytes = s->capacity ? s->bytes : mem_strdup("");

	*s = (struct strbuf)STRBUF_INIT;
	return bytes;
}
