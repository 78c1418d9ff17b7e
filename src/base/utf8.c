#include "base/utf8.h"

#include <string.h>

#include "base/strbuf.h"

#define REPLACEMENT 0xfffd

/*
 * What a first byte promises.  Every rule of well-formedness (shortest form,
 * no surrogates, nothing past U+10FFFF) is decided by the first two bytes:
 * Unicode 15, table 3-7.
 */
struct promise {
	int len;        /* bytes of the whole character; 0: no first byte */
	uint8_t lo, hi; /* range of the second byte */
};

static struct promise promise_of(uint8_t first)
{
	if (first < 0x80)
		return (struct promise){ 1, 0, 0 };
	if (first < 0xc2)
		return (struct promise){ 0, 0, 0 };
	if (first < 0xe0)
		return (struct promise){ 2, 0x80, 0xbf };
	if (first < 0xf0)
		return (struct promise){ 3, first == 0xe0 ? 0xa0 : 0x80,
			                 first == 0xed ? 0x9f : 0xbf };
	if (first < 0xf5)
		return (struct promise){ 4, first == 0xf0 ? 0x90 : 0x80,
			                 first == 0xf4 ? 0x8f : 0xbf };
	return (struct promise){ 0, 0, 0 };
}

/* How many of the promised bytes are there, the first one included. */
static int kept(struct promise p, const uint8_t *s, size_t len)
{
	int n = 1;

	if (p.len < 2 || len < 2 || s[1] < p.lo || s[1] > p.hi)
		return 1;
	for (n = 2; n < p.len && (size_t)n < len; n++)
		if ((s[n] & 0xc0) != 0x80)
			break;
	return n;
}

int utf8_decode(const char *bytes, size_t len, uint32_t *code_point)
{
	/* Payload bits of the first byte, by length. */
	static const uint8_t mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const uint8_t *s = (const uint8_t *)bytes;
	struct promise p = promise_of(s[0]);
	int n = kept(p, s, len);
	uint32_t c;

	if (n != p.len) {
		*code_point = REPLACEMENT;
		return n;
	}
	c = s[0] & mask[n];
	for (int i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	*code_point = c;
	return n;
}

int utf8_encode(uint32_t code_point, char out[4])
{
	if (code_point < 0x80) {
		out[0] = (char)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		out[0] = (char)(0xc0 | code_point >> 6);
		out[1] = (char)(0x80 | (code_point & 0x3f));
		return 2;
	}
	if (code_point < 0x10000) {
		out[0] = (char)(0xe0 | code_point >> 12);
		out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code_point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code_point >> 18);
	out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code_point & 0x3f));
	return 4;
}

/* The bytes before the first one that is not ASCII; eight at a time, because
 * most text is. */
static size_t ascii_run(const char *bytes, size_t len)
{
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < len && !(bytes[i] & 0x80))
		i++;
	return i;
}

size_t utf8_valid_run(const char *bytes, size_t len)
{
	size_t i = 0;

	for (;;) {
		const uint8_t *s;
		struct promise p;

		i += ascii_run(bytes + i, len - i);
		if (i == len)
			return i;
		s = (const uint8_t *)bytes + i;
		p = promise_of(s[0]);
		if (kept(p, s, len - i) != p.len)
			return i;
		i += (size_t)p.len;
	}
}

bool utf8_valid(const char *bytes, size_t len)
{
	return utf8_valid_run(bytes, len) == len;
}

size_t utf8_complete(const char *bytes, size_t len)
{
	/* Only the last three bytes can belong to an unfinished character. */
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		const uint8_t *s = (const uint8_t *)bytes + len - back;
		struct promise p = promise_of(s[0]);

		if (p.len > (int)back && kept(p, s, back) == (int)back)
			return len - back;
	}
	return len;
}

void utf8_repair(struct strbuf *out, const char *bytes, size_t len)
{
	while (len) {
		size_t n = utf8_valid_run(bytes, len);
		uint32_t unused;

		strbuf_add(out, bytes, n);
		bytes += n;
		len -= n;
		if (!len)
			return;
		strbuf_add_str(out, "\xef\xbf\xbd");
		n = (size_t)utf8_decode(bytes, len, &unused);
		bytes += n;
		len -= n;
	}
}
