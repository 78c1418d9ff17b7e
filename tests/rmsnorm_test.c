#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "math/kernels.h"
#include "math/rmsnorm.h"
#include "tests/numbers.h"

static const char *const set_names[] = { "scalar", "avx2", "avx512" };

static void a_case_worked_by_hand(void **state)
{
	/* mean square of (3, 4) is 12.5; with eps 12.5 the root is 5 */
	const float x[] = { 3, 4 }, weight[] = { 10, -5 };
	float y[2];

	(void)state;
	rmsnorm(y, 2, x, 2, weight, 1, 2, 12.5f);
	assert_true(fabsf(y[0] - 6) < 1e-6f);
	assert_true(fabsf(y[1] + 4) < 1e-6f);
}

static void rows_of_every_length_are_normalised(void **state)
{
	uint64_t rng = 1;

	(void)state;
	for (size_t s = 0; s < 3; s++) {
		if (!kernels_by_name(set_names[s]))
			continue;
		kernels_use(kernels_by_name(set_names[s]));
		for (size_t dim = 1; dim < 300; dim++) {
			float x[300], weight[300], y[300];
			double square = 0;

			numbers_fill(&rng, x, dim);
			numbers_fill(&rng, weight, dim);
			for (size_t i = 0; i < dim; i++)
				square += (double)x[i] * x[i];
			square = 1 / sqrt(square / (double)dim + 1e-6f);
			rmsnorm(y, dim, x, dim, weight, 1, dim, 1e-6f);
			for (size_t i = 0; i < dim; i++)
				assert_true(fabs(y[i] -
				                 x[i] * square * weight[i]) <=
				            16 * FLOAT_EPS *
				                    fabs(x[i] * square));
			rmsnorm(x, dim, x, dim, weight, 1, dim, 1e-6f);
			assert_memory_equal(x, y, dim * sizeof *x);
		}
	}
	kernels_use(NULL);
}

static void rows_may_lie_apart(void **state)
{
	float x[3][9], y[3][8], one[5], weight[] = { 1, 2, 3, 4, 5 };
	uint64_t rng = 2;

	(void)state;
	numbers_fill(&rng, x[0], 27);
	memset(y, 0, sizeof y);
	rmsnorm(y[0], 8, x[0], 9, weight, 3, 5, 1e-6f);
	for (int r = 0; r < 3; r++) {
		rmsnorm(one, 5, x[r], 9, weight, 1, 5, 1e-6f);
		assert_memory_equal(one, y[r], sizeof one);
		assert_true(y[r][5] == 0 && y[r][7] == 0);
	}
}

static void a_row_of_zeros_stays_so(void **state)
{
	float x[4] = { 0 }, weight[] = { 1, 1, 1, 1 };

	(void)state;
	rmsnorm(x, 4, x, 4, weight, 1, 4, 1e-6f);
	for (int i = 0; i < 4; i++)
		assert_true(x[i] == 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_case_worked_by_hand),
	cmocka_unit_test(rows_of_every_length_are_normalised),
	cmocka_unit_test(rows_may_lie_apart),
	cmocka_unit_test(a_row_of_zeros_stays_so),
};

TEST_MAIN(tests)
