#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "math/kernels.h"
#include "math/quant_x.h"
#include "tests/numbers.h"

#define MAX_N 1100

static const char *const set_names[] = { "scalar", "avx2", "avx512" };

/* A row at the edge of what may be read, into memory that held something. */
static struct quant_x *quantised(const struct kernels *set, const float *x,
                                 size_t n)
{
	static struct quant_x rows[3][(MAX_N + 255) / 256 + 1];
	static int next;
	struct quant_x *to = rows[next++ % 3];
	struct fenced block = fenced_new(n * sizeof *x);

	memcpy(block.at, x, n * sizeof *x);
	memset(to, 0x55, sizeof rows[0]);
	set->quant_x(to, block.at, n);
	fenced_free(block);
	return to;
}

static void a_case_worked_by_hand(void **state)
{
	const float x[] = { 254, -127, 1, 3, -2, 0.5f };
	const int8_t q[] = { 127, -64, 0, 2, -1, 0, 0 }; /* halves to even */

	(void)state;
	for (size_t s = 0; s < 3; s++) {
		const struct kernels *set = kernels_by_name(set_names[s]);
		const struct quant_x *y;

		if (!set)
			continue;
		y = quantised(set, x, 6);
		assert_true(y->d[0] == 2);
		assert_memory_equal(y->q, q, sizeof q);
		assert_int_equal(y->sum[0], 64);
		assert_int_equal(y->sum[1], 0);
		assert_true(y->d[1] == 0);
	}
}

static void codes_are_within_half_a_step(void **state)
{
	uint64_t rng = 1;
	float x[MAX_N];

	(void)state;
	for (int round = 0; round < 200; round++) {
		size_t n = 1 + numbers_below(&rng, MAX_N);
		float size = ldexpf(1, (int)numbers_below(&rng, 60) - 30);
		const struct quant_x *y;

		for (size_t i = 0; i < n; i++)
			x[i] = size * numbers_uniform(&rng);
		y = quantised(kernels_by_name("scalar"), x, n);
		for (size_t i = 0; i < n; i++) {
			const struct quant_x *at = y + i / 256;
			float d = at->d[i % 256 / 32];

			assert_true(fabsf(x[i] - d * (float)at->q[i % 256]) <=
			            d * 0.50001f);
		}
		for (size_t i = 0; i < quant_x_count(n) * 16; i++) {
			const struct quant_x *at = y + i / 16;
			int sum = 0;

			for (size_t k = 0; k < 16; k++)
				sum += at->q[i % 16 * 16 + k];
			assert_int_equal(at->sum[i % 16], sum);
		}
	}
}

static void every_set_makes_the_same_bytes(void **state)
{
	uint64_t rng = 2;
	float x[MAX_N];

	(void)state;
	for (int round = 0; round < 1000; round++) {
		size_t n = 1 + numbers_below(&rng, MAX_N);
		struct quant_x *expected;

		numbers_fill(&rng, x, n);
		/* Blocks of zeros, of tiny numbers, of what is no number. */
		for (size_t i = 0; i < n; i += 32)
			if (numbers_below(&rng, 4) == 0)
				for (size_t k = i; k < n && k < i + 32; k++)
					x[k] *= (const float[]){
						0, 0x1p-101f, 0x1p-99f, INFINITY
					}[i / 32 % 4];
		if (round % 10 == 0)
			x[numbers_below(&rng, n)] = NAN;
		expected = quantised(kernels_by_name("scalar"), x, n);
		for (size_t s = 1; s < 3; s++) {
			const struct kernels *set =
				kernels_by_name(set_names[s]);

			if (set)
				assert_memory_equal(quantised(set, x, n),
				                    expected,
				                    quant_x_count(n) *
				                            sizeof *expected);
		}
	}
}

static void what_is_no_number_stays_none(void **state)
{
	const float bad[] = { NAN, INFINITY, -INFINITY };

	(void)state;
	for (int b = 0; b < 3; b++) {
		float x[64] = { 1, 2 };
		const struct quant_x *y;

		x[40] = bad[b];
		y = quantised(kernels_by_name("scalar"), x, 64);
		assert_true(isnan(y->d[1]) && y->d[0] > 0);
		assert_int_equal(y->q[40], 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_case_worked_by_hand),
	cmocka_unit_test(codes_are_within_half_a_step),
	cmocka_unit_test(every_set_makes_the_same_bytes),
	cmocka_unit_test(what_is_no_number_stays_none),
};

TEST_MAIN(tests)
