/*
 * rope.h - rotary position embedding
 *
 * Each head is head_dim / 2 pairs; pair d = (x[d], x[d + head_dim / 2]) is
 * rotated by the angle pos * inv_freq[d]:
 *
 *	inv_freq[d] = theta^(-2 d / head_dim)
 *	x'[d]       = x[d] cos - x[d + half] sin
 *	x'[d + half] = x[d + half] cos + x[d] sin
 *
 * Paper: Su et al. 2021, arXiv:2104.09864, section 3.2.2.  Qwen3 rotates
 * halves (GPT-NeoX order), not neighbours, and does so after the RMSNorm of
 * the head.
 *
 * YaRN (Peng et al. 2023, arXiv:2309.00071, section 3) stretches a model to
 * `factor` times its trained context: slow pairs, which turn less than
 * beta_slow times within it, are interpolated (divided by factor), fast ones,
 * over beta_fast turns, are kept, and those between are blended; cos and sin
 * are multiplied by attention_factor, so that scores grow by its square.
 *
 * inv_freq and the angle are rounded to float32 although they are computed in
 * double: models are trained with, and the reference computes, float32 angles,
 * and at position 8,192 their rounding is as large as 2e-4 radians.
 */
#ifndef CONFAB_ROPE_H
#define CONFAB_ROPE_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct rope;

struct rope_settings {
	int head_dim;                /* even, > 0 */
	double theta;                /* > 1 */
	double factor;               /* of YaRN; 0: no YaRN, rest unused */
	double attention_factor;     /* <= 0: 0.1 ln(factor) + 1 */
	double beta_fast, beta_slow; /* turns within the trained context */
	int original_max_position_embeddings; /* the trained context, tokens */
	bool truncate;                        /* blend between whole pairs */
};

struct rope *rope_new(const struct rope_settings *settings, struct error *err);
void rope_free(struct rope *rope);

/* The rotation of one position, for every head of every layer alike.
 * cos_row, sin_row: [head_dim / 2].  pos >= 0. */
void rope_angles(const struct rope *rope, int64_t pos, float *cos_row,
                 float *sin_row);

/* Rotates one head in place.  head: [head_dim]; cos_row, sin_row: [head_dim / 2]. */
void rope_apply(float *head, int head_dim, const float *cos_row,
                const float *sin_row);

#endif
