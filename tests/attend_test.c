#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/attend.h"
#include "math/half.h"
#include "tests/numbers.h"

/* ---- numbers ---- */

static uint64_t state = 42;

static int random_int(int from, int to)
{
	return from + (int)numbers_below(&state, (size_t)(to - from + 1));
}

static float random_float(void)
{
	return numbers_uniform(&state);
}

static void store(void *to, enum dtype dtype, size_t i, float x)
{
	if (dtype == DTYPE_F16)
		((uint16_t *)to)[i] = half_to_f16(x);
	else if (dtype == DTYPE_BF16)
		((uint16_t *)to)[i] = half_to_bf16(x);
	else
		((float *)to)[i] = x;
}

/* Rows and a span of pages, one after the other, with room to notice a write
 * past the end.  What takes one page alone takes the first. */
#define MAX_DIM 160
#define GUARD   12345.0f

struct meeting {
	int rows, dim, n, groups;
	enum dtype dtype;
	float q[ATTEND_ROWS * MAX_DIM];
	uint16_t q_narrow[ATTEND_ROWS * MAX_DIM];
	_Alignas(64) float k[ATTEND_SPAN * MAX_DIM];
	_Alignas(64) float v[ATTEND_SPAN * MAX_DIM];
	uint16_t k_pairs[ATTEND_SPAN * MAX_DIM];
	uint16_t v_pairs[ATTEND_SPAN * MAX_DIM];
	int limit[ATTEND_ROWS];
	/* results */
	float s[ATTEND_ROWS * ATTEND_SPAN];
	uint16_t p[ATTEND_ROWS * ATTEND_SPAN];
	float acc[ATTEND_ROWS * MAX_DIM + 1];
	float top[ATTEND_ROWS], sum[ATTEND_ROWS], scale[ATTEND_ROWS];
};

/* Elements that a query does not see are NaN: 1000 random shapes would not
 * forgive one that was used. */
static void make(struct meeting *m, enum dtype dtype, int most,
                 bool even_limits)
{
	memset(m, 0, sizeof *m);
	m->rows = random_int(1, ATTEND_ROWS);
	m->dim = 2 * random_int(1, MAX_DIM / 2);
	m->dtype = dtype;
	m->n = random_int(1, most);
	m->groups = (m->n + ATTEND_GROUP - 1) / ATTEND_GROUP;
	for (int i = 0; i < m->rows * m->dim; i++) {
		m->q[i] = random_float();
		m->q_narrow[i] = half_to_bf16(m->q[i]);
		m->acc[i] = random_float();
	}
	m->acc[m->rows * m->dim] = GUARD;
	for (int j = 0; j < ATTEND_SPAN; j++) {
		for (int d = 0; d < m->dim; d++) {
			int group = j / ATTEND_GROUP, lane = j % ATTEND_GROUP;
			int at = (group * m->dim + d) * ATTEND_GROUP + lane;
			bool seen = j < m->n;

			store(m->k, dtype, (size_t)at,
			      seen ? random_float() : NAN);
			store(m->v, dtype, (size_t)(j * m->dim + d),
			      seen ? random_float() : NAN);
		}
	}
	for (int r = 0; r < m->rows; r++) {
		m->limit[r] = even_limits ? m->n : random_int(0, m->n);
		m->top[r] = m->limit[r] ? random_float() : -INFINITY;
		m->sum[r] = m->limit[r] ? 1 + random_float() : 0;
	}
	m->limit[m->rows - 1] = m->n;
	m->top[m->rows - 1] = 0;
}

static void run(struct meeting *m, const struct attend *a)
{
	a->scores(m->s, m->q, m->rows, m->k, m->dtype, m->dim, m->groups, m->v);
	a->weights(m->s, m->rows, m->groups, m->limit, m->top, m->sum, m->scale,
	           NULL);
	a->values(m->acc, m->s, m->scale, m->rows, m->v, m->dtype, m->dim, m->n,
	          NULL);
}

/* Byte offset of the page that token j begins. */
static size_t page_at(const struct meeting *m, int j)
{
	return (size_t)(j * m->dim) * (m->dtype == DTYPE_F32 ? 4 : 2);
}

/* The tokens of that page. */
static int tokens_of(const struct meeting *m, int j)
{
	return m->n - j < ATTEND_PAGE ? m->n - j : ATTEND_PAGE;
}

/* As many of the first `all` tokens as are in the page that token j begins. */
static int in_page(int all, int j)
{
	if (all <= j)
		return 0;
	return all - j < ATTEND_PAGE ? all - j : ATTEND_PAGE;
}

/* A span, page by page in float. */
static void run_pages(struct meeting *m, const struct attend *a)
{
	const char *k = (const char *)m->k, *v = (const char *)m->v;

	for (int j = 0; j < m->n; j += ATTEND_PAGE) {
		int n = tokens_of(m, j), limit[ATTEND_ROWS];
		int groups = (n + ATTEND_GROUP - 1) / ATTEND_GROUP;

		for (int r = 0; r < m->rows; r++)
			limit[r] = in_page(m->limit[r], j);
		a->scores(m->s, m->q, m->rows, k + page_at(m, j), m->dtype,
		          m->dim, groups, NULL);
		a->weights(m->s, m->rows, groups, limit, m->top, m->sum,
		           m->scale, NULL);
		a->values(m->acc, m->s, m->scale, m->rows, v + page_at(m, j),
		          m->dtype, m->dim, n, NULL);
	}
}

static void run_narrow(struct meeting *m, const struct attend *a)
{
	const char *k = (const char *)m->k, *v = (const char *)m->v;

	for (int j = 0; j < m->n; j += ATTEND_PAGE)
		a->pack(m->k_pairs + j * m->dim, m->v_pairs + j * m->dim,
		        k + page_at(m, j), v + page_at(m, j), m->dtype, m->dim,
		        tokens_of(m, j));
	a->scores_narrow(m->s, m->q_narrow, m->rows, m->k_pairs, m->dim,
	                 m->groups);
	a->weights_narrow(m->p, m->s, m->rows, m->groups, m->limit, m->top,
	                  m->sum, m->scale);
	a->values_narrow(m->acc, m->p, m->scale, m->rows, m->v_pairs, m->dim,
	                 m->n);
}

/* Aligned, and free()d by the caller. */
static void *new_wide_page(int dim)
{
	return mem_try(1, attend_wide_bytes((size_t)dim));
}

static void run_wide(struct meeting *m, const struct attend *a)
{
	const char *k = (const char *)m->k, *v = (const char *)m->v;
	struct attend_wide_query q[ATTEND_ROWS];
	void *page = new_wide_page(m->dim);

	a->wide->code(q, m->q, m->rows, m->dim);
	for (int j = 0; j < m->n; j += ATTEND_PAGE) {
		int limit[ATTEND_ROWS];

		for (int r = 0; r < m->rows; r++)
			limit[r] = in_page(m->limit[r], j);
		a->wide->pack(page, k + page_at(m, j), v + page_at(m, j),
		              m->dtype, m->dim, tokens_of(m, j));
		a->wide->attend(m->acc, m->top, m->sum, q, m->rows, page,
		                m->dim, limit, tokens_of(m, j));
	}
	free(page);
}

/* Relative to the size that a sum of such numbers can have. */
static void assert_near(const float *got, const float *want, int n,
                        double tolerance)
{
	for (int i = 0; i < n; i++) {
		if (got[i] == want[i]) /* infinities too */
			continue;
		if (!(fabs((double)got[i] - want[i]) <= tolerance))
			fail_msg("element %d of %d: %.9g, wanted %.9g", i, n,
			         (double)got[i], (double)want[i]);
	}
}

static void compare(const struct attend *a, enum dtype dtype)
{
	/* Sums of up to 160 products: some hundred roundings of 6e-8. */
	const double tolerance = 2e-5;
	struct meeting *got = malloc(sizeof *got);
	struct meeting *want = malloc(sizeof *want);

	for (int i = 0; i < 350; i++) {
		make(got, dtype, ATTEND_PAGE, false);
		memcpy(want, got, sizeof *got);
		run(want, attend_by_name("scalar"));
		run(got, a);
		for (int r = 0; r < got->rows; r++)
			assert_near(got->s + r * ATTEND_PAGE,
			            want->s + r * ATTEND_PAGE,
			            got->groups * ATTEND_GROUP, tolerance);
		assert_near(got->top, want->top, got->rows, tolerance);
		assert_near(got->sum, want->sum, got->rows, 20 * tolerance);
		assert_near(got->scale, want->scale, got->rows, tolerance);
		assert_near(got->acc, want->acc, got->rows * got->dim,
		            5 * tolerance);
		assert_true(got->acc[got->rows * got->dim] == GUARD);
	}
	free(got);
	free(want);
}

typedef void run_fn(struct meeting *m, const struct attend *a);

static void compare_narrowed(const struct attend *a, enum dtype dtype,
                             run_fn *run_it, double tolerance)
{
	struct meeting *got = malloc(sizeof *got);
	struct meeting *want = malloc(sizeof *want);

	for (int i = 0; i < 350; i++) {
		make(got, dtype, i % 2 ? ATTEND_PAGE : ATTEND_SPAN, false);
		memcpy(want, got, sizeof *got);
		run_pages(want, attend_by_name("scalar"));
		run_it(got, a);
		assert_near(got->top, want->top, got->rows, tolerance);
		for (int r = 0; r < got->rows; r++) {
			float *x = got->acc + r * got->dim;
			float *y = want->acc + r * got->dim;

			if (want->sum[r] == 0) {
				assert_true(got->sum[r] == 0);
				assert_memory_equal(x, y, got->dim * sizeof *x);
				continue;
			}
			assert_true(fabs(got->sum[r] / want->sum[r] - 1) <
			            tolerance);
			for (int d = 0; d < got->dim; d++) {
				float size =
					fmaxf(1, fabsf(y[d] / want->sum[r]));

				x[d] /= got->sum[r] * size;
				y[d] /= want->sum[r] * size;
			}
			assert_near(x, y, got->dim, tolerance);
		}
		assert_true(got->acc[got->rows * got->dim] == GUARD);
	}
	free(got);
	free(want);
}

/* Each factor of a product is off by up to 2^-8, so a score of 160 products
 * below 1 by some 0.03 and a weight by some per cent. */
static void compare_narrow(const struct attend *a, enum dtype dtype)
{
	compare_narrowed(a, dtype, run_narrow, 0.06);
}

/* By up to 2^-13 of the largest: a score by some 0.003. */
static void compare_wide(const struct attend *a, enum dtype dtype)
{
	compare_narrowed(a, dtype, run_wide, 0.004);
}

static void all_dtypes(const char *name)
{
	const struct attend *a = attend_by_name(name);

	if (!a)
		skip();
	compare(a, DTYPE_F32);
	compare(a, DTYPE_F16);
	compare(a, DTYPE_BF16);
}

static void avx2_agrees_with_scalar_on_random_shapes(void **s)
{
	(void)s;
	all_dtypes("avx2");
}

static void avx512_agrees_with_scalar_on_random_shapes(void **s)
{
	(void)s;
	all_dtypes("avx512");
}

/* No CPU has both of them. */
static const struct attend *narrow_set(void)
{
	const struct attend *amx = attend_by_name("amx");

	return amx ? amx : attend_by_name("avx512");
}

static void narrow_products_are_within_the_rounding_of_bf16(void **s)
{
	const struct attend *a = narrow_set();

	(void)s;
	if (!a || !a->pack)
		skip();
	compare_narrow(a, DTYPE_F32);
	compare_narrow(a, DTYPE_F16);
	compare_narrow(a, DTYPE_BF16);
}

/* Products of small whole numbers are exact in bf16, so nothing may differ. */
static void narrow_products_of_exact_numbers_are_exact(void **state_)
{
	const struct attend *a = narrow_set();
	struct meeting *m = malloc(sizeof *m);
	float want[ATTEND_ROWS * ATTEND_PAGE];

	(void)state_;
	if (!a || !a->pack) {
		free(m);
		skip();
	}
	for (int i = 0; i < 100; i++) {
		make(m, DTYPE_BF16, ATTEND_PAGE, true);
		for (int j = 0; j < m->rows * m->dim; j++) {
			m->q[j] = (float)random_int(-8, 8);
			m->q_narrow[j] = half_to_bf16(m->q[j]);
		}
		for (int j = 0; j < ATTEND_PAGE * m->dim; j++)
			store(m->k, DTYPE_BF16, (size_t)j,
			      (float)random_int(-8, 8));
		attend_by_name("scalar")->scores(want, m->q, m->rows, m->k,
		                                 DTYPE_BF16, m->dim, m->groups,
		                                 NULL);
		a->pack(m->k_pairs, m->v_pairs, m->k, m->v, DTYPE_BF16, m->dim,
		        m->n);
		a->scores_narrow(m->s, m->q_narrow, m->rows, m->k_pairs, m->dim,
		                 m->groups);
		for (int r = 0; r < m->rows; r++)
			assert_near(m->s + r * ATTEND_SPAN,
			            want + r * ATTEND_PAGE,
			            m->groups * ATTEND_GROUP, 0);
	}
	free(m);
}

/* ---- wide products ---- */

static const struct attend *wide_set(void)
{
	const struct attend *a = attend_by_name("avx2");

	return a && a->wide ? a : NULL;
}

static void wide_products_are_within_their_rounding(void **s)
{
	const struct attend *a = wide_set();

	(void)s;
	if (!a)
		skip();
	compare_wide(a, DTYPE_F32);
	compare_wide(a, DTYPE_F16);
	compare_wide(a, DTYPE_BF16);
}

/* A page of tokens that are all the same, k[t][d] = x and v[t][d] = y. */
static void fill_page(float *k, float *v, int dim, float x, float y)
{
	for (int i = 0; i < ATTEND_PAGE * dim; i++) {
		k[i] = x;
		v[i] = y;
	}
}

/* The largest integers everywhere, of one sign or the other, for heads of every size:
 * 32 bits are not left. */
static void the_largest_wide_numbers_do_not_overflow(void **s)
{
	const struct attend *a = wide_set();
	float *k = malloc(sizeof *k * ATTEND_PAGE * ATTEND_WIDE_DIM);
	float *v = malloc(sizeof *v * ATTEND_PAGE * ATTEND_WIDE_DIM);
	void *page = new_wide_page(ATTEND_WIDE_DIM);

	(void)s;
	for (int dim = 2; a && dim <= ATTEND_WIDE_DIM; dim += 2) {
		float sign = dim % 4 ? -1 : 1, top = -INFINITY, sum = 0;
		float q[ATTEND_WIDE_DIM], acc[ATTEND_WIDE_DIM] = { 0 };
		struct attend_wide_query coded;
		int limit = ATTEND_PAGE;

		for (int d = 0; d < dim; d++)
			q[d] = 3;
		fill_page(k, v, dim, sign * 7, -sign * 5);
		a->wide->code(&coded, q, 1, dim);
		a->wide->pack(page, k, v, DTYPE_F32, dim, ATTEND_PAGE);
		a->wide->attend(acc, &top, &sum, &coded, 1, page, dim, &limit,
		                ATTEND_PAGE);
		assert_true(fabs(top / (sign * 21 * (float)dim) - 1) < 1e-6);
		assert_true(fabs(sum / ATTEND_PAGE - 1) < 1e-6);
		for (int d = 0; d < dim; d++)
			assert_true(fabs(acc[d] / sum / (-sign * 5) - 1) <
			            1e-6);
	}
	free(page);
	free(k);
	free(v);
	if (!a)
		skip();
}

/* Two pages, of which the second weighs 2^-20 of the first in every token: its
 * weights are not lost, as they would be as parts of the largest of all. */
static void a_page_is_not_lost_beside_another(void **s)
{
	const struct attend *a = wide_set();
	float k[2 * ATTEND_PAGE], v[2 * ATTEND_PAGE], q[] = { 1, 0 };
	float top = -INFINITY, sum = 0, acc[2] = { 0 };
	struct attend_wide_query coded;
	void *page = new_wide_page(2);
	int limit = ATTEND_PAGE;

	(void)s;
	for (int i = 0; a && i < 2; i++) {
		fill_page(k, v, 2, i ? -20 : 0, i ? 0x1p20f : 0);
		a->wide->code(&coded, q, 1, 2);
		a->wide->pack(page, k, v, DTYPE_F32, 2, ATTEND_PAGE);
		a->wide->attend(acc, &top, &sum, &coded, 1, page, 2, &limit,
		                ATTEND_PAGE);
	}
	free(page);
	if (!a)
		skip();
	assert_true(fabs(acc[0] / sum - 1) < 1e-5);
}

/* A key that is no number leaves no result to the rows that see it, and changes
 * nothing for those that do not. */
static void a_wide_key_that_is_no_number_is_seen(void **s)
{
	const struct attend *a = wide_set();
	float k[2 * ATTEND_PAGE], v[2 * ATTEND_PAGE], q[] = { 1, 1, 1, 1 };
	float top[] = { -INFINITY, -INFINITY }, sum[2] = { 0 }, acc[4] = { 0 };
	struct attend_wide_query coded[2];
	void *page = new_wide_page(2);
	int limit[] = { 5, 6 };

	(void)s;
	if (a) {
		fill_page(k, v, 2, 1, 1);
		k[5] = NAN; /* element 0 of the sixth token */
		a->wide->code(coded, q, 2, 2);
		a->wide->pack(page, k, v, DTYPE_F32, 2, ATTEND_PAGE);
		a->wide->attend(acc, top, sum, coded, 2, page, 2, limit,
		                ATTEND_PAGE);
	}
	free(page);
	if (!a)
		skip();
	assert_true(fabs(acc[0] / sum[0] - 1) < 1e-6);
	assert_true(isnan(acc[2] / sum[1]));
}

/* Two tokens, heads of two: q = (1, 2); k = (1, 1), (2, 0); so s = 3, 2 and the
 * weights relative to 2^3 are 1 and 1/2; v = (4, 0), (0, 8).  Before, the row
 * had seen one token of score 1 with v = (16, 16). */
static void a_case_worked_by_hand(void **state_)
{
	static const char *const names[] = { "scalar", "avx2", "avx512",
		                             "amx" };

	(void)state_;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct attend *a = attend_by_name(names[i]);
		float k[2 * ATTEND_PAGE] = { 0 }, v[] = { 4, 0, 0, 8 };
		float q[] = { 1, 2 }, s[ATTEND_PAGE], scale;
		float top = 1, sum = 1, acc[] = { 16, 16 };
		int limit = 2;

		if (!a)
			continue;
		k[0] = 1; /* element 0 of both tokens, then element 1 */
		k[1] = 2;
		k[ATTEND_GROUP] = 1;
		k[ATTEND_GROUP + 1] = 0;
		a->scores(s, q, 1, k, DTYPE_F32, 2, 1, NULL);
		assert_true(s[0] == 3 && s[1] == 2);
		a->weights(s, 1, 1, &limit, &top, &sum, &scale, NULL);
		assert_true(s[0] == 1 && s[1] == 0.5f && s[2] == 0);
		assert_true(top == 3 && scale == 0.25f && sum == 1.75f);
		a->values(acc, s, &scale, 1, v, DTYPE_F32, 2, 2, NULL);
		assert_true(acc[0] == 8 && acc[1] == 8);
	}
}

/* 2^x over the whole range that a softmax meets, against libm. */
static void weights_are_powers_of_two(void **state_)
{
	static const char *const names[] = { "scalar", "avx2", "avx512",
		                             "amx" };

	(void)state_;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct attend *a = attend_by_name(names[i]);

		for (int n = 0; a && n < 4000; n++) {
			float s[ATTEND_PAGE] = { 0 }, top = 0, sum = 0, scale;
			float x = -(float)n * 0.05f;
			double want = exp2(x);
			int limit = 2;

			s[1] = x;
			a->weights(s, 1, 1, &limit, &top, &sum, &scale, NULL);
			if (want > 0x1p-126)
				assert_true(fabs(s[1] / want - 1) < 3e-7);
			else /* denormal or 0 */
				assert_true(s[1] >= 0 && s[1] <= 0x1p-125);
		}
	}
}

/* The same in bf16: half a unit of its last place, 2^-8, and the power's own
 * error, 2^-13.  The sum is that of the rounded ones. */
static void narrow_weights_are_powers_of_two(void **state_)
{
	const struct attend *a = narrow_set();

	(void)state_;
	if (!a || !a->pack)
		skip();
	for (int n = 0; n < 4000; n++) {
		float s[ATTEND_SPAN] = { 0 }, top = 0, sum = 0, scale;
		float x = -(float)n * 0.05f;
		uint16_t p[ATTEND_SPAN];
		double want = exp2(x), got;
		int limit = 2;

		s[1] = x;
		a->weights_narrow(p, s, 1, 1, &limit, &top, &sum, &scale);
		got = (double)half_from_bf16(p[1]);
		if (want > 0x1p-125)
			assert_true(fabs(got / want - 1) < 0x1p-8 + 0x1p-13);
		else
			assert_true(got == 0);
		assert_true(half_from_bf16(p[0]) == 1 && p[2] == 0);
		assert_true(sum == 1 + (float)got && scale == 1);
	}
}

static void a_row_that_sees_nothing_is_left_alone(void **state_)
{
	static const char *const names[] = { "scalar", "avx2", "avx512",
		                             "amx" };

	(void)state_;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct attend *a = attend_by_name(names[i]);
		float s[ATTEND_SPAN], top = -INFINITY, sum = 0, scale = 0;
		uint16_t p[ATTEND_SPAN];
		int limit = 0;

		if (!a)
			continue;
		for (int j = 0; j < ATTEND_SPAN; j++)
			s[j] = NAN;
		if (a->pack) {
			a->weights_narrow(p, s, 1, ATTEND_SPAN / ATTEND_GROUP,
			                  &limit, &top, &sum, &scale);
			for (int j = 0; j < ATTEND_SPAN; j++)
				assert_true(p[j] == 0);
			assert_true(top == -INFINITY && sum == 0 && scale == 1);
		}
		a->weights(s, 1, 4, &limit, &top, &sum, &scale, NULL);
		for (int j = 0; j < ATTEND_PAGE; j++)
			assert_true(s[j] == 0);
		assert_true(top == -INFINITY && sum == 0 && scale == 1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_case_worked_by_hand),
	cmocka_unit_test(weights_are_powers_of_two),
	cmocka_unit_test(narrow_weights_are_powers_of_two),
	cmocka_unit_test(a_row_that_sees_nothing_is_left_alone),
	cmocka_unit_test(avx2_agrees_with_scalar_on_random_shapes),
	cmocka_unit_test(avx512_agrees_with_scalar_on_random_shapes),
	cmocka_unit_test(narrow_products_are_within_the_rounding_of_bf16),
	cmocka_unit_test(narrow_products_of_exact_numbers_are_exact),
	cmocka_unit_test(wide_products_are_within_their_rounding),
	cmocka_unit_test(the_largest_wide_numbers_do_not_overflow),
	cmocka_unit_test(a_page_is_not_lost_beside_another),
	cmocka_unit_test(a_wide_key_that_is_no_number_is_seen),
};

TEST_MAIN(tests)
