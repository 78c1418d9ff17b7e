#include "ui/spans.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/strbuf.h"

void spans_free(struct spans *s)
{
	free(s->begin);
	ids_free(&s->encoded);
	*s = (struct spans){ 0 };
}

void spans_clear(struct spans *s)
{
	s->n = 0;
	s->encoded.n = 0;
	s->text_len = s->made = 0;
	s->stream = (struct tokenizer_stream){ .n_held = 0 };
}

static void take_tokenizer(struct spans *s, const struct tokenizer *t)
{
	if (s->tokenizer != t)
		spans_clear(s);
	s->tokenizer = t;
}

static void add(struct spans *s, const struct tokenizer *t, int id)
{
	struct strbuf text = STRBUF_INIT;
	size_t len;
	const char *bytes = tokenizer_bytes(t, id, &len);

	s->begin = mem_grow(s->begin, s->n, &s->capacity, sizeof *s->begin);
	s->begin[s->n++] = (uint32_t)(s->made + s->stream.n_held);
	if (bytes)
		tokenizer_stream_add(&s->stream, bytes, len, &text);
	s->made += text.len;
	strbuf_free(&text);
}

void spans_update(struct spans *s, const struct tokenizer *t,
                  const struct ids *ids)
{
	take_tokenizer(s, t);
	if (ids->n < s->n)
		spans_clear(s);
	while (s->n < ids->n)
		add(s, t, ids->data[s->n]);
}

void spans_encode(struct spans *s, const struct tokenizer *t, const char *text,
                  size_t len)
{
	take_tokenizer(s, t);
	if (s->text_len == len && s->n == s->encoded.n && s->n)
		return;
	spans_clear(s);
	s->text_len = len;
	tokenizer_encode(t, text, len, TOKENIZER_PLAIN, &s->encoded);
	for (size_t i = 0; i < s->encoded.n; i++)
		add(s, t, s->encoded.data[i]);
}

void spans_align(struct spans *s, size_t len)
{
	size_t made = s->made + s->stream.n_held, shift;

	if (made >= len)
		return;
	shift = len - made;
	for (size_t i = 0; i < s->n; i++)
		s->begin[i] += (uint32_t)shift;
	s->made += shift;
}

size_t spans_find(const struct spans *s, size_t pos)
{
	size_t low = 0, high = s->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (s->begin[middle] <= pos)
			low = middle;
		else
			high = middle;
	}
	return low;
}

size_t spans_end(const struct spans *s, size_t i, size_t len)
{
	return i + 1 < s->n ? s->begin[i + 1] : len;
}
