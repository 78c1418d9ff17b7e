/*
 * fuzz_encode.c - any bytes as text, with the bundled tokenizer
 *
 * decode(encode(s)) is NFC(repair(s)) and holds no added id; streamed in pieces
 * cut anywhere it is the same; NFC of NFC is itself.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "text/nfc.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tokenizer *bundled(void)
{
	static struct tokenizer *t;

	if (!t)
		t = tokenizer_load_json(CONFAB_SRCDIR
		                        "/data/confab-20m/tokenizer.json",
		                        NULL, NULL);
	assert(t);
	return t;
}

static void assert_same(const struct strbuf *a, const struct strbuf *b)
{
	assert(a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0);
}

static void check_nfc(const struct strbuf *repaired,
                      const struct strbuf *normal)
{
	struct strbuf twice = STRBUF_INIT;

	assert(utf8_valid(normal->bytes, normal->len));
	nfc_append(&twice, normal->bytes, normal->len);
	assert_same(&twice, normal);
	if (nfc_quick(repaired->bytes, repaired->len))
		assert_same(repaired, normal);
	strbuf_free(&twice);
}

static void check_stream(const uint8_t *data, size_t size,
                         const struct strbuf *repaired)
{
	struct tokenizer_stream stream = { .n_held = 0 };
	struct strbuf out = STRBUF_INIT;
	size_t pos = 0, n;

	while (pos < size) {
		n = (size_t)data[pos] % 5;
		n = n < size - pos ? n : size - pos;
		tokenizer_stream_add(&stream, (const char *)data + pos, n,
		                     &out);
		assert(stream.n_held < 4);
		pos += n ? n : 1;
		if (!n)
			tokenizer_stream_add(&stream,
			                     (const char *)data + pos - 1, 1,
			                     &out);
	}
	tokenizer_stream_end(&stream, &out);
	assert_same(&out, repaired);
	strbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tokenizer *t = bundled();
	const char *text = (const char *)data;
	struct strbuf repaired = STRBUF_INIT, normal = STRBUF_INIT;
	struct strbuf back = STRBUF_INIT;
	struct ids ids = { 0 };

	utf8_repair(&repaired, text, size);
	nfc_append(&normal, repaired.bytes, repaired.len);
	check_nfc(&repaired, &normal);
	tokenizer_encode(t, text, size, TOKENIZER_PLAIN, &ids);
	for (size_t i = 0; i < ids.n; i++)
		assert(!tokenizer_is_added(t, ids.data[i]));
	tokenizer_decode(t, ids.data, ids.n, false, &back);
	assert_same(&back, &normal);
	check_stream(data, size, &repaired);
	ids.n = 0;
	tokenizer_encode(t, text, size, TOKENIZER_ALL, &ids);
	ids.n = 0;
	tokenizer_encode(t, text, size, TOKENIZER_NO_SPECIAL, &ids);
	strbuf_free(&repaired);
	strbuf_free(&normal);
	strbuf_free(&back);
	ids_free(&ids);
	return 0;
}
