#include "tests/support.h"

#include <string.h>

#include "math/half.h"
#include "math/quant.h"
#include "model/embedding.h"

#define VOCAB  5
#define HIDDEN 64

/* Row r is r + d / 64: few enough digits for f16. */
static float number(int r, int d)
{
	return (float)r + (float)d / 64;
}

static const int ids[] = { 3, 0, 3, 4 };

static struct tensor table(enum dtype dtype, const void *data, size_t bytes)
{
	return (struct tensor){ .dtype = dtype,
		                .n_dims = 2,
		                .shape = { VOCAB, HIDDEN },
		                .data = data,
		                .bytes = bytes };
}

static void check(const struct tensor *t)
{
	float x[4 * HIDDEN + 1];

	x[4 * HIDDEN] = 99;
	embedding(x, t, ids, 4);
	for (int i = 0; i < 4; i++)
		for (int d = 0; d < HIDDEN; d++)
			assert_true(x[i * HIDDEN + d] == number(ids[i], d));
	assert_true(x[4 * HIDDEN] == 99);
}

static void each_id_becomes_its_row(void **state)
{
	float rows[VOCAB * HIDDEN];
	struct tensor t = table(DTYPE_F32, rows, sizeof rows);

	(void)state;
	for (int i = 0; i < VOCAB * HIDDEN; i++)
		rows[i] = number(i / HIDDEN, i % HIDDEN);
	check(&t);
}

static void half_floats_are_widened(void **state)
{
	uint16_t rows[VOCAB * HIDDEN];
	struct tensor t = table(DTYPE_F16, rows, sizeof rows);

	(void)state;
	for (int i = 0; i < VOCAB * HIDDEN; i++)
		rows[i] = half_to_f16(number(i / HIDDEN, i % HIDDEN));
	check(&t);
}

/* q8_0: blocks of a f16 scale and 32 signed bytes. */
static void quantised_rows_are_widened_one_by_one(void **state)
{
	uint8_t rows[VOCAB * 68];
	struct tensor t = table(DTYPE_Q8_0, rows, sizeof rows);
	float x[4 * HIDDEN], want[HIDDEN];

	(void)state;
	for (size_t i = 0; i < sizeof rows; i++)
		rows[i] = (uint8_t)(i % 34 == 0 ? 0 : i % 34 == 1 ? 0x30 : i);
	embedding(x, &t, ids, 4);
	for (int i = 0; i < 4; i++) {
		quant_dequantize_row(DTYPE_Q8_0, rows + ids[i] * 68, want,
		                     HIDDEN);
		assert_memory_equal(x + i * HIDDEN, want, sizeof want);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_id_becomes_its_row),
	cmocka_unit_test(half_floats_are_widened),
	cmocka_unit_test(quantised_rows_are_widened_one_by_one),
};

TEST_MAIN(tests)
