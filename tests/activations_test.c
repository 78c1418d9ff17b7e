#include "tests/support.h"

#include <math.h>

#include "math/activations.h"
#include "tests/numbers.h"

static void swiglu_worked_by_hand(void **state)
{
	/* silu(0) = 0; silu(1) = 1 / (1 + 1/e); silu(-1) = -1 / (1 + e) */
	const float gate[] = { 0, 1, -1, 100, -100 }, up[] = { 5, 2, 2, 1, 1 };
	const double expected[] = { 0, 2 * 0.7310585786300049,
		                    -2 * 0.2689414213699951, 100, -3.72e-42 };
	float y[5];

	(void)state;
	activations_swiglu(y, gate, up, 5);
	for (int i = 0; i < 5; i++)
		assert_true(fabs(y[i] - expected[i]) <=
		            1e-6 * fabs(expected[i]) + 1e-36);
}

static void softmax_worked_by_hand(void **state)
{
	float x[] = { 0, (float)log(2.0), (float)log(5.0), -INFINITY };

	(void)state;
	activations_softmax(x, 4);
	assert_true(fabsf(x[0] - 0.125f) < 1e-6f);
	assert_true(fabsf(x[1] - 0.25f) < 1e-6f);
	assert_true(fabsf(x[2] - 0.625f) < 1e-6f);
	assert_true(x[3] == 0);
}

static void softmax_sums_to_one_and_shifts_do_not_matter(void **state)
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
	activations_softmax(x, 257);
	activations_softmax(shifted, 257);
	for (int i = 0; i < 257; i++) {
		assert_true(x[i] == shifted[i]);
		sum += x[i];
	}
	assert_true(fabs(sum - 1) < 1e-6);
}

static void softmax_of_one_or_of_huge_values_is_a_number(void **state)
{
	float one[] = { -3e38f }, huge[] = { 3e38f, 3e38f, -3e38f };

	(void)state;
	activations_softmax(one, 1);
	assert_true(one[0] == 1);
	activations_softmax(huge, 3);
	assert_true(huge[0] == 0.5f && huge[1] == 0.5f && huge[2] == 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(swiglu_worked_by_hand),
	cmocka_unit_test(softmax_worked_by_hand),
	cmocka_unit_test(softmax_sums_to_one_and_shifts_do_not_matter),
	cmocka_unit_test(softmax_of_one_or_of_huge_values_is_a_number),
};

TEST_MAIN(tests)
