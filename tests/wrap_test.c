/*
 * wrap_test.c - the laws of wrapping, and the cases that people notice
 */
#include "tests/support.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "ui/cells/canvas.h"
#include "ui/cells/wrap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

__attribute__((constructor)) static void use_utf8(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* The lines, joined by "|". */
static char *wrapped(const char *text, int width)
{
	struct lines lines = LINES_INIT;
	struct strbuf out = STRBUF_INIT;
	struct wrap w;

	wrap_start(&w, &lines, width);
	wrap_plain(&w, text, strlen(text), 0, style(STYLE_TEXT));
	wrap_finish(&w);
	for (size_t i = 0; i < lines.n; i++) {
		char *line = line_text(&lines, i);

		if (i)
			strbuf_add_char(&out, '|');
		strbuf_add_str(&out, line);
		free(line);
	}
	lines_free(&lines);
	return strbuf_take(&out);
}

static void wraps_to(const char *text, int width, const char *expected)
{
	char *lines = wrapped(text, width);

	assert_string_equal(lines, expected);
	free(lines);
}

static void words_stay_whole(void **state)
{
	(void)state;
	wraps_to("the quick brown fox", 10, "the quick|brown fox");
	wraps_to("the quick brown fox", 9, "the quick|brown fox");
	wraps_to("one", 10, "one");
	wraps_to("", 10, "");
	wraps_to("a\n\nb", 10, "a||b");
	wraps_to("a\r\nb\r\n", 10, "a|b|");
}

static void a_word_too_long_is_cut_inside(void **state)
{
	(void)state;
	wraps_to("abcdefghij", 4, "abcd|efgh|ij");
	wraps_to("x abcdefghij", 4, "x|abcd|efgh|ij");
}

static void spaces_at_a_cut_are_dropped_and_others_kept(void **state)
{
	(void)state;
	wraps_to("ab     cd", 4, "ab|cd");
	wraps_to("  ab cd", 9, "  ab cd");
	wraps_to("日本\u3000語", 4, "日本|語");
}

static void hyphens_inside_words_are_places_to_cut(void **state)
{
	(void)state;
	wraps_to("well-known thing", 6, "well-|known|thing");
	wraps_to("a -5 b", 4, "a -5|b");
	wraps_to("ab 3-month", 6, "ab|3-mont|h");
}

static void wide_text_is_cut_between_characters_but_not_before_a_full_stop(
	void **state)
{
	(void)state;
	wraps_to("日本語文", 5, "日本|語文");
	wraps_to("日本。語", 5, "日|本。|語");
}

static void a_wide_glyph_in_one_column_is_shown_as_a_sign(void **state)
{
	(void)state;
	wraps_to("日a", 1, "+|a");
}

static void tabs_go_to_multiples_of_four(void **state)
{
	(void)state;
	wraps_to("a\tb", 20, "a   b");
	wraps_to("\tb", 20, "    b");
}

static void prefixes_leave_half_of_the_width(void **state)
{
	struct lines lines = LINES_INIT;
	struct wrap w;
	char *line;

	(void)state;
	wrap_start(&w, &lines, 8);
	for (int i = 0; i < 5; i++) {
		wrap_prefix_first(&w, "> ", style(STYLE_QUOTE));
		wrap_prefix_rest(&w, "  ", style(STYLE_QUOTE));
	}
	wrap_add(&w, "abcd efgh", 9, 0, style(STYLE_TEXT));
	wrap_line(&w);
	assert_int_equal(lines.n, 2);
	line = line_text(&lines, 0);
	assert_string_equal(line, "> > abcd");
	free(line);
	wrap_finish(&w);
	lines_free(&lines);
}

static char *random_text(void)
{
	static const char *const bricks[] = {
		"a", "bc", " ", "  ", "-", "日", "語", "。", "e\u0301", "👍🏽",
		"\n", "\t", "longerword", "\U0001F1E9\U0001F1EA", "\033", "کि"
	};
	struct strbuf text = STRBUF_INIT;

	for (int n = rand() % 60; n >= 0; n--)
		strbuf_add_str(&text,
		               bricks[(size_t)rand() % ARRAY_SIZE(bricks)]);
	return strbuf_take(&text);
}

/* No line is too long, sources ascend, and what is left out is white space. */
static void check_laws(const char *text, int width)
{
	struct lines lines = LINES_INIT;
	struct wrap w;
	size_t next = 0;

	wrap_start(&w, &lines, width);
	wrap_plain(&w, text, strlen(text), 0, style(STYLE_TEXT));
	wrap_finish(&w);
	for (size_t i = 0; i < lines.n; i++)
		assert_true(line_columns(&lines, i) <= width);
	for (size_t g = 0; g < lines.n_glyphs; g++) {
		size_t source = lines.glyphs[g].source;

		assert_true(source + 1 >= next);
		for (; next < source; next++) {
			unsigned char c = (unsigned char)text[next];

			/* Skipped: white space, or the rest of a cluster. */
			assert_true(c == ' ' || c == '\n' || c == '\t' ||
			            c >= 0x80);
		}
		next = source + 1;
	}
	lines_free(&lines);
}

static void no_line_is_too_long_and_nothing_is_lost(void **state)
{
	(void)state;
	srand(2);
	for (int i = 0; i < 5000; i++) {
		char *text = random_text();

		check_laws(text, 1 + rand() % 30);
		free(text);
	}
}

/* Wrapping what was wrapped changes nothing. */
static void wrapping_again_changes_nothing(void **state)
{
	(void)state;
	srand(3);
	for (int i = 0; i < 2000; i++) {
		char *text = random_text(), *once, *twice;
		int width = 4 + rand() % 30;

		once = wrapped(text, width);
		for (char *p = once; *p; p++)
			if (*p == '|')
				*p = '\n';
		twice = wrapped(once, width);
		for (char *p = twice; *p; p++)
			if (*p == '|')
				*p = '\n';
		assert_string_equal(once, twice);
		free(text);
		free(once);
		free(twice);
	}
}

static void a_canvas_never_shows_half_of_a_wide_cell(void **state)
{
	struct canvas c;
	char *row;

	(void)state;
	canvas_init(&c, 1, 6);
	canvas_str(&c, 0, 0, 6, "日本語", style(STYLE_TEXT));
	canvas_str(&c, 0, 1, 2, "x", style(STYLE_TEXT));
	row = canvas_row_text(&c, 0);
	assert_string_equal(row, " x本語");
	free(row);
	/* What does not fit is left out whole. */
	canvas_clear(&c);
	assert_int_equal(canvas_str(&c, 0, 3, 6, "日本", style(STYLE_TEXT)), 5);
	canvas_free(&c);
}

static void a_canvas_takes_no_control_characters(void **state)
{
	struct canvas c;
	char *row;

	(void)state;
	canvas_init(&c, 1, 20);
	canvas_str(&c, 0, 0, 20, "a\033[2Jb\n\u202e", style(STYLE_TEXT));
	row = canvas_row_text(&c, 0);
	assert_string_equal(row, "a␛[2Jb␊<U+202E>");
	free(row);
	canvas_free(&c);
}

static void an_ellipsis_stands_for_what_does_not_fit(void **state)
{
	struct canvas c;
	char *row;

	(void)state;
	canvas_init(&c, 1, 6);
	canvas_ellipsis(&c, 0, 0, 6, "abcdefgh", style(STYLE_TEXT));
	row = canvas_row_text(&c, 0);
	assert_string_equal(row, "abcde…");
	free(row);
	canvas_free(&c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(words_stay_whole),
	cmocka_unit_test(a_word_too_long_is_cut_inside),
	cmocka_unit_test(spaces_at_a_cut_are_dropped_and_others_kept),
	cmocka_unit_test(hyphens_inside_words_are_places_to_cut),
	cmocka_unit_test(
		wide_text_is_cut_between_characters_but_not_before_a_full_stop),
	cmocka_unit_test(a_wide_glyph_in_one_column_is_shown_as_a_sign),
	cmocka_unit_test(tabs_go_to_multiples_of_four),
	cmocka_unit_test(prefixes_leave_half_of_the_width),
	cmocka_unit_test(no_line_is_too_long_and_nothing_is_lost),
	cmocka_unit_test(wrapping_again_changes_nothing),
	cmocka_unit_test(a_canvas_never_shows_half_of_a_wide_cell),
	cmocka_unit_test(a_canvas_takes_no_control_characters),
	cmocka_unit_test(an_ellipsis_stands_for_what_does_not_fit),
};

TEST_MAIN(tests)
