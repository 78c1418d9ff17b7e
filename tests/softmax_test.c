#include "tests/support.h"

#include <math.h>

#include "math/softmax.h"
#include "tests/numbers.h"

static void worked_by_hand(void **state)
{
	float x[] = { 0, (float)log(2.0), (float)log(5.0), -INFINITY };

	(void)state;
	softmax(x, 4);
	assert_true(fabsf(x[0] - 0.125f) < 1e-6f);
	assert_true(fabsf(x[1] - 0.25f) < 1e-6f);
	assert_true(fabsf(x[2] - 0.625f) < 1e-6f);
	assert_true(x[3] == 0);
}

static void sums_to_one_and_shifts_do_not_matter(void **state)
{
	float x[257], shifted[257];
	double sum = 0;
	uint64_t rng = 1;

	(void)state;
	numbers_fill(&rng, x, 257);
	for (int i = 0; i < 257; i++) {
		x[i] = rintf(x[i] * 8192) / 512; /* so that + 1024 is exact */
		shifted[i] = x[i] + 1024;
	}
	softmax(x, 257);
	softmax(shifted, 257);
	for (int i = 0; i < 257; i++) {
		assert_true(x[i] == shifted[i]);
		sum += x[i];
	}
	assert_true(fabs(sum - 1) < 1e-6);
}

static void one_or_of_huge_values_is_a_number(void **state)
{
	float one[] = { -3e38f }, huge[] = { 3e38f, 3e38f, -3e38f };

	(void)state;
	softmax(one, 1);
	assert_true(one[0] == 1);
	softmax(huge, 3);
	assert_true(huge[0] == 0.5f && huge[1] == 0.5f && huge[2] == 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(worked_by_hand),
	cmocka_unit_test(sums_to_one_and_shifts_do_not_matter),
	cmocka_unit_test(one_or_of_huge_values_is_a_number),
};

TEST_MAIN(tests)
