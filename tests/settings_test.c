#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/paths.h"
#include "ui/cli/nearest.h"
#include "ui/cli/settings.h"
#include "ui/cli/value.h"

/* Reads the text as a configuration file. */
static struct settings *read_text(const char *text, int wanted,
                                  struct error *err)
{
	struct settings *s = settings_new();
	char *dir = test_tmp_dir(), *path = paths_join(dir, "config");

	test_write(dir, "config", text, strlen(text));
	assert_int_equal(settings_read(s, path, true, err), wanted);
	free(path);
	free(dir);
	return s;
}

static void assert_value(const struct settings *s, const char *key,
                         const char *wanted)
{
	const char *value = settings_get(s, key);

	if (wanted) {
		assert_non_null(value);
		assert_string_equal(value, wanted);
	} else {
		assert_null(value);
	}
}

static void assert_file_value(const char *text, const char *key,
                              const char *wanted)
{
	struct error err = { "" };
	struct settings *s = read_text(text, 0, &err);

	assert_value(s, key, wanted);
	settings_free(s);
}

static void assert_file_error(const char *text, const char *wanted)
{
	struct error err = { "" };
	struct settings *s = read_text(text, -1, &err);

	if (!strstr(err.text, wanted))
		fail_msg("'%s' does not say '%s'", err.text, wanted);
	settings_free(s);
}

static void keys_have_values_and_comments_have_none(void **state)
{
	(void)state;
	assert_file_value("model = a b  # c\n", "model", "a b");
	assert_file_value("  model=x#y\r\n", "model", "x#y");
	assert_file_value("#model = x\n", "model", NULL);
	assert_file_value("\n\t# nothing\n\n model\t=\tx\t\n", "model", "x");
	assert_file_value("system =\n", "system", "");
	assert_file_value("system = # only a comment\n", "system", "");
	assert_file_value("model = no line end", "model", "no line end");
	assert_file_value("model = a = b\n", "model", "a = b");
	/* Some editors begin a text so. */
	assert_file_value("\xef\xbb\xbfmodel = x\n", "model", "x");
}

static void quotes_keep_everything(void **state)
{
	(void)state;
	assert_file_value("system = \" a # b \" # c\n", "system", " a # b ");
	assert_file_value("system = \"1\\n2\\t\\\"\\\\\"\n", "system",
	                  "1\n2\t\"\\");
	assert_file_value("system = \"\"\n", "system", "");
	assert_file_value("system = say \"hi\"\n", "system", "say \"hi\"");
}

static void the_last_line_of_a_key_counts(void **state)
{
	(void)state;
	assert_file_value("top_k = 1\ntop_k = 2\n", "top_k", "2");
}

static void errors_name_file_line_key_and_value(void **state)
{
	(void)state;
	assert_file_error("\n\ntop_p = 2\n", "config, line 3: top_p: '2' is "
	                                     "not a number above 0 and at most "
	                                     "1");
	assert_file_error("model\n", "line 1: 'model' is not KEY = VALUE");
	assert_file_error("= x\n", "line 1: ");
	assert_file_error("model x = y\n", "line 1: ");
	assert_file_error("system = \"x\n", "line 1: system: a quote is not "
	                                    "closed");
	assert_file_error("system = \"x\" y\n", "line 1: system: 'y' after");
	assert_file_error("system = \"\\q\"\n", "line 1: system: '\\q'");
	assert_file_error("system = \"\\", "line 1: system: ");
	assert_file_error("bind F5\n", "line 1: bind needs");
	assert_file_error("bind\n", "line 1: bind needs");
	assert_file_error("model = \xff\n", "not a text in UTF-8");
}

static void a_nul_is_no_text(void **state)
{
	struct settings *s = settings_new();
	char *dir = test_tmp_dir(), *path = paths_join(dir, "config");
	struct error err;

	(void)state;
	test_write(dir, "config", "model = a\0b\n", 12);
	assert_int_equal(settings_read(s, path, true, &err), -1);
	free(path);
	free(dir);
	settings_free(s);
}

static void an_unknown_key_is_a_warning_with_its_line(void **state)
{
	struct error err;
	struct settings *s = read_text("\ntemprature = 1\nmodel = x\n"
	                               "zzzzzz = 1\nbind = x\n",
	                               0, &err);

	(void)state;
	assert_int_equal(settings_n_binds(s), 0);
	assert_int_equal(settings_n_warnings(s), 3);
	assert_non_null(strstr(settings_warning(s, 0),
	                       "config, line 2: unknown setting 'temprature'; "
	                       "did you mean 'temperature'?"));
	assert_non_null(strstr(settings_warning(s, 1),
	                       "line 4: unknown setting 'zzzzzz'"));
	assert_non_null(strstr(settings_warning(s, 2),
	                       "line 5: unknown setting 'bind'"));
	assert_value(s, "model", "x");
	settings_free(s);
}

static void binds_are_kept_in_their_order(void **state)
{
	struct error err;
	struct settings *s = read_text("bind F5 retry # again\n"
	                               "bind  Ctrl-G   write out.txt \n",
	                               0, &err);

	(void)state;
	assert_int_equal(settings_n_binds(s), 2);
	assert_string_equal(settings_bind(s, 0)->key, "F5");
	assert_string_equal(settings_bind(s, 0)->action, "retry");
	assert_non_null(strstr(settings_bind(s, 0)->where, "config, line 1"));
	assert_string_equal(settings_bind(s, 1)->key, "Ctrl-G");
	assert_string_equal(settings_bind(s, 1)->action, "write out.txt");
	settings_free(s);
}

static void an_absent_file_is_only_an_error_when_it_was_named(void **state)
{
	struct settings *s = settings_new();
	struct error err = { "" };

	(void)state;
	assert_int_equal(settings_read(s, "/nonexistent/c", false, &err), 0);
	assert_int_equal(settings_read(s, "/nonexistent/c", true, &err), -1);
	assert_non_null(strstr(err.text, "/nonexistent/c"));
	settings_free(s);
}

static void every_key_is_a_variable(void **state)
{
	struct settings *s = settings_new();
	struct error err = { "" };

	(void)state;
	setenv("CONFAB_TOP_P", "0.5", 1);
	setenv("CONFAB_MODEL", "", 1);
	assert_int_equal(settings_read_environment(s, &err), 0);
	assert_value(s, "top_p", "0.5");
	assert_value(s, "model", NULL);
	setenv("CONFAB_TOP_P", "half", 1);
	assert_int_equal(settings_read_environment(s, &err), -1);
	assert_string_equal(err.text, "CONFAB_TOP_P: 'half' is not a number "
	                              "above 0 and at most 1");
	unsetenv("CONFAB_TOP_P");
	unsetenv("CONFAB_MODEL");
	settings_free(s);
}

static void assignments_are_checked_and_suggest(void **state)
{
	struct settings *s = settings_new();
	struct error err = { "" };

	(void)state;
	assert_int_equal(settings_assign(s, "system=a=b", &err), 0);
	assert_value(s, "system", "a=b");
	assert_int_equal(settings_assign(s, "system", &err), -1);
	assert_string_equal(err.text, "--set: 'system' is not KEY=VALUE");
	assert_int_equal(settings_assign(s, "xyz=1", &err), -1);
	assert_string_equal(err.text, "--set xyz: unknown setting 'xyz'");
	assert_int_equal(settings_assign(s, "thread=1", &err), -1);
	assert_string_equal(err.text,
	                    "--set thread: unknown setting 'thread'; did you "
	                    "mean 'threads'?");
	assert_int_equal(settings_assign(s, "threads=-1", &err), -1);
	assert_string_equal(err.text, "--set threads: '-1' is not a whole "
	                              "number from 0 to 1024");
	assert_value(s, "threads", NULL);
	settings_free(s);
}

static void a_failed_set_leaves_the_value(void **state)
{
	struct settings *s = settings_new();
	double number = 0;

	(void)state;
	assert_int_equal(settings_set(s, "top_p", "0.25", NULL, NULL), 0);
	assert_int_equal(settings_set(s, "top_p", "25", NULL, NULL), -1);
	assert_true(settings_number(s, "top_p", &number));
	assert_true(number == 0.25);
	settings_free(s);
}

static void every_row_has_what_a_reader_needs(void **state)
{
	const struct setting_info *info;

	(void)state;
	assert_non_null(settings_info(0));
	for (size_t i = 0; (info = settings_info(i)); i++) {
		assert_true(strlen(info->help) > 5);
		assert_int_equal(strspn(info->key,
		                        "abcdefghijklmnopqrstuvwxyz_"),
		                 strlen(info->key));
	}
}

static void integers_are_digits_and_fit(void **state)
{
	static const char *const bad[] = {
		"",     " 1",  "1 ",  "-1", "+1",
		"0x10", "1.0", "1e3", "١",  "18446744073709551616"
	};
	uint64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(value_integer(bad[i], &value));
	assert_int_equal(value, 7);
	assert_true(value_integer("18446744073709551615", &value));
	assert_true(value == UINT64_MAX);
	assert_true(value_integer("007", &value));
	assert_int_equal(value, 7);
}

static void numbers_are_finite_decimals(void **state)
{
	static const char *const bad[] = { "",    " 1",  "1 ",    "0x1p3",
		                           "inf", "nan", "1e999", "1,5",
		                           "--1", "e",   ".",     "1e" };
	double value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(value_number(bad[i], &value));
	assert_true(value == 7);
	assert_true(value_number("-.5e-1", &value));
	assert_true(value == -0.05);
}

static int check(struct value_type type, const char *text)
{
	return value_check(&type, text, NULL);
}

static void ranges_include_their_ends_unless_they_say_so(void **state)
{
	struct value_type closed = { VALUE_NUMBER, 0, 1, false, NULL };
	struct value_type open = { VALUE_NUMBER, 0, 1, true, NULL };
	struct value_type count = { VALUE_INTEGER, 1, 9, false, NULL };

	(void)state;
	assert_int_equal(check(closed, "0"), 0);
	assert_int_equal(check(closed, "1"), 0);
	assert_int_equal(check(closed, "1.0001"), -1);
	assert_int_equal(check(closed, "-0.1"), -1);
	assert_int_equal(check(open, "0"), -1);
	assert_int_equal(check(open, "0.001"), 0);
	assert_int_equal(check(open, "1"), 0);
	assert_int_equal(check(count, "0"), -1);
	assert_int_equal(check(count, "9"), 0);
	assert_int_equal(check(count, "10"), -1);
}

static void choices_are_whole_words(void **state)
{
	struct value_type type = { VALUE_CHOICE, 0, 0, false, "f16 bf16" };

	(void)state;
	assert_int_equal(check(type, "f16"), 0);
	assert_int_equal(check(type, "bf16"), 0);
	assert_int_equal(check(type, "f1"), -1);
	assert_int_equal(check(type, "f16 bf16"), -1);
	assert_int_equal(check(type, ""), -1);
	assert_int_equal(check(type, "F16"), -1);
}

static void the_nearest_word_is_a_slip_away(void **state)
{
	static const char *const words[] = { "list", "score", "tokenize" };

	(void)state;
	assert_string_equal(nearest("lsit", words, 3), "list");
	assert_string_equal(nearest("lis", words, 3), "list");
	assert_string_equal(nearest("tokenise", words, 3), "tokenize");
	assert_string_equal(nearest("scroe", words, 3), "score");
	assert_null(nearest("bench", words, 3));
	assert_null(nearest("l", words, 3));
	assert_null(nearest("", words, 3));
	assert_null(nearest("listlistlistlistlistlistlistlistlistlistlist",
	                    words, 3));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(keys_have_values_and_comments_have_none),
	cmocka_unit_test(quotes_keep_everything),
	cmocka_unit_test(the_last_line_of_a_key_counts),
	cmocka_unit_test(errors_name_file_line_key_and_value),
	cmocka_unit_test(a_nul_is_no_text),
	cmocka_unit_test(an_unknown_key_is_a_warning_with_its_line),
	cmocka_unit_test(binds_are_kept_in_their_order),
	cmocka_unit_test(an_absent_file_is_only_an_error_when_it_was_named),
	cmocka_unit_test(every_key_is_a_variable),
	cmocka_unit_test(assignments_are_checked_and_suggest),
	cmocka_unit_test(a_failed_set_leaves_the_value),
	cmocka_unit_test(every_row_has_what_a_reader_needs),
	cmocka_unit_test(integers_are_digits_and_fit),
	cmocka_unit_test(numbers_are_finite_decimals),
	cmocka_unit_test(ranges_include_their_ends_unless_they_say_so),
	cmocka_unit_test(choices_are_whole_words),
	cmocka_unit_test(the_nearest_word_is_a_slip_away),
};

TEST_MAIN(tests)
