#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/kernels.h"
#include "math/quant.h"
#include "math/quantize_row.h"
#include "math/quantize_set.h"

#define N 2048 /* elements of a test row */

static double uniform(void)
{
	return (rand() + 0.5) / (RAND_MAX + 1.0);
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

/* Weights as models have them: a bell, with some rows of fatter tails. */
static void fill(float *x, int tails)
{
	for (int i = 0; i < N; i++)
		x[i] = (float)(0.03 * normal() *
		               (tails ? fabs(normal()) + 0.1 : 1));
}

static double error_of(enum dtype dtype, const float *x, const float *w)
{
	static uint8_t bytes[N * 4];
	static float y[N];
	double error = 0;

	quantize_row(dtype, x, w, bytes, N);
	quant_dequantize_row(dtype, bytes, y, N);
	for (int i = 0; i < N; i++)
		error += (w ? w[i] : 1) * pow((double)x[i] - (double)y[i], 2);
	return error;
}

static double limit(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/*
 * Rounding to nearest, as one would write it down: the scale is that at which
 * the value of largest size (or the range) just fits, sub-blocks' scales are
 * rounded to integers of the largest one, all else is double.
 */
struct plain {
	int n;       /* elements of a scale */
	int lo, hi;  /* codes */
	int steps;   /* integers of the sub-blocks' scales; 0: none */
	int has_min; /* y = scale q - min */
	int is_iq4;
};

static double plain_levels(double v)
{
	static const int levels[16] = { -127, -104, -83, -65, -49, -35,
		                        -22,  -10,  1,   13,  25,  38,
		                        53,   69,   89,  113 };
	double best = levels[0];

	for (int k = 1; k < 16; k++)
		if (fabs(v - levels[k]) < fabs(v - best))
			best = levels[k];
	return best;
}

static double plain_code(const struct plain *p, double v)
{
	return p->is_iq4 ? plain_levels(v) : limit(nearbyint(v), p->lo, p->hi);
}

static void plain_scale(const struct plain *p, const float *x, double *scale,
                        double *min)
{
	double low = p->steps ? 0 : (double)x[0], high = (double)x[0], most = 0;

	for (int i = 0; i < p->n; i++) {
		low = fmin(low, (double)x[i]);
		high = fmax(high, (double)x[i]);
		if (fabs((double)x[i]) > fabs(most))
			most = (double)x[i];
	}
	*min = p->has_min ? -low : 0;
	*scale = p->has_min ? (high - low) / p->hi
	                    : most / (p->is_iq4 ? -127 : p->lo);
}

/* The error of one super-block of 256 (or of 8 blocks of 32). */
static double plain_error(const struct plain *p, const float *x)
{
	double scale[16], min[16], top = 0, top_min = 0, error = 0;

	for (int b = 0; b < 256 / p->n; b++) {
		plain_scale(p, x + b * p->n, &scale[b], &min[b]);
		if (fabs(scale[b]) > fabs(top))
			top = scale[b];
		top_min = fmax(top_min, min[b]);
	}
	for (int i = 0; i < 256; i++) {
		double s = scale[i / p->n], m = min[i / p->n], q;

		if (p->steps) {
			s = nearbyint(s / top * p->steps) * top / p->steps;
			m = top_min > 0 ? nearbyint(m / top_min * p->steps) *
			                          top_min / p->steps
			                : 0;
		}
		q = s != 0 ? plain_code(p, ((double)x[i] + m) / s) : 0;
		error += pow((double)x[i] - (s * q - m), 2);
	}
	return error;
}

static const struct {
	enum dtype dtype;
	struct plain plain;
	double ratio; /* of the errors, that it must stay below */
} types[] = {
	{ DTYPE_Q8_0, { 32, -127, 127, 0, 0, 0 }, 0.92 },
	{ DTYPE_Q4_0, { 32, -8, 7, 0, 0, 0 }, 0.93 },
	{ DTYPE_Q4_1, { 32, 0, 15, 0, 1, 0 }, 0.82 },
	{ DTYPE_Q5_0, { 32, -16, 15, 0, 0, 0 }, 0.93 },
	{ DTYPE_Q5_1, { 32, 0, 31, 0, 1, 0 }, 0.81 },
	{ DTYPE_Q2_K, { 16, 0, 3, 15, 1, 0 }, 0.65 },
	{ DTYPE_Q3_K, { 16, -4, 3, 32, 0, 0 }, 0.90 },
	{ DTYPE_Q4_K, { 32, 0, 15, 63, 1, 0 }, 0.82 },
	{ DTYPE_Q5_K, { 32, 0, 31, 63, 1, 0 }, 0.84 },
	{ DTYPE_Q6_K, { 16, -32, 31, 128, 0, 0 }, 0.87 },
	{ DTYPE_IQ4_NL, { 32, 0, 0, 0, 0, 1 }, 0.90 },
	{ DTYPE_IQ4_XS, { 32, 0, 0, 32, 0, 1 }, 0.90 },
};

#define N_TYPES (sizeof types / sizeof types[0])

static void the_search_beats_rounding_to_nearest(void **state)
{
	static float x[N];

	(void)state;
	for (size_t t = 0; t < N_TYPES; t++) {
		const char *name = dtype_info(types[t].dtype)->name;
		double ours = 0, plain = 0;

		srand(2);
		for (int row = 0; row < 20; row++) {
			fill(x, row % 2);
			ours += error_of(types[t].dtype, x, NULL);
			for (int i = 0; i < N; i += 256)
				plain += plain_error(&types[t].plain, x + i);
		}
		print_message("# %-6s %.3f of the error of rounding\n", name,
		              ours / plain);
		if (!(ours < types[t].ratio * plain))
			fail_msg("%s: %g, by rounding %g", name, ours, plain);
	}
}

/* What a format can say exactly comes back all but exactly. */
static void quantising_again_changes_next_to_nothing(void **state)
{
	static float x[N], y[N], z[N];
	static uint8_t bytes[N * 4];

	(void)state;
	srand(3);
	for (size_t t = 0; t < N_TYPES; t++) {
		double error = 0, size = 0, first = 0;

		fill(x, 1);
		quantize_row(types[t].dtype, x, NULL, bytes, N);
		quant_dequantize_row(types[t].dtype, bytes, y, N);
		quantize_row(types[t].dtype, y, NULL, bytes, N);
		quant_dequantize_row(types[t].dtype, bytes, z, N);
		for (int i = 0; i < N; i++) {
			error += pow((double)z[i] - (double)y[i], 2);
			first += pow((double)y[i] - (double)x[i], 2);
			size += pow((double)y[i], 2);
		}
		if (!(error < 0.1 * first))
			fail_msg("%s: relative error %g after %g",
			         dtype_info(types[t].dtype)->name, error / size,
			         first / size);
	}
}

static void errors_go_where_they_cost_least(void **state)
{
	static float x[N], w[N];

	(void)state;
	srand(4);
	for (size_t t = 0; t < N_TYPES; t++) {
		double with, without = 0;
		static uint8_t bytes[N * 4];
		static float y[N];

		fill(x, 1);
		for (int i = 0; i < N; i++)
			w[i] = i % 4 ? 0.01f : 1.0f;
		with = error_of(types[t].dtype, x, w);
		quantize_row(types[t].dtype, x, NULL, bytes, N);
		quant_dequantize_row(types[t].dtype, bytes, y, N);
		for (int i = 0; i < N; i++)
			without += (double)w[i] *
			           pow((double)x[i] - (double)y[i], 2);
		if (!(with < 0.97 * without))
			fail_msg("%s: weighted error %g, without weights %g",
			         dtype_info(types[t].dtype)->name, with,
			         without);
	}
}

static void zeros_stay_zeros(void **state)
{
	static float x[N], y[N];
	static uint8_t bytes[N * 4];

	(void)state;
	for (int t = 0; t < DTYPE_PACKED; t++) {
		memset(bytes, 0x5a, sizeof bytes);
		quantize_row((enum dtype)t, x, NULL, bytes, N);
		quant_dequantize_row((enum dtype)t, bytes, y, N);
		for (int i = 0; i < N; i++)
			assert_true(y[i] == 0);
	}
}

/* Values at the ends of f16's range, alone in a block or all over it, must not
 * become infinite, and rows of one value must keep it well. */
static void extreme_rows_stay_near(void **state)
{
	static const float values[] = { 65504, -65504, 1,     -1,
		                        6e-5f, -6e-5f, 0.03f, -3e4f };
	static float x[N], y[N];
	static uint8_t bytes[N * 4];

	(void)state;
	for (size_t t = 0; t < N_TYPES; t++)
		for (int v = 0; v < 16; v++) {
			float value = values[v / 2];

			for (int i = 0; i < N; i++)
				x[i] = v % 2 && i % 37 ? 0 : value;
			quantize_row(types[t].dtype, x, NULL, bytes, N);
			quant_dequantize_row(types[t].dtype, bytes, y, N);
			for (int i = 0; i < N; i++)
				if (!(fabsf(y[i] - x[i]) <=
				      0.07f * fabsf(value)))
					fail_msg("%s: %g became %g (%g all "
					         "over: %d)",
					         dtype_info(types[t].dtype)
					                 ->name,
					         (double)x[i], (double)y[i],
					         (double)value, !(v % 2));
		}
}

/* Whatever stands before, after or under it. */
static void a_block_depends_on_its_elements_alone(void **state)
{
	static float x[N], alone[256];
	static uint8_t bytes[N * 4 + 1], one[256 * 4];

	(void)state;
	srand(5);
	fill(x, 1);
	for (size_t t = 0; t < N_TYPES; t++) {
		const struct dtype_info *info = dtype_info(types[t].dtype);

		quantize_row(types[t].dtype, x, NULL, bytes + 1, N);
		for (int i = 0; i < N; i += info->block) {
			memcpy(alone, x + i, (size_t)info->block * sizeof *x);
			quantize_row(types[t].dtype, alone, NULL, one,
			             info->block);
			assert_memory_equal(
				one, bytes + 1 + i / info->block * info->bytes,
				(size_t)info->bytes);
		}
	}
}

/* Weights of every size, with ties, zeros and f16's small numbers among them, as
 * bf16 checkpoints have them. */
static void fill_anything(float *x, int row)
{
	fill(x, row % 2);
	for (int i = 0; i < N; i++) {
		x[i] = ldexpf(x[i], row % 5 * 4 - 12);
		if (row % 3 == 0)
			x[i] = ldexpf(nearbyintf(ldexpf(x[i], 12)), -12);
		if (row % 7 == 0 && i % 64 < 32)
			x[i] = 0;
	}
}

static void all_sets_make_the_same_bytes(void **state)
{
	static const struct quantize_set *const sets[] = {
#ifdef __x86_64__
		&quantize_avx2,
		&quantize_avx512,
#endif
	};
	static const char *const names[] = { "avx2", "avx512" };
	static float x[N], w[N];
	static uint8_t scalar[N * 4], vector[N * 4];

	(void)state;
	srand(6);
	for (int row = 0; row < 40; row++) {
		fill_anything(x, row);
		for (int i = 0; i < N; i++)
			w[i] = row % 4 ? 1 : (float)uniform();
		for (size_t t = 0; t < N_TYPES; t++)
			for (size_t s = 0; s < sizeof sets / sizeof sets[0];
			     s++) {
				enum dtype dtype = types[t].dtype;
				size_t bytes;

				if (!kernels_by_name(names[s]))
					continue;
				dtype_row_bytes(dtype, N, &bytes);
				quantize_scalar.row[dtype](x, w, scalar, N);
				sets[s]->row[dtype](x, w, vector, N);
				assert_memory_equal(scalar, vector, bytes);
			}
	}
}

static void what_cannot_be_said_is_found(void **state)
{
	float x[4] = { 0, -65504, 65504, 1 };
	int64_t bad = -1;

	(void)state;
	assert_true(quantize_row_fits(DTYPE_Q4_K, x, 4, &bad));
	x[2] = 65536;
	assert_false(quantize_row_fits(DTYPE_Q4_K, x, 4, &bad));
	assert_int_equal(bad, 2);
	assert_false(quantize_row_fits(DTYPE_F16, x, 4, &bad));
	assert_true(quantize_row_fits(DTYPE_BF16, x, 4, &bad));
	assert_true(quantize_row_fits(DTYPE_F32, x, 4, &bad));
	x[1] = NAN;
	assert_false(quantize_row_fits(DTYPE_F32, x, 4, &bad));
	assert_int_equal(bad, 1);
	x[0] = INFINITY;
	assert_false(quantize_row_fits(DTYPE_BF16, x, 4, &bad));
	assert_int_equal(bad, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_search_beats_rounding_to_nearest),
	cmocka_unit_test(quantising_again_changes_next_to_nothing),
	cmocka_unit_test(errors_go_where_they_cost_least),
	cmocka_unit_test(zeros_stay_zeros),
	cmocka_unit_test(extreme_rows_stay_near),
	cmocka_unit_test(a_block_depends_on_its_elements_alone),
	cmocka_unit_test(all_sets_make_the_same_bytes),
	cmocka_unit_test(what_cannot_be_said_is_found),
};

TEST_MAIN(tests)
