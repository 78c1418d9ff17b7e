#include "ui/cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "ui/cells/sanitise.h"
#include "ui/cells/width.h"
#include "ui/cli/signals.h"

static struct strbuf pending = STRBUF_INIT;
static struct strbuf held = STRBUF_INIT; /* text whose last cluster is open */
static int failure;                      /* errno of the first failed write */

bool output_is_terminal(void)
{
	static int terminal = -1;

	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO);
	return terminal;
}

void output_add(const char *bytes, size_t len)
{
	strbuf_add(&pending, bytes, len);
}

void output_str(const char *text)
{
	strbuf_add_str(&pending, text);
}

void output_printf(const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len > 0)
		output_add(text, (size_t)len < sizeof text ? (size_t)len
		                                           : sizeof text - 1);
}

/* Line ends and tabs stay what they are. */
static void add_cluster(const char *cluster, size_t len)
{
	if (len && strspn(cluster, "\n\t") >= len)
		output_add(cluster, len);
	else if (len == 2 && !memcmp(cluster, "\r\n", 2))
		output_add("\n", 1);
	else
		sanitise_cluster(&pending, cluster, len);
}

/* ASCII is shown at once, lest the last letter of every token lag behind. */
static bool may_grow(const char *cluster, size_t len, size_t rest)
{
	return len == rest &&
	       ((unsigned char)cluster[0] >= 0x80 || cluster[0] == '\r');
}

static void add_clusters(bool end)
{
	size_t pos = 0, len;

	while (pos < held.len) {
		len = cluster_length(held.bytes + pos, held.len - pos);
		if (!end && may_grow(held.bytes + pos, len, held.len - pos))
			break;
		add_cluster(held.bytes + pos, len);
		pos += len;
	}
	strbuf_remove(&held, 0, pos);
}

void output_text(const char *text, size_t len)
{
	if (!output_is_terminal()) {
		output_add(text, len);
		return;
	}
	strbuf_add(&held, text, len);
	add_clusters(false);
}

void output_text_end(void)
{
	add_clusters(true);
}

/* All of it, or failure is set: EINTR where a signal came and the reader has stopped
 * reading. */
static void write_out(const char *bytes, size_t len)
{
	while (len && !failure) {
		size_t most = signals_writable(STDOUT_FILENO, len);
		ssize_t n = most ? write(STDOUT_FILENO, bytes, most) : -1;

		if (!most)
			errno = EINTR;
		else if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			failure = errno;
		else
			bytes += n, len -= (size_t)n;
	}
}

int output_flush(struct error *err)
{
	write_out(pending.bytes, pending.len);
	strbuf_clear(&pending);
	if (!failure)
		return 0;
	if (failure == EPIPE)
		return error_set(err, "%s", "");
	return error_set(err, "standard output: %s", strerror(failure));
}
