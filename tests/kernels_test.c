#include "tests/support.h"

#include <stdio.h>

#include "base/error.h"
#include "math/half.h"
#include "math/kernels_set.h"
#include "math/tensor.h"
#include "math/tile.h"
#include "tests/numbers.h"

#define SHAPES 1000

/* The sets that this CPU runs; the scalar one is what they are held to. */
static const struct kernels *sets[5]; /* one more than there are */
static size_t n_sets;

static void find_sets(void)
{
	const struct kernels *avx2 = kernels_by_name("avx2");
	const struct kernels *avx512 = kernels_by_name("avx512");

	sets[n_sets++] = &kernels_scalar;
	if (avx2)
		sets[n_sets++] = avx2;
	if (avx512)
		sets[n_sets++] = avx512;
#ifdef __x86_64__
	if (avx512 && avx512 != &kernels_avx512)
		sets[n_sets++] = &kernels_avx512;
#endif
}

#define EACH_SET(k) \
	for (const struct kernels **at = sets, *k = *at; at < sets + n_sets; \
	     k = *++at)

/* Short rows, whole vectors, and one either side of them. */
static size_t random_length(uint64_t *rng)
{
	size_t n = numbers_below(rng, 300);

	return numbers_below(rng, 3) ? n : n / 16 * 16;
}

static void all_16_bit_values_are_widened_alike(void **state)
{
	static uint16_t all[0x10000];
	static float expected[0x10000], got[0x10000];

	(void)state;
	for (size_t i = 0; i < 0x10000; i++)
		all[i] = (uint16_t)i;
	EACH_SET(k)
	{
		kernels_scalar.bf16_to_f32(expected, all, 0x10000);
		k->bf16_to_f32(got, all, 0x10000);
		assert_memory_equal(got, expected, sizeof got);
		kernels_scalar.f16_to_f32(expected, all, 0x10000);
		k->f16_to_f32(got, all, 0x10000);
		for (size_t i = 0; i < 0x10000; i++)
			assert_true(got[i] == expected[i] ||
			            (isnan(got[i]) && isnan(expected[i])));
	}
}

/* Patterns near the midpoints that decide how to round, and any others. */
static void floats_are_narrowed_alike(void **state)
{
	static float x[0x10000];
	static uint16_t expected[0x10000], got[0x10000];
	uint64_t rng = 1;

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		uint32_t u = (uint32_t)i << 16 | 0x7fff;

		u += (uint32_t)numbers_below(&rng, 3);
		if (i % 3 == 0)
			u = (uint32_t)numbers_next(&rng);
		if (i % 3 == 1) /* the 13 bits that f16 drops */
			u = (u & ~0x1fffu) + 0xfff +
			    (uint32_t)numbers_below(&rng, 3);
		memcpy(&x[i], &u, 4);
	}
	EACH_SET(k)
	{
		kernels_scalar.f32_to_bf16(expected, x, 0x10000);
		k->f32_to_bf16(got, x, 0x10000);
		assert_memory_equal(got, expected, sizeof got);
		kernels_scalar.f32_to_f16(expected, x, 0x10000);
		k->f32_to_f16(got, x, 0x10000);
		for (size_t i = 0; i < 0x10000; i++)
			assert_true(isnan(x[i]) ? isnan(half_from_f16(got[i]))
			                        : got[i] == expected[i]);
	}
}

/* Rows end where a forbidden page begins. */
static void conversions_touch_no_more_than_the_row(void **state)
{
	uint64_t rng = 2;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		size_t n = random_length(&rng);
		struct fenced wide = fenced_new(4 * n + !n);
		struct fenced half = fenced_new(2 * n + !n);
		float *x = malloc(4 * n + 4);

		numbers_fill(&rng, wide.at, n);
		k->f32_to_f16(half.at, wide.at, n);
		k->f16_to_f32(wide.at, half.at, n);
		memcpy(x, wide.at, 4 * n);
		k->f32_to_f16(half.at, wide.at, n);
		k->f16_to_f32(wide.at, half.at, n);
		assert_memory_equal(x, wide.at, 4 * n);
		k->f32_to_bf16(half.at, wide.at, n);
		k->bf16_to_f32(wide.at, half.at, n);
		for (size_t d = 0; d < n; d++)
			assert_true(half_from_bf16(half_to_bf16(x[d])) ==
			            ((float *)wide.at)[d]);
		free(x);
		fenced_free(wide);
		fenced_free(half);
	}
}

/* Widening also reads what no uint16_t pointer may point to. */
static void sixteen_bit_rows_may_lie_at_odd_addresses(void **state)
{
	char bytes[2 * 37 + 1];
	float expected[37], got[37];
	uint64_t rng = 3;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(numbers_next(&rng) & 0x3b);
	EACH_SET(k)
	{
		kernels_scalar.bf16_to_f32(expected, bytes + 1, 37);
		k->bf16_to_f32(got, bytes + 1, 37);
		assert_memory_equal(got, expected, sizeof got);
		k->f32_to_bf16(bytes + 1, got, 37);
		k->bf16_to_f32(got, bytes + 1, 37);
		assert_memory_equal(got, expected, sizeof got);
	}
}

static void a_dot_product_is_the_sum_of_products(void **state)
{
	uint64_t rng = 4;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		size_t n = random_length(&rng);
		struct fenced a = fenced_new(4 * n + !n);
		struct fenced b = fenced_new(4 * n + !n);
		float *x = a.at, *y = b.at;
		double sum = 0, size = 0;

		numbers_fill(&rng, x, n);
		numbers_fill(&rng, y, n);
		for (size_t d = 0; d < n; d++) {
			sum += (double)x[d] * y[d];
			size += fabs((double)x[d] * y[d]);
		}
		assert_true(fabs(k->dot(x, y, n) - sum) <=
		            (4 + sqrt((double)n)) * FLOAT_EPS * size);
		fenced_free(a);
		fenced_free(b);
	}
}

/* Results of one or two roundings, in place and not. */
static void rows_are_scaled_and_added(void **state)
{
	uint64_t rng = 5;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		size_t n = random_length(&rng);
		struct fenced a = fenced_new(4 * n + !n);
		struct fenced b = fenced_new(4 * n + !n);
		float *x = a.at, *y = b.at, factor = numbers_uniform(&rng);
		float *before = malloc(4 * n + 4);

		numbers_fill(&rng, x, n);
		numbers_fill(&rng, before, n);
		memcpy(y, before, 4 * n);
		k->axpy(y, factor, x, n);
		for (size_t d = 0; d < n; d++)
			assert_true(fabs(y[d] -
			                 (before[d] + (double)factor * x[d])) <=
			            4 * FLOAT_EPS);
		memcpy(y, before, 4 * n);
		k->scale(y, factor, n);
		for (size_t d = 0; d < n; d++)
			assert_true(y[d] == before[d] * factor);
		memcpy(y, before, 4 * n);
		k->scale_mul(y, factor, y, x, n);
		for (size_t d = 0; d < n; d++)
			assert_true(y[d] == factor * before[d] * x[d]);
		free(before);
		fenced_free(a);
		fenced_free(b);
	}
}

static void pairs_are_rotated(void **state)
{
	uint64_t rng = 6;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		size_t half = random_length(&rng);
		struct fenced block = fenced_new(8 * half + !half);
		float *head = block.at, *was = malloc(8 * half + 4);
		float *c = malloc(4 * half + 4), *s = malloc(4 * half + 4);

		numbers_fill(&rng, head, 2 * half);
		numbers_fill(&rng, c, half);
		numbers_fill(&rng, s, half);
		memcpy(was, head, 8 * half);
		k->rotate(head, c, s, half);
		for (size_t d = 0; d < half; d++) {
			double a = was[d], b = was[d + half];

			assert_true(fabs(head[d] - (a * c[d] - b * s[d])) <=
			            4 * FLOAT_EPS);
			assert_true(
				fabs(head[d + half] - (b * c[d] + a * s[d])) <=
				4 * FLOAT_EPS);
		}
		free(was);
		free(c);
		free(s);
		fenced_free(block);
	}
}

static void the_largest_is_found_and_nan_passed_over(void **state)
{
	uint64_t rng = 7;

	(void)state;
	EACH_SET(k)
	{
		assert_true(k->max(NULL, 0) == -INFINITY);
		for (int i = 0; i < SHAPES; i++) {
			size_t n = 1 + random_length(&rng), where;
			struct fenced block = fenced_new(4 * n);
			float *x = block.at;

			numbers_fill(&rng, x, n);
			for (size_t d = 0; d < n / 5; d++)
				x[numbers_below(&rng, n)] =
					d % 2 ? NAN : -INFINITY;
			where = numbers_below(&rng, n);
			x[where] = 2;
			assert_true(k->max(x, n) == 2);
			fenced_free(block);
		}
	}
}

/* Every 1,009th float from -104 to 0, and the distance to the true value in
 * units of the last place. */
static void exponentials_are_good_to_two_units_in_the_last_place(void **state)
{
	(void)state;
	EACH_SET(k)
	{
		double worst = 0;

		for (uint32_t u = 0x80000000; u < 0xc2d00000; u += 1009) {
			float x, y;
			double e, unit;

			memcpy(&x, &u, 4);
			assert_true(k->exp_sum(&y, &x, 0, 1) == y);
			e = exp(x);
			unit = (double)nextafterf((float)e, INFINITY) -
			       (double)(float)e;
			if (x > -87)
				worst = fmax(worst, fabs(y - e) / unit);
			else
				assert_true(y >= 0 && y < 2e-38f);
		}
		print_message("%s: e^x off by up to %.2f units\n", k->name,
		              worst);
		assert_true(worst < 2);
	}
}

static void exponentials_are_summed(void **state)
{
	uint64_t rng = 8;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		size_t n = random_length(&rng);
		struct fenced block = fenced_new(4 * n + !n);
		float *x = block.at, sum;
		double expected = 0;

		numbers_fill(&rng, x, n);
		if (n > 3)
			x[n - 1] = x[n / 2] = -INFINITY;
		for (size_t d = 0; d < n; d++)
			expected += exp((double)x[d] - 1.25);
		sum = k->exp_sum(x, x, 1.25f, n);
		assert_true(fabs(sum - expected) <=
		            expected * (8 + sqrt((double)n)) * FLOAT_EPS);
		if (n > 3)
			assert_true(x[n - 1] == 0 && x[n / 2] == 0);
		fenced_free(block);
	}
}

static void silu_is_right_from_end_to_end(void **state)
{
	(void)state;
	EACH_SET(k)
	for (int i = -4000; i <= 4000; i++) {
		float gate = (float)i / 32, up = 3, y;
		double expected = gate / (1 + exp(-(double)gate)) * 3;

		k->silu_mul(&y, &gate, &up, 1);
		assert_true(fabs(y - expected) <=
		            8 * FLOAT_EPS * fabs(expected) + 1e-33);
	}
}

static void silu_takes_rows_of_any_length(void **state)
{
	uint64_t rng = 9;

	(void)state;
	EACH_SET(k)
	for (int i = 0; i < SHAPES; i++) {
		size_t n = random_length(&rng);
		struct fenced a = fenced_new(4 * n + !n);
		struct fenced b = fenced_new(4 * n + !n);
		float *gate = a.at, *up = b.at, *expected = malloc(4 * n + 4);

		numbers_fill(&rng, gate, n);
		numbers_fill(&rng, up, n);
		kernels_scalar.silu_mul(expected, gate, up, n);
		k->silu_mul(up, gate, up, n);
		for (size_t d = 0; d < n; d++)
			assert_true(fabsf(up[d] - expected[d]) <=
			            16 * FLOAT_EPS);
		free(expected);
		fenced_free(a);
		fenced_free(b);
	}
}

/* One random tile of a dtype, weights at an odd address at the end of what may
 * be read. */
struct tile_case {
	struct tile t;
	struct fenced w, x;
	float *y, *before;
};

static void make_tile(struct tile_case *c, enum dtype dtype, bool narrow,
                      uint64_t *rng)
{
	size_t size = dtype == DTYPE_F32 ? 4 : 2, x_size = narrow ? 2 : 4;
	size_t n = 1 + numbers_below(rng, 200), count;
	struct tile *t = &c->t;
	float *wide;

	*t = (struct tile){ .n = n,
		            .add = numbers_below(rng, 2),
		            .n_w = 1 + numbers_below(rng, 30),
		            .rows = 1 + numbers_below(rng, 20) };
	t->y_stride = t->n_w + numbers_below(rng, 3);
	t->w_stride = n * size + numbers_below(rng, 4);
	t->x_stride = n * x_size + 4 * numbers_below(rng, 3);
	c->w = fenced_new((t->n_w - 1) * t->w_stride + n * size);
	c->x = fenced_new((t->rows - 1) * t->x_stride + n * x_size);
	wide = malloc(4 * n);
	for (size_t o = 0; o < t->n_w; o++) {
		char *row = (char *)c->w.at + o * t->w_stride;

		numbers_fill(rng, wide, n);
		if (dtype == DTYPE_F32)
			memcpy(row, wide, 4 * n);
		else if (dtype == DTYPE_F16)
			kernels_scalar.f32_to_f16(row, wide, n);
		else
			kernels_scalar.f32_to_bf16(row, wide, n);
	}
	for (size_t r = 0; r < t->rows; r++) {
		char *row = (char *)c->x.at + r * t->x_stride;

		numbers_fill(rng, wide, n);
		if (narrow)
			kernels_scalar.f32_to_bf16(row, wide, n);
		else
			memcpy(row, wide, 4 * n);
	}
	free(wide);
	count = t->rows * t->y_stride;
	c->y = malloc(4 * count);
	c->before = malloc(4 * count);
	numbers_fill(rng, c->before, count);
	memcpy(c->y, c->before, 4 * count);
	t->w = c->w.at;
	t->x = c->x.at;
	t->y = c->y;
}

static float element(enum dtype dtype, const void *row, size_t i)
{
	uint16_t half;
	float f;

	if (dtype == DTYPE_F32) {
		memcpy(&f, (const char *)row + 4 * i, 4);
		return f;
	}
	memcpy(&half, (const char *)row + 2 * i, 2);
	return dtype == DTYPE_F16 ? half_from_f16(half) : half_from_bf16(half);
}

/* The products are exact in double, so what remains is the float32 sum: a
 * random walk of roundings, hence the root. */
static void check_tile(const struct tile_case *c, enum dtype dtype,
                       enum dtype x_dtype)
{
	const struct tile *t = &c->t;

	for (size_t i = 0; i < t->rows * t->y_stride; i++) {
		size_t r = i / t->y_stride, o = i % t->y_stride;
		const char *w = (const char *)t->w + o * t->w_stride;
		const char *x = (const char *)t->x + r * t->x_stride;
		double sum = t->add ? c->before[i] : 0, size = fabs(sum);

		if (o >= t->n_w) { /* between the rows of y */
			assert_true(c->y[i] == c->before[i]);
			continue;
		}
		for (size_t d = 0; d < t->n; d++) {
			double product = (double)element(dtype, w, d) *
			                 element(x_dtype, x, d);

			sum += product;
			size += fabs(product);
		}
		assert_true(fabs(c->y[i] - sum) <=
		            (4 + sqrt((double)t->n)) * FLOAT_EPS * size);
	}
}

static void free_tile(struct tile_case *c)
{
	fenced_free(c->w);
	fenced_free(c->x);
	free(c->y);
	free(c->before);
}

static void run_tiles(void (*kernel)(const struct tile *t), enum dtype dtype,
                      bool narrow)
{
	uint64_t rng = 10;

	for (int i = 0; i < SHAPES; i++) {
		struct tile_case c;

		make_tile(&c, dtype, narrow, &rng);
		kernel(&c.t);
		check_tile(&c, dtype, narrow ? DTYPE_BF16 : DTYPE_F32);
		free_tile(&c);
	}
}

static void tiles_of_float32_weights_are_products(void **state)
{
	(void)state;
	EACH_SET(k)
	run_tiles(k->tile_f32, DTYPE_F32, false);
}

static void tiles_of_f16_weights_are_products(void **state)
{
	(void)state;
	EACH_SET(k)
	run_tiles(k->tile_f16, DTYPE_F16, false);
}

static void tiles_of_bf16_weights_are_products(void **state)
{
	(void)state;
	EACH_SET(k)
	run_tiles(k->tile_bf16, DTYPE_BF16, false);
}

static void tiles_of_bf16_by_bf16_are_products(void **state)
{
	(void)state;
	EACH_SET(k)
	if (k->tile_bf16_narrow)
		run_tiles(k->tile_bf16_narrow, DTYPE_BF16, true);
}

static const struct kernels *best_set(void)
{
	static const char *const names[] = { "amx", "avx512", "avx2" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (kernels_by_name(names[i]))
			return kernels_by_name(names[i]);
	return &kernels_scalar;
}

static void the_environment_chooses_the_set(void **state)
{
	struct error err;

	(void)state;
	EACH_SET(k)
	{
		setenv("CONFAB_KERNELS", k->name, 1);
		kernels_use(NULL);
		assert_string_equal(kernels_get()->name, k->name);
		assert_int_equal(kernels_check(&err), 0);
	}
	setenv("CONFAB_KERNELS", "mmx", 1);
	assert_int_equal(kernels_check(&err), -1);
	assert_non_null(strstr(err.text, "mmx"));
	unsetenv("CONFAB_KERNELS");
	kernels_use(NULL);
	assert_ptr_equal(kernels_get(), best_set());
	assert_null(kernels_by_name("mmx"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(all_16_bit_values_are_widened_alike),
	cmocka_unit_test(floats_are_narrowed_alike),
	cmocka_unit_test(conversions_touch_no_more_than_the_row),
	cmocka_unit_test(sixteen_bit_rows_may_lie_at_odd_addresses),
	cmocka_unit_test(a_dot_product_is_the_sum_of_products),
	cmocka_unit_test(rows_are_scaled_and_added),
	cmocka_unit_test(pairs_are_rotated),
	cmocka_unit_test(the_largest_is_found_and_nan_passed_over),
	cmocka_unit_test(exponentials_are_good_to_two_units_in_the_last_place),
	cmocka_unit_test(exponentials_are_summed),
	cmocka_unit_test(silu_is_right_from_end_to_end),
	cmocka_unit_test(silu_takes_rows_of_any_length),
	cmocka_unit_test(tiles_of_float32_weights_are_products),
	cmocka_unit_test(tiles_of_f16_weights_are_products),
	cmocka_unit_test(tiles_of_bf16_weights_are_products),
	cmocka_unit_test(tiles_of_bf16_by_bf16_are_products),
	cmocka_unit_test(the_environment_chooses_the_set),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	find_sets();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
