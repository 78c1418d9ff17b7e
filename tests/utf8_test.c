#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"

static bool is_scalar(uint32_t c)
{
	return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static void every_scalar_value_survives_encode_and_decode(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint32_t back = 0;
		char bytes[4];
		int n;

		if (!is_scalar(c))
			continue;
		n = utf8_encode(c, bytes);
		assert_int_equal(n, 1 + (c >= 0x80) + (c >= 0x800) +
		                            (c >= 0x10000));
		assert_int_equal(utf8_decode(bytes, (size_t)n, &back), n);
		assert_int_equal(back, c);
		assert_true(utf8_valid(bytes, (size_t)n));
		assert_int_equal(utf8_complete(bytes, (size_t)n), n);
		/* Each shorter beginning can still be completed. */
		for (int cut = 1; cut < n; cut++) {
			assert_int_equal(utf8_complete(bytes, (size_t)cut), 0);
			assert_int_equal(utf8_decode(bytes, (size_t)cut, &back),
			                 cut);
			assert_int_equal(back, 0xfffd);
		}
	}
}

/* The naive reading of RFC 3629, section 4: build the number, then look. */
static bool valid_by_the_book(const uint8_t *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 0; i < len;) {
		int n = s[i] < 0x80         ? 1
		        : s[i] >> 5 == 6    ? 2
		        : s[i] >> 4 == 0xe  ? 3
		        : s[i] >> 3 == 0x1e ? 4
		                            : 0;
		uint32_t c;

		if (!n || (size_t)n > len - i)
			return false;
		c = n == 1 ? s[i] : s[i] & (0x7fu >> n);
		for (int k = 1; k < n; k++) {
			if (s[i + (size_t)k] >> 6 != 2)
				return false;
			c = c << 6 | (s[i + (size_t)k] & 0x3f);
		}
		if (n > 1 && (c < least[n] || !is_scalar(c)))
			return false;
		i += (size_t)n;
	}
	return true;
}

static void validity_is_as_in_the_rfc_for_all_bytes_that_decide(void **state)
{
	static const uint8_t tails[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90,
		                         0x9f, 0xa0, 0xbf, 0xc0, 0xff };
	uint8_t s[4];

	(void)state;
	for (int first = 0; first < 256; first++)
		for (int second = 0; second < 256; second++)
			for (size_t i = 0; i < sizeof tails; i++)
				for (size_t k = 0; k < sizeof tails; k++) {
					s[0] = (uint8_t)first;
					s[1] = (uint8_t)second;
					s[2] = tails[i];
					s[3] = tails[k];
					for (size_t n = 1; n <= 4; n++)
						assert_int_equal(
							utf8_valid((char *)s,
						                   n),
							valid_by_the_book(s,
						                          n));
				}
}

static void ill_formed_parts_become_one_replacement_each(void **state)
{
	/* The examples of Unicode 15, tables 3-8 to 3-11, and Python's
	 * bytes.decode('utf-8', 'replace'); R stands for U+FFFD. */
	static const struct {
		const char *bytes, *repaired;
	} cases[] = {
		{ "plain", "plain" },
		{ "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "RRRRRRRRA" },
		{ "\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "RRRRRRRRA" },
		{ "\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "RRRRRARRB" },
		{ "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "RRRRA" },
		{ "a\xf1\x80\x80\xe1\x80\xc2z", "aRRRz" },
		{ "\x80", "R" },
		{ "\xe2\x82", "R" },
		{ "\xe2\x82\xac\xe2\x82", "\xe2\x82\xac"
		                          "R" },
		{ "\xf5\x80\x80\x80", "RRRR" },
		{ "0123456789\xff"
		  "0123456789",
		  "0123456789R0123456789" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct strbuf out = STRBUF_INIT, wanted = STRBUF_INIT;

		for (const char *p = cases[i].repaired; *p; p++)
			if (*p == 'R')
				strbuf_add_str(&wanted, "\xef\xbf\xbd");
			else
				strbuf_add_char(&wanted, *p);
		utf8_repair(&out, cases[i].bytes, strlen(cases[i].bytes));
		assert_string_equal(out.bytes, wanted.bytes);
		assert_true(utf8_valid(out.bytes, out.len));
		strbuf_free(&out);
		strbuf_free(&wanted);
	}
}

static void only_a_tail_that_can_still_be_completed_is_held_back(void **state)
{
	static const struct {
		const char *bytes;
		size_t complete;
	} cases[] = {
		{ "", 0 },
		{ "abc", 3 },
		{ "a\xc3", 1 },
		{ "a\xe2\x82", 1 },
		{ "a\xf0\x9f\x98", 1 },
		{ "a\xf0\x9f\x98\x80", 5 },
		{ "a\x80", 2 },         /* never a beginning */
		{ "a\xe0\x80", 3 },     /* never completed: overlong */
		{ "a\xed\xa0", 3 },     /* a surrogate */
		{ "a\xf4\x90", 3 },     /* past U+10FFFF */
		{ "a\xf8\x88\x80", 4 }, /* no such first byte */
		{ "\xe2\x82\xe2", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(utf8_complete(cases[i].bytes,
		                               strlen(cases[i].bytes)),
		                 cases[i].complete);
}

/* What a streamed reply does: feed pieces, show what is complete.  However the
 * text is cut, the shown pieces put together are the repaired whole. */
static void streaming_in_pieces_equals_repairing_at_once(void **state)
{
	static const uint8_t alphabet[] = {
		'a',  0x80, 0xbf, 0x9f, 0xa0, 0xc3,
		0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xff
	};
	unsigned random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct strbuf whole = STRBUF_INIT, shown = STRBUF_INIT;
		struct strbuf held = STRBUF_INIT;
		char text[12];

		for (size_t i = 0; i < sizeof text; i++) {
			random = random * 1103515245 + 12345;
			text[i] = (char)
				alphabet[(random >> 16) % sizeof alphabet];
		}
		utf8_repair(&whole, text, sizeof text);
		for (size_t i = 0; i < sizeof text;) {
			size_t n = 1 + (random >> 20) % 3, ready;

			n = n < sizeof text - i ? n : sizeof text - i;
			strbuf_add(&held, text + i, n);
			i += n;
			ready = utf8_complete(held.bytes, held.len);
			assert_true(held.len - ready <= 3);
			utf8_repair(&shown, held.bytes, ready);
			strbuf_remove(&held, 0, ready);
		}
		utf8_repair(&shown, held.bytes, held.len);
		assert_string_equal(shown.bytes, whole.bytes);
		strbuf_free(&whole);
		strbuf_free(&shown);
		strbuf_free(&held);
	}
}

static void the_valid_run_stops_at_the_first_bad_byte(void **state)
{
	char text[40];

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(utf8_valid_run(text, sizeof text), sizeof text);
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = '\xff';
		assert_int_equal(utf8_valid_run(text, sizeof text), i);
		text[i] = 'x';
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_scalar_value_survives_encode_and_decode),
	cmocka_unit_test(validity_is_as_in_the_rfc_for_all_bytes_that_decide),
	cmocka_unit_test(ill_formed_parts_become_one_replacement_each),
	cmocka_unit_test(only_a_tail_that_can_still_be_completed_is_held_back),
	cmocka_unit_test(streaming_in_pieces_equals_repairing_at_once),
	cmocka_unit_test(the_valid_run_stops_at_the_first_bad_byte),
};

TEST_MAIN(tests)
