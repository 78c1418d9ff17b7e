#include "tests/support.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static void zeroed_memory_is_zero_and_nothing_is_still_a_block(void **state)
{
	char *zeros = mem_zalloc(100, 3), *nothing = mem_alloc(0);

	(void)state;
	for (int i = 0; i < 300; i++)
		assert_int_equal(zeros[i], 0);
	assert_non_null(nothing);
	free(zeros);
	free(nothing);
}

static void a_copy_has_a_zero_byte_after_it(void **state)
{
	char *copy = mem_dup("abc", 2), *empty = mem_dup(NULL, 0);

	(void)state;
	assert_string_equal(copy, "ab");
	assert_string_equal(empty, "");
	free(copy);
	free(empty);
}

static void growing_one_by_one_keeps_what_is_there(void **state)
{
	size_t n = 0, capacity = 0;
	int *list = NULL;

	(void)state;
	for (; n < 1000; n++) {
		list = mem_grow(list, n, &capacity, sizeof *list);
		assert_true(capacity > n);
		list[n] = (int)n;
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i], i);
	free(list);
}

static void model_sized_memory_is_aligned_or_null(void **state)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 65, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *p = mem_try(sizes[i], 1);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		memset(p, 1, sizes[i]);
		free(p);
	}
	assert_null(mem_try(SIZE_MAX / 2, 3));
	assert_null(mem_try(SIZE_MAX, 1));
	assert_null(mem_try(SIZE_MAX - 63, 1));
}

static void leave(size_t bytes)
{
	_exit(bytes == SIZE_MAX ? 42 : 43);
}

/* In a child, because the handler ends the program. */
static void an_impossible_size_calls_the_handler(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		mem_set_handler(leave);
		mem_zalloc(SIZE_MAX / 2, 3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(zeroed_memory_is_zero_and_nothing_is_still_a_block),
	cmocka_unit_test(a_copy_has_a_zero_byte_after_it),
	cmocka_unit_test(growing_one_by_one_keeps_what_is_there),
	cmocka_unit_test(model_sized_memory_is_aligned_or_null),
	cmocka_unit_test(an_impossible_size_calls_the_handler),
};

TEST_MAIN(tests)
