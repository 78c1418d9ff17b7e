/*
 * keys_test.c - the bytes of terminals, cut anywhere
 */
#include "tests/support.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/keys.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

__attribute__((constructor)) static void use_utf8(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

static void gives(const char *bytes, const char *name)
{
	struct keys k = KEYS_INIT;
	struct key key;

	keys_feed(&k, bytes, strlen(bytes));
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_int_equal(key.type, KEY_NAMED);
	assert_string_equal(key.name, name);
	assert_memory_equal(key.bytes, bytes, key.len);
	assert_int_equal(keys_next(&k, &key, true), 0);
	keys_free(&k);
}

static void sequences_of_many_terminals_have_names(void **state)
{
	static const char *const table[][2] = {
		{ "\033[A", "Up" },
		{ "\033OA", "Up" },
		{ "\033[1;5D", "Ctrl-Left" },
		{ "\033[1;2A", "Shift-Up" },
		{ "\033[1;3B", "Alt-Down" },
		{ "\033[5~", "PgUp" },
		{ "\033[6;5~", "Ctrl-PgDn" },
		{ "\033[H", "Home" },
		{ "\033[1~", "Home" },
		{ "\033[7~", "Home" },
		{ "\033OP", "F1" },
		{ "\033[11~", "F1" },
		{ "\033[[A", "F1" },
		{ "\033[[B", "F2" },
		{ "\033[[E", "F5" },
		{ "\033OQ", "F2" },
		{ "\033[15~", "F5" },
		{ "\033[24~", "F12" },
		{ "\033[Z", "Shift-Tab" },
		{ "\r", "Enter" },
		{ "\033\r", "Alt-Enter" },
		{ "\n", "Ctrl-J" },
		{ "\t", "Tab" },
		{ "\003", "Ctrl-C" },
		{ "\034", "Ctrl-\\" },
		{ "\177", "Backspace" },
		{ "\033b", "Alt-b" },
		{ "\033[", "Alt-[" },
		{ "\033]", "Alt-]" },
		{ "\033P", "Alt-P" },
		{ "\033", "Esc" },
		{ "\033[1;6C", "Ctrl-Shift-Right" },
		{ "\033[1;8A", "Ctrl-Alt-Shift-Up" },
		{ "\033\177", "Alt-Backspace" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		gives(table[i][0], table[i][1]);
}

static void a_sequence_may_come_byte_by_byte(void **state)
{
	static const char bytes[] = "\033[1;5D";
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof bytes - 1; i++) {
		keys_feed(&k, bytes + i, 1);
		assert_int_equal(keys_next(&k, &key, false), 0);
		assert_true(keys_timeout(&k) > 0);
	}
	keys_feed(&k, "D", 1);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_string_equal(key.name, "Ctrl-Left");
	assert_int_equal(keys_timeout(&k), -1);
	keys_free(&k);
}

static void a_lone_escape_waits_for_its_time(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "\033", 1);
	assert_int_equal(keys_next(&k, &key, false), 0);
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_string_equal(key.name, "Esc");
	/* Two of them are two. */
	keys_feed(&k, "\033\033", 2);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_string_equal(key.name, "Esc");
	assert_int_equal(keys_next(&k, &key, false), 0);
	keys_free(&k);
}

static void characters_come_whole(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "a\xe6\x97", 3);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_string_equal(key.name, "a");
	assert_int_equal(keys_next(&k, &key, false), 0);
	keys_feed(&k, "\xa5", 1);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.type, KEY_TEXT);
	assert_string_equal(key.name, "日");
	/* The sign of what is no character is one itself. */
	keys_feed(&k, "\xef\xbf\xbd\xff", 4);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.type, KEY_TEXT);
	assert_string_equal(key.name, "\xef\xbf\xbd");
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.type, KEY_UNKNOWN);
	keys_free(&k);
}

static void a_paste_is_one_event(void **state)
{
	static const char bytes[] = "\033[200~one\r\ntwo\rthree\033[Ax\033[201~y";
	struct keys k;
	struct key key;

	(void)state;
	for (size_t cut = 0; cut < sizeof bytes - 1; cut++) {
		int n = 0;

		k = (struct keys)KEYS_INIT;
		keys_feed(&k, bytes, cut);
		n += keys_next(&k, &key, false);
		keys_feed(&k, bytes + cut, sizeof bytes - 1 - cut);
		if (!n)
			assert_int_equal(keys_next(&k, &key, false), 1);
		assert_int_equal(key.type, KEY_PASTE);
		assert_string_equal(k.paste.bytes, "one\ntwo\nthree\033[Ax");
		assert_int_equal(keys_next(&k, &key, false), 1);
		assert_string_equal(key.name, "y");
		keys_free(&k);
	}
}

static void a_paste_without_its_end_is_shown(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "\033[200~abc", 9);
	assert_int_equal(keys_next(&k, &key, false), 0);
	assert_int_equal(keys_timeout(&k), 1000);
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_int_equal(key.type, KEY_PASTE);
	assert_string_equal(k.paste.bytes, "abc");
	/* The rest of it is no Enter. */
	keys_feed(&k, "d\re", 3);
	assert_int_equal(keys_next(&k, &key, false), 0);
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_int_equal(key.type, KEY_PASTE);
	assert_string_equal(k.paste.bytes, "d\ne");
	assert_int_equal(keys_timeout(&k), -1);
	/* The way out. */
	keys_feed(&k, "\033", 1);
	assert_int_equal(keys_next(&k, &key, false), 0);
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_string_equal(key.name, "Esc");
	keys_feed(&k, "x", 1);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_string_equal(key.name, "x");
	keys_free(&k);
}

static void control_c_is_a_way_out_of_a_paste_too(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "\033[200~", 6);
	assert_int_equal(keys_next(&k, &key, false), 0);
	/* Where something waits before it, it was pasted. */
	keys_feed(&k, "a", 1);
	keys_feed(&k, "\003", 1);
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_int_equal(key.type, KEY_PASTE);
	assert_string_equal(k.paste.bytes, "a\003");
	keys_feed(&k, "\003", 1);
	assert_int_equal(keys_next(&k, &key, false), 0);
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_string_equal(key.name, "Ctrl-C");
	keys_feed(&k, "x", 1);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_string_equal(key.name, "x");
	keys_free(&k);
}

/* The Esc that ends what came begins the end of the paste: it is no key. */
static void an_escape_behind_pasted_text_is_no_way_out(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "\033[200~ab", 8);
	assert_int_equal(keys_next(&k, &key, false), 0);
	keys_feed(&k, "\033", 1);
	assert_int_equal(keys_timeout(&k), 1000);
	assert_int_equal(keys_next(&k, &key, true), 1);
	assert_string_equal(k.paste.bytes, "ab");
	assert_int_equal(keys_timeout(&k), -1);
	assert_int_equal(keys_next(&k, &key, true), 0);
	keys_feed(&k, "[201~", 5);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.type, KEY_PASTE);
	assert_string_equal(k.paste.bytes, "");
	keys_free(&k);
}

/* A C string ends there: the rest of the line would be lost. */
static void a_paste_has_no_zero_bytes(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "\033[200~a\0b\033[201~", 15);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(k.paste.len, 2);
	assert_string_equal(k.paste.bytes, "ab");
	keys_free(&k);
}

static void a_paste_may_stall_anywhere(void **state)
{
	static const char bytes[] = "\033[200~one\rtwo\033[201~y";

	(void)state;
	for (size_t cut = 6; cut < sizeof bytes - 2; cut++) {
		struct strbuf text = STRBUF_INIT;
		struct keys k = KEYS_INIT;
		struct key key;

		keys_feed(&k, bytes, cut);
		assert_int_equal(keys_next(&k, &key, false), 0);
		while (keys_next(&k, &key, true)) {
			assert_int_equal(key.type, KEY_PASTE);
			strbuf_add(&text, k.paste.bytes, k.paste.len);
		}
		assert_int_equal(keys_timeout(&k), -1);
		keys_feed(&k, bytes + cut, sizeof bytes - 1 - cut);
		assert_int_equal(keys_next(&k, &key, false), 1);
		assert_int_equal(key.type, KEY_PASTE);
		strbuf_add(&text, k.paste.bytes, k.paste.len);
		assert_string_equal(text.bytes, "one\ntwo");
		assert_int_equal(keys_next(&k, &key, false), 1);
		assert_string_equal(key.name, "y");
		strbuf_free(&text);
		keys_free(&k);
	}
}

static void mouse_and_focus_are_told(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "\033[<0;12;5M\033[<64;1;1M\033[O\033[I", 26);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.type, KEY_MOUSE);
	assert_int_equal(key.col, 11);
	assert_int_equal(key.row, 4);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.button, 64);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.type, KEY_FOCUS);
	assert_int_equal(key.button, 0);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.button, 1);
	keys_free(&k);
}

static void places_that_no_window_has_are_outside_of_it(void **state)
{
	static const char *const far[] = { "\033[<0;4294967297;4294967297M",
		                           "\033[<0;2147483648;2147483648M" };
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		keys_feed(&k, far[i], strlen(far[i]));
		assert_int_equal(keys_next(&k, &key, false), 1);
		assert_int_equal(key.type, KEY_MOUSE);
		assert_true(key.row > 1000000 && key.col > 1000000);
	}
	keys_free(&k);
}

static void answers_of_the_terminal_are_no_keys(void **state)
{
	static const char *const answers[] = { "\033[?1;2c", "\033]11;rgb:0/0/0\a",
		                               "\033]11;rgb:0/0/0\033\\",
		                               "\033P1$r0m\033\\", "\xff",
		                               "\033[24;80R" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct keys k = KEYS_INIT;
		struct key key;

		keys_feed(&k, answers[i], strlen(answers[i]));
		while (keys_next(&k, &key, true))
			assert_true(key.type == KEY_UNKNOWN ||
			            (i == 5 && !strcmp(key.name, "F3")));
		keys_free(&k);
	}
}

/* Not only when time is up: what is typed behind it would be lost with it. */
static void an_answer_ends_at_its_end(void **state)
{
	static const char *const answers[] = { "\033]11;rgb:0/0/0\ax",
		                               "\033]11;rgb:0/0/0\033\\x",
		                               "\033[<0;1;0Mx" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct keys k = KEYS_INIT;
		struct key key;

		keys_feed(&k, answers[i], strlen(answers[i]));
		assert_int_equal(keys_next(&k, &key, false), 1);
		assert_int_equal(key.type, KEY_UNKNOWN);
		assert_int_equal(keys_next(&k, &key, false), 1);
		assert_string_equal(key.name, "x");
		keys_free(&k);
	}
}

/* A line of digits behind a stray ESC [ does not hold up the keys. */
static void a_sequence_too_long_is_given_up(void **state)
{
	struct keys k = KEYS_INIT;
	struct key key;

	(void)state;
	keys_feed(&k, "\033[", 2);
	for (int i = 0; i < 40; i++)
		keys_feed(&k, "1", 1);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_int_equal(key.type, KEY_UNKNOWN);
	assert_int_equal(keys_next(&k, &key, false), 1);
	assert_string_equal(key.name, "1");
	keys_free(&k);
}

static void random_bytes_always_end(void **state)
{
	(void)state;
	srand(8);
	for (int i = 0; i < 20000; i++) {
		struct keys k = KEYS_INIT;
		struct key key;

		for (int n = rand() % 30; n >= 0; n--) {
			char c = (char)(rand() % 4 ? "\033[<O0;1~MI]P\\m"[rand() % 14] :
			                             rand());

			keys_feed(&k, &c, 1);
			while (keys_next(&k, &key, false))
				assert_true(key.len <= sizeof key.bytes);
		}
		while (keys_next(&k, &key, true))
			;
		assert_int_equal(k.in.len, 0);
		keys_free(&k);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(sequences_of_many_terminals_have_names),
	cmocka_unit_test(a_sequence_may_come_byte_by_byte),
	cmocka_unit_test(a_lone_escape_waits_for_its_time),
	cmocka_unit_test(characters_come_whole),
	cmocka_unit_test(a_paste_is_one_event),
	cmocka_unit_test(a_paste_without_its_end_is_shown),
	cmocka_unit_test(control_c_is_a_way_out_of_a_paste_too),
	cmocka_unit_test(an_escape_behind_pasted_text_is_no_way_out),
	cmocka_unit_test(a_paste_has_no_zero_bytes),
	cmocka_unit_test(a_paste_may_stall_anywhere),
	cmocka_unit_test(mouse_and_focus_are_told),
	cmocka_unit_test(places_that_no_window_has_are_outside_of_it),
	cmocka_unit_test(answers_of_the_terminal_are_no_keys),
	cmocka_unit_test(an_answer_ends_at_its_end),
	cmocka_unit_test(a_sequence_too_long_is_given_up),
	cmocka_unit_test(random_bytes_always_end),
};

TEST_MAIN(tests)
