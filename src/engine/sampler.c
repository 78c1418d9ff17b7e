#include "engine/sampler.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/select.h"

/* When top_p runs over the whole vocabulary, so many of the likeliest are tried
 * first, then ever more: a few nearly always hold the mass. */
#define TOP_P_FIRST 64
#define TOP_P_MORE  4 /* times as many */

#define SEEN_PROMPT 1
#define SEEN_REPLY  2

struct row {
	const float *x;   /* [n_ids] */
	float *block_max; /* [n_blocks], see select.h */
	float top;        /* the largest */
};

/*
 * What a sampler keeps is always the beginning of the order of pick_before(),
 * so one pick says it all: the last one kept.
 */
static const struct pick keep_all = { -INFINITY, INT_MAX };

struct sampler {
	int n_ids;
	size_t n_blocks;
	const struct select_ops *ops;
	struct sampler_settings settings;
	uint64_t n_reply; /* tokens of the reply so far */

	unsigned char *seen; /* [n_ids] SEEN_ bits */
	int *seen_ids;       /* [n_seen] ids with a bit set, each once */
	size_t n_seen;

	/* One distribution; valid inside a call. */
	struct row raw;    /* as the model gave it */
	struct row scored; /* after the penalties */
	double scale;      /* 1 / temperature */
	double log_sum;    /* ln of the raw row's sum of e^(x - top) */
	double entropy;    /* of the raw row */
	bool greedy;
	struct pick last[3];   /* kept by top_k, top_p, min_p; greedy: [0] */
	struct pick last_kept; /* by all of them */
	double mass;           /* of the kept, as e^((score - top) * scale) */
	size_t n_kept;

	float *clean;       /* [n_ids] the raw row without infinities */
	float *scores;      /* [n_ids] the penalised row */
	double *block_mass; /* [n_blocks] of the kept */
	bool weighed_all;   /* block_mass, mass and n_kept are of all ids */
	struct pick *picks; /* [n_ids] scratch */
};

const char *sampler_cut_name(enum sampler_cut cut)
{
	static const char *const names[] = {
		[SAMPLER_KEPT] = "",
		[SAMPLER_CUT_TOP_K] = "top_k",
		[SAMPLER_CUT_TOP_P] = "top_p",
		[SAMPLER_CUT_MIN_P] = "min_p",
		[SAMPLER_CUT_GREEDY] = "greedy",
	};

	return names[cut];
}

struct sampler *sampler_new(int n_ids)
{
	struct sampler *s = mem_zalloc(1, sizeof *s);
	size_t n = (size_t)n_ids;

	s->n_ids = n_ids;
	s->n_blocks = select_blocks(n);
	s->ops = select_get();
	s->settings = (struct sampler_settings){ .temperature = 1,
		                                 .top_p = 1,
		                                 .repeat_penalty = 1 };
	s->seen = mem_zalloc(n, 1);
	s->seen_ids = mem_zalloc(n, sizeof *s->seen_ids);
	s->raw.block_max = mem_zalloc(s->n_blocks, sizeof(float));
	s->scored.block_max = mem_zalloc(s->n_blocks, sizeof(float));
	s->clean = mem_zalloc(n, sizeof *s->clean);
	s->scores = mem_zalloc(n, sizeof *s->scores);
	s->block_mass = mem_zalloc(s->n_blocks, sizeof *s->block_mass);
	s->picks = mem_zalloc(n, sizeof *s->picks);
	return s;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	free(s->seen);
	free(s->seen_ids);
	free(s->raw.block_max);
	free(s->scored.block_max);
	free(s->clean);
	free(s->scores);
	free(s->block_mass);
	free(s->picks);
	free(s);
}

/* ---- the request ---- */

static void see(struct sampler *s, int id, unsigned char how)
{
	if (id < 0 || id >= s->n_ids)
		return;
	if (!s->seen[id])
		s->seen_ids[s->n_seen++] = id;
	s->seen[id] |= how;
}

void sampler_start(struct sampler *s, const struct sampler_settings *settings,
                   const int *prompt, size_t n_prompt)
{
	while (s->n_seen)
		s->seen[s->seen_ids[--s->n_seen]] = 0;
	s->settings = *settings;
	s->n_reply = 0;
	for (size_t i = 0; i < n_prompt; i++)
		see(s, prompt[i], SEEN_PROMPT);
}

void sampler_accept(struct sampler *s, int id)
{
	see(s, id, SEEN_REPLY);
	s->n_reply++;
}

/* ---- rows ---- */

static void row_set_top(const struct sampler *s, struct row *row)
{
	row->top = -INFINITY;
	for (size_t b = 0; b < s->n_blocks; b++)
		if (row->block_max[b] > row->top)
			row->top = row->block_max[b];
}

static void row_set(struct sampler *s, struct row *row, const float *x)
{
	row->x = x;
	s->ops->block_max(x, (size_t)s->n_ids, row->block_max);
	row_set_top(s, row);
}

/* A row whose largest is infinite (or that has no number at all) comes from a
 * broken model.  It must not break the sampler. */
static void row_set_clean(struct sampler *s, struct row *row, const float *x)
{
	for (int i = 0; i < s->n_ids; i++) {
		if (x[i] >= FLT_MAX)
			s->clean[i] = FLT_MAX;
		else
			s->clean[i] = x[i] > -FLT_MAX ? x[i] : -FLT_MAX;
	}
	row_set(s, row, s->clean);
}

/* A value that at least m of the row reach: the m-th largest of the blocks'
 * largest, as these are m different elements. */
static float row_floor(struct sampler *s, const struct row *row, size_t m)
{
	if (m > s->n_blocks)
		return -INFINITY;
	for (size_t b = 0; b < s->n_blocks; b++)
		s->picks[b] = (struct pick){ row->block_max[b], (int)b };
	pick_part(s->picks, s->n_blocks, m);
	return s->picks[m - 1].score;
}

/* Those >= least, by id, into s->picks.  Returns how many. */
static size_t row_gather(struct sampler *s, const struct row *row, float least)
{
	size_t count = 0;

	for (size_t b = 0; b < s->n_blocks; b++) {
		int first = (int)(b * SELECT_BLOCK);
		int end = s->n_ids - first < SELECT_BLOCK
		                  ? s->n_ids
		                  : first + SELECT_BLOCK;

		if (row->block_max[b] < least)
			continue;
		for (int i = first; i < end; i++)
			if (row->x[i] >= least)
				s->picks[count++] =
					(struct pick){ row->x[i], i };
	}
	return count;
}

/* The first m in order into s->picks[0..), unsorted but for the last of them.
 * Returns how many there were (less than m in a small vocabulary). */
static size_t row_first(struct sampler *s, const struct row *row, size_t m)
{
	size_t n = row_gather(s, row, row_floor(s, row, m));

	if (m > n)
		m = n;
	if (m)
		pick_part(s->picks, n, m);
	return m;
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

static struct select_sums sums_of(struct sampler *s, size_t first, size_t end,
                                  float least)
{
	if (end <= first)
		return (struct select_sums){ 0, 0, 0 };
	return s->ops->sums(s->scored.x + first, end - first, s->scored.top,
	                    s->scale, least);
}

/* The kept ones of a block: among equals of `last` only ids up to its own. */
static struct select_sums block_sums(struct sampler *s, size_t b,
                                     struct pick last)
{
	size_t first = b * SELECT_BLOCK, end = first + SELECT_BLOCK, cut;
	struct select_sums sums, rest;

	if (end > (size_t)s->n_ids)
		end = (size_t)s->n_ids;
	cut = (size_t)last.id < end ? (size_t)last.id + 1 : end;
	if (cut < first)
		cut = first;
	sums = sums_of(s, first, cut, last.score);
	rest = sums_of(s, cut, end, nextafterf(last.score, INFINITY));
	sums.mass += rest.mass;
	sums.count += rest.count;
	return sums;
}

static bool is_all(struct pick last)
{
	return last.score == keep_all.score && last.id == keep_all.id;
}

/* Fills block_mass, mass and n_kept. */
static void weigh(struct sampler *s, struct pick last)
{
	if (is_all(last) && s->weighed_all)
		return;
	s->weighed_all = is_all(last);
	s->mass = 0;
	s->n_kept = 0;
	for (size_t b = 0; b < s->n_blocks; b++) {
		struct select_sums sums = { 0, 0, 0 };

		if (s->scored.block_max[b] >= last.score)
			sums = block_sums(s, b, last);
		s->block_mass[b] = sums.mass;
		s->mass += sums.mass;
		s->n_kept += sums.count;
	}
}

static double weight(const struct sampler *s, float score)
{
	return exp(((double)score - s->scored.top) * s->scale);
}

/* ---- the samplers, each after those before it ---- */

/* Equals of the k-th are kept, as transformers does. */
static struct pick top_k_last(struct sampler *s)
{
	size_t k = (size_t)s->settings.top_k;

	if (s->settings.top_k <= 0 || s->settings.top_k >= s->n_ids)
		return keep_all;
	k = row_first(s, &s->scored, k);
	return (struct pick){ s->picks[k - 1].score, INT_MAX };
}

static double weight_of(const struct sampler *s, const struct pick *picks,
                        size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += weight(s, picks[i].score);
	return sum;
}

/* The last pick, in order, before which less than `target` of weight lies: the
 * same halving as pick_part(), by weight instead of number. */
static struct pick weighted_last(const struct sampler *s, struct pick *picks,
                                 size_t n, double target)
{
	double before = 0;

	while (n > 1) {
		size_t mid = pick_split(picks, n);
		double half = weight_of(s, picks, mid);

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
static struct pick top_p_last(struct sampler *s, struct pick top_k)
{
	double target;
	float least;
	size_t n;

	if (s->settings.top_p >= 1)
		return keep_all;
	weigh(s, top_k);
	target = s->settings.top_p * s->mass;
	for (size_t m = TOP_P_FIRST;; m *= TOP_P_MORE) {
		least = row_floor(s, &s->scored, m);
		if (least < top_k.score)
			least = top_k.score;
		n = row_gather(s, &s->scored, least);
		if (least <= top_k.score || weight_of(s, s->picks, n) >= target)
			return weighted_last(s, s->picks, n, target);
	}
}

/* p >= min_p p_max  <=>  score >= top + temperature ln(min_p) */
static struct pick min_p_last(const struct sampler *s)
{
	double least;
	float score;

	if (s->settings.min_p <= 0)
		return keep_all;
	least = s->scored.top + log(s->settings.min_p) / s->scale;
	if (least >= s->scored.top)
		return (struct pick){ s->scored.top, INT_MAX };
	score = (float)least;
	if (score < least)
		score = nextafterf(score, INFINITY);
	return (struct pick){ score, INT_MAX };
}

static void set_scale(struct sampler *s)
{
	s->greedy = !(s->settings.temperature > 0);
	s->scale = s->greedy ? 1 : fmin(1.0 / s->settings.temperature, 1e30);
}

static void cut(struct sampler *s)
{
	if (s->greedy) {
		row_first(s, &s->scored, 1);
		s->last_kept = s->last[0] = s->picks[0];
	} else {
		s->last[0] = top_k_last(s);
		s->last[1] = top_p_last(s, s->last[0]);
		s->last[2] = min_p_last(s);
		s->last_kept =
			earlier(earlier(s->last[0], s->last[1]), s->last[2]);
	}
	weigh(s, s->last_kept);
}

static enum sampler_cut cut_of(const struct sampler *s, int id)
{
	static const enum sampler_cut stages[] = { SAMPLER_CUT_TOP_K,
		                                   SAMPLER_CUT_TOP_P,
		                                   SAMPLER_CUT_MIN_P };
	float score = s->scored.x[id];

	if (s->greedy)
		return is_kept(s->last[0], score, id) ? SAMPLER_KEPT
		                                      : SAMPLER_CUT_GREEDY;
	for (int i = 0; i < 3; i++)
		if (!is_kept(s->last[i], score, id))
			return stages[i];
	return SAMPLER_KEPT;
}

/* ---- one distribution ---- */

/* CTRL's penalty divides what is positive and multiplies what is negative.
 * Stays finite whatever the settings. */
static float penalised(const struct sampler *s, float x, unsigned char seen)
{
	if (s->settings.repeat_penalty != 1)
		x = x < 0 ? x * s->settings.repeat_penalty
		          : x / s->settings.repeat_penalty;
	if (seen & SEEN_REPLY)
		x -= s->settings.presence_penalty;
	return fminf(fmaxf(x, -FLT_MAX), FLT_MAX);
}

/* The scored row's blocks that a penalty changed have another largest. */
static void row_set_seen(struct sampler *s)
{
	size_t n = (size_t)s->n_ids;

	for (size_t i = 0; i < s->n_seen; i++) {
		size_t b = (size_t)s->seen_ids[i] / SELECT_BLOCK;
		size_t first = b * SELECT_BLOCK, left = n - first;

		s->ops->block_max(s->scores + first,
		                  left < SELECT_BLOCK ? left : SELECT_BLOCK,
		                  &s->scored.block_max[b]);
	}
	row_set_top(s, &s->scored);
}

static void penalise(struct sampler *s)
{
	const struct sampler_settings *set = &s->settings;

	s->scored = (struct row){ s->raw.x, s->scored.block_max, s->raw.top };
	memcpy(s->scored.block_max, s->raw.block_max,
	       s->n_blocks * sizeof(float));
	if (!s->n_seen ||
	    (set->repeat_penalty == 1 && set->presence_penalty == 0))
		return;
	memcpy(s->scores, s->raw.x, (size_t)s->n_ids * sizeof(float));
	for (size_t i = 0; i < s->n_seen; i++) {
		int id = s->seen_ids[i];

		s->scores[id] = penalised(s, s->raw.x[id], s->seen[id]);
	}
	s->scored.x = s->scores;
	if (s->n_seen < s->n_blocks)
		row_set_seen(s);
	else
		row_set(s, &s->scored, s->scores);
}

/* The softmax of the raw row, of all ids.  Its masses are what an unpenalised
 * row at temperature 1 would be weighed for again. */
static void weigh_raw(struct sampler *s)
{
	double moment = 0;

	s->mass = 0;
	s->n_kept = 0;
	for (size_t b = 0; b < s->n_blocks; b++) {
		size_t first = b * SELECT_BLOCK, n = (size_t)s->n_ids - first;
		struct select_sums sums =
			s->ops->sums(s->raw.x + first,
		                     n < SELECT_BLOCK ? n : SELECT_BLOCK,
		                     s->raw.top, 1, -INFINITY);

		s->block_mass[b] = sums.mass;
		s->mass += sums.mass;
		s->n_kept += sums.count;
		moment += sums.moment;
	}
	s->log_sum = log(s->mass);
	s->entropy = s->log_sum - moment / s->mass;
}

static void read_row(struct sampler *s, const float *logits)
{
	row_set(s, &s->raw, logits);
	if (!isfinite(s->raw.top))
		row_set_clean(s, &s->raw, logits);
	weigh_raw(s);
	penalise(s);
	set_scale(s);
	s->weighed_all = s->scored.x == s->raw.x && s->scale == 1;
	cut(s);
}

static double logprob(const struct sampler *s, int id)
{
	if (id < 0 || id >= s->n_ids || isnan(s->raw.x[id]))
		return -INFINITY;
	return (double)s->raw.x[id] - s->raw.top - s->log_sum;
}

static double sampled_prob(const struct sampler *s, int id)
{
	if (id < 0 || id >= s->n_ids || cut_of(s, id) != SAMPLER_KEPT)
		return 0;
	return weight(s, s->scored.x[id]) / s->mass;
}

/* ---- the report ---- */

static bool among(const struct pick *top, int n, int id)
{
	for (int i = 0; i < n; i++)
		if (top[i].id == id)
			return true;
	return false;
}

/* Puts a kept id where the unlikeliest of the cut ones was. */
static int replace_cut(const struct sampler *s, struct pick *top, int n,
                       struct pick kept)
{
	int i = n - 1;

	if (n < SAMPLER_TOP) {
		top[n] = kept;
		return n + 1;
	}
	while (cut_of(s, top[i].id) == SAMPLER_KEPT)
		i--;
	memmove(top + i, top + i + 1, (size_t)(n - 1 - i) * sizeof *top);
	top[n - 1] = kept;
	return n;
}

/* Penalties may keep an id that is not among the likeliest of the raw row. */
static int add_kept(struct sampler *s, struct pick *top, int n)
{
	size_t found = row_gather(s, &s->scored, s->last_kept.score);

	for (size_t i = 0; i < found; i++) {
		int id = s->picks[i].id;
		struct pick kept = { s->raw.x[id], id };

		if (cut_of(s, id) == SAMPLER_KEPT && !among(top, n, id))
			n = replace_cut(s, top, n, kept);
	}
	pick_sort(top, (size_t)n);
	return n;
}

static void report_top(struct sampler *s, struct sample *out)
{
	struct pick top[SAMPLER_TOP];
	int n = (int)row_first(s, &s->raw, SAMPLER_TOP);

	memcpy(top, s->picks, (size_t)n * sizeof *top);
	pick_sort(top, (size_t)n);
	if (s->n_kept <= SAMPLER_TOP && s->scored.x != s->raw.x)
		n = add_kept(s, top, n);
	for (int i = 0; i < n; i++) {
		int id = top[i].id;

		out->top[i] = (struct candidate){
			.id = id,
			.logprob = (float)logprob(s, id),
			.sampled_prob = sampled_prob(s, id),
			.cut = cut_of(s, id),
			.penalised = s->scored.x[id] != s->raw.x[id],
		};
	}
	out->n_top = n;
}

static void report(struct sampler *s, int id, struct sample *out)
{
	float x = id >= 0 && id < s->n_ids ? s->raw.x[id] : -INFINITY;

	memset(out, 0, sizeof *out);
	out->id = id;
	out->logprob = logprob(s, id);
	out->entropy = s->entropy;
	out->rank = 1 + (int)s->ops->count_above(s->raw.x, (size_t)s->n_ids,
	                                         isnan(x) ? -INFINITY : x);
	out->sampled_prob = sampled_prob(s, id);
	report_top(s, out);
}

/* ---- the draw ---- */

/* SplitMix64 (Steele, Lea & Flood 2014): the i-th number is a function of seed
 * and i alone. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* In [0, 1).  The seed is mixed too, lest neighbouring seeds share a stream. */
static double uniform(const struct sampler *s)
{
	uint64_t state =
		mix(s->settings.seed) + (s->n_reply + 1) * 0x9e3779b97f4a7c15;

	return (double)(mix(state) >> 11) * 0x1p-53;
}

/* The block in which the running sum of masses passes the target. */
static size_t draw_block(const struct sampler *s, double *target)
{
	size_t last = 0;

	for (size_t b = 0; b < s->n_blocks; b++) {
		if (s->block_mass[b] == 0)
			continue;
		last = b;
		if (*target < s->block_mass[b])
			return b;
		*target -= s->block_mass[b];
	}
	*target = INFINITY; /* rounding: the last kept one */
	return last;
}

static int draw(const struct sampler *s)
{
	double target = uniform(s) * s->mass;
	int first, end, drawn = s->last_kept.id;

	if (s->greedy)
		return drawn;
	first = (int)(draw_block(s, &target) * SELECT_BLOCK);
	end = s->n_ids - first < SELECT_BLOCK ? s->n_ids : first + SELECT_BLOCK;
	for (int id = first; id < end; id++) {
		if (!is_kept(s->last_kept, s->scored.x[id], id) ||
		    weight(s, s->scored.x[id]) == 0)
			continue;
		drawn = id;
		target -= weight(s, s->scored.x[id]);
		if (target < 0)
			break;
	}
	return drawn;
}

void sampler_draw(struct sampler *s, const float *logits, struct sample *out)
{
	int id;

	read_row(s, logits);
	id = draw(s);
	report(s, id, out);
	sampler_accept(s, id);
}

void sampler_describe(struct sampler *s, const float *logits, int id,
                      struct sample *out)
{
	read_row(s, logits);
	report(s, id, out);
}
