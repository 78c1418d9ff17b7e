#include "ui/text_find.h"

#include <string.h>
#include <wctype.h>

#include "base/strbuf.h"
#include "base/utf8.h"

static uint32_t folded(const char *text, size_t len, size_t *n)
{
	unsigned char c = (unsigned char)*text;
	uint32_t code_point;

	if (c < 0x80) {
		*n = 1;
		return c >= 'A' && c <= 'Z' ? c + 32u : c;
	}
	*n = (size_t)utf8_decode(text, len, &code_point);
	return (uint32_t)towlower((wint_t)code_point);
}

/* Bytes of text that match the whole query; 0: they do not. */
static size_t match_length(const char *text, size_t len, const char *query,
                           size_t query_len)
{
	size_t pos = 0, q = 0, n, m;

	while (q < query_len) {
		if (pos >= len || folded(text + pos, len - pos, &n) !=
		                          folded(query + q, query_len - q, &m))
			return 0;
		pos += n;
		q += m;
	}
	return pos;
}

bool text_find(const struct strbuf *text, size_t from, const char *query,
               struct text_range *match)
{
	size_t query_len = strlen(query), len, n;

	for (size_t pos = from; pos < text->len; pos += n) {
		len = match_length(text->bytes + pos, text->len - pos, query,
		                   query_len);
		if (len) {
			*match = (struct text_range){ (uint32_t)pos,
				                      (uint32_t)(pos + len) };
			return true;
		}
		folded(text->bytes + pos, text->len - pos, &n);
	}
	return false;
}
