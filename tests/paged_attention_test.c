#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/threads.h"
#include "math/attend.h"
#include "math/attend_q8.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "model/kv_cache.h"
#include "model/paged_attention.h"
#include "tests/numbers.h"

static uint64_t state = 7;

/* A cache of one layer and what was stored in it. */
struct setting {
	int heads, kv_heads, dim;
	size_t pos, seq;
	struct kv_cache *cache;
	float *k, *v; /* [tokens, kv_heads, dim] */
	float *q;     /* [seq, heads, dim] */
	float *want;  /* [seq, heads, dim] */
};

static float *random_floats(size_t n, float scale)
{
	float *x = malloc(n * sizeof *x);

	for (size_t i = 0; i < n; i++)
		x[i] = numbers_uniform(&state) * scale;
	return x;
}

/* The definition, in double, one score after the other. */
static void attend_one(const struct setting *s, size_t t, int h)
{
	int g = h / (s->heads / s->kv_heads);
	size_t n = s->pos + t + 1, dim = (size_t)s->dim;
	const float *q = s->q + (t * (size_t)s->heads + (size_t)h) * dim;
	float *out = s->want + (t * (size_t)s->heads + (size_t)h) * dim;
	double *p = malloc(n * sizeof *p), sum = 0, top = -INFINITY;

	for (size_t j = 0; j < n; j++) {
		const float *k =
			s->k + (j * (size_t)s->kv_heads + (size_t)g) * dim;

		p[j] = 0;
		for (size_t d = 0; d < dim; d++)
			p[j] += (double)q[d] * k[d];
		p[j] /= sqrt((double)dim);
		top = fmax(top, p[j]);
	}
	for (size_t j = 0; j < n; j++)
		sum += p[j] = exp(p[j] - top);
	for (size_t d = 0; d < dim; d++) {
		double y = 0;

		for (size_t j = 0; j < n; j++)
			y += p[j] *
			     s->v[(j * (size_t)s->kv_heads + (size_t)g) * dim +
			          d];
		out[d] = (float)(y / sum);
	}
	free(p);
}

static void want_all(struct setting *s)
{
	for (size_t t = 0; t < s->seq; t++)
		for (int h = 0; h < s->heads; h++)
			attend_one(s, t, h);
}

static void set_up(struct setting *s, int heads, int kv_heads, int dim,
                   size_t pos, size_t seq, enum dtype dtype)
{
	struct kv_shape shape = { 2, kv_heads, dim, dtype };
	size_t kv = (pos + seq) * (size_t)(kv_heads * dim);
	size_t q = seq * (size_t)(heads * dim);

	*s = (struct setting){
		.heads = heads,
		.kv_heads = kv_heads,
		.dim = dim,
		.pos = pos,
		.seq = seq,
	};
	s->k = random_floats(kv, 3);
	s->v = random_floats(kv, 1);
	s->q = random_floats(q, 3);
	s->want = malloc(q * sizeof *s->want);
	s->cache = kv_cache_new(&shape, pos + seq, NULL);
	assert_non_null(s->cache);
	assert_int_equal(kv_cache_reserve(s->cache, pos + seq, NULL), 0);
	for (size_t t = 0; t < pos + seq; t++)
		for (int h = 0; h < kv_heads; h++) {
			size_t at = (t * (size_t)kv_heads + (size_t)h) *
			            (size_t)dim;

			kv_cache_store(s->cache, t, 1, h, s->k + at, s->v + at);
		}
	want_all(s);
}

/* k and v become what a cache in q8_0 kept of them. */
static void take_from_cache(struct setting *s)
{
	size_t dim = (size_t)s->dim, kv_heads = (size_t)s->kv_heads;

	for (size_t t = 0; t < s->pos + s->seq; t++)
		for (size_t i = 0; i < kv_heads * dim; i++) {
			size_t page = t / KV_PAGE_TOKENS, d = i % dim;
			size_t in = t % KV_PAGE_TOKENS;
			size_t at = t * kv_heads * dim + i;
			int head = (int)(i / dim);

			s->k[at] =
				attend_q8_k(kv_cache_k(s->cache, page, 1, head),
			                    in, d, dim);
			s->v[at] =
				attend_q8_v(kv_cache_v(s->cache, page, 1, head),
			                    in, d, dim);
		}
}

static void tear_down(struct setting *s)
{
	kv_cache_free(s->cache);
	free(s->k);
	free(s->v);
	free(s->q);
	free(s->want);
}

/* The result on a pool of n threads; free it. */
static float *run(const struct setting *s, int n, bool exact)
{
	struct threads *pool = threads_new(n, NULL);
	size_t count = s->seq * (size_t)(s->heads * s->dim);
	float *q = malloc(count * sizeof *q);
	struct paged_attention *work;

	memcpy(q, s->q, count * sizeof *q);
	work = paged_attention_new(pool, s->heads, s->kv_heads, s->dim, NULL);
	assert_non_null(work);
	paged_attention(work, s->cache, 1, q, s->seq, s->pos, exact);
	paged_attention_free(work);
	threads_free(pool);
	return q;
}

static double worst(const struct setting *s, const float *got)
{
	size_t n = s->seq * (size_t)(s->heads * s->dim);
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		double error = fabs((double)got[i] - s->want[i]);

		if (!(error <= most))
			most = error;
	}
	return most;
}

/* heads, kv_heads, head_dim, pos, seq: ratios 1, 2, 4, 5, 8 and 128; odd
 * widths; begins and ends inside pages and groups; ranges (pos >= 1,024 and few
 * new tokens), of several KV heads where there are many (pos >= 4,096); several
 * blocks of rows. */
static const struct {
	int heads, kv_heads, dim;
	size_t pos, seq;
} shapes[] = {
	{ 1, 1, 2, 0, 1 },      { 4, 4, 24, 0, 65 },    { 5, 5, 24, 63, 2 },
	{ 4, 2, 32, 0, 130 },   { 16, 2, 64, 100, 37 }, { 8, 2, 128, 0, 33 },
	{ 8, 2, 128, 2000, 1 }, { 16, 2, 64, 1500, 5 }, { 10, 2, 80, 1100, 3 },
	{ 128, 1, 8, 17, 3 },   { 4, 1, 6, 700, 129 },  { 6, 3, 34, 1023, 1 },
	{ 2, 1, 16, 5000, 1 },  { 4, 2, 32, 2100, 31 }, { 8, 8, 10, 64, 64 },
	{ 6, 3, 16, 4100, 2 },  { 16, 8, 32, 4200, 1 }, { 8, 4, 64, 700, 300 },
};

/* f16 and bf16 caches round K and V to 2^-11 and 2^-8; scores of K up to 3 and
 * q up to 3 over sqrt(dim) terms move by that much, their weights with them. */
static void check_all(enum dtype dtype, bool exact, double tolerance)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct setting s;
		float *got;

		set_up(&s, shapes[i].heads, shapes[i].kv_heads, shapes[i].dim,
		       shapes[i].pos, shapes[i].seq, dtype);
		got = run(&s, 1 + (int)(i % 3), exact);
		if (!(worst(&s, got) <= tolerance))
			fail_msg("shape %zu: error %g over %g", i,
			         worst(&s, got), tolerance);
		free(got);
		tear_down(&s);
	}
}

/* Heads that are a multiple of 32 wide; the rest as shapes. */
static const struct {
	int heads, kv_heads, dim;
	size_t pos, seq;
} q8_shapes[] = {
	{ 1, 1, 32, 0, 1 },     { 4, 4, 96, 0, 65 },    { 8, 2, 128, 63, 2 },
	{ 16, 2, 64, 100, 37 }, { 8, 2, 128, 2000, 1 }, { 16, 2, 64, 1500, 5 },
	{ 5, 1, 160, 1100, 3 }, { 6, 3, 32, 1023, 1 },  { 2, 1, 32, 5000, 1 },
	{ 4, 2, 32, 2100, 31 }, { 12, 2, 64, 64, 64 },  { 6, 3, 64, 4100, 2 },
};

/* The law: attention over q8_0 is attention over the numbers it stands for. */
static void check_q8(bool exact, double tolerance)
{
	for (size_t i = 0; i < sizeof q8_shapes / sizeof *q8_shapes; i++) {
		struct setting s;
		float *got;

		set_up(&s, q8_shapes[i].heads, q8_shapes[i].kv_heads,
		       q8_shapes[i].dim, q8_shapes[i].pos, q8_shapes[i].seq,
		       DTYPE_Q8_0);
		take_from_cache(&s);
		want_all(&s);
		got = run(&s, 1 + (int)(i % 3), exact);
		if (!(worst(&s, got) <= tolerance))
			fail_msg("shape %zu: error %g over %g", i,
			         worst(&s, got), tolerance);
		free(got);
		tear_down(&s);
	}
}

static void check_q8_exact(void)
{
	check_q8(true, 2e-4);
}

static void check_q8_narrow(void)
{
	check_q8(false, 4e-2);
}

static void every_set(void (*check)(void))
{
	static const char *const names[] = { "scalar", "avx2", "avx512",
		                             "amx" };
	const struct kernels *before = kernels_get();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct kernels *set = kernels_by_name(names[i]);

		if (!set)
			continue;
		kernels_use(set);
		check();
	}
	kernels_use(before);
}

static void check_f32(void)
{
	check_all(DTYPE_F32, true, 5e-6);
}

static void check_f16(void)
{
	check_all(DTYPE_F16, true, 5e-3);
}

static void check_bf16(void)
{
	check_all(DTYPE_BF16, true, 4e-2);
}

static void check_narrow(void)
{
	check_all(DTYPE_F16, false, 4e-2);
}

static void an_f32_cache_gives_the_definition_to_float_rounding(void **s)
{
	(void)s;
	every_set(check_f32);
}

static void an_f16_cache_is_within_its_rounding(void **s)
{
	(void)s;
	every_set(check_f16);
}

static void a_bf16_cache_is_within_its_rounding(void **s)
{
	(void)s;
	every_set(check_bf16);
}

static void a_q8_0_cache_gives_the_definition_over_its_numbers(void **s)
{
	(void)s;
	every_set(check_q8_exact);
	every_set(check_q8_narrow);
}

static void narrow_products_are_within_the_rounding_of_bf16(void **s)
{
	(void)s;
	every_set(check_narrow);
}

static void few_tokens_are_computed_in_float_unasked(void **s)
{
	struct setting setting;
	float *exact, *free_to_narrow;
	size_t n = (LINEAR_NARROW_ROWS - 1) * 8 * 32;

	(void)s;
	set_up(&setting, 8, 2, 32, 50, LINEAR_NARROW_ROWS - 1, DTYPE_F32);
	exact = run(&setting, 1, true);
	free_to_narrow = run(&setting, 1, false);
	assert_memory_equal(exact, free_to_narrow, n * sizeof *exact);
	free(exact);
	free(free_to_narrow);
	tear_down(&setting);
}

/* What is added up is cut by tokens, never by threads: the same bits on any
 * machine.  How many KV heads a range takes at once does go by threads. */
static void the_number_of_threads_changes_nothing(void **s)
{
	static const size_t seqs[] = { 1, 3, 70, 3 };

	(void)s;
	for (size_t i = 0; i < 4; i++) {
		struct setting setting;
		float *one, *more;
		size_t bytes = seqs[i] * 8 * 32 * sizeof(float);

		set_up(&setting, 8, 4, 32, 4100, seqs[i],
		       i < 3 ? DTYPE_F16 : DTYPE_Q8_0);
		one = run(&setting, 1, false);
		for (int n = 2; n <= 7; n++) {
			more = run(&setting, n, false);
			assert_memory_equal(one, more, bytes);
			free(more);
		}
		free(one);
		tear_down(&setting);
	}
}

/* Stores a head's newest key and value and makes its queries what they are. */
struct late {
	const struct setting *s;
	float *q;
	int calls[8];
};

static void make_ready(void *arg, int h)
{
	struct late *late = arg;
	const struct setting *s = late->s;
	size_t dim = (size_t)s->dim, group = (size_t)(s->heads / s->kv_heads);
	size_t at = (s->pos * (size_t)s->kv_heads + (size_t)h) * dim;
	size_t queries = (size_t)h * group * dim;

	kv_cache_ask(s->cache, s->pos, 1, h);
	kv_cache_store(s->cache, s->pos, 1, h, s->k + at, s->v + at);
	memcpy(late->q + queries, s->q + queries,
	       group * dim * sizeof *late->q);
	late->calls[h]++;
}

static void forget_newest(const struct setting *s)
{
	float zeros[32] = { 0 };

	for (int h = 0; h < s->kv_heads; h++)
		kv_cache_store(s->cache, s->pos, 1, h, zeros, zeros);
}

/* One range and several, and every type that a cache has. */
static void heads_made_ready_on_the_way_give_the_same_bits(void **state_)
{
	static const size_t positions[] = { 0, 40, 700, 1500, 4100 };
	static const enum dtype types[] = { DTYPE_F16, DTYPE_Q8_0, DTYPE_F32,
		                            DTYPE_BF16 };

	(void)state_;
	for (size_t i = 0; i < 20; i++) {
		struct setting s;
		float *want;

		set_up(&s, 16, 8, 32, positions[i % 5], 1, types[i / 5]);
		want = run(&s, 1, false);
		for (int n = 1; n <= 5; n++) {
			struct threads *pool = threads_new(n, NULL);
			float q[16 * 32] = { 0 };
			struct late late = { .s = &s, .q = q };
			struct paged_attention *work =
				paged_attention_new(pool, 16, 8, 32, NULL);

			forget_newest(&s);
			paged_attention_one(work, s.cache, 1, q, s.pos,
			                    make_ready, &late);
			assert_memory_equal(want, q, sizeof q);
			for (int h = 0; h < 8; h++)
				assert_int_equal(late.calls[h], 1);
			paged_attention_free(work);
			threads_free(pool);
		}
		free(want);
		tear_down(&s);
	}
}

/* One key: its weight is 1 whatever the score, and the result is its value. */
static void the_first_token_returns_its_own_value(void **state_)
{
	struct setting s;
	float *got;

	(void)state_;
	set_up(&s, 4, 2, 32, 0, 1, DTYPE_F32);
	got = run(&s, 2, true);
	for (int h = 0; h < 4; h++)
		for (int d = 0; d < 32; d++)
			assert_true(got[h * 32 + d] == s.v[h / 2 * 32 + d]);
	free(got);
	tear_down(&s);
}

/* Scores of +-1,000: all but the best weight is 0, and nothing overflows. */
static void large_scores_neither_overflow_nor_vanish(void **state_)
{
	struct setting s;
	float *got;

	(void)state_;
	set_up(&s, 2, 1, 16, 300, 20, DTYPE_F32);
	for (size_t i = 0; i < s.seq * 32; i++)
		s.q[i] *= 1000;
	want_all(&s);
	got = run(&s, 2, true);
	assert_true(worst(&s, got) < 2e-3); /* of a score of 5,000: 6e-4 */
	free(got);
	tear_down(&s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_first_token_returns_its_own_value),
	cmocka_unit_test(an_f32_cache_gives_the_definition_to_float_rounding),
	cmocka_unit_test(an_f16_cache_is_within_its_rounding),
	cmocka_unit_test(a_bf16_cache_is_within_its_rounding),
	cmocka_unit_test(a_q8_0_cache_gives_the_definition_over_its_numbers),
	cmocka_unit_test(narrow_products_are_within_the_rounding_of_bf16),
	cmocka_unit_test(few_tokens_are_computed_in_float_unasked),
	cmocka_unit_test(the_number_of_threads_changes_nothing),
	cmocka_unit_test(heads_made_ready_on_the_way_give_the_same_bits),
	cmocka_unit_test(large_scores_neither_overflow_nor_vanish),
};

TEST_MAIN(tests)
