#include <string.h>

#include "base/utf8.h"
#include "text/tokenizer.h"

static void add(struct tokenizer_stream *stream, const char *bytes, size_t len,
                struct strbuf *out)
{
	size_t whole = utf8_complete(bytes, len);

	utf8_repair(out, bytes, whole);
	stream->n_held = len - whole;
	memmove(stream->held, bytes + whole, stream->n_held);
}

void tokenizer_stream_add(struct tokenizer_stream *stream, const char *bytes,
                          size_t len, struct strbuf *out)
{
	struct strbuf joined = STRBUF_INIT;

	if (!stream->n_held) {
		add(stream, bytes, len, out);
		return;
	}
	strbuf_add(&joined, stream->held, stream->n_held);
	strbuf_add(&joined, bytes, len);
	add(stream, joined.bytes, joined.len, out);
	strbuf_free(&joined);
}

void tokenizer_stream_end(struct tokenizer_stream *stream, struct strbuf *out)
{
	utf8_repair(out, stream->held, stream->n_held);
	stream->n_held = 0;
}
