/*
 * try_settings.h - the odds under other sampling settings, without the model
 *
 * temperature, top_k, top_p, min_p in the sampler's order (engine/sampler.h),
 * from the probabilities at temperature 1 of the likeliest tokens.  Exact while
 * only tokens of the list are kept, whatever the others weigh; else the rest is
 * estimated as so many tokens like the last one of the list.  Penalties are not
 * looked at.
 */
#ifndef CONFAB_TRY_SETTINGS_H
#define CONFAB_TRY_SETTINGS_H

#include <stdbool.h>

struct try_settings {
	double temperature; /* >= 0; 0: greedy */
	int top_k;          /* 0: off */
	double top_p, min_p;
};

/* logprobs: [n], descending, at temperature 1.  sampled: [n]; cut: [n], the name
 * of what removed it or "".  True when the figures are exact. */
bool try_settings(const struct try_settings *s, const float *logprobs, int n,
                  double *sampled, const char **cut);

#endif
