#include "ui/try_settings.h"

#include <math.h>

#define NOTHING 1e-9 /* of the weight: what rounding may leave */

/* What is kept of the list, and the weight of what is kept beside it. */
struct trial {
	const float *logprobs; /* [n] */
	double *weight;
	const char **cut;
	int n, kept;
	double rest;
};

static bool greedy(int n, double *sampled, const char **cut)
{
	for (int i = 0; i < n; i++) {
		sampled[i] = i == 0;
		cut[i] = i ? "greedy" : "";
	}
	return true;
}

static double kept_weight(const struct trial *t)
{
	double sum = 0;

	for (int i = 0; i < t->kept; i++)
		sum += t->weight[i];
	return sum;
}

static bool has_rest(const struct trial *t)
{
	return t->rest > NOTHING * kept_weight(t);
}

/* All are kept; the rest is as so many tokens like the last one. */
static void weigh(struct trial *t, double temperature)
{
	double listed = 0;
	int last = t->n - 1;

	t->kept = t->n;
	for (int i = 0; i < t->n; i++) {
		double less = t->logprobs[i] - t->logprobs[0];

		listed += exp(t->logprobs[i]);
		t->weight[i] = exp(less / temperature);
		t->cut[i] = "";
	}
	t->rest = (1 - listed) / exp(t->logprobs[last]) * t->weight[last];
	t->rest = fmax(t->rest, 0);
}

/* Only the first of the list stay, and nothing beside it. */
static void cut_after(struct trial *t, int kept, const char *name)
{
	if (kept == t->kept)
		return;
	for (int i = kept; i < t->kept; i++)
		t->cut[i] = name;
	t->kept = kept;
	t->rest = 0;
}

/* Equals of the k-th stay, as with the sampler. */
static void apply_top_k(struct trial *t, int top_k)
{
	int kept = top_k;

	if (top_k > t->n) { /* so many beside the list, none above its last */
		t->rest = fmin(t->rest, (top_k - t->n) * t->weight[t->n - 1]);
	} else if (top_k > 0) {
		while (kept < t->n &&
		       t->logprobs[kept] == t->logprobs[top_k - 1])
			kept++;
		cut_after(t, kept, "top_k");
		t->rest = 0;
	}
}

static void apply_top_p(struct trial *t, double top_p)
{
	double listed = kept_weight(t), before = 0;
	double target = top_p * (listed + t->rest);
	int n = 0;

	if (top_p >= 1)
		return;
	/* The one that reaches top_p stays, too. */
	while (n < t->kept && (n == 0 || before < target))
		before += t->weight[n++];
	cut_after(t, n, "top_p");
	if (t->rest > 0)
		t->rest = fmax(target - listed, 0);
}

static void apply_min_p(struct trial *t, double min_p)
{
	int n = 1;

	while (n < t->kept && t->weight[n] >= min_p * t->weight[0])
		n++;
	cut_after(t, n, "min_p");
}

bool try_settings(const struct try_settings *s, const float *logprobs, int n,
                  double *sampled, const char **cut)
{
	struct trial t = { logprobs, sampled, cut, n, n, 0 };
	double total;
	bool guessed;

	if (n <= 0)
		return true;
	if (s->temperature <= 0)
		return greedy(n, sampled, cut);
	weigh(&t, s->temperature);
	apply_top_k(&t, s->top_k);
	/* At temperature 1 the weight of all others is what is not listed. */
	guessed = s->top_p < 1 && has_rest(&t) &&
	          (s->temperature != 1 || s->top_k > n);
	apply_top_p(&t, s->top_p);
	apply_min_p(&t, s->min_p);
	guessed |= has_rest(&t);
	total = kept_weight(&t) + t.rest;
	for (int i = 0; i < n; i++)
		sampled[i] = i < t.kept ? t.weight[i] / total : 0;
	return !guessed;
}
