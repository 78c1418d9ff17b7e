#include "tests/support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/threads.h"
#include "math/gemm.h"
#include "tests/numbers.h"

struct product {
	size_t m, n, k, c_stride, a_stride, b_stride;
	bool b_transposed, add;
	float alpha, *c, *before, *a, *b;
};

static float *random_block(size_t n, uint64_t *rng)
{
	float *x = malloc(n * sizeof *x);

	numbers_fill(rng, x, n);
	return x;
}

static struct product random_product(uint64_t *rng)
{
	struct product p = { .m = 1 + numbers_below(rng, 70),
		             .n = 1 + numbers_below(rng, 70),
		             .k = 1 + numbers_below(rng, 300),
		             .b_transposed = numbers_below(rng, 2),
		             .add = numbers_below(rng, 2),
		             .alpha = numbers_uniform(rng) };

	p.c_stride = p.n + numbers_below(rng, 5);
	p.a_stride = p.k + numbers_below(rng, 5);
	p.b_stride = (p.b_transposed ? p.k : p.n) + numbers_below(rng, 5);
	p.c = random_block(p.m * p.c_stride, rng);
	p.before = malloc(p.m * p.c_stride * sizeof *p.c);
	memcpy(p.before, p.c, p.m * p.c_stride * sizeof *p.c);
	p.a = random_block(p.m * p.a_stride, rng);
	p.b = random_block((p.b_transposed ? p.n : p.k) * p.b_stride, rng);
	return p;
}

static void multiply(struct product *p)
{
	gemm(p->c, p->c_stride, p->a, p->a_stride, p->b, p->b_stride,
	     p->b_transposed, p->m, p->n, p->k, p->alpha, p->add);
}

/* Whether every element is what double precision gives. */
static bool is_right(const struct product *p)
{
	for (size_t i = 0; i < p->m; i++)
		for (size_t j = 0; j < p->n; j++) {
			size_t at = i * p->c_stride + j;
			double sum = 0, size = 0;

			for (size_t l = 0; l < p->k; l++) {
				double t = (double)p->a[i * p->a_stride + l] *
				           p->b[p->b_transposed
				                        ? j * p->b_stride + l
				                        : l * p->b_stride + j];

				sum += t;
				size += fabs(t);
			}
			sum = p->alpha * sum + (p->add ? p->before[at] : 0);
			if (!(fabs(p->c[at] - sum) <= (8 + sqrt((double)p->k)) *
			                                      FLOAT_EPS *
			                                      (1 + size)))
				return false;
		}
	return true;
}

static void free_product(struct product *p)
{
	free(p->a);
	free(p->b);
	free(p->c);
	free(p->before);
}

static void products_of_every_shape_are_right(void **state)
{
	uint64_t rng = 1;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct product p = random_product(&rng);

		multiply(&p);
		assert_true(is_right(&p));
		for (size_t r = 0; r < p.m; r++) /* between the rows */
			for (size_t j = p.n; j < p.c_stride; j++)
				assert_true(p.c[r * p.c_stride + j] ==
				            p.before[r * p.c_stride + j]);
		free_product(&p);
	}
}

static void what_c_held_is_forgotten_unless_added_to(void **state)
{
	uint64_t rng = 2;
	struct product p = random_product(&rng);

	(void)state;
	p.add = false;
	for (size_t i = 0; i < p.m * p.c_stride; i++)
		p.c[i] = NAN;
	multiply(&p);
	assert_true(is_right(&p));
	free_product(&p);
}

static void many_products(void *wrong, int index, int n)
{
	uint64_t rng = 3 + (uint64_t)index;

	(void)n;
	for (int i = 0; i < 100; i++) {
		struct product p = random_product(&rng);

		multiply(&p);
		if (!is_right(&p))
			((int *)wrong)[index]++;
		free_product(&p);
	}
}

static void threads_multiply_side_by_side(void **state)
{
	struct threads *pool = threads_new(4, NULL);
	int wrong[4] = { 0 };

	(void)state;
	threads_run(pool, many_products, wrong);
	for (int i = 0; i < 4; i++)
		assert_int_equal(wrong[i], 0);
	threads_free(pool);
}

/* It may run beside threads that read the environment. */
static void starting_blis_leaves_an_environment_that_was_prepared(void **state)
{
	char **before = environ;
	const char *arch = getenv("BLIS_ARCH_TYPE");

	(void)state;
	gemm_init();
	assert_ptr_equal(environ, before);
	assert_ptr_equal(getenv("BLIS_ARCH_TYPE"), arch);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(starting_blis_leaves_an_environment_that_was_prepared),
	cmocka_unit_test(products_of_every_shape_are_right),
	cmocka_unit_test(what_c_held_is_forgotten_unless_added_to),
	cmocka_unit_test(threads_multiply_side_by_side),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	gemm_choose_arch();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
