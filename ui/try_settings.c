#include "ui/try_settings.h"

#include <math.h>

static bool greedy(int n, double *sampled, const char **cut)
{
	for (int i = 0; i < n; i++) {
		sampled[i] = i == 0;
		cut[i] = i ? "greedy" : "";
	}
	return true;
}

/* Gives the number that stays. */
static int apply_top_p(double top_p, const double *weight, int kept,
                       double total, const char **cut)
{
	double before = 0;
	int n = 0;

	/* The one that reaches top_p stays, too. */
	while (n < kept && (n == 0 || before / total < top_p))
		before += weight[n++];
	for (int i = n; i < kept; i++)
		cut[i] = "top_p";
	return n;
}

static int apply_min_p(double min_p, const double *weight, int kept,
                       const char **cut)
{
	int n = 1;

	while (n < kept && weight[n] >= min_p * weight[0])
		n++;
	for (int i = n; i < kept; i++)
		cut[i] = "min_p";
	return n;
}

bool try_settings(const struct try_settings *s, const float *logprobs, int n,
                  double *sampled, const char **cut)
{
	double *weight = sampled, total = 0, listed = 0, rest;
	int kept = n;

	if (n <= 0)
		return true;
	if (s->temperature <= 0)
		return greedy(n, sampled, cut);
	for (int i = 0; i < n; i++) {
		listed += exp(logprobs[i]);
		weight[i] = exp((logprobs[i] - logprobs[0]) / s->temperature);
		cut[i] = "";
	}
	rest = (1 - listed) / exp(logprobs[n - 1]) * weight[n - 1];
	if (rest < 0)
		rest = 0;
	if (s->top_k > 0 && s->top_k <= n) {
		kept = s->top_k;
		rest = 0;
	}
	for (int i = kept; i < n; i++)
		cut[i] = "top_k";
	for (int i = 0; i < kept; i++)
		total += weight[i];
	if (s->top_p < 1) {
		int left = apply_top_p(s->top_p, weight, kept, total + rest, cut);

		if (left < kept)
			rest = 0;
		kept = left;
	}
	if (s->min_p > 0) {
		int left = apply_min_p(s->min_p, weight, kept, cut);

		if (left < kept)
			rest = 0;
		kept = left;
	}
	total = rest;
	for (int i = 0; i < kept; i++)
		total += weight[i];
	for (int i = 0; i < n; i++)
		sampled[i] = i < kept ? weight[i] / total : 0;
	return rest <= 1e-9 * total;
}
