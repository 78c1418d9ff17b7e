#include "tests/support.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static struct json *parse(const char *text, struct error *err)
{
	return json_parse(text, strlen(text), "test.json", err);
}

/* The text is refused, and the message has this in it. */
static void assert_refused(const char *text, size_t len, const char *fault)
{
	struct error err = { "" };
	struct json *v = json_parse(text, len, "test.json", &err);

	if (v)
		fail_msg("accepted: %.60s", text);
	if (strncmp(err.text, "test.json: ", 11) || !strstr(err.text, fault))
		fail_msg("%.60s: \"%s\", not \"%s\"", text, err.text, fault);
}

static void what_is_not_json_is_refused_with_place_and_fault(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{ "", "column 1: the text ends where a value should be" },
		{ " \n ", "line 2, column 2: the text ends" },
		{ "{", "the text ends where a key should be" },
		{ "[", "the text ends where a value should be" },
		{ "[1", "the text ends where ',' or ']' should be" },
		{ "[1,]", "']' where a value should be" },
		{ "[,1]", "',' where a value should be" },
		{ "[1 2]", "'2' where ',' or ']' should be" },
		{ "[1}", "'}' where ',' or ']' should be" },
		{ "{\"a\":1]", "']' where ',' or '}' should be" },
		{ "{\"a\":1,}", "'}' where a key should be" },
		{ "{\"a\"}", "'}' where ':' should be" },
		{ "{\"a\" 1}", "'1' where ':' should be" },
		{ "{a:1}", "'a' where a key should be" },
		{ "{1:1}", "'1' where a key should be" },
		{ "{\"a\":}", "'}' where a value should be" },
		{ "nul", "a value" },
		{ "nulll", "'l' where the end should be" },
		{ "NaN", "'N' where a value should be" },
		{ "Infinity", "'I' where a value should be" },
		{ "-Infinity", "'I' where a digit should be" },
		{ "True", "'T' where a value should be" },
		{ "'a'", "where a value should be" },
		{ "// no\n1", "'/' where a value should be" },
		{ "\xef\xbb\xbf{}", "byte 0xef where a value should be" },
		/* trailing garbage */
		{ "{} x", "column 4: 'x' where the end should be" },
		{ "1 1", "'1' where the end should be" },
		{ "{}{}", "'{' where the end should be" },
		{ "[]]", "']' where the end should be" },
		/* numbers */
		{ "01", "begins with 0" },
		{ "-01", "begins with 0" },
		{ "+1", "'+' where a value should be" },
		{ ".5", "'.' where a value should be" },
		{ "1.", "a digit should be" },
		{ "1.e5", "'e' where a digit should be" },
		{ "1e", "a digit should be" },
		{ "1e+", "a digit should be" },
		{ "-", "a digit should be" },
		{ "0x10", "'x' where the end should be" },
		{ "1e400", "column 1: a number too large for a double" },
		{ "[1, -1e400]", "column 5: a number too large" },
		{ "{\"a\": [1.5, 1e309]}", "a number too large" },
		{ "123456789012345678901234567890123456789012345678901234567890"
		  "1"
		  "234",
		  "more than 63 characters" },
		/* strings */
		{ "\"abc", "the text ends inside a string" },
		{ "\"abc\\", "the text ends where an escape should be" },
		{ "\"a\nb\"", "a control character in a string" },
		{ "\"a\tb\"", "a control character in a string" },
		{ "\"\\x41\"", "'x' where an escape should be" },
		{ "\"\\u12\"", "no four hexadecimal digits" },
		{ "\"\\u12g4\"", "no four hexadecimal digits" },
		{ "\"\\u\"", "no four hexadecimal digits" },
		{ "\"\\u 123\"", "no four hexadecimal digits" },
		{ "\"\\u0000\"", "\\u0000 in a string" },
		{ "\"a\\u0000b\"", "\\u0000 in a string" },
		{ "{\"a\\u0000\":1}", "\\u0000 in a string" },
		{ "\"\\ud800\"", "a lone surrogate" },
		{ "\"\\ud800x\"", "a lone surrogate" },
		{ "\"\\ud800\\n12345\"", "a lone surrogate" },
		{ "\"\\ud800\\ud800\"", "a lone surrogate" },
		{ "\"\\udc00\"", "a lone surrogate" },
		{ "\"\\udc00\\ud800\"", "a lone surrogate" },
		{ "\"\\ud800\\u00e9\"", "a lone surrogate" },
		{ "\"\xff\"", "column 2: not UTF-8" },
		{ "\"\xc0\xaf\"", "not UTF-8" },
		{ "\"\xed\xa0\x80\"", "not UTF-8" },
		{ "{\"\xe2\x82\": 1}", "not UTF-8" },
		/* keys */
		{ "{\"a\":1,\"a\":2}", "the key \"a\" a second time" },
		{ "{\"a\":1,\"\\u0061\":2}", "the key \"a\" a second time" },
		{ "{\"\":1,\"b\":2,\"\":3}", "the key \"\" a second time" },
		{ "{\n \"x\": {\"a\": {}, \"b\": [],\n  \"a\": 2}}",
		  "line 3, column 3: the key \"a\" a second time" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_refused(cases[i].text, strlen(cases[i].text),
		               cases[i].fault);
	assert_refused("[1]\0", 4, "byte 0x00 where the end should be");
	assert_refused("\"a\0b\"", 5, "a control character in a string");
	assert_refused("\0", 1, "byte 0x00 where a value should be");
}

static void keys_may_repeat_in_different_objects(void **state)
{
	struct error err;
	struct json *v = parse("{\"a\": {\"a\": 1}, \"b\": [{\"a\": 2}, "
	                       "{\"a\": 3}], \"A\": 4}",
	                       &err);

	(void)state;
	assert_non_null(v);
	assert_int_equal(json_count(v), 3);
	json_free(v);
}

static void a_message_is_not_a_way_to_the_terminal(void **state)
{
	struct error err;

	(void)state;
	assert_null(parse("{\"\\u001b]0;x\\u0007\":1,\"\\u001b]0;x\\u0007\":1}",
	                  &err));
	assert_null(strchr(err.text, '\x1b'));
	assert_non_null(strstr(err.text, "?]0;x?"));
}

static char *nested(size_t depth, size_t *len)
{
	char *text = malloc(2 * depth + 1);

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	text[2 * depth] = '\0';
	*len = 2 * depth;
	return text;
}

static void nesting_is_fine_to_200_and_refused_beyond(void **state)
{
	struct error err;
	size_t len;
	char *text = nested(200, &len);
	struct json *v = json_parse(text, len, "test.json", &err);

	(void)state;
	assert_non_null(v);
	json_free(v);
	free(text);
	text = nested(201, &len);
	assert_refused(text, len, "column 201: nested deeper than 200");
	free(text);
	text = nested(1000000, &len);
	assert_refused(text, len, "nested deeper than 200");
	free(text);
}

/* Three hundred thousand keys of one object, and one more that is there already. */
static void finding_a_repeated_key_takes_linear_time(void **state)
{
	struct strbuf text = STRBUF_INIT;
	clock_t start = clock();

	(void)state;
	strbuf_add_char(&text, '{');
	for (int i = 0; i < 300000; i++)
		strbuf_printf(&text, "\"k%d\":%d,", i, i);
	strbuf_add_str(&text, "\"k777\":0}");
	assert_refused(text.bytes, text.len, "the key \"k777\" a second time");
	/* Quadratic would be minutes; the sanitizers need their share. */
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 5);
	strbuf_free(&text);
}

static void a_bound_on_the_values_is_kept(void **state)
{
	static const char text[] = "{\"a\": [1, 2, {}], \"b\": null}";
	struct error err;
	struct json *v;

	(void)state;
	v = json_parse_bounded(text, strlen(text), 6, "test.json", &err);
	assert_non_null(v);
	json_free(v);
	assert_null(
		json_parse_bounded(text, strlen(text), 5, "test.json", &err));
	assert_non_null(strstr(err.text, "column 24: more values"));
}

static void values_are_what_the_text_says(void **state)
{
	struct error err;
	struct json *v =
		parse(" { \"s\" : "
	              "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\","
	              "\"n\":-12.5e1,\"t\":true,\"f\":false,\"z\":null,"
	              "\"a\":[1,[],{}],\"o\":{\"k\":\"v\"}}\n",
	              &err);
	const struct json *a = json_get(v, "a");
	double number = 0;

	(void)state;
	assert_non_null(v);
	assert_true(json_is_object(v));
	assert_string_equal(json_string(json_get(v, "s")),
	                    "a\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80");
	assert_true(json_number(json_get(v, "n"), &number));
	assert_true(number == -125);
	assert_true(json_is_true(json_get(v, "t")));
	assert_true(json_is_bool(json_get(v, "f")));
	assert_false(json_is_true(json_get(v, "f")));
	assert_true(json_is_null(json_get(v, "z")));
	assert_true(json_is_array(a));
	assert_int_equal(json_count(a), 3);
	assert_true(json_is_number(json_first(a)));
	assert_true(json_is_array(json_next(json_first(a))));
	assert_null(json_key(json_first(a)));
	assert_string_equal(json_key(a), "a");
	assert_string_equal(json_string(json_get(json_get(v, "o"), "k")), "v");
	assert_null(json_get(v, "S"));
	assert_null(json_get(v, "missing"));
	json_free(v);
}

static void what_is_absent_or_of_another_kind_is_nothing(void **state)
{
	struct error err;
	struct json *v = parse("[1, 2.5, \"s\"]", &err);
	const struct json *fraction = json_next(json_first(v));
	double number = 7;
	int64_t integer = 7;

	(void)state;
	assert_null(json_get(NULL, "a"));
	assert_null(json_get(v, "a"));
	assert_null(json_first(NULL));
	assert_null(json_next(NULL));
	assert_null(json_key(NULL));
	assert_null(json_string(NULL));
	assert_null(json_string(v));
	assert_null(json_string(fraction)); /* though its spelling is kept */
	assert_int_equal(json_count(NULL), 0);
	assert_false(json_is_object(NULL) || json_is_array(NULL) ||
	             json_is_string(NULL) || json_is_number(NULL) ||
	             json_is_null(NULL) || json_is_bool(NULL) ||
	             json_is_true(NULL));
	assert_false(json_number(json_next(fraction), &number));
	assert_false(json_number(NULL, &number));
	assert_false(json_integer(fraction, &integer));
	assert_true(number == 7 && integer == 7);
	json_free(v);
	json_free(NULL);
}

static void integers_are_exact_or_refused(void **state)
{
	static const struct {
		const char *text;
		bool exact;
		int64_t integer;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "151936", true, 151936 },
		{ "-5", true, -5 },
		{ "1e3", true, 1000 },
		{ "1000000.0", true, 1000000 },
		{ "1.5", false, 0 },
		{ "1e-1", false, 0 },
		{ "9007199254740991", true, 9007199254740991 },
		{ "9007199254740992", true, 9007199254740992 },
		{ "-9007199254740992", true, -9007199254740992 },
		{ "9007199254740993", false, 0 },
		{ "-9007199254740993", false, 0 },
		{ "9007199254740994", false, 0 },
		{ "1e300", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct error err;
		struct json *v = parse(cases[i].text, &err);
		int64_t integer = 77;

		assert_non_null(v);
		assert_int_equal(json_integer(v, &integer), cases[i].exact);
		assert_true(integer ==
		            (cases[i].exact ? cases[i].integer : 77));
		json_free(v);
	}
}

/* Right-hand sides: json.dumps(json.loads(left), ensure_ascii=False). */
static void values_are_written_as_python_writes_them(void **state)
{
	static const char *const cases[][2] = {
		{ "1", "1" },
		{ "1.0", "1.0" },
		{ "-0", "0" },
		{ "-0.0", "-0.0" },
		{ "0.1", "0.1" },
		{ "1e5", "100000.0" },
		{ "1E+5", "100000.0" },
		{ "1e16", "1e+16" },
		{ "1e15", "1000000000000000.0" },
		{ "123456789012345680.0", "1.2345678901234568e+17" },
		{ "12345678901234567890", "12345678901234567890" },
		{ "1.5e300", "1.5e+300" },
		{ "5e-324", "5e-324" },
		{ "1e-400", "0.0" },
		{ "1e-5", "1e-05" },
		{ "0.0001", "0.0001" },
		{ "0.00001234", "1.234e-05" },
		{ "2.2250738585072014e-308", "2.2250738585072014e-308" },
		{ "1.7976931348623157e308", "1.7976931348623157e+308" },
		{ "9007199254740993", "9007199254740993" },
		{ "-9007199254740993", "-9007199254740993" },
		{ "999999999999999", "999999999999999" },
		{ "1000000000000000", "1000000000000000" },
		{ "3.141592653589793238", "3.141592653589793" },
		{ "1e22", "1e+22" },
		{ "1e23", "1e+23" },
		{ "0.30000000000000004", "0.30000000000000004" },
		{ "4.35", "4.35" },
		{ "1e-7", "1e-07" },
		{ "123456.789e3", "123456789.0" },
		{ "9999999999999998.0", "9999999999999998.0" },
		{ "99999999999999990.0", "9.999999999999998e+16" },
		{ "1e0", "1.0" },
		{ "true", "true" },
		{ "[ ]", "[]" },
		{ "[1, 2.50 "
		  ",{\"a\":null,\"\\u00e9\\ud83d\\ude00\":[false]},{}]",
		  "[1, 2.5, {\"a\": null, \"é😀\": [false]}, {}]" },
		{ "\"a\\/b\\u001f\\u2028\\t\\b\\f\\r\\n\\\"\\\\\"",
		  "\"a/b\\u001f\u2028\\t\\b\\f\\r\\n\\\"\\\\\"" },
		{ "{\"b\": 1, \"a\": [[1.0], 2, 30000000000000001]}",
		  "{\"b\": 1, \"a\": [[1.0], 2, 30000000000000001]}" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct strbuf out = STRBUF_INIT;
		struct error err;
		struct json *v = parse(cases[i][0], &err);

		assert_non_null(v);
		json_write_python(&out, v);
		assert_string_equal(out.bytes, cases[i][1]);
		json_free(v);
		strbuf_free(&out);
	}
}

static void assert_number(double number, const char *text)
{
	struct strbuf out = STRBUF_INIT;

	json_write_number(&out, number);
	assert_string_equal(out.bytes, text);
	strbuf_free(&out);
}

static void numbers_are_written_short_and_infinities_as_null(void **state)
{
	(void)state;
	assert_number(0, "0");
	assert_number(1, "1");
	assert_number(-2.5, "-2.5");
	assert_number(0.1f, "0.10000000149011612");
	assert_number(1e21, "1e+21");
	assert_number(100, "100");
	assert_number(DBL_MAX, "1.7976931348623157e+308");
	assert_number(5e-324, "5e-324");
	assert_number(INFINITY, "null");
	assert_number(-INFINITY, "null");
	assert_number(NAN, "null");
}

static double random_double(uint64_t *state)
{
	uint64_t bits;
	double number;

	*state = *state * 6364136223846793005u + 1442695040888963407u;
	bits = *state;
	bits ^= bits >> 33; /* the low bits of the generator are weak */
	memcpy(&number, &bits, sizeof number);
	return number;
}

static void every_double_reads_back_to_itself(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		double number = random_double(&random), back = 0;
		struct strbuf out = STRBUF_INIT;
		struct error err;
		struct json *v;

		if (!isfinite(number))
			continue;
		json_write_number(&out, number);
		v = json_parse(out.bytes, out.len, "test.json", &err);
		assert_true(json_number(v, &back));
		assert_memory_equal(&back, &number, sizeof back);
		json_free(v);
		strbuf_free(&out);
	}
}

static void strings_are_escaped_and_repaired(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	json_write_string(&out, "a\"\\/\n\0\x1b\x7f\xc3\xa9\xff!", 12);
	assert_string_equal(out.bytes, "\"a\\\"\\\\/\\n\\u0000\\u001b\x7f"
	                               "\xc3\xa9\xef\xbf\xbd!\"");
	strbuf_clear(&out);
	json_write_string(&out, "", 0);
	assert_string_equal(out.bytes, "\"\"");
	strbuf_free(&out);
}

/* Sets a locale that writes 1,5 for 1.5; false where there is none.  Few
 * machines have one, but many have what it takes to make one. */
static bool set_comma_locale(void)
{
	char *dir, command[4200];

	if (setlocale(LC_NUMERIC, "de_DE.UTF-8") ||
	    setlocale(LC_NUMERIC, "fr_FR.UTF-8"))
		return true;
	dir = test_tmp_dir();
	snprintf(command, sizeof command,
	         "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' 2>/dev/null",
	         dir);
	if (!system(command))
		setenv("LOCPATH", dir, 1);
	free(dir);
	return setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
}

/* The front end sets the user's locale. */
static void the_locale_does_not_change_numbers(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct error err;
	struct json *v;
	char text[8];

	(void)state;
	if (!set_comma_locale()) {
		print_message("# no locale with a decimal comma here\n");
		return;
	}
	snprintf(text, sizeof text, "%.1f", 1.5);
	assert_string_equal(text, "1,5");
	v = parse("[1.5, 1e-7, -0.25]", &err);
	assert_non_null(v);
	json_write_python(&out, v);
	json_write_number(&out, 2.75);
	setlocale(LC_NUMERIC, "C");
	assert_string_equal(out.bytes, "[1.5, 1e-07, -0.25]2.75");
	json_free(v);
	strbuf_free(&out);
}

static void a_file_is_read_or_the_message_names_it(void **state)
{
	char *dir = test_tmp_dir(), path[4096];
	struct error err;
	struct json *v;
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/x.json", dir);
	assert_null(json_read(path, 100, &err));
	assert_non_null(strstr(err.text, "x.json: No such file"));
	f = fopen(path, "w");
	fputs("{\"a\":\n1,}", f);
	fclose(f);
	assert_null(json_read(path, 100, &err));
	assert_non_null(
		strstr(err.text, "x.json: line 2, column 3: '}' where"));
	assert_null(json_read(path, 5, &err));
	assert_non_null(strstr(err.text, "x.json: 9 bytes, at most 5"));
	f = fopen(path, "w");
	fputs("{\"a\":1}", f);
	fclose(f);
	v = json_read(path, 100, &err);
	assert_non_null(json_get(v, "a"));
	json_free(v);
	free(dir);
}

/* Every beginning and every changed bit: an error, or a value that writes
 * itself and reads back the same. */
static void damage_gives_an_error_or_a_sound_value(void **state)
{
	static const char good[] = "{\"a\":[1,-2.5e3,true,null],\"\\u00e9\":"
	                           "\"x\\n\\ud83d\\ude00\"}";
	size_t len = sizeof good - 1, refused = 0;
	char text[sizeof good];

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_null(json_parse(good, cut, "test.json", NULL));
	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
		struct json *v;

		memcpy(text, good, sizeof text);
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		v = json_parse(text, len, "test.json", NULL);
		refused += v == NULL;
		if (!v)
			continue;
		json_write_python(&once, v);
		json_free(v);
		v = json_parse(once.bytes, once.len, "test.json", NULL);
		assert_non_null(v);
		json_write_python(&twice, v);
		assert_string_equal(once.bytes, twice.bytes);
		json_free(v);
		strbuf_free(&once);
		strbuf_free(&twice);
	}
	assert_true(refused > 4 * len); /* most flips break the grammar */
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_not_json_is_refused_with_place_and_fault),
	cmocka_unit_test(keys_may_repeat_in_different_objects),
	cmocka_unit_test(a_message_is_not_a_way_to_the_terminal),
	cmocka_unit_test(nesting_is_fine_to_200_and_refused_beyond),
	cmocka_unit_test(finding_a_repeated_key_takes_linear_time),
	cmocka_unit_test(a_bound_on_the_values_is_kept),
	cmocka_unit_test(values_are_what_the_text_says),
	cmocka_unit_test(what_is_absent_or_of_another_kind_is_nothing),
	cmocka_unit_test(integers_are_exact_or_refused),
	cmocka_unit_test(values_are_written_as_python_writes_them),
	cmocka_unit_test(numbers_are_written_short_and_infinities_as_null),
	cmocka_unit_test(every_double_reads_back_to_itself),
	cmocka_unit_test(strings_are_escaped_and_repaired),
	cmocka_unit_test(the_locale_does_not_change_numbers),
	cmocka_unit_test(a_file_is_read_or_the_message_names_it),
	cmocka_unit_test(damage_gives_an_error_or_a_sound_value),
};

TEST_MAIN(tests)
