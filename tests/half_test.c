#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "math/half.h"

static void every_f16_has_the_value_that_ieee_754_gives_it(void **state)
{
	(void)state;
	for (unsigned h = 0; h < 0x10000; h++) {
		int sign = h & 0x8000 ? -1 : 1, e = h >> 10 & 31, f = h & 0x3ff;
		float value = half_from_f16((uint16_t)h);

		if (e == 31 && f)
			assert_true(isnan(value));
		else if (e == 31)
			assert_true(value == sign * INFINITY);
		else
			assert_true(value == sign * ldexp(e ? 1024 + f : f,
			                                  (e ? e : 1) - 25));
		assert_int_equal(!!signbit(value), h >> 15);
	}
}

static void every_bf16_is_the_upper_half_of_its_float(void **state)
{
	(void)state;
	for (unsigned h = 0; h < 0x10000; h++) {
		float value = half_from_bf16((uint16_t)h);
		uint32_t bits;

		memcpy(&bits, &value, 4);
		assert_int_equal(bits, h << 16);
	}
}

static void widening_and_narrowing_gives_every_half_back(void **state)
{
	(void)state;
	for (unsigned h = 0; h < 0x10000; h++) {
		float f16 = half_from_f16((uint16_t)h);
		float bf16 = half_from_bf16((uint16_t)h);

		if (!isnan(f16))
			assert_int_equal(half_to_f16(f16), h);
		if (!isnan(bf16))
			assert_int_equal(half_to_bf16(bf16), h);
	}
}

/* Narrowing is a staircase.  Its steps are right when the floats beside each
 * midpoint of neighbours go to the nearer one and the midpoint to the even one;
 * that is every float there is.  `last` is the largest finite value, whose upper
 * neighbour is infinity, as if it went on. */
static void check_steps(uint16_t (*narrow)(float), float (*widen)(uint16_t),
                        unsigned last)
{
	for (unsigned h = 0; h <= last; h++) {
		double low = widen((uint16_t)h);
		double high = h < last ? widen((uint16_t)(h + 1))
		                       : 2 * low - widen((uint16_t)(h - 1));
		float middle = (float)((low + high) / 2);
		unsigned even = h % 2 ? h + 1 : h;

		assert_true(middle == (low + high) / 2);
		assert_int_equal(narrow(middle), even);
		assert_int_equal(narrow(nextafterf(middle, 0)), h);
		assert_int_equal(narrow(nextafterf(middle, INFINITY)), h + 1);
		assert_int_equal(narrow(-middle), even | 0x8000);
		assert_int_equal(narrow(nextafterf(-middle, 0)), h | 0x8000);
		assert_int_equal(narrow(nextafterf(-middle, -INFINITY)),
		                 (h + 1) | 0x8000);
	}
}

static void every_float_goes_to_the_nearest_f16_ties_to_even(void **state)
{
	(void)state;
	check_steps(half_to_f16, half_from_f16, 0x7bff);
}

static void every_float_goes_to_the_nearest_bf16_ties_to_even(void **state)
{
	(void)state;
	check_steps(half_to_bf16, half_from_bf16, 0x7f7f);
}

static void what_is_not_a_number_stays_so(void **state)
{
	/* A payload in the lower half only must not become infinity. */
	const uint32_t patterns[] = { 0x7fc00000, 0xffc00000, 0x7f800001,
		                      0xff80ffff, 0x7fffffff };

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		float f;

		memcpy(&f, &patterns[i], 4);
		assert_true(isnan(half_from_f16(half_to_f16(f))));
		assert_true(isnan(half_from_bf16(half_to_bf16(f))));
		assert_int_equal(half_to_f16(f) >> 15, patterns[i] >> 31);
		assert_int_equal(half_to_bf16(f) >> 15, patterns[i] >> 31);
	}
	assert_int_equal(half_to_f16(INFINITY), 0x7c00);
	assert_int_equal(half_to_f16(-INFINITY), 0xfc00);
	assert_int_equal(half_to_bf16(INFINITY), 0x7f80);
	assert_int_equal(half_to_f16(1e30f), 0x7c00);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_f16_has_the_value_that_ieee_754_gives_it),
	cmocka_unit_test(every_bf16_is_the_upper_half_of_its_float),
	cmocka_unit_test(widening_and_narrowing_gives_every_half_back),
	cmocka_unit_test(every_float_goes_to_the_nearest_f16_ties_to_even),
	cmocka_unit_test(every_float_goes_to_the_nearest_bf16_ties_to_even),
	cmocka_unit_test(what_is_not_a_number_stays_so),
};

TEST_MAIN(tests)
