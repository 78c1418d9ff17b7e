#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/kernels.h"
#include "math/select.h"

static uint64_t state = 9;

static double uniform(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) * 0x1p-53;
}

/* Vector set i that this CPU can run, or NULL. */
#define SETS 2

static const struct select_ops *vector_set(int i)
{
#ifdef __x86_64__
	if (i == 0 && kernels_by_name("avx2"))
		return &select_avx2;
	if (i == 1 && kernels_by_name("avx512"))
		return &select_avx512;
#endif
	(void)i;
	return NULL;
}

/* Coarse values, so that there are equals; now and then no number. */
static void fill(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double u = uniform();

		x[i] = (float)floor(uniform() * 4000 - 3000) / 64;
		if (u < 0.01)
			x[i] = NAN;
		else if (u < 0.02)
			x[i] = -INFINITY;
	}
}

static void assert_close(double a, double b)
{
	assert_true(fabs(a - b) <= 1e-13 * (1 + fabs(b)));
}

static void compare(const struct select_ops *fast, const float *x, size_t n)
{
	float slow_max[8], fast_max[8], top = 20;
	float least[] = { -INFINITY, -30, x[0], 15.5f, 100 };
	double scales[] = { 1, 1 / 0.7, 1e-3, 1e30 };

	memset(slow_max, 0, sizeof slow_max);
	memset(fast_max, 0, sizeof fast_max);
	select_scalar.block_max(x, n, slow_max);
	fast->block_max(x, n, fast_max);
	assert_memory_equal(slow_max, fast_max, sizeof slow_max);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(select_scalar.count_above(x, n, least[i]),
		                 fast->count_above(x, n, least[i]));
		for (int k = 0; k < 4; k++) {
			struct select_sums a =
				select_scalar.sums(x, n, top, scales[k],
			                           least[i]);
			struct select_sums b =
				fast->sums(x, n, top, scales[k], least[i]);

			assert_int_equal(a.count, b.count);
			assert_close(b.mass, a.mass);
			assert_close(b.moment, a.moment);
		}
	}
}

static void vector_sets_equal_the_scalar_one(void **unused)
{
	float x[1000];

	(void)unused;
	for (int round = 0; round < 3000; round++) {
		size_t n = 1 + (size_t)(uniform() * 999);

		fill(x, n);
		for (int i = 0; i < SETS; i++)
			if (vector_set(i))
				compare(vector_set(i), x, n);
	}
}

static void check_weights(const struct select_ops *fast)
{
	for (int round = 0; round < 200000; round++) {
		float x = (float)(-710 * uniform() * uniform());
		double want = (double)expl((long double)x);
		double got = fast->sums(&x, 1, 0, 1, -INFINITY).mass;

		if (x > SELECT_EXP_MIN)
			assert_true(fabs(got / want - 1) < 1e-15);
		else
			assert_true(got == 0);
	}
}

static void one_weight_is_exact_to_the_last_places(void **unused)
{
	(void)unused;
	for (int i = 0; i < SETS; i++)
		if (vector_set(i))
			check_weights(vector_set(i));
}

static void sums_of_a_worked_case(void **unused)
{
	/* weights 1, 1/2, 1/4 (scale 2 halves the logarithms) */
	float x[] = { (float)M_LN2, 0, NAN, (float)(M_LN2 / 2), -INFINITY };
	struct select_sums s = select_scalar.sums(x, 5, (float)M_LN2, 2, 0);

	(void)unused;
	assert_int_equal(s.count, 3);
	assert_true(fabs(s.mass - 1.75) < 1e-6);
	assert_true(fabs(s.moment + M_LN2) <
	            1e-6); /* 1/2 ln 1/2 + 1/4 ln 1/4 */
}

static struct pick *random_picks(size_t n)
{
	struct pick *picks = malloc(n * sizeof *picks);

	assert_non_null(picks);
	for (size_t i = 0; i < n; i++)
		picks[i] =
			(struct pick){ (float)(int)(uniform() * 50), (int)i };
	return picks;
}

static void parting_finds_the_first_m_in_order(void **unused)
{
	(void)unused;
	for (int round = 0; round < 2000; round++) {
		size_t n = 1 + (size_t)(uniform() * 300);
		size_t m = 1 + (size_t)(uniform() * (double)n);
		struct pick *a = random_picks(n), *b = malloc(n * sizeof *b);
		struct pick last;

		memcpy(b, a, n * sizeof *b);
		pick_sort(b, n);
		for (size_t i = 1; i < n; i++)
			assert_true(pick_before(b[i - 1], b[i]));
		pick_part(a, n, m);
		last = a[m - 1];
		pick_sort(a, m);
		assert_memory_equal(a, b, m * sizeof *a);
		assert_memory_equal(&last, &b[m - 1], sizeof last);
		free(a);
		free(b);
	}
}

static void a_split_always_makes_two_parts(void **unused)
{
	(void)unused;
	for (int round = 0; round < 5000; round++) {
		size_t n = 2 + (size_t)(uniform() * 12), mid;
		struct pick *picks = random_picks(n);

		mid = pick_split(picks, n);
		assert_in_range(mid, 1, n - 1);
		for (size_t i = 0; i < mid; i++)
			for (size_t j = mid; j < n; j++)
				assert_true(pick_before(picks[i], picks[j]));
		free(picks);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(vector_sets_equal_the_scalar_one),
	cmocka_unit_test(one_weight_is_exact_to_the_last_places),
	cmocka_unit_test(sums_of_a_worked_case),
	cmocka_unit_test(parting_finds_the_first_m_in_order),
	cmocka_unit_test(a_split_always_makes_two_parts),
};

TEST_MAIN(tests)
