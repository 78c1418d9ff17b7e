#include "tests/support.h"

#include <math.h>
#include <stdio.h>

#include "math/half.h"
#include "math/kernels_set.h"
#include "math/panel.h"
#include "math/quant.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "tests/numbers.h"
#include "tests/panel_element.h"

#define SHAPES 1000

/* What this CPU runs. */
static const struct panel_kernels *sets[4];

static int find_sets(void **state)
{
	static const char *const names[] = { "avx2", "avx512" };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct kernels *set = kernels_by_name(names[i]);

		if (set && set->panel_coded)
			sets[n++] = set->panel_coded;
		if (set && set->panel_levelled)
			sets[n++] = set->panel_levelled;
	}
	return 0;
}

#define EACH_SET(k) \
	for (const struct panel_kernels **at = sets, *k = *at; k; k = *++at)

/* A weight with every bit of its blocks random, except that the f16 factors are
 * small finite numbers; it ends where no more may be read. */
struct weight {
	struct panel_source from;
	struct fenced block;
	float *wide; /* [n_w, n] */
};

/* Offsets of the f16 in a block; -1: none. */
static void factor_offsets(enum dtype dtype, int at[2])
{
	size_t bytes = (size_t)dtype_info(dtype)->bytes;
	bool last = dtype == DTYPE_Q6_K || dtype == DTYPE_Q3_K;

	at[0] = last                  ? (int)bytes - 2
	        : dtype == DTYPE_Q2_K ? (int)bytes - 4
	                              : 0;
	at[1] = panel_form(dtype)->n_mins ? at[0] + 2 : -1;
}

static struct weight weight_new(enum dtype dtype, size_t n_w, size_t n,
                                uint64_t *rng)
{
	const struct dtype_info *info = dtype_info(dtype);
	struct weight w = { .from = { .dtype = dtype, .n_w = n_w, .n = n } };
	char *bytes;
	int at[2];

	assert_true(dtype_row_bytes(dtype, (int64_t)n, &w.from.stride));
	w.block = fenced_new(n_w * w.from.stride);
	bytes = w.block.at;
	w.from.w = bytes;
	for (size_t i = 0; i < n_w * w.from.stride; i++)
		bytes[i] = (char)numbers_next(rng);
	factor_offsets(dtype, at);
	for (size_t b = 0; b < n_w * w.from.stride; b += (size_t)info->bytes)
		for (int i = 0; i < 2 && at[i] >= 0; i++) {
			uint16_t f = half_to_f16(numbers_uniform(rng) / 64);

			memcpy(bytes + b + at[i], &f, 2);
		}
	w.wide = malloc(n_w * n * sizeof(float));
	for (size_t o = 0; o < n_w; o++)
		quant_dequantize_row(dtype, bytes + o * w.from.stride,
		                     w.wide + o * n, (int64_t)n);
	return w;
}

static void weight_free(struct weight *w)
{
	fenced_free(w->block);
	free(w->wide);
}

static size_t bytes_of(const struct panel_kernels *k, const struct weight *w)
{
	return (w->from.n_w + 15) / 16 * k->group(w->from.dtype, w->from.n);
}

static char *fill(const struct panel_kernels *k, const struct weight *w)
{
	size_t bytes = bytes_of(k, w);
	char *panel = aligned_alloc(64, bytes + 64);

	memset(panel, 0xaa, bytes + 64);
	k->fill(panel, &w->from);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal((unsigned char)panel[bytes + i], 0xaa);
	return panel;
}

/* y [rows, n_w] of rows of activations in k's form, and of a whole weight. */
static void multiply(const struct panel_kernels *k, const struct weight *w,
                     const struct quant_x *x, size_t rows, float *y)
{
	char *panel = fill(k, w);

	k->multiply(&(struct panel_tile){ .dtype = w->from.dtype,
	                                  .panel = panel,
	                                  .n_w = w->from.n_w,
	                                  .n = w->from.n,
	                                  .x = x,
	                                  .x_stride = quant_x_count(w->from.n),
	                                  .rows = rows,
	                                  .y = y,
	                                  .y_stride = w->from.n_w });
	free(panel);
}

static size_t random_n(enum dtype dtype, uint64_t *rng)
{
	size_t block = (size_t)dtype_info(dtype)->block;

	return block * (1 + numbers_below(rng, block == 32 ? 40 : 5));
}

/* How far a panel's weight may be from the file's.  A level is rounded to half a
 * step, by a factor that is rounded to half a unit of 256 for each code. */
static double slack(const struct panel_kernels *k, const struct weight *w,
                    struct panel_element e)
{
	int bits = panel_form(w->from.dtype)->bits;

	if (!panel_is_levelled(k) || bits == 8)
		return 0;
	return (double)e.scale * (0.5 + ((1 << bits) + 2) / 512.0);
}

/* Walks weights of every type and many numbers of rows. */
static void each_weight(void (*check)(const struct panel_kernels *k,
                                      const struct weight *w,
                                      const char *panel))
{
	uint64_t rng = 1;

	EACH_SET(k)
	for (int d = 0; d < DTYPE_PACKED; d++)
		for (size_t n_w = 1; panel_form((enum dtype)d) && n_w < 70;
		     n_w += 1 + n_w / 4) {
			enum dtype dtype = (enum dtype)d;
			size_t n = random_n(dtype, &rng);
			struct weight w = weight_new(dtype, n_w, n, &rng);
			char *panel = fill(k, &w);

			check(k, &w, panel);
			free(panel);
			weight_free(&w);
		}
}

static void check_values(const struct panel_kernels *k, const struct weight *w,
                         const char *panel)
{
	size_t n = w->from.n;

	for (size_t i = 0; i < w->from.n_w * n; i++) {
		struct panel_element e =
			panel_element(k, panel, w->from.dtype, n, i / n, i % n);

		assert_true(fabs((double)panel_value(e) - w->wide[i]) <=
		            slack(k, w, e));
	}
}

static void a_panel_holds_what_the_blocks_mean(void **state)
{
	(void)state;
	each_weight(check_values);
}

static void check_levels(const struct panel_kernels *k, const struct weight *w,
                         const char *panel)
{
	size_t n = w->from.n, blocks = n / 32;

	for (size_t at = 0; panel_is_levelled(k) && at < w->from.n_w * blocks;
	     at++) {
		size_t o = at / blocks, first = at % blocks * 32;
		int sum = 0;
		struct panel_element e;

		for (size_t i = first; i < first + 32; i++) {
			e = panel_element(k, panel, w->from.dtype, w->from.n, o,
			                  i);
			sum += e.code;
			assert_in_range(e.code + 128, 0, 255);
		}
		assert_int_equal(e.sums, -128 * sum);
	}
}

static void levelled_records_have_their_sums(void **state)
{
	(void)state;
	each_weight(check_levels);
}

/* Rounding takes no side: what it adds to many weights is nothing. */
static void levels_are_rounded_to_both_sides(void **state)
{
	uint64_t rng = 5;

	(void)state;
	EACH_SET(k)
	for (int d = 0; d < DTYPE_PACKED; d++) {
		const struct panel_form *form = panel_form((enum dtype)d);
		double sum = 0, squares = 0;
		struct weight w;
		char *panel;

		if (!form || form->bits == 8 || !panel_is_levelled(k))
			continue;
		w = weight_new((enum dtype)d, 64, 2560, &rng);
		panel = fill(k, &w);
		for (size_t i = 0; i < 64 * 2560; i++) {
			struct panel_element e =
				panel_element(k, panel, (enum dtype)d, 2560,
			                      i / 2560, i % 2560);
			double off =
				((double)panel_value(e) - w.wide[i]) / e.scale;

			sum += off;
			squares += off * off;
		}
		/* 0.29 of deviation, if spread evenly */
		assert_true(fabs(sum) / (64 * 2560) < 0.02);
		assert_true(sqrt(squares / (64 * 2560)) < 0.35);
		free(panel);
		weight_free(&w);
	}
}

/* What is no number stays none; what is nothing stays nothing. */
static void weights_that_are_no_numbers_come_through(void **state)
{
	enum { OUT = 16, N = 512 };
	static struct quant_q4_0 blocks[OUT][N / 32];
	static float row[N], y[OUT];
	static struct quant_x x[N / 256];

	(void)state;
	EACH_SET(k)
	{
		struct weight w = { .from = { .dtype = DTYPE_Q4_0,
			                      .w = (char *)blocks,
			                      .stride = sizeof blocks[0],
			                      .n_w = OUT,
			                      .n = N } };

		memset(blocks, 0x77, sizeof blocks);
		for (size_t o = 0; o < OUT; o++)
			for (size_t b = 0; b < N / 32; b++)
				blocks[o][b].d = 0x3c00; /* 1 */
		blocks[1][3].d = 0x7e00;                 /* NaN */
		blocks[2][9].d = 0x7c00;                 /* infinity */
		for (size_t b = 0; b < N / 32; b++)
			blocks[3][b].d = 0;
		for (size_t i = 0; i < N; i++)
			row[i] = 1;
		k->x(x, row, N);
		multiply(k, &w, x, 1, y);
		assert_true(fabsf(y[0] + N) < 0.01f * N);
		assert_true(isnan(y[1]));
		assert_false(isfinite(y[2]));
		assert_true(y[3] == 0);
		assert_true(y[15] == y[0]);
	}
}

/* Roundings of a float32 sum of n terms: a random walk, hence the root. */
static double rounding(size_t n)
{
	return (6 + sqrt((double)n)) * FLOAT_EPS;
}

/* y of one row and output in double; *size: of the terms that were rounded. */
static double dot(const struct panel_kernels *k, const struct quant_x *x,
                  const struct weight *w, const char *panel, size_t o,
                  double *size)
{
	double sum = 0;

	*size = 0;
	for (size_t i = 0; i < w->from.n; i++) {
		const struct quant_x *at = x + i / 256;
		double v = (double)at->d[i % 256 / 32] * at->q[i % 256];
		struct panel_element e =
			panel_element(k, panel, w->from.dtype, w->from.n, o, i);

		sum += v * panel_value(e);
		*size += fabs(v) * (fabs(panel_value(e)) + 2 * fabs(e.min));
	}
	return sum;
}

static void check_product(const struct panel_kernels *k, enum dtype dtype,
                          size_t n_w, size_t n, size_t rows, uint64_t *rng)
{
	struct weight w = weight_new(dtype, n_w, n, rng);
	char *panel = fill(k, &w);
	size_t x_stride = quant_x_count(n) + numbers_below(rng, 2);
	size_t y_stride = n_w + numbers_below(rng, 20);
	struct quant_x *x = aligned_alloc(64, rows * x_stride * sizeof *x);
	struct quant_x *biased = aligned_alloc(64, rows * x_stride * sizeof *x);
	float *row = malloc(n * sizeof *row);
	float *y = malloc(rows * y_stride * sizeof *y);
	float *before = malloc(rows * y_stride * sizeof *y);
	struct panel_tile t = {
		.dtype = dtype,
		.panel = panel,
		.n_w = n_w,
		.n = n,
		.x = biased,
		.x_stride = x_stride,
		.rows = rows,
		.y = y,
		.y_stride = y_stride,
		.add = numbers_below(rng, 2),
		.ahead = w.from.w,
		.ahead_bytes = numbers_below(rng, 10000),
	};

	for (size_t r = 0; r < rows; r++) {
		numbers_fill(rng, row, n);
		quant_x_scalar(x + r * x_stride, row, n);
		k->x(biased + r * x_stride, row, n);
	}
	numbers_fill(rng, y, rows * y_stride);
	memcpy(before, y, rows * y_stride * sizeof *y);
	k->multiply(&t);
	for (size_t i = 0; i < rows * y_stride; i++) {
		size_t r = i / y_stride, o = i % y_stride;
		double sum, size;

		if (o >= n_w) {
			assert_true(y[i] == before[i]);
			continue;
		}
		/* All of the first and last rows, some of the others. */
		if (r > 7 && r + 1 < rows && numbers_below(rng, 16))
			continue;
		sum = dot(k, x + r * x_stride, &w, panel, o, &size);
		if (t.add) {
			sum += before[i];
			size += fabs(before[i]);
		}
		assert_true(fabs(y[i] - sum) <= rounding(n) * size);
	}
	free(row);
	free(x);
	free(biased);
	free(y);
	free(before);
	free(panel);
	weight_free(&w);
}

static void products_of_random_shapes_are_those_of_the_integers(void **state)
{
	uint64_t rng = 2;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		enum dtype dtype =
			(enum dtype)numbers_below(&rng, DTYPE_PACKED);
		size_t rows = 1 + numbers_below(&rng, i % 50 ? 30 : 600);
		size_t n_w = 1 + numbers_below(&rng, i % 50 ? 97 : 20);

		if (panel_form(dtype))
			check_product(k, dtype, n_w, random_n(dtype, &rng),
			              rows, &rng);
		else
			i--;
	}
}

/* The largest codes and activations in every place: no sum overflows. */
static void the_largest_integers_do_not_overflow(void **state)
{
	enum { ROWS = 13, OUT = 32, N = 64 };

	(void)state;
	EACH_SET(k)
	for (int sign = -1; sign <= 1; sign += 2) {
		static struct quant_q8_0 blocks[OUT][N / 32];
		struct weight w = { .from = { .dtype = DTYPE_Q8_0,
			                      .w = (char *)blocks,
			                      .stride = sizeof blocks[0],
			                      .n_w = OUT,
			                      .n = N } };
		static struct quant_x x[ROWS];
		static float row[N], y[ROWS * OUT];

		for (size_t o = 0; o < OUT; o++)
			for (size_t b = 0; b < N / 32; b++) {
				struct quant_q8_0 *q = &blocks[o][b];

				q->d = 0x3c00; /* 1 */
				memset(q->qs, sign > 0 ? 127 : -128, 32);
			}
		for (size_t i = 0; i < N; i++)
			row[i] = 127;
		for (size_t r = 0; r < ROWS; r++)
			k->x(&x[r], row, N);
		multiply(k, &w, x, ROWS, y);
		for (size_t i = 0; i < ROWS * OUT; i++)
			assert_true(y[i] == (sign > 0 ? 127 : -128) * 127 * N);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_panel_holds_what_the_blocks_mean),
	cmocka_unit_test(levelled_records_have_their_sums),
	cmocka_unit_test(levels_are_rounded_to_both_sides),
	cmocka_unit_test(weights_that_are_no_numbers_come_through),
	cmocka_unit_test(products_of_random_shapes_are_those_of_the_integers),
	cmocka_unit_test(the_largest_integers_do_not_overflow),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, find_sets, NULL);
}
