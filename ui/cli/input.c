#include "ui/cli/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define CHUNK    65536             /* bytes of one read() */
#define MAX_READ ((size_t)1 << 30) /* bytes; no context holds more */

bool input_is_terminal(void)
{
	return isatty(STDIN_FILENO);
}

/* Bytes appended, 0 at the end, -1 failed.  A closed standard input has ended
 * already. */
static ssize_t read_more(struct strbuf *out, struct error *err)
{
	ssize_t n;

	if (out->len > MAX_READ)
		return error_set(err, "standard input: over %zu bytes",
		                 MAX_READ);
	strbuf_reserve(out, CHUNK);
	do
		n = read(STDIN_FILENO, out->bytes + out->len, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EBADF)
		return 0;
	if (n < 0)
		return error_set(err, "standard input: %s", strerror(errno));
	out->len += (size_t)n;
	out->bytes[out->len] = '\0';
	return n;
}

int input_read_all(struct strbuf *out, struct error *err)
{
	ssize_t n;

	do
		n = read_more(out, err);
	while (n > 0);
	return (int)n;
}

static void give(struct input_lines *lines, size_t end, const char **line,
                 size_t *len)
{
	*line = lines->buffer.bytes + lines->pos;
	*len = end - lines->pos;
	if (*len && (*line)[*len - 1] == '\r')
		(*len)--;
	lines->number++;
}

static void drop_given(struct input_lines *lines)
{
	strbuf_remove(&lines->buffer, 0, lines->pos);
	lines->pos = 0;
}

int input_next_line(struct input_lines *lines, const char **line, size_t *len,
                    int (*idle)(struct error *err), struct error *err)
{
	size_t searched = lines->pos;
	struct strbuf *buffer = &lines->buffer;
	const char *end;
	ssize_t n;

	for (;;) {
		end = memchr(buffer->bytes + searched, '\n',
		             buffer->len - searched);
		if (end) {
			size_t at = (size_t)(end - buffer->bytes);

			give(lines, at, line, len);
			lines->pos = at + 1;
			return 1;
		}
		if (lines->ended)
			break;
		drop_given(lines);
		searched = buffer->len;
		if (idle(err))
			return -1;
		n = read_more(buffer, err);
		if (n < 0)
			return -1;
		lines->ended = !n;
	}
	if (lines->pos == buffer->len)
		return 0;
	give(lines, buffer->len, line, len);
	lines->pos = buffer->len;
	return 1;
}

void input_lines_free(struct input_lines *lines)
{
	strbuf_free(&lines->buffer);
}
