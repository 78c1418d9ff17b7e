#include "engine/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/distribution.h"
#include "math/select.h"

struct sampler {
	int n_ids;
	struct sampler_settings settings;
	uint64_t n_reply; /* tokens of the reply so far */
	struct seen_ids seen;
	struct distribution *d; /* of one call */
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
	s->settings = (struct sampler_settings){ .temperature = 1,
		                                 .top_p = 1,
		                                 .repeat_penalty = 1 };
	s->seen.how = mem_zalloc(n, 1);
	s->seen.ids = mem_zalloc(n, sizeof *s->seen.ids);
	s->d = distribution_new(n_ids);
	return s;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	free(s->seen.how);
	free(s->seen.ids);
	distribution_free(s->d);
	free(s);
}

/* ---- the request ---- */

static void see(struct sampler *s, int id, unsigned char how)
{
	struct seen_ids *seen = &s->seen;

	if (id < 0 || id >= s->n_ids)
		return;
	if (!seen->how[id])
		seen->ids[seen->n++] = id;
	seen->how[id] |= how;
}

void sampler_start(struct sampler *s, const struct sampler_settings *settings,
                   const int *prompt, size_t n_prompt)
{
	struct seen_ids *seen = &s->seen;

	while (seen->n)
		seen->how[seen->ids[--seen->n]] = 0;
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

/* ---- the report ---- */

static bool among(const struct pick *top, int n, int id)
{
	for (int i = 0; i < n; i++)
		if (top[i].id == id)
			return true;
	return false;
}

/* Puts a kept id where the unlikeliest of the cut ones was. */
static int replace_cut(const struct distribution *d, struct pick *top, int n,
                       struct pick kept)
{
	int i = n - 1;

	if (n < SAMPLER_TOP) {
		top[n] = kept;
		return n + 1;
	}
	while (distribution_cut(d, top[i].id) == SAMPLER_KEPT)
		i--;
	memmove(top + i, top + i + 1, (size_t)(n - 1 - i) * sizeof *top);
	top[n - 1] = kept;
	return n;
}

/* Penalties may keep an id that is not among the likeliest of the raw row. */
static int add_kept(struct distribution *d, struct pick *top, int n)
{
	const struct pick *kept;
	size_t n_kept = distribution_kept(d, &kept);

	for (size_t i = 0; i < n_kept; i++)
		if (!among(top, n, kept[i].id))
			n = replace_cut(d, top, n, kept[i]);
	pick_sort(top, (size_t)n);
	return n;
}

static void report_top(struct distribution *d, struct sample *out)
{
	struct pick top[SAMPLER_TOP];
	int n = distribution_likeliest(d, top, SAMPLER_TOP);

	if (distribution_has_penalties(d) &&
	    distribution_n_kept(d) <= SAMPLER_TOP)
		n = add_kept(d, top, n);
	for (int i = 0; i < n; i++) {
		int id = top[i].id;

		out->top[i] = (struct candidate){
			.id = id,
			.logprob = (float)distribution_logprob(d, id),
			.sampled_prob = distribution_sampled_prob(d, id),
			.cut = distribution_cut(d, id),
			.penalised = distribution_is_penalised(d, id),
		};
	}
	out->n_top = n;
}

static void report(struct distribution *d, int id, struct sample *out)
{
	memset(out, 0, sizeof *out);
	out->id = id;
	out->logprob = distribution_logprob(d, id);
	out->entropy = distribution_entropy(d);
	out->rank = distribution_rank(d, id);
	out->sampled_prob = distribution_sampled_prob(d, id);
	out->broken = distribution_is_broken(d);
	report_top(d, out);
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

void sampler_draw(struct sampler *s, const float *logits, struct sample *out)
{
	int id;

	distribution_read(s->d, logits, &s->settings, &s->seen);
	id = distribution_draw(s->d, uniform(s));
	report(s->d, id, out);
	sampler_accept(s, id);
}

void sampler_describe(struct sampler *s, const float *logits, int id,
                      struct sample *out)
{
	distribution_read(s->d, logits, &s->settings, &s->seen);
	report(s->d, id, out);
}
