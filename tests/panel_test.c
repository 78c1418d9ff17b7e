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

#define SHAPES 1000

/* The sets that have panels and that this CPU runs. */
static const struct kernels *sets[3];

static int find_sets(void **state)
{
	static const char *const names[] = { "avx2", "avx512" };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct kernels *set = kernels_by_name(names[i]);

		if (set && set->panel_multiply)
			sets[n++] = set;
	}
	return 0;
}

#define EACH_SET(k) \
	for (const struct kernels **at = sets, *k = *at; k; k = *++at)

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

static char *fill(const struct kernels *k, const struct weight *w)
{
	size_t bytes =
		panel_bytes(panel_form(w->from.dtype), w->from.n_w, w->from.n);
	char *panel = aligned_alloc(64, bytes + 64);

	memset(panel, 0xaa, bytes + 64);
	k->panel_fill(panel, &w->from);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal((unsigned char)panel[bytes + i], 0xaa);
	return panel;
}

/* Row o, element i of a panel by the layout of panel.h. */
struct element {
	int code;
	float scale, min;
};

static struct element element_of(const char *panel, const struct weight *w,
                                 size_t o, size_t i)
{
	const struct panel_form *form = panel_form(w->from.dtype);
	size_t blocks = w->from.n / 32, group = o / 16, lane = o % 16;
	const char *record = panel + (group * blocks + i / 32) * form->record;
	const float *factors = (const float *)(record + 512);
	size_t s = form->n_scales == 2 ? i % 32 / 16 : 0;
	struct element e = { .min = 0 };

	e.code = (uint8_t)record[i % 32 / 4 * 64 + lane * 4 + i % 4];
	e.scale = factors[s * 16 + lane];
	if (form->n_mins)
		e.min = factors[((size_t)form->n_scales + s) * 16 + lane];
	return e;
}

static size_t random_n(enum dtype dtype, uint64_t *rng)
{
	size_t block = (size_t)dtype_info(dtype)->block;

	return block * (1 + numbers_below(rng, block == 32 ? 40 : 5));
}

static void a_panel_holds_exactly_what_the_blocks_mean(void **state)
{
	uint64_t rng = 1;

	(void)state;
	EACH_SET(k)
	for (int d = 0; d < DTYPE_PACKED; d++)
		for (size_t n_w = 1; panel_form((enum dtype)d) && n_w < 70;
		     n_w += 1 + n_w / 4) {
			enum dtype dtype = (enum dtype)d;
			size_t n = random_n(dtype, &rng);
			struct weight w = weight_new(dtype, n_w, n, &rng);
			int offset = panel_form(dtype)->offset;
			char *panel = fill(k, &w);

			for (size_t i = 0; i < n_w * n; i++) {
				struct element e =
					element_of(panel, &w, i / n, i % n);
				float q = (float)(e.code - offset);

				assert_true(e.scale * q - e.min == w.wide[i]);
			}
			free(panel);
			weight_free(&w);
		}
}

/* Roundings of a float32 sum of n terms: a random walk, hence the root. */
static double rounding(size_t n)
{
	return (6 + sqrt((double)n)) * FLOAT_EPS;
}

/* y of one row and output in double; *size: of the terms that were rounded. */
static double dot(const struct quant_x *x, const struct weight *w,
                  const char *panel, size_t o, double *size)
{
	double sum = 0;

	*size = 0;
	for (size_t i = 0; i < w->from.n; i++) {
		const struct quant_x *at = x + i / 256;
		double v = (double)at->d[i % 256 / 32] * at->q[i % 256];
		struct element e = element_of(panel, w, o, i);

		sum += v * w->wide[o * w->from.n + i];
		*size += fabs(v) *
		         (fabs(w->wide[o * w->from.n + i]) + 2 * fabs(e.min));
	}
	return sum;
}

static void check_product(const struct kernels *k, enum dtype dtype, size_t n_w,
                          size_t n, size_t rows, uint64_t *rng)
{
	struct weight w = weight_new(dtype, n_w, n, rng);
	char *panel = fill(k, &w);
	size_t x_stride = quant_x_count(n) + numbers_below(rng, 2);
	size_t y_stride = n_w + numbers_below(rng, 20);
	struct quant_x *x = aligned_alloc(64, rows * x_stride * sizeof *x);
	float *row = malloc(n * sizeof *row);
	float *y = malloc(rows * y_stride * sizeof *y);
	float *before = malloc(rows * y_stride * sizeof *y);
	struct panel_tile t = {
		.form = panel_form(dtype),
		.panel = panel,
		.n_w = n_w,
		.n = n,
		.x = x,
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
		k->quant_x(x + r * x_stride, row, n);
	}
	numbers_fill(rng, y, rows * y_stride);
	memcpy(before, y, rows * y_stride * sizeof *y);
	k->panel_multiply(&t);
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
		sum = dot(x + r * x_stride, &w, panel, o, &size);
		if (t.add) {
			sum += before[i];
			size += fabs(before[i]);
		}
		assert_true(fabs(y[i] - sum) <= rounding(n) * size);
	}
	free(row);
	free(x);
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
		enum dtype dtype = (enum dtype)numbers_below(&rng, DTYPE_PACKED);
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
		char *panel;

		for (size_t o = 0; o < OUT; o++)
			for (size_t b = 0; b < N / 32; b++) {
				struct quant_q8_0 *q = &blocks[o][b];

				q->d = 0x3c00; /* 1 */
				memset(q->qs, sign > 0 ? 127 : -128, 32);
			}
		for (size_t i = 0; i < N; i++)
			row[i] = 127;
		for (size_t r = 0; r < ROWS; r++)
			k->quant_x(&x[r], row, N);
		panel = fill(k, &w);
		k->panel_multiply(
			&(struct panel_tile){ .form = panel_form(DTYPE_Q8_0),
		                              .panel = panel,
		                              .n_w = OUT,
		                              .n = N,
		                              .x = x,
		                              .x_stride = 1,
		                              .rows = ROWS,
		                              .y = y,
		                              .y_stride = OUT });
		for (size_t i = 0; i < ROWS * OUT; i++)
			assert_true(y[i] == (sign > 0 ? 127 : -128) * 127 * N);
		free(panel);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_panel_holds_exactly_what_the_blocks_mean),
	cmocka_unit_test(products_of_random_shapes_are_those_of_the_integers),
	cmocka_unit_test(the_largest_integers_do_not_overflow),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, find_sets, NULL);
}
