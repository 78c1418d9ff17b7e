#include "tests/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/threads.h"
#include "math/half.h"
#include "math/kernels_set.h"
#include "math/linear.h"
#include "math/linear_plan.h"
#include "math/panel.h"
#include "math/quant.h"
#include "math/quant_x.h"
#include "math/quantize_row.h"
#include "math/tensor.h"
#include "tests/numbers.h"
#include "tests/panel_element.h"

#define MAX_ROWS 70
#define MAX_IN   5120
#define MAX_OUT  320

static const char *const set_names[] = { "scalar", "avx2", "avx512", "amx",
	                                 "avx512_bf16" };
static const enum dtype dtypes[] = { DTYPE_F32,  DTYPE_F16,  DTYPE_BF16,
	                             DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_1,
	                             DTYPE_Q5_0, DTYPE_Q4_K, DTYPE_Q5_K,
	                             DTYPE_Q6_K, DTYPE_Q3_K };

static struct threads *pool;
static struct linear_work *work;

static int set_up(void **state)
{
	struct error err;

	(void)state;
	pool = threads_new(2, &err);
	work = linear_work_new(pool, MAX_ROWS, MAX_IN, MAX_OUT, &err);
	return work ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	linear_work_free(work);
	threads_free(pool);
	kernels_use(NULL);
	return 0;
}

/* For each set of kernels that this CPU runs. */
#define EACH_SET \
	for (size_t s = 0; s < sizeof set_names / sizeof *set_names; s++) \
		if (use(set_names[s]))

/* The last one others have, too, but do not choose. */
static const struct kernels *find(const char *name)
{
#ifdef __x86_64__
	if (!strcmp(name, "avx512_bf16"))
		return kernels_by_name("avx512") &&
		                       __builtin_cpu_supports("avx512bf16")
		               ? &kernels_avx512_bf16
		               : NULL;
#endif
	return kernels_by_name(name);
}

static bool use(const char *name)
{
	const struct kernels *set = find(name);

	if (set)
		kernels_use(set);
	return set != NULL;
}

/* A weight that ends at the end of what may be read, at an address that is a
 * multiple of nothing when its bytes are odd, and what it holds. */
struct weight {
	struct tensor t;
	struct fenced block;
	float *wide; /* [n_out, n_in] */
};

static struct weight weight_new(enum dtype dtype, int64_t n_out, int64_t n_in,
                                uint64_t *rng)
{
	struct weight w = {
		.t = { .dtype = dtype, .n_dims = 2, .shape = { n_out, n_in } }
	};
	size_t row_bytes = 0, n = (size_t)n_in;
	int64_t elements;

	assert_true(tensor_size(dtype, 2, w.t.shape, &elements, &w.t.bytes));
	assert_true(dtype_row_bytes(dtype, n_in, &row_bytes));
	w.block = fenced_new(w.t.bytes);
	w.t.data = w.block.at;
	w.wide = malloc((size_t)elements * sizeof(float));
	numbers_fill(rng, w.wide, (size_t)elements);
	for (size_t o = 0; o < (size_t)n_out; o++) {
		char *row = (char *)w.block.at + o * row_bytes;

		quantize_row(dtype, w.wide + o * n, NULL, row, n_in);
		quant_dequantize_row(dtype, row, w.wide + o * n, n_in);
	}
	return w;
}

static void weight_free(struct weight *w)
{
	fenced_free(w->block);
	free(w->wide);
}

static float *random_rows(size_t n, uint64_t *rng)
{
	float *x = malloc((n + 1) * sizeof *x);

	numbers_fill(rng, x, n);
	return x;
}

/* x . w in double, and the sum of the products' sizes. */
static double product(const float *x, const float *w, size_t n, double *size)
{
	double sum = 0;

	*size = 0;
	for (size_t i = 0; i < n; i++) {
		sum += (double)x[i] * w[i];
		*size += fabs((double)x[i] * w[i]);
	}
	return sum;
}

/* Roundings of a float32 sum of n products: a random walk, hence the root. */
static double rounding(size_t n)
{
	return (6 + sqrt((double)n)) * FLOAT_EPS;
}

/* How activations are rounded before this call multiplies them. */
enum form { FORM_F32, FORM_BF16, FORM_INT8, FORM_PANEL };

static struct linear_plan plan_of(enum dtype dtype, size_t rows, bool exact)
{
	return linear_plan_of(kernels_get(), dtype, rows, exact);
}

static enum form form_of(enum dtype dtype, size_t rows, bool exact)
{
	struct linear_plan plan = plan_of(dtype, rows, exact);

	assert_false(exact && (plan.int8 || plan.panel || plan.narrow));
	return plan.panel    ? FORM_PANEL
	       : plan.int8   ? FORM_INT8
	       : plan.narrow ? FORM_BF16
	                     : FORM_F32;
}

static void round_to_int8(float *row, size_t n)
{
	struct quant_x x[(MAX_IN + 255) / 256];

	kernels_get()->quant_x(x, row, n);
	for (size_t i = 0; i < n; i++) {
		const struct quant_x *at = x + i / 256;

		row[i] = at->d[i % 256 / 32] * (float)at->q[i % 256];
	}
}

/* The activations as they are multiplied. */
static float *rounded(const float *x, size_t rows, size_t stride, size_t n_in,
                      enum form form, const struct panel_kernels *panel)
{
	float *copy = malloc((rows * stride + 1) * sizeof *copy);

	memcpy(copy, x, rows * stride * sizeof *copy);
	for (size_t i = 0; form == FORM_BF16 && i < rows * stride; i++)
		copy[i] = half_from_bf16(half_to_bf16(x[i]));
	for (size_t r = 0; form == FORM_INT8 && r < rows; r++)
		round_to_int8(copy + r * stride, n_in);
	for (size_t r = 0; form == FORM_PANEL && r < rows; r++)
		panel_round_x(panel, copy + r * stride, n_in);
	return copy;
}

/* The weights as they are multiplied: those of all panels but coded ones are
 * rounded, which panel_test.c holds to the file's. */
static void round_weights(const struct weight *w, size_t rows, bool exact)
{
	const struct panel_kernels *panel =
		plan_of(w->t.dtype, rows, exact).panel;
	size_t n_w = (size_t)w->t.shape[0], n = (size_t)w->t.shape[1];
	struct panel_source from = {
		.dtype = w->t.dtype, .w = w->t.data, .n_w = n_w, .n = n
	};
	char *bytes;

	if (!panel || panel_is_coded(panel))
		return;
	dtype_row_bytes(w->t.dtype, w->t.shape[1], &from.stride);
	bytes = aligned_alloc(64,
	                      (n_w + 15) / 16 * panel->group(w->t.dtype, n));
	panel->fill(bytes, &from);
	for (size_t i = 0; i < n_w * n; i++)
		w->wide[i] = panel_value(panel_element(panel, bytes, w->t.dtype,
		                                       n, i / n, i % n));
	free(bytes);
}

/* One product of any kind against double precision.  What a narrow product
 * loses is the rounding of its activations and of a panel's weights. */
static void check_product(enum dtype dtype, size_t n_out, size_t n_in,
                          size_t rows, bool exact, uint64_t *rng)
{
	struct weight w = weight_new(dtype, (int64_t)n_out, (int64_t)n_in, rng);
	size_t x_stride = n_in + numbers_below(rng, 3);
	size_t y_stride = n_out + numbers_below(rng, 3);
	float *x = random_rows(rows * x_stride, rng);
	float *y = random_rows(rows * y_stride, rng);
	float *before = malloc((rows * y_stride + 1) * sizeof *y);
	enum form form = form_of(dtype, rows, exact);
	float *used = rounded(x, rows, x_stride, n_in, form,
	                      plan_of(dtype, rows, exact).panel);
	/* Of a narrow product of a type with minima, what is rounded is up to
	 * four times the result's terms. */
	double slack = form == FORM_INT8 || form == FORM_PANEL ? 4 : 1;
	struct linear_job job = { &w.t, y, y_stride, numbers_below(rng, 2) };

	round_weights(&w, rows, exact);
	memcpy(before, y, rows * y_stride * sizeof *y);
	linear(work, &job, x, x_stride, rows, exact);
	for (size_t i = 0; i < rows * y_stride; i++) {
		size_t r = i / y_stride, o = i % y_stride;
		double sum, size;

		if (o >= n_out) {
			assert_true(y[i] == before[i]);
			continue;
		}
		sum = product(used + r * x_stride, w.wide + o * n_in, n_in,
		              &size);
		if (job.add) {
			sum += before[i];
			size += fabs(before[i]);
		}
		assert_true(fabs(y[i] - sum) <= slack * rounding(n_in) * size);
	}
	free(x);
	free(used);
	free(y);
	free(before);
	weight_free(&w);
}

static size_t random_width(enum dtype dtype, uint64_t *rng)
{
	size_t block = (size_t)dtype_info(dtype)->block;

	return block * (1 + numbers_below(rng, block > 32 ? 3 : 300 / block));
}

static void every_dtype_and_number_of_rows_is_multiplied(void **state)
{
	uint64_t rng = 1;

	(void)state;
	EACH_SET
	for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
		for (size_t rows = 1; rows <= MAX_ROWS; rows++) {
			bool blocks = dtype_info(dtypes[d])->block > 1;
			size_t n_out = 1 + numbers_below(&rng, 60);
			size_t n_in = random_width(dtypes[d], &rng);

			/* Block types take long to make. */
			if (blocks && rows % 7 > 1 && rows != 31 && rows != 32)
				continue;
			check_product(dtypes[d], n_out, n_in, rows, true, &rng);
			check_product(dtypes[d], n_out, n_in, rows, false,
			              &rng);
		}
}

/* Rows that are cut into pieces, and more outputs than one block holds. */
static void long_rows_and_many_outputs_are_multiplied(void **state)
{
	static const size_t rows[] = { 1, 2, 7, 8, 33 };
	static const enum dtype some[] = { DTYPE_BF16, DTYPE_F32, DTYPE_Q4_K,
		                           DTYPE_Q8_0, DTYPE_Q5_K };
	uint64_t rng = 2;

	(void)state;
	EACH_SET
	for (size_t d = 0; d < sizeof some / sizeof *some; d++)
		for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
			size_t odd = dtype_info(some[d])->block > 1 ? 0 : 7;

			check_product(some[d], 13, MAX_IN - odd, rows[r], false,
			              &rng);
			check_product(some[d], MAX_OUT - odd, 256 - odd,
			              rows[r], false, &rng);
		}
}

/* bf16 has 8 significant bits, so an activation moves by up to 2^-8 of itself, and
 * by much less of the largest where it becomes an integer; and it does move: the
 * two are not the same path. */
static void narrow_products_stay_within_the_rounding_of_activations(
	void **state)
{
	enum { ROWS = 30, IN = 777, OUT = 50 };
	static float exact[ROWS * OUT], narrow[ROWS * OUT];
	uint64_t rng = 3;

	(void)state;
	EACH_SET
	{
		struct weight w = weight_new(DTYPE_BF16, OUT, IN, &rng);
		float *x = random_rows(ROWS * IN, &rng);
		struct linear_job job = { &w.t, exact, OUT, false };

		linear(work, &job, x, IN, ROWS, true);
		job.y = narrow;
		linear(work, &job, x, IN, ROWS, false);
		for (size_t i = 0; i < ROWS * OUT; i++) {
			double size;

			product(x + i / OUT * IN, w.wide + i % OUT * IN, IN,
			        &size);
			assert_true(fabs(exact[i] - narrow[i]) <=
			            (0x1p-8 + 2 * rounding(IN)) * size);
		}
		assert_int_equal(memcmp(exact, narrow, sizeof exact) != 0,
		                 form_of(DTYPE_BF16, ROWS, false) != FORM_F32);
		free(x);
		weight_free(&w);
	}
}

static void several_weights_at_once_equal_one_after_the_other(void **state)
{
	static const size_t outputs[] = { 64, 16, 23, 1 };
	static const enum dtype kinds[] = { DTYPE_BF16, DTYPE_F16, DTYPE_Q8_0,
		                            DTYPE_BF16 };
	uint64_t rng = 4;

	(void)state;
	EACH_SET
	for (size_t rows = 1; rows <= MAX_ROWS; rows += 13) {
		struct linear_job jobs[4];
		struct weight w[4];
		float *x = random_rows(rows * 96, &rng), *alone;

		for (int j = 0; j < 4; j++) {
			w[j] = weight_new(kinds[j], (int64_t)outputs[j], 96,
			                  &rng);
			jobs[j] = (struct linear_job){
				&w[j].t, random_rows(rows * outputs[j], &rng),
				outputs[j], false
			};
		}
		linear_many(work, jobs, 4, x, 96, rows, false);
		alone = malloc(rows * 64 * sizeof *alone);
		for (int j = 0; j < 4; j++) {
			struct linear_job job = jobs[j];

			job.y = alone;
			linear(work, &job, x, 96, rows, false);
			assert_memory_equal(alone, jobs[j].y,
			                    rows * outputs[j] * sizeof *alone);
			free(jobs[j].y);
			weight_free(&w[j]);
		}
		free(alone);
		free(x);
	}
}

static void swiglu_is_silu_of_gate_times_up(void **state)
{
	uint64_t rng = 5;

	(void)state;
	EACH_SET
	for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
		for (size_t rows = 1; rows < MAX_ROWS; rows += 11) {
			size_t n_in = random_width(dtypes[d], &rng);
			size_t n_out = 1 + numbers_below(&rng, MAX_OUT);
			struct weight gate =
				weight_new(dtypes[d], (int64_t)n_out,
			                   (int64_t)n_in, &rng);
			struct weight up = weight_new(dtypes[d], (int64_t)n_out,
			                              (int64_t)n_in, &rng);
			float *x = random_rows(rows * n_in, &rng);
			float *y = random_rows(rows * (n_out + 1), &rng);

			linear_swiglu(work, &gate.t, &up.t, y, n_out + 1, x,
			              n_in, rows, true);
			for (size_t i = 0; i < rows * n_out; i++) {
				size_t r = i / n_out, o = i % n_out;
				double g_size, u_size;
				double g = product(x + r * n_in,
				                   gate.wide + o * n_in, n_in,
				                   &g_size);
				double u = product(x + r * n_in,
				                   up.wide + o * n_in, n_in,
				                   &u_size);
				double expected = g / (1 + exp(-g)) * u;
				/* silu's slope is at most 1.1 */
				double bound = 1.1 * g_size * fabs(u) +
				               fabs(g) * u_size;

				assert_true(fabs(y[r * (n_out + 1) + o] -
				                 expected) <=
				            rounding(n_in) * bound +
				                    16 * FLOAT_EPS *
				                            fabs(expected));
			}
			free(x);
			free(y);
			weight_free(&gate);
			weight_free(&up);
		}
}

static void a_batch_equals_its_rows_one_by_one(void **state)
{
	uint64_t rng = 6;

	(void)state;
	EACH_SET
	for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
		struct weight w = weight_new(dtypes[d], 48, 512, &rng);
		float *x = random_rows(MAX_ROWS * 512, &rng);
		float *y = random_rows(MAX_ROWS * 48, &rng), one[48];
		struct linear_job batch = { &w.t, y, 48, false };
		struct linear_job single = { &w.t, one, 48, false };

		linear(work, &batch, x, 512, MAX_ROWS, true);
		for (size_t r = 0; r < MAX_ROWS; r++) {
			linear(work, &single, x + r * 512, 512, 1, true);
			for (size_t o = 0; o < 48; o++) {
				double size;

				product(x + r * 512, w.wide + o * 512, 512,
				        &size);
				assert_true(fabsf(one[o] - y[r * 48 + o]) <=
				            2 * rounding(512) * size);
			}
		}
		free(x);
		free(y);
		weight_free(&w);
	}
}

static void the_number_of_threads_changes_nothing(void **state)
{
	static const size_t rows[] = { 1, 5, 20, 64 };
	struct weight w;
	uint64_t rng = 7;
	float *x, *expected, *y;

	(void)state;
	w = weight_new(DTYPE_BF16, 200, 300, &rng);
	x = random_rows(64 * 300, &rng);
	expected = random_rows(64 * 200, &rng);
	y = random_rows(64 * 200, &rng);
	EACH_SET
	for (size_t r = 0; r < 4; r++)
		for (int n = 1; n <= 3; n++) {
			struct threads *own = threads_new(n, NULL);
			struct linear_work *scratch =
				linear_work_new(own, 64, 300, 200, NULL);
			struct linear_job job = { &w.t, n == 1 ? expected : y,
				                  200, false };

			linear(scratch, &job, x, 300, rows[r], false);
			if (n > 1)
				assert_memory_equal(y, expected,
				                    rows[r] * 200 * 4);
			linear_work_free(scratch);
			threads_free(own);
		}
	free(x);
	free(y);
	free(expected);
	weight_free(&w);
}

static void a_row_is_widened(void **state)
{
	uint64_t rng = 8;

	(void)state;
	EACH_SET
	for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
		struct weight w = weight_new(dtypes[d], 3, 256, &rng);
		float row[256];

		for (int64_t i = 0; i < 3; i++) {
			linear_row(&w.t, i, row);
			assert_memory_equal(row, w.wide + i * 256, sizeof row);
		}
		weight_free(&w);
	}
}

static void a_case_worked_by_hand(void **state)
{
	/* [1 2; 3 4; 5 6] in bf16; x = (1, -1) and (10, 100) */
	const uint16_t w[] = { 0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0 };
	const struct tensor t = { DTYPE_BF16, 2, { 3, 2 }, w, sizeof w };
	const float x[] = { 1, -1, 10, 100 };
	const float expected[] = { -1, -1, -1, 210, 430, 650 };
	float y[6];
	struct linear_job job = { &t, y, 3, false };

	(void)state;
	EACH_SET
	{
		linear(work, &job, x, 2, 2, true);
		assert_memory_equal(y, expected, sizeof y);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_case_worked_by_hand),
	cmocka_unit_test(every_dtype_and_number_of_rows_is_multiplied),
	cmocka_unit_test(long_rows_and_many_outputs_are_multiplied),
	cmocka_unit_test(
		narrow_products_stay_within_the_rounding_of_activations),
	cmocka_unit_test(several_weights_at_once_equal_one_after_the_other),
	cmocka_unit_test(swiglu_is_silu_of_gate_times_up),
	cmocka_unit_test(a_batch_equals_its_rows_one_by_one),
	cmocka_unit_test(the_number_of_threads_changes_nothing),
	cmocka_unit_test(a_row_is_widened),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
