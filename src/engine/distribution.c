#include "engine/distribution.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/logit_row.h"
#include "math/select.h"

/* When top_p runs over the whole vocabulary, so many of the likeliest are tried
 * first, then ever more: a few nearly always hold the mass. */
#define TOP_P_FIRST 64
#define TOP_P_MORE  4 /* times as many */

/*
 * What a sampler keeps is always the beginning of the order of pick_before(),
 * so one pick says it all: the last one kept.
 */
static const struct pick keep_all = { -INFINITY, INT_MAX };

struct distribution {
	int n_ids;
	const struct select_ops *ops;

	/* Borrowed inside distribution_read(). */
	const struct sampler_settings *settings;
	const struct seen_ids *seen;

	struct logit_row raw;    /* as the model gave it, but: */
	bool broken;             /* it is the clean row instead */
	struct logit_row scored; /* after the penalties */
	double scale;            /* 1 / temperature */
	double log_sum;          /* ln of the raw row's sum of e^(x - top) */
	double entropy;          /* of the raw row */
	bool greedy;
	struct pick last[3];   /* kept by top_k, top_p, min_p; greedy: [0] */
	struct pick last_kept; /* by all of them */
	double mass;           /* of the kept, as e^((score - top) * scale) */
	size_t n_kept;

	float *clean;       /* [n_ids] the raw row without infinities */
	float *scores;      /* [n_ids] the penalised row */
	double *block_mass; /* [scored.n_blocks] of the kept */
	bool weighed_all;   /* block_mass, mass and n_kept are of all ids */
	struct pick *picks; /* [n_ids] scratch */
};

struct distribution *distribution_new(int n_ids)
{
	struct distribution *d = mem_zalloc(1, sizeof *d);
	size_t n = (size_t)n_ids;

	d->n_ids = n_ids;
	d->ops = select_get();
	logit_row_init(&d->raw, n);
	logit_row_init(&d->scored, n);
	d->clean = mem_zalloc(n, sizeof *d->clean);
	d->scores = mem_zalloc(n, sizeof *d->scores);
	d->block_mass = mem_zalloc(select_blocks(n), sizeof *d->block_mass);
	d->picks = mem_zalloc(n, sizeof *d->picks);
	return d;
}

void distribution_free(struct distribution *d)
{
	if (!d)
		return;
	logit_row_free(&d->raw);
	logit_row_free(&d->scored);
	free(d->clean);
	free(d->scores);
	free(d->block_mass);
	free(d->picks);
	free(d);
}

/* ---- what is kept ---- */

static bool is_kept(struct pick last, float score, int id)
{
	return score > last.score || (score == last.score && id <= last.id);
}

static struct pick earlier(struct pick a, struct pick b)
{
	return pick_before(a, b) ? a : b;
}

static struct select_sums sums_of(struct distribution *d, size_t first,
                                  size_t end, float least)
{
	if (end <= first)
		return (struct select_sums){ 0, 0, 0 };
	return d->ops->sums(d->scored.x + first, end - first, d->scored.top,
	                    d->scale, least);
}

/* The kept ones of a block: among equals of `last` only ids up to its own. */
static struct select_sums block_sums(struct distribution *d, size_t b,
                                     struct pick last)
{
	size_t first = b * SELECT_BLOCK, cut;
	size_t end = select_block_end(d->scored.n, first);
	struct select_sums sums, rest;

	cut = (size_t)last.id < end ? (size_t)last.id + 1 : end;
	if (cut < first)
		cut = first;
	sums = sums_of(d, first, cut, last.score);
	rest = sums_of(d, cut, end, nextafterf(last.score, INFINITY));
	sums.mass += rest.mass;
	sums.count += rest.count;
	return sums;
}

static bool is_all(struct pick last)
{
	return last.score == keep_all.score && last.id == keep_all.id;
}

/* Fills block_mass, mass and n_kept. */
static void weigh(struct distribution *d, struct pick last)
{
	if (is_all(last) && d->weighed_all)
		return;
	d->weighed_all = is_all(last);
	d->mass = 0;
	d->n_kept = 0;
	for (size_t b = 0; b < d->scored.n_blocks; b++) {
		struct select_sums sums = { 0, 0, 0 };

		if (d->scored.block_max[b] >= last.score)
			sums = block_sums(d, b, last);
		d->block_mass[b] = sums.mass;
		d->mass += sums.mass;
		d->n_kept += sums.count;
	}
}

static double weight(const struct distribution *d, float score)
{
	return exp(((double)score - d->scored.top) * d->scale);
}

/* ---- the penalties ---- */

/* CTRL's penalty divides what is positive and multiplies what is negative.
 * Stays finite whatever the settings. */
static float penalised(const struct distribution *d, float x,
                       unsigned char seen)
{
	if (d->settings->repeat_penalty != 1)
		x = x < 0 ? x * d->settings->repeat_penalty
		          : x / d->settings->repeat_penalty;
	if (seen & SEEN_REPLY)
		x -= d->settings->presence_penalty;
	return fminf(fmaxf(x, -FLT_MAX), FLT_MAX);
}

static void penalise(struct distribution *d)
{
	const struct seen_ids *seen = d->seen;

	if (!seen->n || (d->settings->repeat_penalty == 1 &&
	                 d->settings->presence_penalty == 0)) {
		logit_row_set_changed(&d->scored, &d->raw, d->raw.x, NULL, 0);
		return;
	}
	memcpy(d->scores, d->raw.x, (size_t)d->n_ids * sizeof(float));
	for (size_t i = 0; i < seen->n; i++) {
		int id = seen->ids[i];

		d->scores[id] = penalised(d, d->raw.x[id], seen->how[id]);
	}
	logit_row_set_changed(&d->scored, &d->raw, d->scores, seen->ids,
	                      seen->n);
}

/* ---- the samplers, each after those before it ---- */

/* Equals of the k-th are kept, as transformers does. */
static struct pick top_k_last(struct distribution *d)
{
	size_t k = (size_t)d->settings->top_k;

	if (d->settings->top_k <= 0 || d->settings->top_k >= d->n_ids)
		return keep_all;
	k = logit_row_first(&d->scored, k, d->picks);
	return (struct pick){ d->picks[k - 1].score, INT_MAX };
}

static double weight_of(const struct distribution *d, const struct pick *picks,
                        size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += weight(d, picks[i].score);
	return sum;
}

/* The last pick, in order, before which less than `target` of weight lies: the
 * same halving as pick_part(), by weight instead of number. */
static struct pick weighted_last(const struct distribution *d,
                                 struct pick *picks, size_t n, double target)
{
	double before = 0;

	while (n > 1) {
		size_t mid = pick_split(picks, n);
		double half = weight_of(d, picks, mid);

		if (before + half >= target) {
			n = mid;
		} else {
			before += half;
			picks += mid;
			n -= mid;
		}
	}
	return picks[0];
}

/* Keeps the fewest whose probabilities reach top_p.  (transformers removes,
 * from the unlikeliest up, while the sum is <= 1 - top_p: the same set.) */
static struct pick top_p_last(struct distribution *d, struct pick top_k)
{
	double target;
	float least;
	size_t n;

	if (d->settings->top_p >= 1)
		return keep_all;
	weigh(d, top_k);
	target = d->settings->top_p * d->mass;
	for (size_t m = TOP_P_FIRST;; m *= TOP_P_MORE) {
		least = logit_row_floor(&d->scored, m, d->picks);
		if (least < top_k.score)
			least = top_k.score;
		n = logit_row_gather(&d->scored, least, d->picks);
		if (least <= top_k.score || weight_of(d, d->picks, n) >= target)
			return weighted_last(d, d->picks, n, target);
	}
}

/* p >= min_p p_max  <=>  score >= top + temperature ln(min_p) */
static struct pick min_p_last(const struct distribution *d)
{
	double least;
	float score;

	if (d->settings->min_p <= 0)
		return keep_all;
	least = d->scored.top + log(d->settings->min_p) / d->scale;
	if (least >= d->scored.top)
		return (struct pick){ d->scored.top, INT_MAX };
	score = (float)least;
	if (score < least)
		score = nextafterf(score, INFINITY);
	return (struct pick){ score, INT_MAX };
}

static void set_scale(struct distribution *d)
{
	d->greedy = !(d->settings->temperature > 0);
	d->scale = d->greedy ? 1 : fmin(1.0 / d->settings->temperature, 1e30);
}

static void cut(struct distribution *d)
{
	if (d->greedy) {
		logit_row_first(&d->scored, 1, d->picks);
		d->last_kept = d->last[0] = d->picks[0];
	} else {
		d->last[0] = top_k_last(d);
		d->last[1] = top_p_last(d, d->last[0]);
		d->last[2] = min_p_last(d);
		d->last_kept =
			earlier(earlier(d->last[0], d->last[1]), d->last[2]);
	}
	weigh(d, d->last_kept);
}

/* ---- the row is read ---- */

/* The softmax of the raw row, of all ids.  Its masses are what an unpenalised
 * row at temperature 1 would be weighed for again. */
static void weigh_raw(struct distribution *d)
{
	double moment = 0;

	d->mass = 0;
	d->n_kept = 0;
	for (size_t b = 0; b < d->raw.n_blocks; b++) {
		size_t first = b * SELECT_BLOCK;
		size_t end = select_block_end(d->raw.n, first);
		struct select_sums sums =
			d->ops->sums(d->raw.x + first, end - first, d->raw.top,
		                     1, -INFINITY);

		d->block_mass[b] = sums.mass;
		d->mass += sums.mass;
		d->n_kept += sums.count;
		moment += sums.moment;
	}
	d->log_sum = log(d->mass);
	d->entropy = d->log_sum - moment / d->mass;
}

/* A row whose largest is infinite (or that has no number at all) comes from a
 * broken model.  It must not break the sampler. */
static const float *cleaned(struct distribution *d, const float *x)
{
	for (int i = 0; i < d->n_ids; i++) {
		if (x[i] >= FLT_MAX)
			d->clean[i] = FLT_MAX;
		else
			d->clean[i] = x[i] > -FLT_MAX ? x[i] : -FLT_MAX;
	}
	return d->clean;
}

void distribution_read(struct distribution *d, const float *logits,
                       const struct sampler_settings *settings,
                       const struct seen_ids *seen)
{
	d->settings = settings;
	d->seen = seen;
	logit_row_set(&d->raw, logits);
	d->broken = !isfinite(d->raw.top);
	if (d->broken)
		logit_row_set(&d->raw, cleaned(d, logits));
	weigh_raw(d);
	penalise(d);
	set_scale(d);
	d->weighed_all = !distribution_has_penalties(d) && d->scale == 1;
	cut(d);
}

/* ---- what there is to know ---- */

enum sampler_cut distribution_cut(const struct distribution *d, int id)
{
	static const enum sampler_cut stages[] = { SAMPLER_CUT_TOP_K,
		                                   SAMPLER_CUT_TOP_P,
		                                   SAMPLER_CUT_MIN_P };
	float score = d->scored.x[id];

	if (d->greedy)
		return is_kept(d->last[0], score, id) ? SAMPLER_KEPT
		                                      : SAMPLER_CUT_GREEDY;
	for (int i = 0; i < 3; i++)
		if (!is_kept(d->last[i], score, id))
			return stages[i];
	return SAMPLER_KEPT;
}

double distribution_logprob(const struct distribution *d, int id)
{
	if (id < 0 || id >= d->n_ids || isnan(d->raw.x[id]))
		return -INFINITY;
	return (double)d->raw.x[id] - d->raw.top - d->log_sum;
}

double distribution_sampled_prob(const struct distribution *d, int id)
{
	if (id < 0 || id >= d->n_ids || distribution_cut(d, id) != SAMPLER_KEPT)
		return 0;
	return weight(d, d->scored.x[id]) / d->mass;
}

int distribution_rank(const struct distribution *d, int id)
{
	float x = id >= 0 && id < d->n_ids ? d->raw.x[id] : -INFINITY;

	return 1 + (int)d->ops->count_above(d->raw.x, (size_t)d->n_ids,
	                                    isnan(x) ? -INFINITY : x);
}

bool distribution_is_broken(const struct distribution *d)
{
	return d->broken;
}

double distribution_entropy(const struct distribution *d)
{
	return d->entropy;
}

bool distribution_is_penalised(const struct distribution *d, int id)
{
	return d->scored.x[id] != d->raw.x[id];
}

int distribution_likeliest(struct distribution *d, struct pick *top, int m)
{
	int n = (int)logit_row_first(&d->raw, (size_t)m, d->picks);

	memcpy(top, d->picks, (size_t)n * sizeof *top);
	pick_sort(top, (size_t)n);
	return n;
}

bool distribution_has_penalties(const struct distribution *d)
{
	return d->scored.x != d->raw.x;
}

size_t distribution_n_kept(const struct distribution *d)
{
	return d->n_kept;
}

size_t distribution_kept(struct distribution *d, const struct pick **kept)
{
	float least = d->last_kept.score;
	size_t found = logit_row_gather(&d->scored, least, d->picks), n = 0;

	for (size_t i = 0; i < found; i++) {
		int id = d->picks[i].id;

		if (distribution_cut(d, id) == SAMPLER_KEPT)
			d->picks[n++] = (struct pick){ d->raw.x[id], id };
	}
	*kept = d->picks;
	return n;
}

/* ---- the draw ---- */

/* The block in which the running sum of masses passes the target. */
static size_t draw_block(const struct distribution *d, double *target)
{
	size_t last = 0;

	for (size_t b = 0; b < d->scored.n_blocks; b++) {
		if (d->block_mass[b] == 0)
			continue;
		last = b;
		if (*target < d->block_mass[b])
			return b;
		*target -= d->block_mass[b];
	}
	*target = INFINITY; /* rounding: the last kept one */
	return last;
}

int distribution_draw(const struct distribution *d, double u)
{
	double target = u * d->mass;
	int drawn = d->last_kept.id;
	size_t first, end;

	if (d->greedy)
		return drawn;
	first = draw_block(d, &target) * SELECT_BLOCK;
	end = select_block_end(d->scored.n, first);
	for (int id = (int)first; id < (int)end; id++) {
		if (!is_kept(d->last_kept, d->scored.x[id], id) ||
		    weight(d, d->scored.x[id]) == 0)
			continue;
		drawn = id;
		target -= weight(d, d->scored.x[id]);
		if (target < 0)
			break;
	}
	return drawn;
}
