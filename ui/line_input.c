#include "ui/line_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

void line_input_free(struct line_input *in)
{
	strbuf_free(&in->bytes);
	strbuf_free(&in->message);
}

void line_input_read(struct line_input *in)
{
	char bytes[65536];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		strbuf_add(&in->bytes, bytes, (size_t)n);
	else
		in->ended = true;
}

bool line_input_has_line(const struct line_input *in)
{
	return in->ended ? !line_input_is_over(in)
	                 : memchr(in->bytes.bytes, '\n', in->bytes.len) != NULL;
}

bool line_input_is_over(const struct line_input *in)
{
	return in->ended && !in->bytes.len && !in->message.len;
}

char *line_input_take(struct line_input *in)
{
	const char *line = in->bytes.bytes;
	const char *end = memchr(line, '\n', in->bytes.len);
	size_t len = end ? (size_t)(end - line) : in->bytes.len;
	size_t taken = end ? len + 1 : len;
	bool more;

	if (!taken) /* the input ended instead of going on */
		strbuf_remove(&in->message, in->message.len - 1, 1);
	if (len && line[len - 1] == '\r')
		len--;
	more = len && line[len - 1] == '\\';
	utf8_repair(&in->message, line, more ? len - 1 : len);
	strbuf_remove(&in->bytes, 0, taken);
	if (!more)
		return strbuf_take(&in->message);
	strbuf_add_char(&in->message, '\n');
	return NULL;
}
