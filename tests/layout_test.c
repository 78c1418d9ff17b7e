/*
 * layout_test.c - regions for every size, and what the views draw in them
 */
#include "tests/support.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ui/cells/canvas.h"
#include "ui/screen/activity_view.h"
#include "ui/screen/help_view.h"
#include "ui/screen/input_view.h"
#include "ui/screen/inspector_view.h"
#include "ui/screen/layout.h"
#include "ui/screen/status_line.h"

__attribute__((constructor)) static void use_utf8(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

static void row_is(const struct canvas *c, int row, const char *expected)
{
	char *text = canvas_row_text(c, row);

	assert_string_equal(text, expected);
	free(text);
}

static void row_has(const struct canvas *c, int row, const char *part)
{
	char *text = canvas_row_text(c, row);

	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
	free(text);
}

/* ---- regions ---- */

static int area(struct rect r)
{
	return r.rows * r.cols;
}

static void regions_of_every_size_cover_the_window_once(void **state)
{
	(void)state;
	for (int rows = 1; rows <= 70; rows++) {
		for (int cols = 1; cols <= 210; cols += 3) {
			for (int k = 0; k < 8; k++) {
				struct layout_wish wish = { k & 1,
					                    k & 2 ? 9 : 1,
					                    k & 4 ? 6 : 0 };
				struct layout l =
					layout_make(rows, cols, &wish);
				int total;

				assert_int_equal(l.too_small,
				                 rows < 5 || cols < 20);
				if (l.too_small)
					continue;
				total = area(l.header) + area(l.transcript) +
				        area(l.pane) + area(l.activity) +
				        area(l.rule) + area(l.input) +
				        area(l.status);
				if (l.pane_beside) /* the line between */
					total += l.pane.rows;
				assert_int_equal(total, rows * cols);
				assert_true(l.transcript.rows >= 1);
				assert_true(l.input.rows >= 1);
				assert_int_equal(l.status.row, rows - 1);
			}
		}
	}
}

static void the_pane_stands_beside_from_a_hundred_columns_on(void **state)
{
	struct layout_wish wish = { true, 1, 0 };

	(void)state;
	assert_true(layout_make(40, 100, &wish).pane_beside);
	assert_false(layout_make(40, 99, &wish).pane_beside);
	assert_int_equal(layout_make(40, 100, &wish).pane.cols, 42);
}

static void the_input_grows_to_a_third(void **state)
{
	struct layout_wish wish = { false, 100, 0 };

	(void)state;
	assert_int_equal(layout_make(24, 80, &wish).input.rows, 8);
}

/* ---- status ---- */

static const struct status_key footer[] = { { "F1", "help" },
	                                    { "F2", "inspector" } };

static struct status_view full_status(void)
{
	return (struct status_view){ .state = "ready",
		                     .context_used = 412,
		                     .context = 32768,
		                     .tokens_per_second = 14.8,
		                     .has_prompt = true,
		                     .reused = 388,
		                     .computed = 24,
		                     .trouble = "",
		                     .keys = footer,
		                     .n_keys = 2 };
}

static void the_status_line_tells_what_it_should(void **state)
{
	struct status_view v = full_status();
	struct canvas c;

	(void)state;
	canvas_init(&c, 1, 100);
	status_draw(&v, &c, (struct rect){ 0, 0, 1, 100 });
	row_is(&c, 0,
	       " ready · ctx 412/32,768 1% · 14.8 tok/s · reused 388, computed "
	       "24 · F1 help  F2 inspector");
	canvas_free(&c);
}

static void what_does_not_fit_is_left_out_in_whole_pieces(void **state)
{
	struct status_view v = full_status();
	struct canvas c;

	(void)state;
	canvas_init(&c, 1, 60);
	status_draw(&v, &c, (struct rect){ 0, 0, 1, 30 });
	row_is(&c, 0, " ready · ctx 412/32,768 1%");
	canvas_clear(&c);
	v.has_prompt = false;
	status_draw(&v, &c, (struct rect){ 0, 0, 1, 54 });
	row_is(&c, 0, " ready · ctx 412/32,768 1% · 14.8 tok/s · F1 help");
	canvas_free(&c);
}

static void titles_and_models_are_sanitised(void **state)
{
	struct header_view v = { "a\033[2Jb", "m\u202en" };
	struct canvas c;

	(void)state;
	canvas_init(&c, 1, 60);
	header_draw(&v, &c, (struct rect){ 0, 0, 1, 60 });
	row_has(&c, 0, "confab  a␛[2Jb");
	row_has(&c, 0, "m<U+202E>n");
	canvas_free(&c);
}

/* ---- bars ---- */

static void bars_have_eighths(void **state)
{
	struct canvas c;

	(void)state;
	canvas_init(&c, 1, 10);
	bar_draw(&c, 0, 0, 4, 0.5, style(STYLE_BAR));
	row_is(&c, 0, "██");
	canvas_clear(&c);
	bar_draw(&c, 0, 0, 4, 0.4, style(STYLE_BAR));
	row_is(&c, 0, "█▋");
	canvas_clear(&c);
	bar_draw(&c, 0, 0, 4, 7, style(STYLE_BAR));
	row_is(&c, 0, "████");
	canvas_free(&c);
}

static void progress_shows_rate_and_time(void **state)
{
	struct activity_view v = {
		.label = "reading", .done = 1, .total = 2, .right = "3 s left"
	};
	struct canvas c;

	(void)state;
	assert_int_equal(activity_view_rows(&v), 1);
	canvas_init(&c, 1, 60);
	activity_view_draw(&v, &c, (struct rect){ 0, 0, 1, 60 });
	row_has(&c, 0, " reading ▕██");
	row_has(&c, 0, "3 s left");
	canvas_free(&c);
}

/* ---- input ---- */

static struct input_view input(const char *text, size_t point)
{
	return (struct input_view){ .prompt = " > ",
		                    .text = text,
		                    .len = strlen(text),
		                    .point = point,
		                    .focused = true };
}

static void cursor_is(const char *text, size_t point, int row, int col)
{
	struct input_view v = input(text, point);
	struct canvas c;

	canvas_init(&c, 6, 13);
	input_view_draw(&v, &c, (struct rect){ 0, 0, 6, 13 });
	assert_int_equal(c.cursor_row, row);
	assert_int_equal(c.cursor_col, col);
	canvas_free(&c);
}

static void the_cursor_stands_where_the_point_is(void **state)
{
	(void)state;
	cursor_is("", 0, 0, 3);
	cursor_is("abc", 2, 0, 5);
	cursor_is("日本", 3, 0, 5);
	cursor_is("ab\ncd", 3, 1, 3);
	cursor_is("ab\n", 3, 1, 3);
	cursor_is("abcdefghij", 10, 1, 4);
}

static void the_input_shows_the_rows_around_the_cursor(void **state)
{
	struct input_view v = input("a\nb\nc\nd\ne", 9);
	struct canvas c;

	(void)state;
	assert_int_equal(input_view_rows(&v, 20, 99), 5);
	assert_int_equal(input_view_rows(&v, 20, 3), 3);
	canvas_init(&c, 2, 20);
	input_view_draw(&v, &c, (struct rect){ 0, 0, 2, 20 });
	row_is(&c, 0, "   d");
	row_is(&c, 1, "   e");
	assert_int_equal(c.cursor_row, 1);
	canvas_free(&c);
}

static void completions_stand_above_the_line(void **state)
{
	const char *const matches[] = { "/retry", "/rename" };
	struct input_view v = input("/re", 3);
	struct canvas c;

	(void)state;
	v.matches = matches;
	v.n_matches = 2;
	assert_int_equal(input_view_rows(&v, 40, 9), 2);
	canvas_init(&c, 2, 40);
	input_view_draw(&v, &c, (struct rect){ 0, 0, 2, 40 });
	row_is(&c, 0, "   /retry   /rename");
	row_is(&c, 1, " > /re");
	canvas_free(&c);
}

/* ---- inspector ---- */

static struct inspector_view warm(void)
{
	struct inspector_view v = {
		.note = "",
		.has_token = true,
		.text = "▁warm",
		.bytes = "20 77 61 72 6d",
		.id = 8205,
		.index = 40,
		.n = 96,
		.pos = 137,
		.has_odds = true,
		.p = .412,
		.sampled = .47,
		.rank = 2,
		.entropy = 2.91,
		.surprisal = 1.28,
		.n_top = 3,
		.rest = .06,
		.focused = true,
	};

	v.top[0] = (struct inspector_candidate){
		.text = "▁light", .raw = .46, .sampled = .53, .cut = ""
	};
	v.top[1] = (struct inspector_candidate){ .text = "▁warm",
		                                 .raw = .41,
		                                 .sampled = .47,
		                                 .cut = "",
		                                 .is_token = true };
	v.top[2] = (struct inspector_candidate){ .text = "▁few",
		                                 .raw = .07,
		                                 .cut = "top_p" };
	return v;
}

static void the_inspector_shows_both_odds_and_what_was_cut(void **state)
{
	struct inspector_view v = warm();
	struct canvas c;

	(void)state;
	canvas_init(&c, 16, 42);
	inspector_view_draw(&v, &c, (struct rect){ 0, 0, 16, 42 });
	row_has(&c, 0, "token 41 of 96");
	row_has(&c, 1, "\"▁warm\"  id 8205  pos 137");
	row_has(&c, 2, "20 77 61 72 6d");
	row_has(&c, 3, "p .412  after .470  rank 2");
	row_has(&c, 4, "entropy 2.91 bits");
	row_has(&c, 7, " 1 ▁light");
	row_has(&c, 7, ".460");
	row_has(&c, 7, ".530");
	row_has(&c, 8, " ▸ 2 ▁warm");
	row_has(&c, 9, "cut top_p");
	row_has(&c, 10, "all others");
	row_has(&c, 10, ".060");
	canvas_free(&c);
}

static void figures_of_other_settings_and_penalties_are_told(void **state)
{
	struct inspector_view v = warm();
	struct canvas c;

	(void)state;
	canvas_init(&c, 16, 42);
	strcpy(v.settings, "sampled at temp 0.7 top_k 20");
	v.top[0].penalised = true;
	inspector_view_draw(&v, &c, (struct rect){ 0, 0, 16, 42 });
	row_has(&c, 5, "sampled at temp 0.7 top_k 20");
	row_has(&c, 8, " 1 ▁light");
	row_has(&c, 8, ".530 pen.");
	canvas_free(&c);
}

/* Both bars to one scale, that of the largest of all, .53. */
static void a_wide_list_has_a_bar_for_each_odds(void **state)
{
	struct inspector_view v = warm();
	struct canvas c;

	(void)state;
	canvas_init(&c, 16, 62);
	inspector_view_draw(&v, &c, (struct rect){ 0, 0, 16, 62 });
	row_has(&c, 7, "▁light         ██████████▍  .460");
	row_has(&c, 7, ".460  ████████████ .530");
	row_has(&c, 9, ".070               cut top_p");
	canvas_free(&c);
}

static void a_small_pane_has_candidates(void **state)
{
	struct inspector_view v = warm();
	struct canvas c;

	(void)state;
	canvas_init(&c, 4, 40);
	inspector_view_draw(&v, &c, (struct rect){ 0, 0, 4, 40 });
	row_has(&c, 1, "\"▁warm\" p .412 rank 2 2.91 bits");
	row_has(&c, 2, " 1 ▁light");
	row_has(&c, 3, " ▸ 2 ▁warm");
	/* The chosen one is always among those that fit. */
	v.choosing = true;
	v.choice = 2;
	inspector_view_draw(&v, &c, (struct rect){ 0, 0, 4, 40 });
	row_has(&c, 3, " 3 ▁few");
	canvas_free(&c);
}

/* An imported file may claim any odds. */
static void odds_off_every_scale_are_drawn_as_its_ends(void **state)
{
	static const float surprisals[] = { -1, 0, 4, 1e12f, INFINITY };
	struct inspector_view v = warm();
	struct canvas c;

	(void)state;
	v.surprisals = surprisals;
	v.n = 5;
	v.index = 1;
	for (int i = 0; i < 3; i++)
		v.top[i].raw = v.top[i].sampled = 0;
	canvas_init(&c, 16, 62);
	inspector_view_draw(&v, &c, (struct rect){ 0, 0, 16, 62 });
	row_has(&c, 7, "▁light                      0                  0");
	row_has(&c, 13, "surprisal ·▁▅██");
	canvas_free(&c);
}

static void the_inspector_fits_into_any_window(void **state)
{
	struct inspector_view v = warm();

	(void)state;
	v.n_branches = 3;
	v.tried.on = true;
	for (int rows = 1; rows < 30; rows++) {
		for (int cols = 1; cols < 120; cols += 7) {
			struct canvas c;

			canvas_init(&c, rows, cols);
			inspector_view_draw(&v, &c,
			                    (struct rect){ 0, 0, rows, cols });
			canvas_free(&c);
		}
	}
}

static void a_long_text_scrolls_to_its_end_and_not_beyond(void **state)
{
	struct help_view v = { "Help", "A\n  b\n  c\n  d\n  e\n", 0 };
	struct rect r = { 0, 0, 4, 30 };
	struct canvas c;

	(void)state;
	assert_int_equal(help_view_last(&v, r), 2);
	v.first = 2;
	canvas_init(&c, 4, 30);
	help_view_draw(&v, &c, r);
	row_is(&c, 1, "   c");
	row_is(&c, 3, "   e");
	canvas_free(&c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(regions_of_every_size_cover_the_window_once),
	cmocka_unit_test(the_pane_stands_beside_from_a_hundred_columns_on),
	cmocka_unit_test(the_input_grows_to_a_third),
	cmocka_unit_test(the_status_line_tells_what_it_should),
	cmocka_unit_test(what_does_not_fit_is_left_out_in_whole_pieces),
	cmocka_unit_test(titles_and_models_are_sanitised),
	cmocka_unit_test(bars_have_eighths),
	cmocka_unit_test(progress_shows_rate_and_time),
	cmocka_unit_test(the_cursor_stands_where_the_point_is),
	cmocka_unit_test(the_input_shows_the_rows_around_the_cursor),
	cmocka_unit_test(completions_stand_above_the_line),
	cmocka_unit_test(the_inspector_shows_both_odds_and_what_was_cut),
	cmocka_unit_test(figures_of_other_settings_and_penalties_are_told),
	cmocka_unit_test(a_wide_list_has_a_bar_for_each_odds),
	cmocka_unit_test(a_small_pane_has_candidates),
	cmocka_unit_test(odds_off_every_scale_are_drawn_as_its_ends),
	cmocka_unit_test(the_inspector_fits_into_any_window),
	cmocka_unit_test(a_long_text_scrolls_to_its_end_and_not_beyond),
};

TEST_MAIN(tests)
