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
static const struct panel_kernels *sets[12];
static size_t n_sets;

static void add_set(const struct kernels *set)
{
	if (set && set->panel_coded)
		sets[n_sets++] = set->panel_coded;
	if (set && set->panel_levelled)
		sets[n_sets++] = set->panel_levelled;
	if (set && set->panel_wide)
		sets[n_sets++] = set->panel_wide;
}

static int find_sets(void **state)
{
	const struct kernels *avx2 = kernels_by_name("avx2");

	(void)state;
	add_set(avx2);
	add_set(kernels_by_name("avx512"));
	if (kernels_by_name("amx"))
		sets[n_sets++] = kernels_by_name("amx")->panel_narrow;
#ifdef __x86_64__
	if (avx2 && avx2 != &kernels_avx2)
		add_set(&kernels_avx2);
	if (kernels_by_name("avx512") && __builtin_cpu_supports("avx512bf16"))
		sets[n_sets++] = &panel_narrow_avx512;
#endif
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

/* 16-bit floats in (-1/64, 1/64), some rows much smaller. */
static void fill_halves(enum dtype dtype, char *bytes, size_t count,
                        uint64_t *rng)
{
	for (size_t i = 0; i < count; i++) {
		float f = numbers_uniform(rng) / 64;
		uint16_t half;

		if (i / 300 % 3 == 1)
			f /= 1000;
		half = dtype == DTYPE_BF16 ? half_to_bf16(f) : half_to_f16(f);
		memcpy(bytes + 2 * i, &half, 2);
	}
}

static float half_at(enum dtype dtype, const char *bytes, size_t i)
{
	uint16_t half;

	memcpy(&half, bytes + 2 * i, 2);
	return dtype == DTYPE_BF16 ? half_from_bf16(half) : half_from_f16(half);
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
	w.wide = malloc(n_w * n * sizeof(float));
	if (!panel_form(dtype)) {
		fill_halves(dtype, bytes, n_w * n, rng);
		for (size_t i = 0; i < n_w * n; i++)
			w.wide[i] = half_at(dtype, bytes, i);
		return w;
	}
	factor_offsets(dtype, at);
	for (size_t b = 0; b < n_w * w.from.stride; b += (size_t)info->bytes)
		for (int i = 0; i < 2 && at[i] >= 0; i++) {
			uint16_t f = half_to_f16(numbers_uniform(rng) / 64);

			memcpy(bytes + b + at[i], &f, 2);
		}
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

/* y [rows, n_w] of rows of activations, and of a whole weight. */
static void multiply(const struct panel_kernels *k, const struct weight *w,
                     const float *x, size_t rows, float *y)
{
	char *panel = fill(k, w);
	char *strips = panel_strips(k, x, w->from.n, rows, w->from.n);

	k->multiply(&(struct panel_tile){ .dtype = w->from.dtype,
	                                  .panel = panel,
	                                  .n_w = w->from.n_w,
	                                  .n = w->from.n,
	                                  .x = strips,
	                                  .x_stride = k->x_bytes(w->from.n),
	                                  .rows = rows,
	                                  .y = y,
	                                  .y_stride = w->from.n_w });
	free(panel);
	free(strips);
}

static size_t random_n(enum dtype dtype, uint64_t *rng)
{
	size_t block = (size_t)dtype_info(dtype)->block;

	if (block == 1)
		return 1 + numbers_below(rng, 1000);
	return block * (1 + numbers_below(rng, block == 32 ? 40 : 5));
}

/* What is rounded in a weight's offset before it becomes bf16: the last place of
 * what its codes are put on, and of its min. */
static double offset_slack(const struct weight *w, size_t i)
{
	const struct panel_kernels *coded =
		kernels_by_name("avx512")->panel_coded;
	struct panel_source row = w->from;
	size_t n = w->from.n;
	char *panel = aligned_alloc(64, coded->group(row.dtype, n));
	struct panel_element e;
	double base;

	row.w += i / n * row.stride;
	row.n_w = 1;
	coded->fill(panel, &row);
	e = panel_element(coded, panel, row.dtype, n, 0, i % n);
	free(panel);
	base = (panel_form(row.dtype)->bits == 8 ? 32768 : 128) + e.offset;
	return (fabs((double)e.scale) * base + fabs((double)e.min)) * FLOAT_EPS;
}

/* How far a panel's weight may be from the file's.  A level is rounded to half a
 * step, by a factor that is rounded to half a unit of 256 for each code; bf16 to
 * half of its last bit. */
static double slack(const struct panel_kernels *k, const struct weight *w,
                    size_t i, struct panel_element e)
{
	const struct panel_form *form = panel_form(w->from.dtype);
	int bits = form ? form->bits : 16;

	if (panel_is_narrow(k))
		return fabs((double)w->wide[i]) * (1.0 / 256 + FLOAT_EPS) +
		       (form ? offset_slack(w, i) : 0);
	if (panel_is_wide(k))
		return (double)e.scale * (form ? PANEL_WIDE_SLACK : 0.501);
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
		for (size_t n_w = 1; k->takes((enum dtype)d) && n_w < 70;
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
		            slack(k, w, i, e));
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

/* A wide level is in its bounds, which rounding twice may pass by one, and the
 * largest of 16-bit floats at one of them. */
static void check_wide(const struct panel_kernels *k, const struct weight *w,
                       const char *panel)
{
	size_t n = w->from.n;
	int most = 0;

	for (size_t i = 0; panel_is_wide(k) && i < w->from.n_w * n; i++) {
		struct panel_element e =
			panel_element(k, panel, w->from.dtype, n, i / n, i % n);

		most = i % n % 256 == 0 ? 0 : most;
		most = abs(e.code) > most ? abs(e.code) : most;
		assert_true(most <= PANEL_WIDE_W + 1);
		if (!panel_form(w->from.dtype) &&
		    (i % n % 256 == 255 || i % n == n - 1))
			assert_int_equal(most, PANEL_WIDE_W);
	}
}

static void wide_levels_use_their_bits(void **state)
{
	(void)state;
	each_weight(check_wide);
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

		if (!k->takes((enum dtype)d) ||
		    !(panel_is_wide(k) ||
		      (panel_is_levelled(k) && form->bits < 8)))
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
		/* 0.29 of deviation, if spread evenly; 0.41 of two roundings.
		 * Of products of codes of two bits every sixteenth is a half,
		 * which vpmulhrsw rounds upwards. */
		assert_true(fabs(sum) / (64 * 2560) <
		            (panel_is_wide(k) ? 0.04 : 0.02));
		assert_true(sqrt(squares / (64 * 2560)) <
		            (panel_is_wide(k) ? 0.5 : 0.35));
		free(panel);
		weight_free(&w);
	}
}

/* What is no number stays none; what is nothing stays nothing. */
static void check_no_numbers(const struct panel_kernels *k,
                             const struct weight *w)
{
	static float row[512], y[16];

	for (size_t i = 0; i < 512; i++)
		row[i] = 1;
	multiply(k, w, row, 1, y);
	assert_true(fabsf(y[0] + 512) < 0.01f * 512);
	assert_true(isnan(y[1]));
	assert_false(isfinite(y[2]));
	assert_true(y[3] == 0);
	assert_true(y[15] == y[0]);
	row[100] = NAN;
	multiply(k, w, row, 1, y);
	assert_true(isnan(y[0]));
}

/* All weights -1 but those of rows 1 to 3. */
static void weights_that_are_no_numbers_come_through(void **state)
{
	enum { OUT = 16, N = 512 };
	static struct quant_q4_0 q4_0[OUT][N / 32];
	static struct quant_q8_0 q8_0[OUT][N / 32];
	static uint16_t f16[OUT][N];

	(void)state;
	memset(q4_0, 0x77, sizeof q4_0);
	memset(q8_0, -1, sizeof q8_0);
	for (size_t o = 0; o < OUT; o++)
		for (size_t i = 0; i < N; i++) {
			uint16_t d = o == 1 && i / 32 == 3   ? 0x7e00 /* NaN */
			             : o == 2 && i / 32 == 9 ? 0x7c00 /* inf */
			             : o == 3                ? 0
			                                     : 0x3c00; /* 1 */

			q4_0[o][i / 32].d = q8_0[o][i / 32].d = d;
			f16[o][i] = d | 0x8000;
		}
	EACH_SET(k)
	{
		const struct weight all[] = {
			{ .from = { DTYPE_Q4_0, (char *)q4_0, sizeof q4_0[0],
			            OUT, N } },
			{ .from = { DTYPE_Q8_0, (char *)q8_0, sizeof q8_0[0],
			            OUT, N } },
			{ .from = { DTYPE_F16, (char *)f16, sizeof f16[0], OUT,
			            N } },
		};

		for (size_t i = 0; i < 3; i++)
			if (k->takes(all[i].from.dtype))
				check_no_numbers(k, &all[i]);
	}
}

/* Roundings of a float32 sum of n terms: a random walk, hence the root. */
static double rounding(size_t n)
{
	return (6 + sqrt((double)n)) * FLOAT_EPS;
}

/* y of one row and output in double; *size: of the terms that were rounded. */
static double dot(const struct panel_kernels *k, const float *x,
                  const struct weight *w, const char *panel, size_t o,
                  double *size)
{
	double sum = 0;

	*size = 0;
	for (size_t i = 0; i < w->from.n; i++) {
		double v = x[i];
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
	size_t x_stride = n + numbers_below(rng, 9);
	size_t y_stride = n_w + numbers_below(rng, 20);
	float *x = malloc((rows * x_stride + 1) * sizeof *x);
	char *strips;
	float *y = malloc(rows * y_stride * sizeof *y);
	float *before = malloc(rows * y_stride * sizeof *y);
	struct panel_tile t = {
		.dtype = dtype,
		.panel = panel,
		.n_w = n_w,
		.n = n,
		.x_stride = k->x_bytes(n),
		.rows = rows,
		.y = y,
		.y_stride = y_stride,
		.add = numbers_below(rng, 2),
		.ahead = { .at = w.from.w,
		           .bytes = numbers_below(rng, 10000),
		           .stride = numbers_below(rng, 20000),
		           .n = numbers_below(rng, 4) },
	};

	numbers_fill(rng, x, rows * x_stride);
	strips = panel_strips(k, x, x_stride, rows, n);
	t.x = strips;
	for (size_t r = 0; r < rows; r++)
		panel_round_x(k, x + r * x_stride, n);
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
	free(x);
	free(strips);
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

		if (k->takes(dtype))
			check_product(k, dtype, n_w, random_n(dtype, &rng),
			              rows, &rng);
		else
			i--;
	}
}

static void check_largest(const struct panel_kernels *k, const struct weight *w,
                          float weight, size_t n, double tolerance)
{
	enum { ROWS = 13, OUT = 32 };
	static float x[ROWS * 512], y[ROWS * OUT];
	float sum = weight * 127 * (float)n;

	for (size_t i = 0; i < ROWS * n; i++)
		x[i] = 127;
	multiply(k, w, x, ROWS, y);
	for (size_t i = 0; i < ROWS * OUT; i++)
		assert_true(fabs(y[i] - sum) <= tolerance * fabs(sum));
}

/* The largest codes and activations in every place: no sum overflows. */
static void the_largest_integers_do_not_overflow(void **state)
{
	enum { OUT = 32, N = 512 };
	static struct quant_q8_0 q8_0[OUT][N / 32];
	static struct quant_q5_0 q5_0[OUT][N / 32];
	static struct quant_q4_0 q4_0[OUT][N / 32];
	static uint16_t f16[OUT][N];

	(void)state;
	EACH_SET(k)
	for (int top = 0; top < 2; top++) {
		const struct weight all[] = {
			{ .from = { DTYPE_Q8_0, (char *)q8_0, sizeof q8_0[0],
			            OUT, N } },
			{ .from = { DTYPE_Q5_0, (char *)q5_0, sizeof q5_0[0],
			            OUT, N } },
			{ .from = { DTYPE_Q4_0, (char *)q4_0, sizeof q4_0[0],
			            OUT, N } },
			{ .from = { DTYPE_F16, (char *)f16, sizeof f16[0], OUT,
			            N } },
		};
		const float lowest[] = { -128, -16, -8, -1 };
		const float highest[] = { 127, 15, 7, 1 };

		memset(q8_0, top ? 127 : -128, sizeof q8_0);
		memset(q5_0, top ? 0xff : 0, sizeof q5_0);
		memset(q4_0, top ? 0xff : 0, sizeof q4_0);
		for (size_t i = 0; i < OUT * N; i++) {
			f16[i / N][i % N] = top ? 0x3c00 : 0xbc00;
			q8_0[i / N][i % N / 32].d = 0x3c00; /* 1 */
			q5_0[i / N][i % N / 32].d = 0x3c00;
			q4_0[i / N][i % N / 32].d = 0x3c00;
		}
		for (size_t i = 0; i < 4; i++)
			if (k->takes(all[i].from.dtype))
				check_largest(k, &all[i],
				              top ? highest[i] : lowest[i], N,
				              0.005);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_panel_holds_what_the_blocks_mean),
	cmocka_unit_test(levelled_records_have_their_sums),
	cmocka_unit_test(wide_levels_use_their_bits),
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
