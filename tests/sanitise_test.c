/*
 * sanitise_test.c - nothing that a terminal obeys gets through
 */
#include "tests/support.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "ui/cells/sanitise.h"
#include "ui/cells/token_text.h"
#include "ui/cells/width.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

__attribute__((constructor)) static void use_utf8(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

static void becomes(const char *from, const char *to)
{
	struct strbuf out = STRBUF_INIT;

	sanitise(&out, from, strlen(from));
	assert_string_equal(out.bytes, to);
	strbuf_free(&out);
}

static bool is_harmless(const struct strbuf *text)
{
	for (size_t pos = 0; pos < text->len;) {
		uint32_t c;

		pos += (size_t)utf8_decode(text->bytes + pos, text->len - pos,
		                           &c);
		if (c < 0x20 || (c >= 0x7F && c < 0xA0))
			return false;
		if ((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069))
			return false;
	}
	return utf8_valid(text->bytes, text->len);
}

static void escape_sequences_are_shown(void **state)
{
	(void)state;
	becomes("\033[2J", "␛[2J");
	becomes("\033]52;c;aGk=\a", "␛]52;c;aGk=␇");
	becomes("\xc2\x9b" "31m", "<U+009B>31m"); /* CSI as one character */
	becomes("\xc2\x90" "q\xc2\x9c", "<U+0090>q<U+009C>");
	becomes("a\rb\bc\x7f", "a␍b␈c␡");
}

static void what_cannot_be_seen_is_named(void **state)
{
	static const uint32_t hidden[] = {
		0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067,
		0x2068, 0x2069, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F,
		0x2028, 0x2029, 0x202F, 0x2060, 0x2061, 0x2062, 0x2063,
		0x2064, 0xFEFF, 0x180E, 0xE0001, 0xE0020, 0xE0041, 0xE007F,
		0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x3164, 0xFFA0,
		0xFFF9, 0xFE0F, 0xE0100, 0x1D173
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
		char utf8[4], name[16];

		strbuf_add_char(&text, 'x');
		strbuf_add(&text, utf8, (size_t)utf8_encode(hidden[i], utf8));
		strbuf_add_char(&text, 'y');
		snprintf(name, sizeof name, "x<U+%04X>y", (unsigned)hidden[i]);
		sanitise(&out, text.bytes, text.len);
		assert_string_equal(out.bytes, name);
		strbuf_free(&text);
		strbuf_free(&out);
	}
}

static void joiners_stay_inside_emoji_only(void **state)
{
	(void)state;
	becomes("👩\u200d💻", "👩\u200d💻");
	becomes("❤\uFE0F", "❤\uFE0F");
	becomes("1\uFE0F\u20E3", "1\uFE0F\u20E3");
	becomes("a\u200db", "a<U+200D>b");
	becomes("a\uFE0F", "a<U+FE0F>");
	becomes("🏴\U000E0067\U000E007F", "🏴<U+E0067><U+E007F>");
}

static void ill_formed_bytes_become_the_replacement(void **state)
{
	(void)state;
	becomes("a\xff" "b", "a\uFFFDb");
	becomes("\xe2\x80", "\uFFFD");
	becomes("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD");
}

static void a_mark_on_nothing_gets_something_to_stand_on(void **state)
{
	(void)state;
	becomes("\u0301x", "◌\u0301x");
	becomes("e\u0301", "e\u0301");
}

static void ordinary_text_of_all_kinds_is_left_alone(void **state)
{
	(void)state;
	becomes("Grüße, 日本語, العربية, हिन्दी, 한국어 👍🏽 🇩🇪 ⠿",
	        "Grüße, 日本語, العربية, हिन्दी, 한국어 👍🏽 🇩🇪 ⠿");
}

/* 20,000 random strings of what attacks are made of. */
static void random_attacks_come_out_harmless_and_stable(void **state)
{
	static const char *const bricks[] = {
		"\033", "[", "]", "\a", "\033\\", "\xc2\x9b", "\xc2\x9d", "52;c;",
		"m", "\r", "\n", "\b", "\u202e", "\u2066", "\u200b", "\u200d",
		"\uFE0F", "👩", "💻", "🇩", "e", "\u0301", "\xff", "\xe2\x80", "日",
		"\U000E0041", "\u1160", " ", "P", "^", "_", "X", "\x90", "\x00"
	};

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct strbuf text = STRBUF_INIT, once = STRBUF_INIT,
			      twice = STRBUF_INIT;

		for (int n = rand() % 12; n >= 0; n--) {
			size_t k = (size_t)rand() % ARRAY_SIZE(bricks);

			strbuf_add(&text, bricks[k],
			           *bricks[k] ? strlen(bricks[k]) : 1);
		}
		sanitise(&once, text.bytes, text.len);
		sanitise(&twice, once.bytes, once.len);
		assert_true(is_harmless(&once));
		assert_string_equal(once.bytes, twice.bytes);
		strbuf_free(&text);
		strbuf_free(&once);
		strbuf_free(&twice);
	}
}

/* Streaming hands over tokens cut anywhere: at no byte does a sequence slip
 * through because it came in two parts. */
static void a_cut_at_any_byte_lets_nothing_through(void **state)
{
	static const char attack[] = "a\033[31m\033]0;x\a\xc2\x9b" "2J\u202e👩\u200d💻";
	const size_t len = sizeof attack - 1;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		struct strbuf out = STRBUF_INIT;

		sanitise(&out, attack, cut);
		sanitise(&out, attack + cut, len - cut);
		assert_true(is_harmless(&out));
		strbuf_free(&out);
	}
}

static void tokens_show_every_byte(void **state)
{
	static const struct {
		const char *bytes, *shown;
	} table[] = {
		{ " warm", "▁warm" },
		{ ".\n\n", ".⏎⏎" },
		{ "\t", "⇥" },
		{ "\xe2\x80", "<e2 80>" },
		{ "\x9c", "<9c>" },
		{ "a\xe2\x80", "a<e2 80>" },
		{ "\uFFFD", "\uFFFD" },
		{ "日", "日" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct strbuf out = STRBUF_INIT;

		token_text(&out, table[i].bytes, strlen(table[i].bytes));
		assert_string_equal(out.bytes, table[i].shown);
		strbuf_free(&out);
	}
}

static void quoted_tokens_can_be_read_aloud_and_typed(void **state)
{
	static const struct {
		const char *bytes, *shown;
	} table[] = {
		{ " warm", "\" warm\"" },
		{ "\n\n", "\"\\n\\n\"" },
		{ "\t}", "\"\\t}\"" },
		{ "a\"b\\", "\"a\\\"b\\\\\"" },
		{ "\xe2\x80", "\"\\xe2\\x80\"" },
		{ "\x99t", "\"\\x99t\"" },
		{ "\x1b[m\x7f", "\"\\x1b[m\\x7f\"" },
		{ "日本\xef\xbf\xbd", "\"日本\xef\xbf\xbd\"" },
		{ "", "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct strbuf out = STRBUF_INIT;

		token_quoted(&out, table[i].bytes, strlen(table[i].bytes));
		assert_string_equal(out.bytes, table[i].shown);
		strbuf_free(&out);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(escape_sequences_are_shown),
	cmocka_unit_test(what_cannot_be_seen_is_named),
	cmocka_unit_test(joiners_stay_inside_emoji_only),
	cmocka_unit_test(ill_formed_bytes_become_the_replacement),
	cmocka_unit_test(a_mark_on_nothing_gets_something_to_stand_on),
	cmocka_unit_test(ordinary_text_of_all_kinds_is_left_alone),
	cmocka_unit_test(random_attacks_come_out_harmless_and_stable),
	cmocka_unit_test(a_cut_at_any_byte_lets_nothing_through),
	cmocka_unit_test(tokens_show_every_byte),
	cmocka_unit_test(quoted_tokens_can_be_read_aloud_and_typed),
};

TEST_MAIN(tests)
