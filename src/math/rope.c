#include "math/rope.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "math/kernels.h"

struct rope {
	size_t half;
	double attention_factor;
	float inv_freq[]; /* [half] */
};

static const double two_pi = 6.283185307179586;

/* The pair that makes `turns` turns within the trained context; a fraction. */
static double pair_of_turns(const struct rope_settings *s, double turns)
{
	double context = s->original_max_position_embeddings;

	return s->head_dim * log(context / (turns * two_pi)) /
	       (2 * log(s->theta));
}

/* How far pair d is interpolated: 0 before low, 1 after high. */
static float ramp(float low, float high, size_t d)
{
	float t = ((float)d - low) / (high - low);

	return t < 0 ? 0 : t > 1 ? 1 : t;
}

/* arXiv:2309.00071, equation 23; details as in transformers'
 * _compute_yarn_parameters. */
static void apply_yarn(struct rope *rope, const struct rope_settings *s)
{
	double low = pair_of_turns(s, s->beta_fast);
	double high = pair_of_turns(s, s->beta_slow);

	if (s->truncate) {
		low = floor(low);
		high = ceil(high);
	}
	low = fmax(low, 0);
	high = fmin(high, s->head_dim - 1);
	if (low == high)
		high += 0.001; /* a step instead of 0 / 0 */
	for (size_t d = 0; d < rope->half; d++) {
		float share = ramp((float)low, (float)high, d);
		float kept = rope->inv_freq[d];

		rope->inv_freq[d] =
			kept / (float)s->factor * share + kept * (1 - share);
	}
	if (s->attention_factor > 0)
		rope->attention_factor = s->attention_factor;
	else if (s->factor > 1)
		rope->attention_factor = 0.1 * log(s->factor) + 1;
}

/* theta^(-2 d / head_dim), rounded where the reference rounds. */
static float frequency(const struct rope_settings *s, size_t d)
{
	float exponent = (float)(2 * d) / (float)s->head_dim;

	return 1 / (float)pow(s->theta, exponent);
}

static int check(const struct rope_settings *s, struct error *err)
{
	if (s->head_dim <= 0 || s->head_dim % 2)
		return error_set(err,
		                 "head_dim is %d, not an even number "
		                 "above 0",
		                 s->head_dim);
	if (!(s->theta > 1) || !isfinite(s->theta))
		return error_set(err, "rope_theta is %g, not above 1",
		                 s->theta);
	if (s->factor == 0)
		return 0;
	if (!(s->factor > 0) || !isfinite(s->factor))
		return error_set(err, "YaRN factor is %g, not above 0",
		                 s->factor);
	if (!(s->beta_fast > 0) || !(s->beta_slow > 0))
		return error_set(err,
		                 "YaRN beta_fast %g and beta_slow %g must "
		                 "be above 0",
		                 s->beta_fast, s->beta_slow);
	if (s->original_max_position_embeddings <= 0)
		return error_set(err,
		                 "YaRN "
		                 "original_max_position_embeddings is %d",
		                 s->original_max_position_embeddings);
	return 0;
}

struct rope *rope_new(const struct rope_settings *settings, struct error *err)
{
	struct rope *rope;
	size_t half;

	if (check(settings, err))
		return NULL;
	half = (size_t)settings->head_dim / 2;
	rope = mem_alloc(sizeof *rope + half * sizeof *rope->inv_freq);
	rope->half = half;
	rope->attention_factor = 1;
	for (size_t d = 0; d < half; d++)
		rope->inv_freq[d] = frequency(settings, d);
	if (settings->factor > 0)
		apply_yarn(rope, settings);
	return rope;
}

void rope_free(struct rope *rope)
{
	free(rope);
}

void rope_angles(const struct rope *rope, int64_t pos, float *cos_row,
                 float *sin_row)
{
	assert(pos >= 0);
	for (size_t d = 0; d < rope->half; d++) {
		double angle = (float)pos * rope->inv_freq[d]; /* in float */

		cos_row[d] = (float)(cos(angle) * rope->attention_factor);
		sin_row[d] = (float)(sin(angle) * rope->attention_factor);
	}
}

void rope_apply(float *head, int head_dim, const float *cos_row,
                const float *sin_row)
{
	kernels_get()->rotate(head, cos_row, sin_row, (size_t)head_dim / 2);
}
