#include "tests/support.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "text/nfc.h"

static void put(struct strbuf *s, uint32_t code_point)
{
	char bytes[4];

	strbuf_add(s, bytes, (size_t)utf8_encode(code_point, bytes));
}

/* utf8proc's own way, which is right, and slow where marks are many. */
static char *reference(const struct strbuf *text, size_t *len)
{
	utf8proc_uint8_t *out = NULL;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text->bytes,
	                                  (utf8proc_ssize_t)text->len, &out,
	                                  UTF8PROC_STABLE | UTF8PROC_COMPOSE);

	assert_true(n >= 0);
	*len = (size_t)n;
	return (char *)out;
}

static void assert_normalises(const struct strbuf *text)
{
	struct strbuf got = STRBUF_INIT, twice = STRBUF_INIT;
	size_t len;
	char *expected = reference(text, &len);

	nfc_append(&got, text->bytes, text->len);
	assert_int_equal(got.len, len);
	assert_memory_equal(got.bytes, expected, len);
	if (nfc_quick(text->bytes, text->len))
		assert_memory_equal(text->bytes, expected, len);
	nfc_append(&twice, got.bytes, got.len);
	assert_int_equal(twice.len, got.len);
	assert_memory_equal(twice.bytes, got.bytes, got.len);
	strbuf_free(&twice);
	strbuf_free(&got);
	free(expected);
}

static void accents_are_composed_in_the_order_of_their_classes(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	/* e + acute; q + dot above + dot below (no composed form, reordered);
	 * hangul jamo; angstrom sign. */
	nfc_append(&out, "e\xcc\x81 q\xcc\x87\xcc\xa3 ", 10);
	nfc_append(&out, "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8\xe2\x84\xab",
	           12);
	assert_string_equal(out.bytes, "\xc3\xa9 q\xcc\xa3\xcc\x87 "
	                               "\xea\xb0\x81\xc3\x85");
	strbuf_free(&out);
}

/* For every character that the quick check lets pass: it is its own form C,
 * and the second half of no composed character. */
static void the_quick_check_lets_only_stable_characters_pass(void **state)
{
	static unsigned char second[0x110000];
	utf8proc_int32_t parts[8];
	int bound = 0, quick = 0;

	(void)state;
	for (utf8proc_int32_t c = 0; c < 0x110000; c++) {
		utf8proc_ssize_t n;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		n = utf8proc_decompose_char(c, parts, 8, UTF8PROC_DECOMPOSE,
		                            &bound);
		for (utf8proc_ssize_t i = 1; i < n; i++)
			second[parts[i]] = 1;
	}
	for (uint32_t c = 1; c < 0x110000; c++) {
		struct strbuf text = STRBUF_INIT;
		const utf8proc_property_t *property =
			utf8proc_get_property((utf8proc_int32_t)c);
		char *normal;
		size_t len;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		put(&text, c);
		if (nfc_quick(text.bytes, text.len)) {
			quick++;
			normal = reference(&text, &len);
			assert_int_equal(len, text.len);
			assert_memory_equal(normal, text.bytes, len);
			assert_int_equal(property->combining_class, 0);
			assert_false(second[c]);
			free(normal);
		}
		strbuf_free(&text);
	}
	assert_true(quick > 30000);
}

/* It is the code point before the first trailing jamo, and no jamo itself. */
static void u_11a7_is_not_swallowed_behind_a_syllable(void **state)
{
	static const char *const texts[] = {
		"\xea\xba\x84\xe1\x86\xa7\xcd\x8a",
		"\xea\xba\x84\xe1\x86\xa7\xe1\x86\xa8", /* nor is U+11A8 */
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct strbuf out = STRBUF_INIT;

		nfc_append(&out, texts[i], strlen(texts[i]));
		assert_string_equal(out.bytes, texts[i]);
		strbuf_free(&out);
	}
}

static void random_text_equals_utf8proc(void **state)
{
	/* Where marks, jamo, singletons and composed characters are. */
	static const uint32_t first[] = { 0x20,   0xc0,   0x300,  0x1100,
		                          0x1161, 0x11a8, 0xac00, 0x1e00,
		                          0x900,  0x2100, 0xf900, 0x1d150,
		                          0x4e00, 0x0b80 };
	unsigned seed = 3;
	uint32_t c;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct strbuf text = STRBUF_INIT;

		for (int i = round % 12; i >= 0; i--) {
			seed = seed * 1664525 + 1013904223;
			c = first[(seed >> 8) % 14] + (seed >> 20) % 128;
			if (c != 0x11a7) /* utf8proc is wrong about it */
				put(&text, c);
		}
		assert_normalises(&text);
		strbuf_free(&text);
	}
}

static void every_character_equals_utf8proc_alone_and_with_marks(void **state)
{
	(void)state;
	for (uint32_t c = 1; c < 0x30000; c++) {
		struct strbuf text = STRBUF_INIT;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		put(&text, 'e');
		put(&text, c);
		put(&text, 0x323);
		put(&text, 0x301);
		assert_normalises(&text);
		strbuf_free(&text);
	}
}

/* utf8proc_map() would swap two hundred thousand times two hundred thousand
 * neighbours here. */
static void a_megabyte_of_marks_takes_no_quadratic_time(void **state)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;

	(void)state;
	strbuf_add_char(&text, 'q');
	for (int i = 0; i < 200000; i++)
		strbuf_add_str(&text, "\xcc\x87\xcc\xa3"); /* 230, 220 */
	nfc_append(&out, text.bytes, text.len);
	assert_int_equal(out.len, text.len);
	assert_memory_equal(out.bytes + 1, "\xcc\xa3\xcc\xa3", 4);
	assert_memory_equal(out.bytes + out.len - 4, "\xcc\x87\xcc\x87", 4);
	strbuf_free(&text);
	strbuf_free(&out);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(accents_are_composed_in_the_order_of_their_classes),
	cmocka_unit_test(the_quick_check_lets_only_stable_characters_pass),
	cmocka_unit_test(u_11a7_is_not_swallowed_behind_a_syllable),
	cmocka_unit_test(random_text_equals_utf8proc),
	cmocka_unit_test(every_character_equals_utf8proc_alone_and_with_marks),
	cmocka_unit_test(a_megabyte_of_marks_takes_no_quadratic_time),
};

TEST_MAIN(tests)
