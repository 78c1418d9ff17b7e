#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

static void an_empty_buffer_is_an_empty_c_string(void **state)
{
	struct strbuf s = STRBUF_INIT;
	char *bytes;

	(void)state;
	assert_string_equal(s.bytes, "");
	strbuf_add(&s, "", 0);
	strbuf_clear(&s);
	strbuf_remove(&s, 0, 0);
	assert_int_equal(s.capacity, 0);
	bytes = strbuf_take(&s);
	assert_string_equal(bytes, "");
	free(bytes);
	strbuf_free(&s);
}

static void what_is_added_is_there_and_ends_with_a_zero(void **state)
{
	struct strbuf s = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		strbuf_add_char(&s, (char)('a' + i % 26));
		assert_int_equal(s.bytes[s.len], '\0');
		assert_true(s.capacity > s.len);
	}
	assert_int_equal(s.len, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(s.bytes[i], 'a' + i % 26);
	strbuf_free(&s);
	assert_int_equal(s.len, 0);
	assert_string_equal(s.bytes, "");
}

static void zero_bytes_are_bytes_like_others(void **state)
{
	struct strbuf s = STRBUF_INIT;

	(void)state;
	strbuf_add(&s, "a\0b", 3);
	strbuf_add_str(&s, "c");
	assert_int_equal(s.len, 4);
	assert_memory_equal(s.bytes, "a\0bc", 5);
	strbuf_free(&s);
}

static void printf_appends_whatever_the_length(void **state)
{
	struct strbuf s = STRBUF_INIT;
	char text[3001];

	(void)state;
	memset(text, 'x', 3000);
	text[3000] = '\0';
	strbuf_printf(&s, "%d:", 7);
	strbuf_printf(&s, "%s", "");
	strbuf_printf(&s, "%s|%05.1f", text, 2.5);
	assert_int_equal(s.len, 2 + 3000 + 1 + 5);
	assert_memory_equal(s.bytes, "7:xxx", 5);
	assert_string_equal(s.bytes + 3002, "|002.5");
	strbuf_free(&s);
}

static void remove_works_at_both_ends_and_between(void **state)
{
	struct strbuf s = STRBUF_INIT;

	(void)state;
	strbuf_add_str(&s, "abcde");
	strbuf_remove(&s, 1, 3);
	assert_string_equal(s.bytes, "ae");
	strbuf_remove(&s, 1, 1);
	strbuf_remove(&s, 0, 1);
	assert_string_equal(s.bytes, "");
	assert_int_equal(s.len, 0);
	strbuf_free(&s);
}

static void reserved_room_is_not_moved_again(void **state)
{
	struct strbuf s = STRBUF_INIT;
	const char *before;

	(void)state;
	strbuf_reserve(&s, 5000);
	before = s.bytes;
	for (int i = 0; i < 5000; i++)
		strbuf_add_char(&s, 'x');
	assert_ptr_equal(s.bytes, before);
	strbuf_clear(&s);
	assert_ptr_equal(s.bytes, before);
	assert_string_equal(s.bytes, "");
	strbuf_free(&s);
}

static void take_gives_the_bytes_away(void **state)
{
	struct strbuf s = STRBUF_INIT;
	char *bytes;

	(void)state;
	strbuf_add_str(&s, "mine");
	bytes = strbuf_take(&s);
	strbuf_add_str(&s, "new");
	assert_string_equal(bytes, "mine");
	assert_string_equal(s.bytes, "new");
	free(bytes);
	strbuf_free(&s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_empty_buffer_is_an_empty_c_string),
	cmocka_unit_test(what_is_added_is_there_and_ends_with_a_zero),
	cmocka_unit_test(zero_bytes_are_bytes_like_others),
	cmocka_unit_test(printf_appends_whatever_the_length),
	cmocka_unit_test(remove_works_at_both_ends_and_between),
	cmocka_unit_test(reserved_room_is_not_moved_again),
	cmocka_unit_test(take_gives_the_bytes_away),
};

TEST_MAIN(tests)
