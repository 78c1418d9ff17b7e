#include "tests/support.h"

#include "base/ids.h"

static void added_and_appended_ids_stand_in_order(void **state)
{
	struct ids ids = { 0 };
	int more[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		more[i] = 1000 + i;
	ids_append(&ids, NULL, 0);
	assert_int_equal(ids.n, 0);
	for (int i = 0; i < 20; i++)
		ids_add(&ids, i);
	ids_append(&ids, more, 100);
	ids_add(&ids, -1);
	assert_int_equal(ids.n, 121);
	assert_true(ids.capacity >= ids.n);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ids.data[i], i);
	assert_memory_equal(ids.data + 20, more, sizeof more);
	assert_int_equal(ids.data[120], -1);
	ids_free(&ids);
	assert_null(ids.data);
	assert_int_equal(ids.n, 0);
}

static void the_common_prefix_ends_at_the_first_difference(void **state)
{
	static const int a[] = { 1, 2, 3, 4 }, b[] = { 1, 2, 9, 4 };

	(void)state;
	assert_int_equal(ids_common_prefix(a, 4, b, 4), 2);
	assert_int_equal(ids_common_prefix(a, 4, a, 4), 4);
	assert_int_equal(ids_common_prefix(a, 4, a, 3), 3);
	assert_int_equal(ids_common_prefix(a, 1, b, 4), 1);
	assert_int_equal(ids_common_prefix(a, 0, b, 4), 0);
	assert_int_equal(ids_common_prefix(NULL, 0, NULL, 0), 0);
	assert_int_equal(ids_common_prefix(a + 1, 3, b, 4), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(added_and_appended_ids_stand_in_order),
	cmocka_unit_test(the_common_prefix_ends_at_the_first_difference),
};

TEST_MAIN(tests)
