#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Control characters, C1 ones too, would be obeyed by a terminal. */
static bool harmless(uint32_t c)
{
	return c >= 0x20 && (c < 0x7f || c > 0x9f);
}

/* Names out of strangers' files end up in these texts.  What is no printable
 * UTF-8 becomes '?', so the text cannot grow; half a character at the end,
 * where the text was cut, goes. */
static void tidy(char *text)
{
	size_t len = utf8_complete(text, strlen(text)), used = 0, i = 0;

	while (i < len) {
		uint32_t c;
		size_t n = (size_t)utf8_decode(text + i, len - i, &c);

		if (harmless(c) && utf8_valid(text + i, n)) {
			memmove(text + used, text + i, n);
			used += n;
		} else {
			text[used++] = '?';
		}
		i += n;
	}
	text[used] = '\0';
}

int error_set(struct error *err, const char *format, ...)
{
	char text[sizeof err->text];
	va_list args;

	if (!err)
		return -1;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	tidy(text);
	memcpy(err->text, text, sizeof text);
	return -1;
}

void error_prefix(struct error *err, const char *format, ...)
{
	char text[2 * sizeof err->text + 4];
	size_t used;
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof err->text, format, args);
	va_end(args);
	used = strlen(text);
	snprintf(text + used, sizeof text - used, ": %s", err->text);
	error_set(err, "%s", text);
}
