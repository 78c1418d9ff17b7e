/*
 * width_test.c - clusters and their columns
 */
#include "tests/support.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "ui/cells/sanitise.h"
#include "ui/cells/width.h"

__attribute__((constructor)) static void use_utf8(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

static int width(const char *text)
{
	return text_width(text, strlen(text));
}

static void one_cluster(const char *text)
{
	assert_int_equal(cluster_length(text, strlen(text)), strlen(text));
}

static void clusters_are_what_people_call_characters(void **state)
{
	(void)state;
	one_cluster("a");
	one_cluster("e\u0301");
	one_cluster("\r\n");
	one_cluster("\u1112\u1161\u11ab");      /* Hangul from jamo */
	one_cluster("\U0001F1E9\U0001F1EA");    /* a flag */
	one_cluster("👨\u200d👩\u200d👧\u200d👦"); /* a family */
	one_cluster("👍🏽");                      /* with a skin tone */
	one_cluster("1\uFE0F\u20E3");           /* a keycap */
	assert_int_equal(cluster_length("ab", 2), 1);
	assert_int_equal(cluster_length("a\n", 2), 1);
}

static void columns_are_those_of_wcwidth_terminals(void **state)
{
	(void)state;
	assert_int_equal(width("abc"), 3);
	assert_int_equal(width("日本語"), 6);
	assert_int_equal(width("e\u0301"), 1);
	assert_int_equal(width("한"), 2);
	assert_int_equal(width("\u1112\u1161\u11ab"), 2);
	assert_int_equal(width("ｱ"), 1); /* half-width katakana */
	assert_int_equal(width("कि"), 2); /* a spacing vowel sign */
}

static void emoji_take_what_all_terminals_give_them(void **state)
{
	(void)state;
	assert_int_equal(width("👍"), 2);
	assert_int_equal(width("👍🏽"), 2);
	assert_int_equal(width("❤\uFE0F"), 1); /* as without the selector */
	assert_int_equal(width("\U0001F1E9\U0001F1EA"), 2);
	assert_int_equal(width("1\uFE0F\u20E3"), 1);
	assert_int_equal(width("👩\u200d💻"), 2); /* fits in one cell */
	/* Seven code points do not: its four people stand side by side. */
	assert_int_equal(width("👨\u200d👩\u200d👧\u200d👦"), 8);
}

static void pieces_hold_one_base_and_its_marks(void **state)
{
	const char *text = "कि";
	struct cell_piece piece;
	size_t pos = 0;

	(void)state;
	assert_int_equal(cell_piece_next(text, strlen(text), &pos, &piece), 1);
	assert_int_equal(piece.columns, 1);
	assert_int_equal(piece.len, 3);
	assert_int_equal(cell_piece_next(text, strlen(text), &pos, &piece), 1);
	assert_int_equal(cell_piece_next(text, strlen(text), &pos, &piece), 0);
}

static void a_pile_of_accents_fits_into_a_cell(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct cell_piece piece;
	size_t pos = 0;

	(void)state;
	strbuf_add_char(&text, 'a');
	for (int i = 0; i < 100; i++)
		strbuf_add_str(&text, "\u0301");
	assert_int_equal(cell_piece_next(text.bytes, text.len, &pos, &piece), 1);
	assert_int_equal(piece.len, 1 + 4 * 2);
	assert_int_equal(pos, text.len);
	strbuf_free(&text);
}

/* A million of them are no cluster that a cell could take at once. */
static void a_cluster_has_an_end(void **state)
{
	char text[1 + 2 * 500];

	(void)state;
	text[0] = 'e';
	for (size_t i = 1; i < sizeof text; i += 2)
		memcpy(text + i, "\u0301", 2);
	assert_true(cluster_length(text, sizeof text) < 300);
}

static void the_cluster_before_is_the_one_that_ends_here(void **state)
{
	const char *text = "a日e\u0301👍🏽\U0001F1E9\U0001F1EA\nb";
	size_t starts[16], n = 0, pos = 0, len = strlen(text);

	(void)state;
	while (pos < len) {
		starts[n++] = pos;
		pos += cluster_length(text + pos, len - pos);
	}
	while (n--) {
		assert_int_equal(cluster_before(text, pos), starts[n]);
		pos = starts[n];
	}
}

static void text_fit_never_goes_over(void **state)
{
	const char *text = "ab日本c";

	(void)state;
	assert_int_equal(text_fit(text, strlen(text), 3), 2);
	assert_int_equal(text_fit(text, strlen(text), 4), 5);
	assert_int_equal(text_fit(text, strlen(text), 99), strlen(text));
}

/* Every piece of every code point: what ncurses will count with. */
static void pieces_agree_with_wcwidth(void **state)
{
	(void)state;
	for (uint32_t c = 0x20; c < 0x20000; c++) {
		struct strbuf safe = STRBUF_INIT;
		char utf8[4];
		size_t pos = 0, n;

		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		n = (size_t)utf8_encode(c, utf8);
		sanitise_cluster(&safe, utf8, n);
		for (; pos < safe.len; pos += n) {
			struct cell_piece piece;
			size_t at = 0;

			n = cluster_length(safe.bytes + pos, safe.len - pos);
			while (cell_piece_next(safe.bytes + pos, n, &at,
			                       &piece)) {
				uint32_t base;

				utf8_decode(piece.bytes, piece.len, &base);
				assert_int_equal(wcwidth((wint_t)base),
				                 piece.columns);
			}
		}
		strbuf_free(&safe);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(clusters_are_what_people_call_characters),
	cmocka_unit_test(columns_are_those_of_wcwidth_terminals),
	cmocka_unit_test(emoji_take_what_all_terminals_give_them),
	cmocka_unit_test(pieces_hold_one_base_and_its_marks),
	cmocka_unit_test(a_pile_of_accents_fits_into_a_cell),
	cmocka_unit_test(a_cluster_has_an_end),
	cmocka_unit_test(the_cluster_before_is_the_one_that_ends_here),
	cmocka_unit_test(text_fit_never_goes_over),
	cmocka_unit_test(pieces_agree_with_wcwidth),
};

TEST_MAIN(tests)
