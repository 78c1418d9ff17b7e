#include "tests/support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/threads.h"
#include "math/half.h"
#include "math/kernels_set.h"
#include "math/linear.h"
#include "math/packed.h"
#include "math/panel.h"
#include "math/quant.h"
#include "math/quant_x.h"
#include "math/tile.h"
#include "tests/numbers.h"

#define SHAPES 1000

/* ---- a matrix in both forms ---- */

/* Every bit of its plain blocks is random, but that f16 factors are small finite
 * numbers, and bf16 ones that can be packed; the packed one ends where no more may be
 * read. */
struct pair {
	struct tensor plain, packed;
	char *rows;
	struct fenced block;
};

/* Offsets of the f16 in a plain block; -1: none. */
static void factor_offsets(enum dtype plain, int at[2])
{
	at[0] = plain == DTYPE_Q6_K ? 208 : 0;
	at[1] = plain == DTYPE_Q4_K ? 2 : -1;
}

/* Spread about zero, with zeros and what no table has. */
static uint16_t random_bf16(uint64_t *rng)
{
	static const float rare[] = { -0.0f, 1e-12f, -1e6f, 1e-40f };
	float f = 0;

	if (numbers_below(rng, 1000) == 0)
		return half_to_bf16(rare[numbers_below(rng, 4)]);
	for (int i = 0; i < 4; i++)
		f += numbers_uniform(rng);
	return numbers_below(rng, 50) ? half_to_bf16(f / 64) : 0;
}

static void fill_bf16(char *bytes, size_t n, uint64_t *rng)
{
	for (size_t i = 0; i < n; i += 2)
		memcpy(bytes + i, &(uint16_t){ random_bf16(rng) }, 2);
}

static void fill_plain(char *bytes, size_t n, enum dtype plain, uint64_t *rng)
{
	size_t block = (size_t)dtype_info(plain)->bytes;
	int at[2];

	if (plain == DTYPE_BF16) {
		fill_bf16(bytes, n, rng);
		return;
	}
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)numbers_next(rng);
	factor_offsets(plain, at);
	for (size_t b = 0; b < n; b += block)
		for (int i = 0; i < 2 && at[i] >= 0; i++) {
			uint16_t f = half_to_f16(numbers_uniform(rng) / 64);

			memcpy(bytes + b + at[i], &f, 2);
		}
}

static struct pair pair_new(enum dtype packed, int64_t n_out, int64_t n_in,
                            uint64_t *rng)
{
	enum dtype plain = packed_plain(packed);
	struct pair p = {
		.plain = { plain, 2, { n_out, n_in }, NULL, 0 },
		.packed = { packed, 2, { n_out, n_in }, NULL, 0 },
	};
	int64_t elements;
	size_t row, group;

	assert_true(tensor_size(plain, 2, p.plain.shape, &elements,
	                        &p.plain.bytes));
	assert_true(tensor_size(packed, 2, p.packed.shape, &elements,
	                        &p.packed.bytes));
	row = p.plain.bytes / (size_t)n_out;
	group = p.packed.bytes / (size_t)n_out * PACKED_ROWS;
	p.rows = malloc(p.plain.bytes);
	p.block = fenced_new(p.packed.bytes);
	fill_plain(p.rows, p.plain.bytes, plain, rng);
	for (size_t o = 0; o < (size_t)n_out; o += PACKED_ROWS)
		assert_true(packed_can_say(packed, p.rows + o * row, n_in));
	for (size_t o = 0; o < (size_t)n_out; o += PACKED_ROWS)
		packed_group(packed, p.rows + o * row,
		             (char *)p.block.at + o / PACKED_ROWS * group,
		             n_in);
	p.plain.data = p.rows;
	p.packed.data = p.block.at;
	return p;
}

static void pair_free(struct pair *p)
{
	free(p->rows);
	fenced_free(p->block);
}

#define EACH_PACKED(d) for (enum dtype d = DTYPE_PACKED; d < DTYPE_COUNT; d++)

static const struct kernels *sets[6];

static int find_sets(void **state)
{
	static const char *const names[] = { "scalar", "avx2", "avx512",
		                             "amx" };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (kernels_by_name(names[i]))
			sets[n++] = kernels_by_name(names[i]);
#ifdef __x86_64__
	/* Which others have, too, but do not choose. */
	if (kernels_by_name("avx512") && __builtin_cpu_supports("avx512bf16") &&
	    kernels_by_name("avx512") != &kernels_avx512_bf16)
		sets[n++] = &kernels_avx512_bf16;
#endif
	return 0;
}

#define EACH_SET(k) \
	for (const struct kernels **at = sets, *k = *at; k; k = *++at)

static int64_t random_n(enum dtype packed, uint64_t *rng)
{
	int64_t block = dtype_info(packed)->block;

	return block * (int64_t)(1 + numbers_below(rng, block == 64 ? 20 : 5));
}

/* ---- the layout ---- */

static void types_and_their_packed_forms_are_pairs(void **state)
{
	(void)state;
	for (enum dtype d = 0; d < DTYPE_COUNT; d++) {
		assert_int_equal(packed_is(d), dtype_info(d)->rows > 1);
		if (packed_is(d)) {
			assert_int_equal(packed_of(packed_plain(d)), d);
			assert_false(packed_is(packed_plain(d)));
			assert_int_equal(dtype_info(d)->rows, PACKED_ROWS);
			assert_int_equal(dtype_info(d)->bytes * PACKED_ROWS %
			                         PACKED_ALIGN,
			                 0);
		} else {
			assert_int_equal(packed_plain(d), d);
		}
	}
	assert_int_equal(packed_of(DTYPE_F16), DTYPE_F16);
	assert_int_equal(packed_of(DTYPE_Q5_K), DTYPE_Q5_K);
	assert_true(packed_fits(DTYPE_Q8_0_X16, 32, 64));
	assert_false(packed_fits(DTYPE_Q8_0_X16, 24, 64));
	assert_false(packed_fits(DTYPE_Q8_0_X16, 32, 96));
	assert_false(packed_fits(DTYPE_Q8_0, 32, 64));
}

/* By packed.h, byte by byte, of one element: the third of row 5's second
 * block. */
static void elements_lie_where_the_header_says(void **state)
{
	static unsigned char plain[16 * 2 * 34], group[16 * 68];
	unsigned char *row = plain + 5 * 68;

	(void)state;
	row[34 + 2 + 2] = 0x85; /* qs[2] of block 1: -123 */
	row[34] = 0x34;
	row[35] = 0x12;
	packed_group(DTYPE_Q8_0_X16, plain, group, 64);
	assert_int_equal(group[32 + 2 * 5], 0x34);
	assert_int_equal(group[32 + 2 * 5 + 1], 0x12);
	assert_int_equal(group[64 + 64 * 8 + 4 * 5 + 2], 0x05); /* 128 - 123 */
	assert_int_equal(group[64 + 64 * 8 + 4 * 5 + 1], 0x80); /* 0 */

	memset(plain, 0, sizeof plain);
	row = plain + 5 * 36;
	row[18 + 2 + 6] = 0xa3; /* qs[6] of block 1: elements 6 and 22 */
	packed_group(DTYPE_Q4_0_X16, plain, group, 64);
	assert_int_equal(group[64 + 64 * 5 + 4 * 5 + 2], 0xa3);
}

/* Element 7 of row 6, the second of its quad's second pair; and a rare one. */
static void bf16_lies_where_the_header_says(void **state)
{
	static uint16_t plain[16][PACKED_BF16_N];
	static struct packed_bf16 group;

	(void)state;
	for (size_t i = 0; i < 16 * PACKED_BF16_N; i++)
		plain[i / PACKED_BF16_N][i % PACKED_BF16_N] = 0x3c00;
	plain[6][7] = 0xbc81;
	for (uint16_t i = 0; i < 14; i++) /* twice, and so in the table */
		plain[0][2 * i] = plain[1][2 * i] = (uint16_t)(i << 8 | 0x4000);
	plain[9][255] = 0x12ab;
	packed_group(DTYPE_BF16_X16, plain, &group, PACKED_BF16_N);
	assert_int_equal(group.n_rare, 2);
	assert_int_equal(group.rare[0].at, 6 * 256 + 7);
	assert_int_equal(group.rare[0].weight, 0xbc81);
	assert_int_equal(group.rare[1].at, 9 * 256 + 255);
	assert_int_equal(group.rare[1].weight, 0x12ab);
	assert_int_equal(group.table[0], 0);
	assert_int_equal(group.table[1], 0x3c);

	plain[6][7] = 0x3c81; /* no longer rare */
	packed_group(DTYPE_BF16_X16, plain, &group, PACKED_BF16_N);
	assert_int_equal(group.n_rare, 1);
	assert_int_equal(packed_bf16_place(6), 20);
	assert_int_equal(group.quads[1].low[1][21], 0x81);
	assert_int_equal(group.quads[1].codes[21], 0x11);
	assert_int_equal(group.quads[63].codes[packed_bf16_place(9) + 1], 0x01);
}

/* 27 rare weights, and 28; in the last record of several. */
static void bf16_with_too_many_exponents_cannot_be_packed(void **state)
{
	static uint16_t plain[16][2 * PACKED_BF16_N];

	(void)state;
	for (size_t k = 0; k < 2 * PACKED_BF16_N; k++)
		for (size_t r = 0; r < 16; r++)
			plain[r][k] = (uint16_t)(k % 15 << 8 | 0x3000 | r);
	assert_true(packed_can_say(DTYPE_BF16_X16, plain, 2 * PACKED_BF16_N));
	for (uint16_t i = 0; i < PACKED_BF16_RARE; i++)
		plain[3][PACKED_BF16_N + i] = (uint16_t)(i << 8 | 0x5000);
	assert_true(packed_can_say(DTYPE_BF16_X16, plain, 2 * PACKED_BF16_N));
	plain[15][2 * PACKED_BF16_N - 1] = 0x8000; /* -0 */
	assert_false(packed_can_say(DTYPE_BF16_X16, plain, 2 * PACKED_BF16_N));
	plain[15][2 * PACKED_BF16_N - 1] = 0;
	assert_true(packed_can_say(DTYPE_BF16_X16, plain, 2 * PACKED_BF16_N));
	assert_true(packed_can_say(DTYPE_Q8_0_X16, plain, 512));
}

/* Whatever bytes a file has. */
static void any_record_of_bf16_can_be_multiplied(void **state)
{
	enum { ROWS = 9, N = 2 * PACKED_BF16_N };
	static float x[ROWS * N], y[ROWS * 16], row[N];
	struct fenced block = fenced_new(2 * sizeof(struct packed_bf16));
	struct tensor w = { DTYPE_BF16_X16,
		            2,
		            { 16, N },
		            block.at,
		            2 * sizeof(struct packed_bf16) };
	const struct linear_job job = { &w, y, 16, false };
	struct error err = { "" };
	struct linear_work *work = linear_work_new(NULL, ROWS, N, 16, &err);
	uint64_t rng = 7;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < 40; i++) {
		for (size_t b = 0; b < w.bytes; b++)
			((char *)block.at)[b] = (char)numbers_next(&rng);
		kernels_use(k);
		linear(work, &job, x, N, i % 2 ? 1 : ROWS, i / 2 % 2);
		for (int64_t r = 0; r < 16; r++)
			linear_row(&w, r, row);
	}
	kernels_use(NULL);
	linear_work_free(work);
	fenced_free(block);
}

static void a_packed_row_is_the_plain_one_again(void **state)
{
	uint64_t rng = 1;

	(void)state;
	EACH_PACKED(d)
	for (int i = 0; i < 20; i++) {
		int64_t n_out = 16 * (int64_t)(1 + numbers_below(&rng, 4));
		int64_t n_in = random_n(d, &rng);
		struct pair p = pair_new(d, n_out, n_in, &rng);
		size_t row = p.plain.bytes / (size_t)n_out;
		char *again = malloc(row);
		float *a = malloc((size_t)n_in * sizeof *a);
		float *b = malloc((size_t)n_in * sizeof *b);

		for (int64_t o = 0; o < n_out; o++) {
			packed_row(d, p.packed.data, n_in, o, 0, n_in, again);
			assert_memory_equal(again, p.rows + (size_t)o * row,
			                    row);
			linear_row(&p.packed, o, a);
			linear_row(&p.plain, o, b);
			assert_memory_equal(a, b, (size_t)n_in * sizeof *a);
		}
		free(again);
		free(a);
		free(b);
		pair_free(&p);
	}
}

/* ---- products ---- */

static double rounding(size_t n)
{
	return (6 + sqrt((double)n)) * FLOAT_EPS;
}

/* A product of random numbers of rows and outputs. */
struct product {
	struct pair w;
	size_t n_out, n_in, rows;
	float *x, *rounded; /* [rows, n_in]; as 8-bit integers say them */
	struct quant_x *quantized; /* [rows, quant_x_count(n_in)] */
	float *y, *before;         /* [rows, y_stride] */
	size_t y_stride;
	bool add;
};

static void round_rows(struct product *p)
{
	size_t count = quant_x_count(p->n_in);

	for (size_t r = 0; r < p->rows; r++) {
		struct quant_x *q = p->quantized + r * count;

		sets[0]->quant_x(q, p->x + r * p->n_in, p->n_in);
		for (size_t i = 0; i < p->n_in; i++)
			p->rounded[r * p->n_in + i] =
				q[i / 256].d[i % 256 / 32] *
				(float)q[i / 256].q[i % 256];
	}
}

static struct product product_new(enum dtype d, uint64_t *rng)
{
	struct product p = { .n_out = 16 * (1 + numbers_below(rng, 4)),
		             .n_in = (size_t)random_n(d, rng),
		             .rows = 1 + numbers_below(rng, 12),
		             .add = numbers_below(rng, 2) };
	size_t n_x = p.rows * p.n_in, n_y;

	p.w = pair_new(d, (int64_t)p.n_out, (int64_t)p.n_in, rng);
	p.y_stride = p.n_out + numbers_below(rng, 3);
	n_y = p.rows * p.y_stride;
	p.x = malloc(n_x * sizeof(float));
	p.rounded = malloc(n_x * sizeof(float));
	p.quantized = aligned_alloc(64, p.rows * quant_x_count(p.n_in) *
	                                        sizeof *p.quantized);
	p.y = malloc(n_y * sizeof(float));
	p.before = malloc(n_y * sizeof(float));
	numbers_fill(rng, p.x, n_x);
	numbers_fill(rng, p.before, n_y);
	memcpy(p.y, p.before, n_y * sizeof(float));
	round_rows(&p);
	return p;
}

static void product_free(struct product *p)
{
	pair_free(&p->w);
	free(p->x);
	free(p->rounded);
	free(p->quantized);
	free(p->y);
	free(p->before);
}

static void multiply(struct product *p, void (*tile)(const struct tile *),
                     bool exact)
{
	struct tile t = {
		.y = p->y,
		.y_stride = p->y_stride,
		.w = p->w.packed.data,
		.w_stride = p->w.packed.bytes / p->n_out,
		.n_w = p->n_out,
		.x = exact ? (const void *)p->x : p->quantized,
		.x_stride =
			exact ? p->n_in * sizeof(float)
			      : quant_x_count(p->n_in) * sizeof *p->quantized,
		.rows = p->rows,
		.n = p->n_in,
		.add = p->add,
		.ahead = 64 * (p->n_out % 3), /* sometimes */
	};

	tile(&t);
}

/* Against double precision.  Where there are minima, the terms that are rounded
 * are up to some times those of the sum. */
static void check(const struct product *p, const float *x, double slack)
{
	float *w = malloc(p->n_in * sizeof *w);

	for (size_t o = 0; o < p->y_stride; o++) {
		if (o < p->n_out)
			linear_row(&p->w.plain, (int64_t)o, w);
		for (size_t r = 0; r < p->rows; r++) {
			float y = p->y[r * p->y_stride + o];
			float before = p->before[r * p->y_stride + o];
			double sum = p->add ? before : 0, size = fabs(sum);

			if (o >= p->n_out) {
				assert_true(y == before);
				continue;
			}
			for (size_t i = 0; i < p->n_in; i++) {
				double v = (double)x[r * p->n_in + i] * w[i];

				sum += v;
				size += fabs(v);
			}
			assert_true(fabs(y - sum) <=
			            slack * rounding(p->n_in) * size);
		}
	}
	free(w);
}

static enum dtype random_packed(uint64_t *rng)
{
	return DTYPE_PACKED + numbers_below(rng, DTYPE_COUNT - DTYPE_PACKED);
}

/* All but bf16. */
static enum dtype random_coded(uint64_t *rng)
{
	enum dtype d;

	do
		d = random_packed(rng);
	while (d == DTYPE_BF16_X16);
	return d;
}

static void products_of_integers_are_those_of_the_plain_rows(void **state)
{
	uint64_t rng = 2;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		enum dtype d = random_coded(&rng);
		struct product p = product_new(d, &rng);

		multiply(&p, k->tile_int8[d], false);
		check(&p, p.rounded, d == DTYPE_Q4_K_X16 ? 4 : 1);
		product_free(&p);
	}
}

/* As a chat multiplies a few rows: all but bf16 by integers. */
static void multiply_few(struct product *p, const struct kernels *k,
                         enum dtype d)
{
	if (d == DTYPE_BF16_X16)
		multiply(p, k->tile_exact[d], true);
	else
		multiply(p, k->tile_int8[d], false);
}

/* What makes reuse of a cache equal to computing it anew, bit for bit. */
static void a_row_of_a_batch_has_the_bits_it_has_alone(void **state)
{
	uint64_t rng = 9;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		enum dtype d =
			k->vector ? random_packed(&rng) : random_coded(&rng);
		struct product p = product_new(d, &rng), one;

		multiply_few(&p, k, d);
		for (size_t r = 0; r < p.rows; r++) {
			one = p;
			one.rows = 1;
			one.x += r * p.n_in;
			one.quantized += r * quant_x_count(p.n_in);
			one.y = p.before + r * p.y_stride;
			multiply_few(&one, k, d);
			assert_memory_equal(one.y, p.y + r * p.y_stride,
			                    p.n_out * sizeof *one.y);
		}
		product_free(&p);
	}
}

static void exact_products_are_those_of_the_plain_rows(void **state)
{
	uint64_t rng = 3;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES && k->vector; i++) {
		enum dtype d = random_packed(&rng);
		struct product p = product_new(d, &rng);

		multiply(&p, k->tile_exact[d], true);
		check(&p, p.x, 1);
		product_free(&p);
	}
}

static void check_panels(const struct panel_kernels *k, uint64_t *rng)
{
	EACH_PACKED(d)
	for (int i = 0; i < 20 && k->takes(d); i++) {
		size_t n_w = 16 * (1 + numbers_below(rng, 6));
		size_t n = (size_t)random_n(d, rng);
		struct pair p = pair_new(d, (int64_t)n_w, (int64_t)n, rng);
		size_t bytes = n_w / 16 * k->group(d, n);
		char *a = aligned_alloc(64, bytes),
		     *b = aligned_alloc(64, bytes);
		struct panel_source from = { p.plain.dtype, p.plain.data,
			                     p.plain.bytes / n_w, n_w, n };

		k->fill(a, &from);
		from.dtype = d;
		from.w = p.packed.data;
		from.stride = p.packed.bytes / n_w;
		k->fill(b, &from);
		assert_memory_equal(a, b, bytes);
		free(a);
		free(b);
		pair_free(&p);
	}
}

static void a_panel_of_packed_rows_is_that_of_the_plain_ones(void **state)
{
	uint64_t rng = 4;

	(void)state;
	EACH_SET(k)
	{
		if (k->panel_coded)
			check_panels(k->panel_coded, &rng);
		if (k->panel_levelled)
			check_panels(k->panel_levelled, &rng);
		if (k->panel_wide)
			check_panels(k->panel_wide, &rng);
		if (k->panel_narrow)
			check_panels(k->panel_narrow, &rng);
	}
}

/* Of one form of x, whose products with w are summed in two orders; or where each
 * product may have lost `step` of what the largest x and w of a row make. */
static void check_same(const struct pair *p, const float *x, const float *a,
                       const float *b, size_t rows, double step)
{
	size_t n_out = (size_t)p->plain.shape[0], n = (size_t)p->plain.shape[1];
	float *w = malloc(n * sizeof *w);

	for (size_t o = 0; o < n_out; o++) {
		linear_row(&p->plain, (int64_t)o, w);
		for (size_t r = 0; r < rows; r++) {
			double size = 0, most_x = 0, most_w = 0;

			for (size_t i = 0; i < n; i++) {
				double v = fabs((double)x[r * n + i]);

				most_x = fmax(most_x, v);
				most_w = fmax(most_w, fabs((double)w[i]));
				size += v * fabs((double)w[i]);
			}
			assert_true(fabs((double)a[r * n_out + o] -
			                 b[r * n_out + o]) <=
			            8 * rounding(n) * size +
			                    step * (double)n * most_x * most_w);
		}
	}
	free(w);
}

/* By way of linear.h, whose plans say which kernel it is. */
static void any_number_of_rows_is_multiplied_as_by_plain_ones(void **state)
{
	enum { MAX_ROWS = 20, OUT = 112, IN = 512 };
	static const size_t rows[] = { 1, 2, 7, 8, MAX_ROWS };
	static float x[MAX_ROWS * IN], a[MAX_ROWS * OUT], b[MAX_ROWS * OUT];
	struct error err = { "" };
	struct threads *pool = threads_new(2, &err);
	struct linear_work *work =
		linear_work_new(pool, MAX_ROWS, IN, OUT, &err);
	uint64_t rng = 5;

	(void)state;
	numbers_fill(&rng, x, MAX_ROWS * IN);
	EACH_SET(k)
	EACH_PACKED(d)
	for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
		struct pair p = pair_new(d, OUT, IN, &rng);
		const struct linear_job plain = { &p.plain, a, OUT, false };
		const struct linear_job packed = { &p.packed, b, OUT, false };

		kernels_use(k);
		linear(work, &plain, x, IN, rows[i / 2], i % 2);
		linear(work, &packed, x, IN, rows[i / 2], i % 2);
		/* bf16 changes over to wide panels at other numbers. */
		check_same(&p, x, a, b, rows[i / 2],
		           d == DTYPE_BF16_X16 && i % 2 == 0 ? 1.0 / 2048 : 0);
		pair_free(&p);
	}
	kernels_use(NULL);
	linear_work_free(work);
	threads_free(pool);
}

/* Whatever types a file gives to gate and up, and so whatever blocks suit them
 * alone. */
static void a_packed_gate_goes_with_a_plain_up(void **state)
{
	enum { ROWS = 8, OUT = 48, IN = 9728 };
	static float x[ROWS * IN], a[ROWS * OUT], b[ROWS * OUT];
	struct error err = { "" };
	struct linear_work *work = linear_work_new(NULL, ROWS, IN, OUT, &err);
	uint64_t rng = 6;
	struct pair q4 = pair_new(DTYPE_Q4_0_X16, OUT, IN, &rng);
	struct pair q8 = pair_new(DTYPE_Q8_0_X16, OUT, IN, &rng);

	(void)state;
	numbers_fill(&rng, x, ROWS * IN);
	EACH_SET(k)
	for (size_t i = 0; i < 8; i++) {
		size_t rows = i / 4 ? ROWS : 1;
		bool exact = i % 2, gate_packed = i / 2 % 2;

		kernels_use(k);
		linear_swiglu(work, &q4.plain, &q8.plain, a, OUT, x, IN, rows,
		              exact);
		linear_swiglu(work, gate_packed ? &q4.packed : &q4.plain,
		              gate_packed ? &q8.plain : &q8.packed, b, OUT, x,
		              IN, rows, exact);
		for (size_t j = 0; j < rows * OUT; j++)
			assert_true(fabsf(a[j] - b[j]) <=
			            1e-4f * (1 + fabsf(a[j])));
	}
	kernels_use(NULL);
	linear_work_free(work);
	pair_free(&q4);
	pair_free(&q8);
}

/* The largest codes and activations in every place: no sum overflows. */
static void the_largest_integers_do_not_overflow(void **state)
{
	enum { ROWS = 7, N = 64 };
	static _Alignas(64) char group[16 * 68];
	static struct quant_x x[ROWS];
	static float row[N], y[ROWS * 16];
	static char plain[16 * 68];

	(void)state;
	for (size_t i = 0; i < N; i++)
		row[i] = 127;
	for (size_t r = 0; r < ROWS; r++)
		sets[0]->quant_x(&x[r], row, N);
	EACH_SET(k)
	for (int sign = -1; sign <= 1; sign += 2) {
		struct tile t = { .y = y,
			          .y_stride = 16,
			          .w = group,
			          .w_stride = 68,
			          .n_w = 16,
			          .x = x,
			          .x_stride = sizeof *x,
			          .rows = ROWS,
			          .n = N };

		memset(plain, sign > 0 ? 127 : -128, sizeof plain);
		for (size_t b = 0; b < 32; b++)
			memcpy(plain + 34 * b, &(uint16_t){ 0x3c00 }, 2);
		packed_group(DTYPE_Q8_0_X16, plain, group, N);
		k->tile_int8[DTYPE_Q8_0_X16](&t);
		for (size_t i = 0; i < ROWS * 16; i++)
			assert_true(y[i] == (sign > 0 ? 127 : -128) * 127 * N);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(types_and_their_packed_forms_are_pairs),
	cmocka_unit_test(elements_lie_where_the_header_says),
	cmocka_unit_test(bf16_lies_where_the_header_says),
	cmocka_unit_test(bf16_with_too_many_exponents_cannot_be_packed),
	cmocka_unit_test(any_record_of_bf16_can_be_multiplied),
	cmocka_unit_test(a_packed_row_is_the_plain_one_again),
	cmocka_unit_test(products_of_integers_are_those_of_the_plain_rows),
	cmocka_unit_test(a_row_of_a_batch_has_the_bits_it_has_alone),
	cmocka_unit_test(exact_products_are_those_of_the_plain_rows),
	cmocka_unit_test(a_panel_of_packed_rows_is_that_of_the_plain_ones),
	cmocka_unit_test(any_number_of_rows_is_multiplied_as_by_plain_ones),
	cmocka_unit_test(a_packed_gate_goes_with_a_plain_up),
	cmocka_unit_test(the_largest_integers_do_not_overflow),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, find_sets, NULL);
}
