#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/attend.h"
#include "math/half.h"
#include "tests/numbers.h"

#define MAX_DIM 160
#define GUARD   12345.0f

static uint64_t state = 88;

static int random_int(int from, int to)
{
	return from + (int)numbers_below(&state, (size_t)(to - from + 1));
}

static float random_float(void)
{
	return numbers_uniform(&state);
}

/* Rows and one page in q8_0, and the same page as float32 in attend.h's
 * layout. */
struct meeting {
	int rows, dim, n, groups;
	float q[ATTEND_ROWS * MAX_DIM];
	struct attend_q8_query coded[ATTEND_ROWS * MAX_DIM / ATTEND_Q8_BLOCK];
	uint16_t q_narrow[ATTEND_ROWS * MAX_DIM];
	_Alignas(64) char k[ATTEND_PAGE * MAX_DIM * 34 / 32];
	_Alignas(64) char v[ATTEND_PAGE * MAX_DIM * 34 / 32];
	float k_wide[ATTEND_PAGE * MAX_DIM], v_wide[ATTEND_PAGE * MAX_DIM];
	uint16_t k_pairs[ATTEND_PAGE * MAX_DIM];
	uint16_t v_pairs[ATTEND_PAGE * MAX_DIM];
	int limit[ATTEND_ROWS];
	/* results */
	float s[ATTEND_ROWS * ATTEND_PAGE];
	float acc[ATTEND_ROWS * MAX_DIM + 1];
	float top[ATTEND_ROWS], sum[ATTEND_ROWS], scale[ATTEND_ROWS];
};

/* What a query does not see has scales that are NaN and codes that are the
 * largest. */
static void make_page(struct meeting *m)
{
	size_t dim = (size_t)m->dim, bytes = attend_q8_bytes(dim);
	float k[MAX_DIM], v[MAX_DIM];

	memset(m->k, 0x7f, bytes);
	memset(m->v, 0x7f, bytes);
	for (size_t t = 0; t < (size_t)m->n; t++) {
		for (size_t d = 0; d < dim; d++) {
			k[d] = random_float();
			v[d] = random_float() * (float)(1 + t % 7);
		}
		attend_q8_store(m->k, m->v, t, k, v, dim);
	}
	for (size_t t = 0; t < (size_t)m->n; t++) {
		size_t group = t / ATTEND_GROUP, lane = t % ATTEND_GROUP;

		for (size_t d = 0; d < dim; d++) {
			m->k_wide[(group * dim + d) * ATTEND_GROUP + lane] =
				attend_q8_k(m->k, t, d, dim);
			m->v_wide[t * dim + d] = attend_q8_v(m->v, t, d, dim);
		}
	}
}

static void make(struct meeting *m)
{
	memset(m, 0, sizeof *m);
	m->rows = random_int(1, ATTEND_ROWS);
	m->dim = ATTEND_Q8_BLOCK * random_int(1, MAX_DIM / ATTEND_Q8_BLOCK);
	m->n = random_int(1, ATTEND_PAGE);
	m->groups = (m->n + ATTEND_GROUP - 1) / ATTEND_GROUP;
	for (int i = 0; i < m->rows * m->dim; i++) {
		m->q[i] = random_float();
		m->q_narrow[i] = half_to_bf16(m->q[i]);
		m->acc[i] = random_float();
	}
	m->acc[m->rows * m->dim] = GUARD;
	make_page(m);
	for (int r = 0; r < m->rows; r++) {
		m->limit[r] = random_int(0, m->n);
		m->top[r] = m->limit[r] ? random_float() : -INFINITY;
		m->sum[r] = m->limit[r] ? 1 + random_float() : 0;
	}
	m->limit[m->rows - 1] = m->n;
	m->top[m->rows - 1] = 0;
}

static void weights(struct meeting *m, const struct attend *a)
{
	a->weights(m->s, m->rows, m->groups, m->limit, m->top, m->sum, m->scale,
	           NULL);
}

static void run(struct meeting *m, const struct attend *a)
{
	a->q8->code(m->coded, m->q, m->rows, m->dim);
	a->q8->scores(m->s, m->coded, m->rows, m->k, m->dim, m->groups, m->v);
	weights(m, a);
	a->q8->values(m->acc, m->s, m->scale, m->rows, m->v, m->dim, m->n,
	              NULL);
}

static void run_wide(struct meeting *m, const struct attend *a)
{
	a->scores(m->s, m->q, m->rows, m->k_wide, DTYPE_F32, m->dim, m->groups,
	          NULL);
	weights(m, a);
	a->values(m->acc, m->s, m->scale, m->rows, m->v_wide, DTYPE_F32, m->dim,
	          m->n, NULL);
}

/* The weights go to s, to be compared. */
static void run_narrow(struct meeting *m, const struct attend *a)
{
	float s[ATTEND_ROWS * ATTEND_SPAN];
	uint16_t p[ATTEND_ROWS * ATTEND_SPAN];

	a->pack(m->k_pairs, m->v_pairs, m->k, m->v, DTYPE_Q8_0, m->dim, m->n);
	a->scores_narrow(s, m->q_narrow, m->rows, m->k_pairs, m->dim,
	                 m->groups);
	a->weights_narrow(p, s, m->rows, m->groups, m->limit, m->top, m->sum,
	                  m->scale);
	a->values_narrow(m->acc, p, m->scale, m->rows, m->v_pairs, m->dim,
	                 m->n);
	for (int r = 0; r < m->rows; r++)
		for (int j = 0; j < m->n; j++)
			m->s[r * ATTEND_PAGE + j] =
				half_from_bf16(p[r * ATTEND_SPAN + j]);
}

static void assert_near(const char *what, const float *got, const float *want,
                        int n, double tolerance)
{
	for (int i = 0; i < n; i++) {
		if (got[i] == want[i]) /* infinities too */
			continue;
		if (!(fabs((double)got[i] - want[i]) <= tolerance))
			fail_msg("%s %d of %d: %.9g, wanted %.9g", what, i, n,
			         (double)got[i], (double)want[i]);
	}
}

static void compare(void (*run_got)(struct meeting *m, const struct attend *a),
                    const struct attend *a,
                    void (*run_want)(struct meeting *m, const struct attend *a),
                    const struct attend *b, double tolerance)
{
	struct meeting *got = malloc(sizeof *got);
	struct meeting *want = malloc(sizeof *want);

	for (int i = 0; i < 1000; i++) {
		make(got);
		memcpy(want, got, sizeof *got);
		run_got(got, a);
		run_want(want, b);
		for (int r = 0; r < got->rows; r++)
			assert_near("weight", got->s + r * ATTEND_PAGE,
			            want->s + r * ATTEND_PAGE, got->n,
			            tolerance);
		assert_near("top", got->top, want->top, got->rows, tolerance);
		assert_near("sum", got->sum, want->sum, got->rows,
		            20 * tolerance);
		assert_near("value", got->acc, want->acc, got->rows * got->dim,
		            30 * tolerance);
		assert_true(got->acc[got->rows * got->dim] == GUARD);
	}
	free(got);
	free(want);
}

/* Codes of a query are off by up to 2^-16 of its largest element, so a score of
 * 160 products of numbers below 1 by 1e-4 and seldom by three times that. */
static void a_page_is_worth_what_its_numbers_are(void **state_)
{
	const struct attend *scalar = attend_by_name("scalar");

	(void)state_;
	compare(run, scalar, run_wide, scalar, 5e-4);
}

/* The codes are the same and their sums exact: what is left is a few roundings
 * of float32, and a code on the edge between two. */
static void vector_sets_agree_with_scalar(void **state_)
{
	static const char *const names[] = { "avx2", "avx512" };

	(void)state_;
	for (size_t i = 0; i < 2; i++) {
		const struct attend *a = attend_by_name(names[i]);

		if (a)
			compare(run, a, run, attend_by_name("scalar"), 2e-5);
	}
}

/* As for pages of floats in attend_test.c. */
static void narrow_products_are_within_the_rounding_of_bf16(void **state_)
{
	const struct attend *a = attend_by_name("avx512");

	(void)state_;
	if (!a || !a->pack)
		skip();
	compare(run_narrow, a, run_wide, attend_by_name("scalar"), 0.06);
}

static void an_element_comes_back_within_half_a_step(void **state_)
{
	static char k_page[ATTEND_PAGE * 64 * 34 / 32];
	static char v_page[ATTEND_PAGE * 64 * 34 / 32];

	(void)state_;
	for (size_t t = 0; t < ATTEND_PAGE; t++) {
		float k[64], v[64], most[2] = { 0 };
		float size = exp2f((float)random_int(-6, 12));

		for (size_t d = 0; d < 64; d++) {
			k[d] = random_float() * size;
			v[d] = -k[d];
			most[d / 32] = fmaxf(most[d / 32], fabsf(k[d]));
		}
		attend_q8_store(k_page, v_page, t, k, v, 64);
		for (size_t d = 0; d < 64; d++) {
			/* half a step, and the rounding of the scale */
			float most_error = most[d / 32] * (0.505f / 127);
			float x = attend_q8_k(k_page, t, d, 64);

			assert_true(fabsf(x - k[d]) <= most_error);
			assert_true(attend_q8_v(v_page, t, d, 64) == -x);
		}
	}
}

/* Below f16's normal numbers a scale is rough or 0; beyond f16's largest it is
 * infinite, as the numbers of an f16 page would be. */
static void numbers_of_any_size_are_stored(void **state_)
{
	char k_page[ATTEND_PAGE * 34], v_page[ATTEND_PAGE * 34];
	float k[32] = { 1e-6f, -1e-6f, 5e-7f }, v[32] = { 0 };

	(void)state_;
	attend_q8_store(k_page, v_page, 5, k, v, 32);
	for (size_t d = 0; d < 32; d++) {
		assert_true(fabsf(attend_q8_k(k_page, 5, d, 32) - k[d]) <=
		            1.1e-6f);
		assert_true(attend_q8_v(v_page, 5, d, 32) == 0);
	}
	/* The scale, 1.43e-7, is stored as 2 * 2^-24: codes end at 127. */
	k[0] = 127 * 2.49f * 0x1p-24f;
	k[1] = -k[0];
	attend_q8_store(k_page, v_page, 5, k, v, 32);
	assert_true(attend_q8_k(k_page, 5, 0, 32) == 127 * 0x1p-23f);
	assert_true(attend_q8_k(k_page, 5, 1, 32) == -127 * 0x1p-23f);
	k[0] = 1e7f;
	attend_q8_store(k_page, v_page, 5, k, v, 32);
	assert_true(!isfinite(attend_q8_k(k_page, 5, 0, 32)));
}

/* Two tokens, heads of 32: k[0] = 127 in element 0 and 64 in element 31, k[1] =
 * -127 in element 5, q = 2 in elements 0 and 5, 1 in element 31; so s = 318 and
 * -254.  Values: v[0] = 127, -127, v[1] = 4 * 127, 0 with weights 1 and 1/2. */
static void a_case_worked_by_hand(void **state_)
{
	static const char *const names[] = { "scalar", "avx2", "avx512" };

	(void)state_;
	for (size_t i = 0; i < 3; i++) {
		const struct attend *a = attend_by_name(names[i]);
		_Alignas(64) char k_page[ATTEND_PAGE * 34] = { 0 };
		_Alignas(64) char v_page[ATTEND_PAGE * 34] = { 0 };
		float k[2][32] = { { 0 } }, v[2][32] = { { 0 } }, q[32] = { 0 };
		float s[ATTEND_PAGE], acc[32] = { 8, 8, 8 }, scale = 0.5f;
		struct attend_q8_query coded;

		if (!a)
			continue;
		k[0][0] = 127;
		k[0][31] = 64;
		k[1][5] = -127;
		q[0] = q[5] = 2;
		q[31] = 1;
		v[0][0] = 127;
		v[0][1] = -127;
		v[1][0] = 4 * 127;
		for (size_t t = 0; t < 2; t++)
			attend_q8_store(k_page, v_page, t, k[t], v[t], 32);
		a->q8->code(&coded, q, 1, 32);
		a->q8->scores(s, &coded, 1, k_page, 32, 1, NULL);
		assert_near("score", s, (float[]){ 318, -254 }, 2, 1e-4);
		s[0] = 1;
		s[1] = 0.5f;
		a->q8->values(acc, s, &scale, 1, v_page, 32, 2, NULL);
		assert_near("value", acc,
		            (float[]){ 4 + 127 + 2 * 127, 4 - 127, 4 }, 3,
		            0.01);
	}
}

/* Weights that are all 0, or too small to divide by, leave scale * acc. */
static void weights_of_nothing_add_nothing(void **state_)
{
	static const char *const names[] = { "scalar", "avx2", "avx512" };

	(void)state_;
	for (size_t i = 0; i < 3; i++) {
		const struct attend *a = attend_by_name(names[i]);
		struct meeting *m = malloc(sizeof *m);
		float p[] = { 0, 1e-40f }, scale[] = { 0.5f, 0.25f };

		make(m);
		m->dim = 64;
		m->n = ATTEND_PAGE;
		make_page(m);
		for (int r = 0; r < 2; r++)
			for (int j = 0; j < ATTEND_PAGE; j++)
				m->s[r * ATTEND_PAGE + j] = p[r];
		for (int d = 0; d < 2 * 64; d++)
			m->acc[d] = 8;
		if (a)
			a->q8->values(m->acc, m->s, scale, 2, m->v, 64,
			              ATTEND_PAGE, NULL);
		for (int d = 0; a && d < 2 * 64; d++)
			assert_true(m->acc[d] == (d < 64 ? 4 : 2));
		free(m);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_case_worked_by_hand),
	cmocka_unit_test(an_element_comes_back_within_half_a_step),
	cmocka_unit_test(numbers_of_any_size_are_stored),
	cmocka_unit_test(weights_of_nothing_add_nothing),
	cmocka_unit_test(a_page_is_worth_what_its_numbers_are),
	cmocka_unit_test(vector_sets_agree_with_scalar),
	cmocka_unit_test(narrow_products_are_within_the_rounding_of_bf16),
};

TEST_MAIN(tests)
