#include "library/odds_codec.h"

#include <stdint.h>
#include <string.h>

#include "base/strbuf.h"
#include "engine/sampler.h"
#include "library/conversation.h"

#define HAS_PROBABILITY 0x80

static void put_varint(struct strbuf *out, uint32_t value)
{
	while (value >= 0x80) {
		strbuf_add_char(out, (char)(value | 0x80));
		value >>= 7;
	}
	strbuf_add_char(out, (char)value);
}

static void put_float(struct strbuf *out, float value)
{
	uint32_t u;
	char bytes[4];

	memcpy(&u, &value, sizeof u);
	for (int i = 0; i < 4; i++)
		bytes[i] = (char)(u >> 8 * i);
	strbuf_add(out, bytes, sizeof bytes);
}

static void put_token(struct strbuf *out, const struct token_odds *odds)
{
	put_varint(out, (uint32_t)odds->id);
	put_float(out, odds->logprob);
	put_float(out, odds->entropy);
	put_varint(out, (uint32_t)odds->rank);
	put_float(out, odds->sampled_prob);
	strbuf_add_char(out, (char)odds->n_top);
	for (int i = 0; i < odds->n_top; i++) {
		const struct token_candidate *c = &odds->top[i];
		int flag = c->sampled_prob != 0 ? HAS_PROBABILITY : 0;

		put_varint(out, (uint32_t)c->id);
		put_float(out, c->logprob);
		strbuf_add_char(out, (char)((c->cut & 0x7f) | flag));
		if (flag)
			put_float(out, c->sampled_prob);
	}
}

void odds_encode(struct strbuf *out, const struct token_odds *odds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_token(out, &odds[i]);
}

/* Reads past the end give zeros and set bad. */
struct reader {
	const unsigned char *p, *end;
	int bad;
};

static unsigned get_byte(struct reader *r)
{
	if (r->p == r->end) {
		r->bad = 1;
		return 0;
	}
	return *r->p++;
}

static int get_varint(struct reader *r)
{
	uint32_t value = 0;

	for (int shift = 0; shift < 35; shift += 7) {
		uint32_t byte = get_byte(r);

		value |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	if (value > INT32_MAX)
		r->bad = 1;
	return (int)(value & INT32_MAX);
}

static float get_float(struct reader *r)
{
	uint32_t u = 0;
	float value;

	for (int i = 0; i < 4; i++)
		u |= (uint32_t)get_byte(r) << 8 * i;
	memcpy(&value, &u, sizeof value);
	return value;
}

static void get_token(struct reader *r, struct token_odds *odds)
{
	unsigned n_top;

	odds->id = get_varint(r);
	odds->logprob = get_float(r);
	odds->entropy = get_float(r);
	odds->rank = get_varint(r);
	odds->sampled_prob = get_float(r);
	n_top = get_byte(r);
	if (n_top > TOKEN_TOP)
		r->bad = 1;
	for (unsigned i = 0; i < n_top && !r->bad; i++) {
		struct token_candidate *c = &odds->top[i];
		unsigned cut;

		c->id = get_varint(r);
		c->logprob = get_float(r);
		cut = get_byte(r);
		c->cut = cut & 0x7f;
		if ((c->cut & TOKEN_CUT) > SAMPLER_CUT_GREEDY)
			r->bad = 1;
		if (cut & HAS_PROBABILITY)
			c->sampled_prob = get_float(r);
	}
	odds->n_top = (uint8_t)n_top;
}

int odds_decode(struct message *m, const void *bytes, size_t len)
{
	struct reader r = { bytes, (const unsigned char *)bytes + len, 0 };

	while (r.p < r.end) {
		get_token(&r, message_add_odds(m));
		if (r.bad) {
			m->n_odds--;
			return -1;
		}
	}
	return 0;
}
