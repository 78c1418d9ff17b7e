#include "ui/thought.h"

#include <string.h>

static const char open_tag[] = "<think>";
static const char close_tag[] = "</think>";

static size_t skip_space(const char *text, size_t len, size_t pos)
{
	while (pos < len && (text[pos] == '\n' || text[pos] == ' ' ||
	                     text[pos] == '\r' || text[pos] == '\t'))
		pos++;
	return pos;
}

struct thought thought_find(const char *text, size_t len, bool opened)
{
	const size_t open_len = sizeof open_tag - 1;
	const size_t close_len = sizeof close_tag - 1;
	size_t start = skip_space(text, len, 0), end;
	struct thought t = { 0 };
	const char *close;

	if (len - start >= open_len &&
	    !memcmp(text + start, open_tag, open_len)) {
		start += open_len;
		opened = true;
	}
	close = memmem(text + start, len - start, close_tag, close_len);
	if (!close && !opened)
		return t;
	t.closed = close != NULL;
	end = close ? (size_t)(close - text) : len;
	t.body = close ? skip_space(text, len, end + close_len) : len;
	t.begin = skip_space(text, end, start);
	while (t.closed && end > t.begin && (text[end - 1] == '\n' ||
	                                     text[end - 1] == ' '))
		end--;
	t.end = end;
	return t;
}
