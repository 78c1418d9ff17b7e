#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "checkpoint/gguf_format.h"
#include "text/pretokenize.h"

static struct pretokenizer *new (const char *pattern)
{
	struct error err = { "" };
	struct pretokenizer *p =
		pretokenizer_new(pattern, strlen(pattern), &err);

	if (!p)
		fail_msg("%s", err.text);
	return p;
}

/* The pieces of text with bars between. */
static char *split(const struct pretokenizer *p, const char *text, size_t len)
{
	struct pretokenize walk;
	struct strbuf out = STRBUF_INIT;
	const char *piece, *expected = text;
	size_t n;

	pretokenize_init(&walk, p);
	pretokenize_start(&walk, text, len);
	while (pretokenize_next(&walk, &piece, &n)) {
		assert_true(n > 0);
		assert_ptr_equal(piece, expected);
		expected += n;
		strbuf_add_str(&out, out.len ? "|" : "");
		strbuf_add(&out, piece, n);
	}
	assert_ptr_equal(expected, text + len);
	pretokenize_free(&walk);
	return strbuf_take(&out);
}

static void assert_splits(const char *pattern, const char *text,
                          const char *expected)
{
	struct pretokenizer *p = new (pattern);
	char *got = split(p, text, strlen(text));

	assert_string_equal(got, expected);
	free(got);
	pretokenizer_free(p);
}

/* Expected values: Hugging Face tokenizers 0.23. */
static void qwens_pattern_splits_as_hugging_face_does(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "Hello, world!", "Hello|,| world|!" },
		{ "don't I'LL we'Ve", "don|'t| I|'LL| we|'Ve" },
		{ "a'\xc5\xbf", "a|'\xc5\xbf" }, /* 's with a long s */
		{ "x12.5", "x|1|2|.|5" },
		{ " 12", " |1|2" },
		{ "  two", " | two" },
		{ "a  \n\n b", "a|  \n\n| b" },
		{ "end   ", "end|   " },
		{ "!!!\n\nx", "!!!\n\n|x" },
		{ "\tx", "\tx" },
		{ "a\r\nb", "a|\r\n|b" },
		/* A combining accent is no letter. */
		{ "q\xcc\x81x", "q|\xcc\x81x" },
		/* U+180E is no white space, U+0085 and U+3000 are. */
		{ "!\xe1\xa0\x8e!", "!\xe1\xa0\x8e!" },
		{ "!\xc2\x85!", "!|\xc2\x85|!" },
		{ "!\xe3\x80\x80x", "!|\xe3\x80\x80x" },
		/* U+200B is neither. */
		{ "a\xe2\x80\x8b", "a|\xe2\x80\x8b" },
		/* Unicode 15: U+31350, a letter; 16: U+10D40, a digit. */
		{ "a\xf0\xb1\x8d\x90z", "a\xf0\xb1\x8d\x90z" },
		{ "\xf0\x90\xb5\x80\xf0\x90\xb5\x80",
		  "\xf0\x90\xb5\x80|\xf0\x90\xb5\x80" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_splits(GGUF_QWEN2_SPLIT, cases[i][0], cases[i][1]);
}

static void what_lies_between_matches_is_a_piece_too(void **state)
{
	(void)state;
	assert_splits("[0-9]+", "ab12cd3", "ab|12|cd|3");
	assert_splits("[0-9]+", "abc", "abc");
	assert_splits("\\s", " a ", " |a| ");
	/* Matches of nothing only cut. */
	assert_splits("(?=b)", "abab", "a|ba|b");
	assert_splits("x*", "a\xc3\xa9xx", "a|\xc3\xa9|xx");
}

static void a_zero_byte_is_a_byte_like_others(void **state)
{
	struct pretokenizer *p = new (GGUF_QWEN2_SPLIT);
	char *got = split(p, "a\0b", 3);

	(void)state;
	assert_memory_equal(got, "a|\0b", 5);
	free(got);
	pretokenizer_free(p);
}

static void a_pattern_that_is_none_is_refused_with_the_place(void **state)
{
	static const char *const patterns[] = { "(a",        "[a",   "*",
		                                "\\p{Nope}", "a\\C", "(?<x" };
	char *long_one = calloc(1, 65537);

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct error err = { "" };

		assert_null(pretokenizer_new(patterns[i], strlen(patterns[i]),
		                             &err));
		assert_non_null(strstr(err.text, "split pattern: "));
		assert_non_null(strstr(err.text, "at byte "));
	}
	assert_null(pretokenizer_new(long_one, 65537, NULL));
	free(long_one);
	pretokenizer_free(NULL);
}

static void a_pattern_that_never_ends_gives_up(void **state)
{
	struct pretokenizer *p = new ("(a+)+b|[ab]");
	char text[64];
	char *got;

	(void)state;
	memset(text, 'a', sizeof(text));
	got = split(p, text, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
	free(got);
	pretokenizer_free(p);
}

/* Runs that the pattern takes whole, or takes and gives back. */
static void a_megabyte_of_one_character_takes_no_quadratic_time(void **state)
{
	static const char *const characters[] = { "x",        " ",
		                                  "!",        "\n",
		                                  "\xc3\xa9", "\xe3\x80\x80" };
	struct pretokenizer *p = new (GGUF_QWEN2_SPLIT);

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(char *); i++) {
		struct strbuf text = STRBUF_INIT;
		char *got;

		while (text.len < 1 << 20)
			strbuf_add_str(&text, characters[i]);
		got = split(p, text.bytes, text.len);
		assert_string_equal(got, text.bytes);
		free(got);
		strbuf_add_str(&text, "z");
		got = split(p, text.bytes, text.len);
		assert_true(strlen(got) <= text.len + 2);
		free(got);
		strbuf_free(&text);
	}
	pretokenizer_free(p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(qwens_pattern_splits_as_hugging_face_does),
	cmocka_unit_test(what_lies_between_matches_is_a_piece_too),
	cmocka_unit_test(a_zero_byte_is_a_byte_like_others),
	cmocka_unit_test(a_pattern_that_is_none_is_refused_with_the_place),
	cmocka_unit_test(a_pattern_that_never_ends_gives_up),
	cmocka_unit_test(a_megabyte_of_one_character_takes_no_quadratic_time),
};

TEST_MAIN(tests)
