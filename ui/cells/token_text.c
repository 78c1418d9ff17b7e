#include "ui/cells/token_text.h"

#include <stdbool.h>

#include "base/strbuf.h"
#include "base/utf8.h"

/* Is the character at bytes whole?  U+FFFD may be written as it is. */
static bool is_whole(const char *bytes, int n, uint32_t c)
{
	return c != 0xFFFD || (n == 3 && (unsigned char)bytes[0] == 0xEF &&
	                       (unsigned char)bytes[2] == 0xBD);
}

static size_t add_broken(struct strbuf *out, const char *bytes, size_t len)
{
	size_t pos = 0;

	while (pos < len) {
		uint32_t c;
		int n = utf8_decode(bytes + pos, len - pos, &c);

		if (is_whole(bytes + pos, n, c))
			break;
		for (int i = 0; i < n; i++, pos++)
			strbuf_printf(out, "%s%02x", pos ? " " : "<",
			              (unsigned char)bytes[pos]);
	}
	strbuf_add_char(out, '>');
	return pos;
}

static size_t add_one(struct strbuf *out, const char *bytes, size_t len)
{
	uint32_t c;
	int n = utf8_decode(bytes, len, &c);

	if (!is_whole(bytes, n, c))
		return add_broken(out, bytes, len);
	if (c == ' ')
		strbuf_add_str(out, "▁");
	else if (c == '\n')
		strbuf_add_str(out, "⏎");
	else if (c == '\t')
		strbuf_add_str(out, "⇥");
	else
		strbuf_add(out, bytes, (size_t)n);
	return (size_t)n;
}

void token_text(struct strbuf *out, const char *bytes, size_t len)
{
	for (size_t pos = 0; pos < len;)
		pos += add_one(out, bytes + pos, len - pos);
}

static size_t add_quoted(struct strbuf *out, const char *bytes, size_t len)
{
	uint32_t c;
	int n = utf8_decode(bytes, len, &c);

	if (c == '\n')
		strbuf_add_str(out, "\\n");
	else if (c == '\t')
		strbuf_add_str(out, "\\t");
	else if (c == '"' || c == '\\')
		strbuf_printf(out, "\\%c", (char)c);
	else if (is_whole(bytes, n, c) && c >= ' ' && c != 0x7f)
		strbuf_add(out, bytes, (size_t)n);
	else
		for (int i = 0; i < n; i++)
			strbuf_printf(out, "\\x%02x", (unsigned char)bytes[i]);
	return (size_t)n;
}

void token_quoted(struct strbuf *out, const char *bytes, size_t len)
{
	strbuf_add_char(out, '"');
	for (size_t pos = 0; pos < len;)
		pos += add_quoted(out, bytes + pos, len - pos);
	strbuf_add_char(out, '"');
}
