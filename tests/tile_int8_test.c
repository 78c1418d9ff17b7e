#include "tests/support.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/half.h"
#include "math/kernels.h"
#include "math/quant.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile.h"
#include "tests/numbers.h"

#define MAX_N    1536
#define MAX_W    26
#define MAX_ROWS 9

static const char *const set_names[] = { "scalar", "avx2", "avx512" };
static const enum dtype dtypes[] = { DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_1,
	                             DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_IQ4_NL,
	                             DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K };

#define N_DTYPES (sizeof dtypes / sizeof *dtypes)

static void put_half(void *at, uint64_t *rng)
{
	uint16_t h = half_to_f16(numbers_uniform(rng));

	memcpy(at, &h, sizeof h);
}

static bool has_minimum(enum dtype dtype)
{
	return dtype == DTYPE_Q4_1 || dtype == DTYPE_Q5_1 ||
	       dtype == DTYPE_Q4_K || dtype == DTYPE_Q5_K;
}

/* Any codes and any sub-scales there can be; scales up to 1 in size. */
static void random_block(enum dtype dtype, char *block, uint64_t *rng)
{
	for (int i = 0; i < dtype_info(dtype)->bytes; i++)
		block[i] = (char)numbers_next(rng);
	if (dtype == DTYPE_Q6_K) {
		put_half(block + offsetof(struct quant_q6_k, d), rng);
		return;
	}
	put_half(block, rng);
	if (has_minimum(dtype))
		put_half(block + 2, rng);
}

/* Rows that end where nothing may be read any more. */
struct weights {
	struct fenced rows;
	size_t row_bytes;
	float *wide; /* [n_w, n] */
};

static struct weights weights_new(enum dtype dtype, size_t n_w, size_t n,
                                  uint64_t *rng)
{
	const struct dtype_info *info = dtype_info(dtype);
	struct weights w;

	assert_true(dtype_row_bytes(dtype, (int64_t)n, &w.row_bytes));
	w.rows = fenced_new(n_w * w.row_bytes);
	for (size_t i = 0; i < n_w * w.row_bytes; i += (size_t)info->bytes)
		random_block(dtype, (char *)w.rows.at + i, rng);
	w.wide = malloc(n_w * n * sizeof *w.wide);
	for (size_t o = 0; o < n_w; o++)
		quant_dequantize_row(dtype, (char *)w.rows.at + o * w.row_bytes,
		                     w.wide + o * n, (int64_t)n);
	return w;
}

static void weights_free(struct weights *w)
{
	fenced_free(w->rows);
	free(w->wide);
}

/* The product in double, and a bound of the terms that make it up: where a
 * minimum is subtracted they are larger than what is left. */
static double product(const struct quant_x *x, const float *w, size_t n,
                      double *size)
{
	double sum = 0;

	*size = 0;
	for (size_t i = 0; i < n; i += 16) {
		double largest = 0, xs = 0;

		for (size_t k = i; k < i + 16; k++) {
			const struct quant_x *at = x + k / 256;
			double value =
				(double)at->d[k % 256 / 32] * at->q[k % 256];

			sum += value * w[k];
			xs += fabs(value);
			largest = fmax(largest, fabs((double)w[k]));
		}
		*size += 3 * largest * xs;
	}
	return sum;
}

/* One shape: all sets against double precision and against the scalar one. */
static void check_shape(enum dtype dtype, uint64_t *rng)
{
	static struct quant_x x[MAX_ROWS * MAX_N / 256 + 1];
	size_t block = (size_t)dtype_info(dtype)->block;
	size_t n = block * (1 + numbers_below(rng, MAX_N / block));
	size_t n_w = 1 + numbers_below(rng, MAX_W);
	size_t rows = 1 + numbers_below(rng, MAX_ROWS);
	size_t y_stride = n_w + numbers_below(rng, 3);
	struct weights w = weights_new(dtype, n_w, n, rng);
	float wide_x[MAX_N], before[MAX_ROWS * (MAX_W + 2)];
	float y[3][MAX_ROWS * (MAX_W + 2)];
	double bound = (12 + sqrt((double)n)) * FLOAT_EPS;
	bool add = numbers_below(rng, 2);

	numbers_fill(rng, before, rows * y_stride);
	for (size_t r = 0; r < rows; r++) {
		numbers_fill(rng, wide_x, n);
		quant_x_scalar(x + r * quant_x_count(n), wide_x, n);
	}
	for (size_t s = 0; s < 3; s++) {
		const struct kernels *set = kernels_by_name(set_names[s]);
		struct tile t = {
			.y = y[s],
			.y_stride = y_stride,
			.w = w.rows.at,
			.w_stride = w.row_bytes,
			.n_w = n_w,
			.x = x,
			.x_stride = quant_x_count(n) * sizeof *x,
			.rows = rows,
			.n = n,
			.add = add,
		};

		if (!set)
			continue;
		memcpy(y[s], before, sizeof before);
		set->tile_int8[dtype](&t);
		for (size_t i = 0; i < rows * y_stride; i++) {
			size_t r = i / y_stride, o = i % y_stride;
			double size, sum;

			if (o >= n_w) {
				assert_true(y[s][i] == before[i]);
				continue;
			}
			sum = product(x + r * quant_x_count(n), w.wide + o * n,
			              n, &size);
			if (add)
				sum += before[i];
			size += fabs(sum);
			assert_true(fabs(y[s][i] - sum) <= bound * size);
			assert_true(fabs((double)y[s][i] - y[0][i]) <=
			            2 * bound * size);
		}
	}
	weights_free(&w);
}

static void integer_products_are_those_of_the_scalar_set(void **state)
{
	uint64_t rng = 1;

	(void)state;
	for (size_t i = 0; i < 1000 * N_DTYPES; i++)
		check_shape(dtypes[i % N_DTYPES], &rng);
}

/* Codes and activations at their limits: nothing overflows on the way. */
static void extreme_codes_are_multiplied_exactly(void **state)
{
	static const uint8_t fills[] = { 0x00, 0xff, 0x80, 0x7f };
	float wide_x[512], y[2], w[512];

	(void)state;
	for (size_t i = 0; i < N_DTYPES * 4 * 2; i++) {
		enum dtype dtype = dtypes[i / 8];
		size_t bytes, block = (size_t)dtype_info(dtype)->bytes;
		char row[2048];
		struct quant_x x[2];
		double size, sum;

		assert_true(dtype_row_bytes(dtype, 512, &bytes));
		memset(row, fills[i % 4], bytes);
		for (size_t k = 0; k < bytes; k += block) {
			uint16_t one = half_to_f16(1);

			memcpy(row + k + (dtype == DTYPE_Q6_K ? 208 : 0), &one,
			       2);
			if (has_minimum(dtype))
				memcpy(row + k + 2, &one, 2);
		}
		quant_dequantize_row(dtype, row, w, 512);
		for (size_t k = 0; k < 512; k++)
			wide_x[k] = i / 4 % 2 ? 1 : -1;
		quant_x_scalar(x, wide_x, 512);
		sum = product(x, w, 512, &size);
		for (size_t s = 0; s < 3; s++) {
			const struct kernels *set =
				kernels_by_name(set_names[s]);
			struct tile t = { .y = y,
				          .y_stride = 1,
				          .w = row,
				          .w_stride = bytes,
				          .n_w = 1,
				          .x = x,
				          .x_stride = sizeof x,
				          .rows = 1,
				          .n = 512 };

			if (!set)
				continue;
			set->tile_int8[dtype](&t);
			assert_true(fabs(y[0] - sum) <=
			            16 * FLOAT_EPS * (size + 1));
		}
	}
}

static void a_number_that_is_none_spoils_its_row_alone(void **state)
{
	uint64_t rng = 2;

	(void)state;
	for (size_t d = 0; d < N_DTYPES; d++) {
		struct weights w = weights_new(dtypes[d], 3, 512, &rng);
		float wide_x[512], y[2][3];
		struct quant_x x[2][2];

		numbers_fill(&rng, wide_x, 512);
		quant_x_scalar(x[0], wide_x, 512);
		wide_x[300] = INFINITY;
		quant_x_scalar(x[1], wide_x, 512);
		for (size_t s = 0; s < 3; s++) {
			const struct kernels *set =
				kernels_by_name(set_names[s]);
			struct tile t = { .y = y[0],
				          .y_stride = 3,
				          .w = w.rows.at,
				          .w_stride = w.row_bytes,
				          .n_w = 3,
				          .x = x,
				          .x_stride = sizeof x[0],
				          .rows = 2,
				          .n = 512 };

			if (!set)
				continue;
			set->tile_int8[dtypes[d]](&t);
			for (size_t o = 0; o < 3; o++)
				assert_true(isfinite(y[0][o]) &&
				            isnan(y[1][o]));
		}
		weights_free(&w);
	}
}

static void rows_are_widened_to_the_same_bits(void **state)
{
	uint64_t rng = 3;

	(void)state;
	for (size_t i = 0; i < 1000 * N_DTYPES; i++) {
		enum dtype dtype = dtypes[i % N_DTYPES];
		size_t block = (size_t)dtype_info(dtype)->block;
		size_t n = block * (1 + numbers_below(&rng, MAX_N / block));
		struct weights w = weights_new(dtype, 1, n, &rng);

		for (size_t s = 1; s < 3; s++) {
			const struct kernels *set =
				kernels_by_name(set_names[s]);
			struct fenced y = fenced_new(n * sizeof(float));

			if (set) {
				set->widen[dtype](y.at, w.rows.at, n);
				assert_memory_equal(y.at, w.wide,
				                    n * sizeof(float));
			}
			fenced_free(y);
		}
		weights_free(&w);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(integer_products_are_those_of_the_scalar_set),
	cmocka_unit_test(extreme_codes_are_multiplied_exactly),
	cmocka_unit_test(a_number_that_is_none_spoils_its_row_alone),
	cmocka_unit_test(rows_are_widened_to_the_same_bits),
};

TEST_MAIN(tests)
