#include "tests/support.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sampler.h"

#define VOCAB 1000 /* more than a block, no multiple of one */

static const struct sampler_settings plain = { .temperature = 1,
	                                       .top_p = 1,
	                                       .repeat_penalty = 1 };

/* ---- random rows, the same on every run ---- */

static uint64_t state = 1;

static double uniform(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) * 0x1p-53;
}

/* Box & Muller's normal numbers: the shape of real logits. */
static float normal(void)
{
	double u = 1 - uniform(), v = uniform();

	return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static float *random_row(int n, float spread)
{
	float *x = malloc((size_t)n * sizeof *x);

	assert_non_null(x);
	for (int i = 0; i < n; i++)
		x[i] = spread * normal();
	return x;
}

/* ---- the reference: what the documentation says, done by sorting ---- */

struct reference {
	int n;
	float *score;          /* after the penalties */
	int *order;            /* by score, then id */
	double *prob;          /* by id, after all samplers */
	enum sampler_cut *cut; /* by id */
	int kept;
};

static const float *sort_by;

static int by_score(const void *a, const void *b)
{
	int i = *(const int *)a, j = *(const int *)b;

	if (sort_by[i] != sort_by[j])
		return sort_by[i] > sort_by[j] ? -1 : 1;
	return (i > j) - (i < j);
}

static void sorted(int *order, const float *x, int n)
{
	for (int i = 0; i < n; i++)
		order[i] = i;
	sort_by = x;
	qsort(order, (size_t)n, sizeof *order, by_score);
}

/* Softmax over the first `kept` in order, into prob. */
static void softmax(struct reference *r, float temperature)
{
	double sum = 0, top = r->score[r->order[0]];

	for (int i = 0; i < r->n; i++)
		r->prob[i] = 0;
	for (int i = 0; i < r->kept; i++)
		sum += exp((r->score[r->order[i]] - top) / temperature);
	for (int i = 0; i < r->kept; i++)
		r->prob[r->order[i]] =
			exp((r->score[r->order[i]] - top) / temperature) / sum;
}

static void cut_to(struct reference *r, int kept, enum sampler_cut cut,
                   float temperature)
{
	for (int i = kept; i < r->kept; i++)
		r->cut[r->order[i]] = cut;
	if (kept < r->kept)
		r->kept = kept;
	softmax(r, temperature);
}

static int top_k_keeps(const struct reference *r, int k)
{
	int kept = k;

	if (k <= 0 || k >= r->n)
		return r->n;
	while (kept < r->n &&
	       r->score[r->order[kept]] == r->score[r->order[k - 1]])
		kept++;
	return kept;
}

/* As transformers: from the unlikeliest up, while the sum is <= 1 - top_p. */
static int top_p_keeps(const struct reference *r, float top_p)
{
	double sum = 0;
	int kept = r->kept;

	if (top_p >= 1)
		return r->kept;
	while (kept > 1) {
		sum += r->prob[r->order[kept - 1]];
		if (sum > 1 - (double)top_p)
			break;
		kept--;
	}
	return kept;
}

static int min_p_keeps(const struct reference *r, float min_p)
{
	int kept = r->kept;

	while (kept > 1 &&
	       r->prob[r->order[kept - 1]] < min_p * r->prob[r->order[0]])
		kept--;
	return kept;
}

static struct reference reference(const float *logits, int n,
                                  const struct sampler_settings *set,
                                  const int *prompt, int n_prompt,
                                  const int *reply, int n_reply)
{
	struct reference r = { .n = n, .kept = n };
	bool *seen = calloc((size_t)n, 1), *said = calloc((size_t)n, 1);

	r.score = malloc((size_t)n * sizeof *r.score);
	r.order = malloc((size_t)n * sizeof *r.order);
	r.prob = malloc((size_t)n * sizeof *r.prob);
	r.cut = calloc((size_t)n, sizeof *r.cut);
	memcpy(r.score, logits, (size_t)n * sizeof *r.score);
	for (int i = 0; i < n_prompt; i++)
		seen[prompt[i]] = true;
	for (int i = 0; i < n_reply; i++)
		seen[reply[i]] = said[reply[i]] = true;
	for (int i = 0; i < n; i++) {
		if (seen[i])
			r.score[i] = r.score[i] < 0
			                     ? r.score[i] * set->repeat_penalty
			                     : r.score[i] / set->repeat_penalty;
		if (said[i])
			r.score[i] -= set->presence_penalty;
	}
	free(seen);
	free(said);
	sorted(r.order, r.score, n);
	if (set->temperature == 0) {
		cut_to(&r, 1, SAMPLER_CUT_GREEDY, 1);
		return r;
	}
	cut_to(&r, top_k_keeps(&r, set->top_k), SAMPLER_CUT_TOP_K,
	       set->temperature);
	cut_to(&r, top_p_keeps(&r, set->top_p), SAMPLER_CUT_TOP_P,
	       set->temperature);
	cut_to(&r, min_p_keeps(&r, set->min_p), SAMPLER_CUT_MIN_P,
	       set->temperature);
	return r;
}

static void reference_free(struct reference *r)
{
	free(r->score);
	free(r->order);
	free(r->prob);
	free(r->cut);
}

/* log-probability of each id, entropy; in long double. */
static double raw_odds(const float *x, int n, double *logprob)
{
	long double sum = 0, entropy = 0;
	float top = -INFINITY;

	for (int i = 0; i < n; i++)
		top = fmaxf(top, x[i]);
	for (int i = 0; i < n; i++)
		sum += expl((long double)x[i] - top);
	for (int i = 0; i < n; i++) {
		long double lp = (long double)x[i] - top - logl(sum);

		logprob[i] = (double)lp;
		entropy -= expl(lp) * lp;
	}
	return (double)entropy;
}

/* Everything a sample says, against the reference. */
static void check(const struct sample *got, const struct reference *r,
                  const float *logits)
{
	double *logprob = malloc((size_t)r->n * sizeof *logprob), sum = 0;
	double entropy = raw_odds(logits, r->n, logprob);
	int rank = 1, listed = 0;

	for (int i = 0; i < r->n; i++)
		rank += logits[i] > logits[got->id];
	assert_int_equal(got->rank, rank);
	assert_true(fabs(got->logprob - logprob[got->id]) < 1e-10);
	assert_true(fabs(got->entropy - entropy) < 1e-10);
	assert_true(fabs(got->sampled_prob - r->prob[got->id]) < 1e-12);
	assert_int_equal(got->n_top, r->n < SAMPLER_TOP ? r->n : SAMPLER_TOP);
	for (int i = 0; i < got->n_top; i++) {
		const struct candidate *c = &got->top[i];

		assert_true(fabs(c->logprob - logprob[c->id]) <
		            1e-6 * (1 + fabs(logprob[c->id])));
		assert_true(fabs(c->sampled_prob - r->prob[c->id]) < 1e-12);
		assert_int_equal(c->cut, r->cut[c->id]);
		assert_int_equal(c->penalised,
		                 r->score[c->id] != logits[c->id]);
		if (i)
			assert_true(by_score(&got->top[i - 1].id, &c->id) < 0);
		sum += c->sampled_prob;
		listed += c->cut == SAMPLER_KEPT;
	}
	if (r->kept <= SAMPLER_TOP) {
		assert_int_equal(listed, r->kept);
		assert_true(fabs(sum - 1) < 1e-9);
	}
	free(logprob);
}

/* ---- tests ---- */

static void compare_settings(const float *logits, int n,
                             const struct sampler_settings *set,
                             const int *prompt, int n_prompt, const int *reply,
                             int n_reply)
{
	struct reference r =
		reference(logits, n, set, prompt, n_prompt, reply, n_reply);
	struct sampler *s = sampler_new(n);
	struct sample sample;

	sampler_start(s, set, prompt, (size_t)n_prompt);
	for (int i = 0; i < n_reply; i++)
		sampler_accept(s, reply[i]);
	sort_by = logits; /* for check() */
	for (int id = 0; id < n; id += 97) {
		sampler_describe(s, logits, id, &sample);
		assert_int_equal(sample.id, id);
		check(&sample, &r, logits);
	}
	sampler_draw(s, logits, &sample);
	check(&sample, &r, logits);
	assert_int_equal(r.cut[sample.id], SAMPLER_KEPT);
	sampler_free(s);
	reference_free(&r);
}

static void every_mix_of_samplers_equals_the_sorting_reference(void **unused)
{
	static const float temperatures[] = { 0, 0.3f, 0.7f, 1, 1.9f };
	static const int top_ks[] = { 0, 1, 3, 20, 50, VOCAB };
	static const float top_ps[] = { 0, 0.1f, 0.8f, 0.95f, 0.999f, 1 };
	static const float min_ps[] = { 0, 0.05f, 0.5f, 1 };
	static const int prompt[] = { 3, 3, 500, 998, 7 };
	static const int reply[] = { 7, 20, 999, 20 };

	(void)unused;
	for (int round = 0; round < 600; round++) {
		float *logits = random_row(VOCAB, round % 3 ? 3 : 0.5f);
		bool penalties = round % 2;
		struct sampler_settings set = {
			.temperature = temperatures[(int)(uniform() * 5)],
			.top_k = top_ks[(int)(uniform() * 6)],
			.top_p = top_ps[(int)(uniform() * 6)],
			.min_p = min_ps[(int)(uniform() * 4)],
			.presence_penalty = penalties ? 1.5f : 0,
			.repeat_penalty = penalties ? 1.3f : 1,
			.seed = (uint64_t)round,
		};

		/* Whatever is penalised should have been likely. */
		for (int i = 0; i < 4; i++)
			logits[reply[i]] = 6 + normal();
		compare_settings(logits, VOCAB, &set, prompt, 5, reply, 4);
		free(logits);
	}
}

static void small_and_odd_vocabularies_work(void **unused)
{
	static const int sizes[] = { 1, 2, 15, 16, 17, 127, 128, 129, 257 };
	static const int first[] = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		float *logits = random_row(sizes[i], 2);
		struct sampler_settings set = plain;

		compare_settings(logits, sizes[i], &set, first, 1, first, 1);
		set.top_k = 20;
		set.top_p = 0.9f;
		set.presence_penalty = 2;
		compare_settings(logits, sizes[i], &set, first, 1, first, 1);
		free(logits);
	}
}

static void equals_of_the_kth_are_kept_and_top_p_takes_the_lower_ids(void **u)
{
	/* Probabilities .4 .2 .2 .2 after top_k 2 keeps all of the .2s. */
	float logits[300];
	struct sampler_settings set = plain;
	struct sampler *s = sampler_new(300);
	struct sample sample;

	(void)u;
	for (int i = 0; i < 300; i++)
		logits[i] = -20;
	logits[250] = logf(0.4f);
	logits[10] = logits[140] = logits[299] = logf(0.2f);
	set.top_k = 2;
	sampler_start(s, &set, NULL, 0);
	sampler_describe(s, logits, 299, &sample);
	assert_int_equal(sample.top[0].id, 250);
	assert_int_equal(sample.top[1].id, 10);
	assert_int_equal(sample.top[2].id, 140);
	assert_int_equal(sample.top[3].id, 299);
	assert_true(fabs(sample.sampled_prob - 0.2) < 1e-6);
	assert_int_equal(sample.top[3].cut, SAMPLER_KEPT);
	assert_int_equal(sample.top[4].cut, SAMPLER_CUT_TOP_K);
	assert_int_equal(sample.rank, 2); /* equals share the rank */

	set.top_p = 0.7f; /* .4 + .2 < .7 <= .4 + .2 + .2 */
	sampler_start(s, &set, NULL, 0);
	sampler_describe(s, logits, 140, &sample);
	assert_true(fabs(sample.sampled_prob - 0.25) < 1e-6);
	assert_int_equal(sample.top[2].cut, SAMPLER_KEPT);
	assert_int_equal(sample.top[3].cut, SAMPLER_CUT_TOP_P);

	/* Two halves to the last bit: the first reaches top_p by itself. */
	for (int i = 0; i < 300; i++)
		logits[i] = i == 10 || i == 140 ? 0 : -1000;
	set.top_k = 0;
	set.top_p = 0.5f;
	sampler_start(s, &set, NULL, 0);
	sampler_describe(s, logits, 10, &sample);
	assert_true(sample.sampled_prob == 1);
	assert_int_equal(sample.top[1].cut, SAMPLER_CUT_TOP_P);
	sampler_free(s);
}

/* At the border and at its neighbours. */
static void min_p_is_exact_to_the_last_bit(void **unused)
{
	float logits[VOCAB] = { 0 };
	struct sampler_settings set = plain;
	struct sampler *s = sampler_new(VOCAB);
	struct sample sample;

	(void)unused;
	for (int i = 1; i < 100; i++) {
		float near;

		set.min_p = 0.01f * (float)i;
		near = (float)log(set.min_p);
		for (int id = 1; id < VOCAB; id++)
			logits[id] = -1000;
		logits[500] = nextafterf(near, -INFINITY);
		logits[501] = near;
		logits[502] = nextafterf(near, INFINITY);
		sampler_start(s, &set, NULL, 0);
		for (int id = 500; id < 503; id++) {
			sampler_describe(s, logits, id, &sample);
			assert_int_equal(sample.sampled_prob > 0,
			                 logits[id] >= log(set.min_p));
		}
	}
	sampler_free(s);
}

/* One penalised id, whose block's largest is another then. */
static void min_p_goes_by_the_largest_after_the_penalties(void **unused)
{
	float logits[VOCAB] = { [7] = 5, [400] = 0.5f };
	struct sampler_settings set = plain;
	struct sampler *s = sampler_new(VOCAB);
	struct sample sample;

	(void)unused;
	set.repeat_penalty = 5; /* 1: e^-.5 = .61 of it for 400, .37 for 0 */
	set.min_p = 0.5f;
	sampler_start(s, &set, (const int[]){ 7 }, 1);
	sampler_describe(s, logits, 400, &sample);
	assert_true(fabs(sample.sampled_prob - 1 / (1 + exp(0.5))) < 1e-9);
	assert_int_equal(sample.top[2].cut, SAMPLER_CUT_MIN_P);
	sampler_free(s);
}

static void greedy_takes_the_lowest_of_equals_after_the_penalties(void **unused)
{
	float logits[] = { 1, 5, 5, 4.5f, -1 };
	static const int prompt[] = { 1 };
	struct sampler_settings set = plain;
	struct sampler *s = sampler_new(5);
	struct sample sample;

	(void)unused;
	set.temperature = 0;
	sampler_start(s, &set, prompt, 1);
	sampler_draw(s, logits, &sample);
	assert_int_equal(sample.id, 1);
	assert_true(sample.sampled_prob == 1);
	assert_int_equal(sample.top[1].cut, SAMPLER_CUT_GREEDY);

	set.repeat_penalty = 1.25f; /* 5 / 1.25 = 4; the raw rank stays 1 */
	set.presence_penalty = 1;
	sampler_start(s, &set, prompt, 1);
	sampler_draw(s, logits, &sample);
	assert_int_equal(sample.id, 2);
	assert_int_equal(sample.rank, 1);
	assert_true(sample.top[0].penalised && !sample.top[1].penalised);
	/* Now 2 has been said: 5 / 1.25 - 1 = 3 against 4.5. */
	sampler_draw(s, logits, &sample);
	assert_int_equal(sample.id, 3);
	sampler_free(s);
}

static void padding_ids_are_never_seen(void **unused)
{
	float logits[100];
	struct sampler *s = sampler_new(50);
	struct sampler_settings set = plain;
	struct sample sample;

	(void)unused;
	for (int i = 0; i < 100; i++)
		logits[i] = i < 50 ? 0 : 100;
	sampler_start(s, &set, (const int[]){ 99, -1 }, 2);
	for (int i = 0; i < 1000; i++) {
		sampler_draw(s, logits, &sample);
		assert_in_range(sample.id, 0, 49);
		assert_true(fabs(sample.entropy - log(50)) < 1e-12);
	}
	sampler_describe(s, logits, 99, &sample);
	assert_true(sample.logprob == -INFINITY && sample.sampled_prob == 0);
	sampler_free(s);
}

static void a_kept_candidate_outside_the_likeliest_displaces_a_cut_one(void **u)
{
	float logits[200];
	int reply[30];
	struct sampler_settings set = plain;
	struct sampler *s = sampler_new(200);
	struct sample sample;

	(void)u;
	/* The 30 likeliest were all said; the penalty leaves 150 and 151. */
	for (int i = 0; i < 200; i++)
		logits[i] = i < 30 ? 10 - 0.01f * (float)i : 0;
	logits[150] = 9;
	logits[151] = 9.2f; /* the second after its penalty, 8.8 */
	for (int i = 0; i < 30; i++)
		reply[i] = i;
	set.presence_penalty = 5;
	set.repeat_penalty = 1.05f;
	set.top_k = 2;
	sampler_start(s, &set, (const int[]){ 151 }, 1);
	for (int i = 0; i < 30; i++)
		sampler_accept(s, reply[i]);
	sampler_draw(s, logits, &sample);
	assert_int_equal(sample.n_top, SAMPLER_TOP);
	for (int i = 0; i < 18; i++) {
		assert_int_equal(sample.top[i].id, i);
		assert_int_equal(sample.top[i].cut, SAMPLER_CUT_TOP_K);
	}
	assert_int_equal(sample.top[18].id, 151);
	assert_int_equal(sample.top[19].id, 150);
	assert_true(fabs(sample.top[18].sampled_prob +
	                 sample.top[19].sampled_prob - 1) < 1e-9);
	sampler_free(s);
}

static void the_numbers_depend_on_the_seed_and_the_place_alone(void **unused)
{
	float *logits = random_row(VOCAB, 1);
	struct sampler *a = sampler_new(VOCAB), *b = sampler_new(VOCAB);
	struct sampler_settings set = plain;
	struct sample x[20], y;
	int different = 0;

	(void)unused;
	set.seed = 42;
	sampler_start(a, &set, NULL, 0);
	for (int i = 0; i < 20; i++)
		sampler_draw(a, logits, &x[i]);
	/* A reply continued from its tenth token goes on as it did. */
	sampler_start(b, &set, NULL, 0);
	for (int i = 0; i < 10; i++)
		sampler_accept(b, x[i].id);
	for (int i = 10; i < 20; i++) {
		sampler_describe(b, logits, 5, &y); /* draws nothing */
		sampler_draw(b, logits, &y);
		assert_int_equal(y.id, x[i].id);
	}
	/* The next reply begins with the first number again. */
	sampler_start(b, &set, NULL, 0);
	for (int i = 0; i < 20; i++) {
		sampler_draw(b, logits, &y);
		assert_int_equal(y.id, x[i].id);
	}
	/* No seed goes on in the middle of another's numbers. */
	set.seed = 42 + 0x9e3779b97f4a7c15;
	sampler_start(b, &set, NULL, 0);
	for (int i = 0; i < 19; i++) {
		sampler_draw(b, logits, &y);
		different += y.id != x[i + 1].id;
	}
	assert_true(different > 10);
	different = 0;
	set.seed = 43;
	sampler_start(b, &set, NULL, 0);
	for (int i = 0; i < 20; i++) {
		sampler_draw(b, logits, &y);
		different += y.id != x[i].id;
	}
	assert_true(different > 10);
	sampler_free(a);
	sampler_free(b);
	free(logits);
}

/* The upper 1e-4 point of chi squared, Wilson & Hilferty 1931. */
static double chi_squared_limit(int freedom)
{
	double k = freedom, z = 3.719016;

	return k * pow(1 - 2 / (9 * k) + z * sqrt(2 / (9 * k)), 3);
}

/* 200,000 draws against the sorting reference.  With a prompt every draw is a
 * request of its own, with the next seed, for the penalties to be the same. */
static void draw_and_test(const struct sampler_settings *wanted, float spread,
                          const int *prompt, size_t n_prompt)
{
	enum { DRAWS = 200000, N = 200 };
	float *logits = random_row(N, spread);
	struct sampler_settings set = *wanted;
	struct reference r =
		reference(logits, N, &set, prompt, n_prompt, NULL, 0);
	struct sampler *s = sampler_new(N);
	int *count = calloc(N, sizeof *count), cells = 0;
	double chi = 0, rest = 0, rest_count = 0;
	struct sample sample;

	sampler_start(s, &set, prompt, n_prompt);
	for (int i = 0; i < DRAWS; i++) {
		if (n_prompt) {
			set.seed++;
			sampler_start(s, &set, prompt, n_prompt);
		}
		sampler_draw(s, logits, &sample);
		count[sample.id]++;
	}
	for (int i = 0; i < N; i++) {
		double want = r.prob[i] * DRAWS;

		if (r.prob[i] == 0)
			assert_int_equal(count[i], 0);
		if (want < 10) { /* too few for the approximation: one cell */
			rest += want;
			rest_count += count[i];
			continue;
		}
		chi += (count[i] - want) * (count[i] - want) / want;
		cells++;
	}
	if (rest >= 10) {
		chi += (rest_count - rest) * (rest_count - rest) / rest;
		cells++;
	}
	assert_true(cells > 5);
	assert_true(chi < chi_squared_limit(cells - 1));
	assert_true(chi > 0);
	sampler_free(s);
	reference_free(&r);
	free(count);
	free(logits);
}

static void draws_follow_the_probabilities(void **unused)
{
	struct sampler_settings set = plain;
	int prompt[100];

	(void)unused;
	set.seed = 7;
	draw_and_test(&set, 2, NULL, 0);
	set = (struct sampler_settings){ .temperature = 0.7f,
		                         .top_k = 20,
		                         .top_p = 0.95f,
		                         .repeat_penalty = 1,
		                         .seed = 8 };
	draw_and_test(&set, 1, NULL, 0);
	set = (struct sampler_settings){ .temperature = 1.5f,
		                         .top_p = 1,
		                         .min_p = 0.02f,
		                         .repeat_penalty = 1,
		                         .seed = 9 };
	draw_and_test(&set, 2, NULL, 0);
	/* The whole chain. */
	for (int i = 0; i < 100; i++)
		prompt[i] = 2 * i;
	set = (struct sampler_settings){ .temperature = 1.3f,
		                         .top_k = 60,
		                         .top_p = 0.9f,
		                         .min_p = 0.03f,
		                         .presence_penalty = 0.5f,
		                         .repeat_penalty = 1.2f,
		                         .seed = 1000 };
	draw_and_test(&set, 2, prompt, 100);
}

static void a_broken_row_is_survived(void **unused)
{
	float logits[VOCAB];
	struct sampler_settings set = plain;
	struct sampler *s = sampler_new(VOCAB);
	struct sample sample;

	(void)unused;
	for (int kind = 0; kind < 5; kind++) {
		for (int i = 0; i < VOCAB; i++)
			logits[i] = kind == 0 ? NAN : kind == 1 ? -INFINITY : 0;
		if (kind == 2)
			logits[77] = INFINITY;
		if (kind == 3) {
			logits[77] = NAN;
			logits[78] = -INFINITY;
		}
		if (kind == 4)
			logits[77] = FLT_MAX;
		set.top_p = kind % 2 ? 0.5f : 1;
		sampler_start(s, &set, NULL, 0);
		for (int i = 0; i < 100; i++) {
			sampler_draw(s, logits, &sample);
			assert_in_range(sample.id, 0, VOCAB - 1);
			assert_true(isfinite(sample.entropy));
			assert_true(sample.sampled_prob > 0);
			assert_int_equal(sample.broken, kind < 3);
			if (kind == 2 || kind == 4)
				assert_int_equal(sample.id, 77);
			if (kind == 3)
				assert_true(sample.id != 77 && sample.id != 78);
		}
		if (kind != 3)
			continue;
		sampler_describe(s, logits, 77, &sample); /* no number */
		assert_true(sample.logprob == -INFINITY);
		assert_true(sample.sampled_prob == 0);
		assert_int_equal(sample.rank, VOCAB - 1);
	}
	/* Settings that make no sense do not break it either. */
	set = (struct sampler_settings){ .temperature = 1e-30f,
		                         .top_k = -3,
		                         .top_p = -1,
		                         .min_p = 9,
		                         .presence_penalty = INFINITY,
		                         .repeat_penalty = 1e-38f };
	sampler_start(s, &set, (const int[]){ 1, 2, 3 }, 3);
	for (int i = 0; i < 50; i++) {
		sampler_draw(s, logits, &sample);
		assert_in_range(sample.id, 0, VOCAB - 1);
		assert_true(sample.sampled_prob > 0);
	}
	/* What a penalty makes larger than any float is the largest. */
	set = plain;
	set.repeat_penalty = 0.5f;
	logits[77] = FLT_MAX;
	sampler_start(s, &set, (const int[]){ 77 }, 1);
	sampler_draw(s, logits, &sample);
	assert_int_equal(sample.id, 77);
	assert_true(sample.sampled_prob == 1);
	sampler_free(s);
}

/* The rare path: no small number of likeliest holds the mass. */
static void a_flat_vocabulary_of_real_size_is_cut_rightly(void **unused)
{
	enum { N = 151669 };
	float *logits = random_row(N, 0.3f);
	struct sampler_settings set = plain;

	(void)unused;
	set.top_p = 0.9f;
	set.min_p = 0.4f;
	{
		struct reference r =
			reference(logits, N, &set, NULL, 0, NULL, 0);
		struct sampler *s = sampler_new(N);
		struct sample sample;

		sampler_start(s, &set, NULL, 0);
		sort_by = logits;
		for (int i = 0; i < 5; i++) {
			sampler_draw(s, logits, &sample);
			assert_true(
				fabs(sample.sampled_prob / r.prob[sample.id] -
			             1) < 1e-9);
		}
		for (int i = 0; i < sample.n_top; i++)
			assert_int_equal(sample.top[i].id, r.order[i]);
		sampler_free(s);
		reference_free(&r);
	}
	free(logits);
}

static void no_cut_has_a_name_and_each_cut_has_one(void **unused)
{
	(void)unused;
	assert_string_equal(sampler_cut_name(SAMPLER_KEPT), "");
	assert_string_equal(sampler_cut_name(SAMPLER_CUT_TOP_K), "top_k");
	assert_string_equal(sampler_cut_name(SAMPLER_CUT_TOP_P), "top_p");
	assert_string_equal(sampler_cut_name(SAMPLER_CUT_MIN_P), "min_p");
	assert_string_equal(sampler_cut_name(SAMPLER_CUT_GREEDY), "greedy");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_mix_of_samplers_equals_the_sorting_reference),
	cmocka_unit_test(small_and_odd_vocabularies_work),
	cmocka_unit_test(
		equals_of_the_kth_are_kept_and_top_p_takes_the_lower_ids),
	cmocka_unit_test(min_p_is_exact_to_the_last_bit),
	cmocka_unit_test(min_p_goes_by_the_largest_after_the_penalties),
	cmocka_unit_test(greedy_takes_the_lowest_of_equals_after_the_penalties),
	cmocka_unit_test(padding_ids_are_never_seen),
	cmocka_unit_test(
		a_kept_candidate_outside_the_likeliest_displaces_a_cut_one),
	cmocka_unit_test(the_numbers_depend_on_the_seed_and_the_place_alone),
	cmocka_unit_test(draws_follow_the_probabilities),
	cmocka_unit_test(a_broken_row_is_survived),
	cmocka_unit_test(a_flat_vocabulary_of_real_size_is_cut_rightly),
	cmocka_unit_test(no_cut_has_a_name_and_each_cut_has_one),
};

TEST_MAIN(tests)
