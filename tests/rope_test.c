#include "tests/support.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "math/rope.h"
#include "tests/numbers.h"

static struct rope *rope_of(int head_dim, double theta)
{
	struct rope_settings settings = { .head_dim = head_dim,
		                          .theta = theta };
	struct error err;
	struct rope *rope = rope_new(&settings, &err);

	assert_non_null(rope);
	return rope;
}

static void a_case_worked_by_hand(void **state)
{
	/* theta 100: pair 0 turns by 1 a token, pair 1 by 100^-0.5 = 0.1 */
	struct rope *rope = rope_of(4, 100);
	float c[2], s[2], head[4] = { 1, 2, 3, 4 };

	(void)state;
	rope_angles(rope, 2, c, s);
	assert_true(fabs(c[0] - cos(2.0)) < 1e-7);
	assert_true(fabs(s[1] - sin(0.2)) < 1e-7);
	rope_apply(head, 4, c, s); /* pairs (1, 3) and (2, 4) */
	assert_true(fabs(head[0] - (cos(2.0) - 3 * sin(2.0))) < 1e-6);
	assert_true(fabs(head[1] - (2 * cos(0.2) - 4 * sin(0.2))) < 1e-6);
	assert_true(fabs(head[2] - (3 * cos(2.0) + sin(2.0))) < 1e-6);
	assert_true(fabs(head[3] - (4 * cos(0.2) + 2 * sin(0.2))) < 1e-6);
	rope_free(rope);
}

static void position_0_changes_nothing(void **state)
{
	struct rope *rope = rope_of(24, 1e4);
	float c[12], s[12], head[24], was[24];
	uint64_t rng = 1;

	(void)state;
	numbers_fill(&rng, head, 24);
	memcpy(was, head, sizeof was);
	rope_angles(rope, 0, c, s);
	rope_apply(head, 24, c, s);
	assert_memory_equal(head, was, sizeof was);
	rope_free(rope);
}

static double score(const struct rope *rope, const float *q, const float *k,
                    int64_t q_pos, int64_t k_pos)
{
	float c[64], s[64], a[128], b[128];
	double sum = 0;

	memcpy(a, q, sizeof a);
	memcpy(b, k, sizeof b);
	rope_angles(rope, q_pos, c, s);
	rope_apply(a, 128, c, s);
	rope_angles(rope, k_pos, c, s);
	rope_apply(b, 128, c, s);
	for (int d = 0; d < 128; d++)
		sum += (double)a[d] * b[d];
	return sum;
}

/* The tolerance is that of float32 angles, which near position 2,000 are known
 * to 2^-13 radians. */
static void a_score_depends_on_the_distance_alone(void **state)
{
	struct rope *rope = rope_of(128, 5e6);
	float q[128], k[128];
	uint64_t rng = 2;

	(void)state;
	numbers_fill(&rng, q, 128);
	numbers_fill(&rng, k, 128);
	assert_true(fabs(score(rope, q, k, 5, 2) -
	                 score(rope, q, k, 2003, 2000)) < 5e-3);
	assert_true(fabs(score(rope, q, k, 5, 2) - score(rope, q, k, 5, 3)) >
	            5e-3);
	rope_free(rope);
}

static void angles_are_those_of_float32(void **state)
{
	struct rope *rope = rope_of(128, 5e6);
	float c[64], s[64];
	const int64_t pos = 262143; /* the last of the longest context */

	(void)state;
	rope_angles(rope, pos, c, s);
	for (int d = 0; d < 64; d++) {
		float power = (float)pow(5e6, (float)(2 * d) / 128.0f);
		float angle = (float)pos * (1 / power);

		assert_true(fabs(c[d] - cos((double)angle)) < 1e-7);
		assert_true(fabs(s[d] - sin((double)angle)) < 1e-7);
	}
	rope_free(rope);
}

/* The settings of the checkpoint tiny-yarn, and cos and sin by the formulas of
 * transformers' _compute_yarn_parameters, worked in Python with every float32
 * rounding of the original.  A last-place difference in a frequency moves an
 * angle at position 1,000 by 6e-5. */
static void yarn_gives_the_reference_values(void **state)
{
	static const float cos_7[16] = { 0.85841530f, -0.91836506f, 0.73303686f,
		                         1.09150404f, 1.13416892f,  1.13831940f,
		                         1.13857430f, 1.13861963f,  1.13862769f,
		                         1.13862913f, 1.13862938f,  1.13862943f,
		                         1.13862943f, 1.13862944f,  1.13862944f,
		                         1.13862944f };
	static const float sin_1000[16] = {
		0.94150938f, 0.33701511f,  -1.05457252f, -0.44704015f,
		0.09410403f, -0.21751197f, 1.12317562f,  0.63617678f,
		0.28170143f, 0.11981677f,  0.05060336f,  0.02134504f,
		0.00900156f, 0.00379596f,  0.00160075f,  0.00067503f
	};
	struct rope_settings settings = { .head_dim = 32,
		                          .theta = 1e6,
		                          .factor = 4,
		                          .beta_fast = 32,
		                          .beta_slow = 1,
		                          .original_max_position_embeddings =
		                                  256,
		                          .truncate = true };
	struct rope *rope = rope_new(&settings, NULL);
	float c[16], s[16];

	(void)state;
	rope_angles(rope, 7, c, s);
	for (int d = 0; d < 16; d++)
		assert_true(fabsf(c[d] - cos_7[d]) < 1e-6f);
	rope_angles(rope, 1000, c, s);
	for (int d = 0; d < 16; d++)
		assert_true(fabsf(s[d] - sin_1000[d]) < 1e-4f);
	rope_free(rope);
}

/* Frequencies of the same kind, read off the sine of a small position. */
static void yarn_need_not_cut_at_whole_pairs(void **state)
{
	static const float inv_freq[16] = { 1,
		                            0.364943385f,
		                            0.120666698f,
		                            0.0368723124f,
		                            0.00963994488f,
		                            0.00333380373f,
		                            0.00140585331f,
		                            0.000592843455f,
		                            0.000250000012f,
		                            0.000105424122f,
		                            4.44569851e-05f,
		                            1.87473561e-05f,
		                            7.90569356e-06f,
		                            3.33380353e-06f,
		                            1.40585337e-06f,
		                            5.92843435e-07f };
	struct rope_settings settings = { .head_dim = 32,
		                          .theta = 1e6,
		                          .factor = 4,
		                          .attention_factor = 1.5,
		                          .beta_fast = 32,
		                          .beta_slow = 1,
		                          .original_max_position_embeddings =
		                                  256 };
	struct rope *rope = rope_new(&settings, NULL);
	float c[16], s[16];

	(void)state;
	rope_angles(rope, 1, c, s);
	for (int d = 0; d < 16; d++) {
		double expected = 1.5 * sin((double)inv_freq[d]);

		assert_true(fabs(s[d] - expected) <= 1e-6 * expected);
	}
	rope_free(rope);
}

/* transformers' find_correction_range() by hand: heads of 16, theta 1e4, so that pair
 * d makes context / (2 pi 10^(d/2)) turns.  share[d] is interpolated. */
static void yarn_ends_at_the_first_and_the_last_pair(void **state)
{
	static const struct {
		int context;
		double beta_fast, beta_slow;
		double share[8];
	} cases[] = {
		/* floor(-0.99) and ceil(2.02): from 0, not from -1, to 3 */
		{ 64, 32, 1, { 0, 1 / 3., 2 / 3., 1, 1, 1, 1, 1 } },
		/* floor(5.50) and ceil(10.40): beyond the pairs, to 11 */
		{ 1000000, 283, 1, { 0, 0, 0, 0, 0, 0, 1 / 6., 2 / 6. } },
		/* ceil(-0.20) and what is not below 0: a step */
		{ 5, 32, 1, { 0, 1, 1, 1, 1, 1, 1, 1 } },
	};
	float c[8], s[8];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rope_settings settings = {
			.head_dim = 16,
			.theta = 1e4,
			.factor = 4,
			.attention_factor = 1,
			.beta_fast = cases[i].beta_fast,
			.beta_slow = cases[i].beta_slow,
			.original_max_position_embeddings = cases[i].context,
			.truncate = true
		};
		struct rope *rope = rope_new(&settings, NULL);

		rope_angles(rope, 1, c, s);
		for (int d = 0; d < 8; d++) {
			double share = cases[i].share[d];
			double angle = pow(10, -d / 2.) * (1 - share * 3 / 4);

			assert_true(fabs(s[d] - sin(angle)) <= 1e-6 * angle);
		}
		rope_free(rope);
	}
}

static void settings_that_cannot_be_are_refused(void **state)
{
	const struct rope_settings good = { .head_dim = 32,
		                            .theta = 1e6,
		                            .factor = 4,
		                            .beta_fast = 32,
		                            .beta_slow = 1,
		                            .original_max_position_embeddings =
		                                    256 };
	struct rope_settings bad[8];
	struct error err;

	(void)state;
	for (int i = 0; i < 8; i++)
		bad[i] = good;
	bad[0].head_dim = 0;
	bad[1].head_dim = 31;
	bad[2].theta = 1;
	bad[3].theta = NAN;
	bad[4].factor = -2;
	bad[5].beta_fast = 0;
	bad[6].beta_slow = NAN;
	bad[7].original_max_position_embeddings = 0;
	for (int i = 0; i < 8; i++) {
		err.text[0] = '\0';
		assert_null(rope_new(&bad[i], &err));
		assert_true(err.text[0]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_case_worked_by_hand),
	cmocka_unit_test(position_0_changes_nothing),
	cmocka_unit_test(a_score_depends_on_the_distance_alone),
	cmocka_unit_test(angles_are_those_of_float32),
	cmocka_unit_test(yarn_gives_the_reference_values),
	cmocka_unit_test(yarn_need_not_cut_at_whole_pairs),
	cmocka_unit_test(yarn_ends_at_the_first_and_the_last_pair),
	cmocka_unit_test(settings_that_cannot_be_are_refused),
};

TEST_MAIN(tests)
