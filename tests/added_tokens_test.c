#include "tests/support.h"

#include <string.h>

#include "text/added_tokens.h"

static const char *const texts[] = {
	"ab", "abab", "b", "ba", "aaa", "<", "<<a"
};
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

/* The leftmost, of those the longest, by looking everywhere. */
static int naive(const char *text, size_t len, size_t from, size_t *begin,
                 size_t *end)
{
	int id = -1;

	for (; id < 0 && from < len; from++)
		for (size_t i = 0; i < N_TEXTS; i++) {
			size_t n = strlen(texts[i]);

			if (n > len - from || memcmp(text + from, texts[i], n))
				continue;
			if (id >= 0 && n <= *end - *begin)
				continue;
			id = (int)i;
			*begin = from;
			*end = from + n;
		}
	return id;
}

static void the_leftmost_longest_is_found_from_every_place(void **state)
{
	struct added_tokens *tokens = added_tokens_new();
	unsigned seed = 9;
	char text[24];

	(void)state;
	for (size_t i = 0; i < N_TEXTS; i++)
		added_tokens_put(tokens, texts[i], strlen(texts[i]), (int)i);
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)round % sizeof(text);

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = "ab<c"[seed >> 30];
		}
		for (size_t from = 0; from <= len; from++) {
			size_t begin = 77, end = 78, naive_begin = 77;
			size_t naive_end = 78;
			int id = -1, expected;

			expected = naive(text, len, from, &naive_begin,
			                 &naive_end);
			assert_int_equal(added_tokens_find(tokens, text, len,
			                                   from, &begin, &end,
			                                   &id),
			                 expected >= 0);
			assert_int_equal(id, expected);
			assert_int_equal(begin, naive_begin);
			assert_int_equal(end, naive_end);
		}
	}
	added_tokens_free(tokens);
}

static void nothing_is_found_where_there_are_none(void **state)
{
	struct added_tokens *tokens = added_tokens_new();
	size_t begin, end;
	int id;

	(void)state;
	assert_true(added_tokens_empty(tokens));
	assert_false(added_tokens_find(tokens, "abc", 3, 0, &begin, &end, &id));
	added_tokens_put(tokens, "\xff", 1, 0);
	assert_false(added_tokens_empty(tokens));
	assert_true(
		added_tokens_find(tokens, "a\xff", 2, 0, &begin, &end, &id));
	assert_int_equal(begin, 1);
	added_tokens_free(tokens);
	added_tokens_free(NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_leftmost_longest_is_found_from_every_place),
	cmocka_unit_test(nothing_is_found_where_there_are_none),
};

TEST_MAIN(tests)
