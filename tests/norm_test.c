#include "tests/support.h"

#include "base/threads.h"
#include "math/rmsnorm.h"
#include "model/norm.h"
#include "tests/numbers.h"

#define DIM 37

static void every_row_is_normalised_on_any_number_of_threads(void **state_)
{
	static const size_t counts[] = { 1, 7, 8, 9, 100 };
	float x[100 * DIM], want[100 * DIM], got[100 * DIM], weight[DIM];
	uint64_t state = 5;

	(void)state_;
	numbers_fill(&state, x, 100 * DIM);
	numbers_fill(&state, weight, DIM);
	for (int n = 1; n <= 4; n++) {
		struct threads *pool = threads_new(n, NULL);

		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
			size_t bytes = counts[i] * DIM * sizeof *x;

			rmsnorm(want, DIM, x, DIM, weight, counts[i], DIM,
			        1e-6f);
			norm_rows(pool, got, x, weight, counts[i], DIM, 1e-6f);
			assert_memory_equal(got, want, bytes);
			memcpy(got, x, bytes); /* in place */
			norm_rows(pool, got, got, weight, counts[i], DIM,
			          1e-6f);
			assert_memory_equal(got, want, bytes);
		}
		threads_free(pool);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_row_is_normalised_on_any_number_of_threads),
};

TEST_MAIN(tests)
