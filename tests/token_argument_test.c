#include "tests/support.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/sampler.h"
#include "ui/token_argument.h"

static void settings_to_try_are_read_strictly(void **state)
{
	struct inspector_try t = { .temperature = 0.7,
		                   .top_k = 20,
		                   .top_p = 1 };
	const struct sampler_settings s = {
		.temperature = 0.5f, .top_k = 3, .top_p = 0.25f, .min_p = 0.125f
	};
	struct error err = { "" };

	(void)state;
	assert_int_equal(token_try_read(&t, "", &err), 0);
	assert_int_equal(token_try_read(&t, "1.5 top_k=5  min_p=0.1", &err), 0);
	assert_true(t.temperature == 1.5 && t.top_k == 5 && t.min_p == 0.1 &&
	            t.top_p == 1);
	/* A wrong one changes nothing. */
	assert_int_equal(token_try_read(&t, "0.3 top_p=2", &err), -1);
	assert_int_equal(token_try_read(&t, "0.3 seed=2", &err), -1);
	assert_int_equal(token_try_read(&t, "hot", &err), -1);
	assert_true(t.temperature == 1.5);
	token_try_begin(&t, &s);
	assert_true(t.on && t.temperature == 0.5 && t.top_k == 3 &&
	            t.top_p == 0.25 && t.min_p == 0.125);
}

static void tokens_are_numbered_from_one(void **state)
{
	size_t index = 99;

	(void)state;
	assert_string_equal(token_argument("12 3", &index), "3");
	assert_int_equal(index, 11);
	assert_string_equal(token_argument("1", &index), "");
	assert_int_equal(index, 0);
	assert_null(token_argument("0", &index));
	assert_null(token_argument("1x 2", &index));
	assert_null(token_argument("", &index));
	assert_int_equal(index, 0);
}

static void unquoted_is(const char *text, const char *expected)
{
	char *unquoted = token_unquoted(text);

	assert_string_equal(unquoted, expected);
	free(unquoted);
}

static void only_a_pair_of_quotes_is_taken_off(void **state)
{
	(void)state;
	unquoted_is("\" warm\"", " warm");
	unquoted_is("\"\"", "");
	unquoted_is("\"\"a\"\"", "\"a\"");
	unquoted_is("\"", "\"");
	unquoted_is("\"open", "\"open");
	unquoted_is(" warm", " warm");
	unquoted_is("", "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(settings_to_try_are_read_strictly),
	cmocka_unit_test(tokens_are_numbered_from_one),
	cmocka_unit_test(only_a_pair_of_quotes_is_taken_off),
};

TEST_MAIN(tests)
