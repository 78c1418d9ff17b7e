#include "tests/support.h"

#include "math/tensor.h"

static void a_row_of_blocks_has_its_bytes(void **state)
{
	size_t bytes;

	(void)state;
	assert_true(dtype_row_bytes(DTYPE_F32, 7, &bytes));
	assert_int_equal(bytes, 28);
	assert_true(dtype_row_bytes(DTYPE_BF16, 2560, &bytes));
	assert_int_equal(bytes, 5120);
	assert_true(dtype_row_bytes(DTYPE_Q8_0, 64, &bytes));
	assert_int_equal(bytes, 68);
	assert_true(dtype_row_bytes(DTYPE_Q4_K, 2560, &bytes));
	assert_int_equal(bytes, 1440);
	assert_true(dtype_row_bytes(DTYPE_Q6_K, 0, &bytes));
	assert_int_equal(bytes, 0);
}

static void a_row_that_ends_inside_a_block_is_refused(void **state)
{
	size_t bytes;

	(void)state;
	assert_false(dtype_row_bytes(DTYPE_Q8_0, 33, &bytes));
	assert_false(dtype_row_bytes(DTYPE_Q4_K, 32, &bytes));
	assert_false(dtype_row_bytes(DTYPE_F32, -1, &bytes));
}

static void a_row_whose_bytes_overflow_is_refused(void **state)
{
	size_t bytes;

	(void)state;
	assert_false(dtype_row_bytes(DTYPE_F32, INT64_MAX, &bytes));
}

static void every_dtype_has_a_name_and_a_block(void **state)
{
	(void)state;
	for (int d = 0; d < DTYPE_COUNT; d++) {
		const struct dtype_info *info = dtype_info((enum dtype)d);

		assert_non_null(info->name);
		assert_true(info->block > 0 && info->bytes > 0);
		for (int e = 0; e < d; e++)
			assert_string_not_equal(
				info->name, dtype_info((enum dtype)e)->name);
	}
}

static void a_shape_has_its_elements_and_bytes(void **state)
{
	int64_t elements;
	size_t bytes;

	(void)state;
	assert_true(tensor_size(DTYPE_BF16, 2, (int64_t[]){ 3, 5 }, &elements,
	                        &bytes));
	assert_int_equal(elements, 15);
	assert_int_equal(bytes, 30);
	assert_true(tensor_size(DTYPE_Q8_0_X16, 3, (int64_t[]){ 3, 16, 64 },
	                        &elements, &bytes));
	assert_int_equal(bytes, 3 * 1088);
	assert_false(tensor_size(DTYPE_Q8_0_X16, 3, (int64_t[]){ 16, 8, 64 },
	                         &elements, &bytes));
	assert_false(tensor_size(DTYPE_Q8_0_X16, 1, (int64_t[]){ 64 },
	                         &elements, &bytes));
	assert_true(tensor_size(DTYPE_Q8_0, 3, (int64_t[]){ 2, 3, 32 },
	                        &elements, &bytes));
	assert_int_equal(elements, 192);
	assert_int_equal(bytes, 6 * 34);
}

static void shapes_that_cannot_be_are_refused(void **state)
{
	const int64_t big = (int64_t)1 << 31;
	int64_t elements;
	size_t bytes;

	(void)state;
	assert_false(
		tensor_size(DTYPE_F32, 0, (int64_t[]){ 1 }, &elements, &bytes));
	assert_false(tensor_size(DTYPE_F32, 5, (int64_t[]){ 1, 1, 1, 1, 1 },
	                         &elements, &bytes));
	assert_false(tensor_size(DTYPE_F32, 2, (int64_t[]){ 0, 4 }, &elements,
	                         &bytes));
	assert_false(tensor_size(DTYPE_F32, 2, (int64_t[]){ 4, -4 }, &elements,
	                         &bytes));
	assert_false(tensor_size(DTYPE_Q8_0, 2, (int64_t[]){ 32, 8 }, &elements,
	                         &bytes));
	/* the product of the first two, of all, and of all by four bytes */
	assert_false(tensor_size(DTYPE_F32, 3, (int64_t[]){ big, 2 * big, 1 },
	                         &elements, &bytes));
	assert_false(tensor_size(DTYPE_F32, 2, (int64_t[]){ big, 2 * big },
	                         &elements, &bytes));
	assert_false(tensor_size(DTYPE_F32, 2, (int64_t[]){ big / 2, 4 * big },
	                         &elements, &bytes));
	assert_false(tensor_size(DTYPE_F32, 2, (int64_t[]){ big, big },
	                         &elements, &bytes));
	assert_true(tensor_size(DTYPE_F32, 2, (int64_t[]){ big, big / 2 },
	                        &elements, &bytes));
}

static void rows_and_columns_are_read_off_the_shape(void **state)
{
	struct tensor vector = { .n_dims = 1, .shape = { 7 } };
	struct tensor matrix = { .n_dims = 2, .shape = { 3, 5 } };

	(void)state;
	assert_int_equal(tensor_rows(&vector), 1);
	assert_int_equal(tensor_cols(&vector), 7);
	assert_int_equal(tensor_rows(&matrix), 3);
	assert_int_equal(tensor_cols(&matrix), 5);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_row_of_blocks_has_its_bytes),
	cmocka_unit_test(a_row_that_ends_inside_a_block_is_refused),
	cmocka_unit_test(a_row_whose_bytes_overflow_is_refused),
	cmocka_unit_test(every_dtype_has_a_name_and_a_block),
	cmocka_unit_test(a_shape_has_its_elements_and_bytes),
	cmocka_unit_test(shapes_that_cannot_be_are_refused),
	cmocka_unit_test(rows_and_columns_are_read_off_the_shape),
};

TEST_MAIN(tests)
