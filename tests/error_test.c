#include "tests/support.h"

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

static void setting_an_error_returns_minus_one(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, "%s: %d of %d", "file", 2, 3), -1);
	assert_string_equal(err.text, "file: 2 of 3");
	assert_int_equal(error_set(NULL, "nobody asks"), -1);
	error_prefix(NULL, "nobody asks");
}

static void the_arguments_may_be_the_text_itself(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, "inner");
	error_set(&err, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
	error_prefix(&err, "%s %d", "line", 4);
	assert_string_equal(err.text, "line 4: outer (inner)");
}

static void a_long_text_is_cut_between_characters(void **state)
{
	char text[1500];
	struct error err;

	(void)state;
	for (size_t lead = 0; lead < 4; lead++) {
		memset(text, 0, sizeof text);
		memset(text, 'x', lead);
		for (size_t i = lead; i + 4 < sizeof text; i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 4);
		error_set(&err, "%s", text);
		assert_true(strlen(err.text) > sizeof err.text - 6);
		assert_true(strlen(err.text) < sizeof err.text);
		assert_true(utf8_valid(err.text, strlen(err.text)));
		error_prefix(&err, "%s", text);
		assert_true(utf8_valid(err.text, strlen(err.text)));
	}
}

static void control_characters_and_broken_utf8_cannot_get_out(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, "tensor %s",
	          "\x1b]0;gotcha\x07 \xc2\x9b"
	          "31m a\nb \xff \x7f \xc3\xa9");
	assert_string_equal(err.text,
	                    "tensor ?]0;gotcha? ?31m a?b ? ? \xc3\xa9");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(setting_an_error_returns_minus_one),
	cmocka_unit_test(the_arguments_may_be_the_text_itself),
	cmocka_unit_test(a_long_text_is_cut_between_characters),
	cmocka_unit_test(control_characters_and_broken_utf8_cannot_get_out),
};

TEST_MAIN(tests)
