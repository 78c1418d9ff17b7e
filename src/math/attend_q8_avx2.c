/* AVX2 with FMA and F16C: vpmaddwd multiplies 16-bit codes and adds two
 * neighbours to each lane. */
#include "math/attend_q8.h"

#include <immintrin.h>
#include <string.h>

#include "math/attend.h"
#include "math/attend_vector.h"
#include "math/reduce_avx2.h"

#define BLOCK ATTEND_Q8_BLOCK
#define QUADS (BLOCK / 4)
#define LANES 8

/*
 * sum[r][lane] = sum over i < quads, c < 4 of code(r, i, c) * b[i][lane][c]
 *
 * for r < rows and 8 lanes.  Quad i lies at b + i * step, row r's codes at
 * codes + r * stride.
 */
struct quads {
	const int8_t *b;
	size_t step;
	const int16_t *codes;
	size_t stride;
	int quads;
	const char
		*ahead; /* this and each half line after it are wanted soon */
};

INLINE __m256i widen(const int8_t *b)
{
	return _mm256_cvtepi8_epi16(
		_mm_loadu_si128((const __m128i *)(const void *)b));
}

INLINE __m256i broadcast(const int16_t *quad)
{
	int64_t four;

	memcpy(&four, quad, sizeof four);
	return _mm256_set1_epi64x(four);
}

/* rows is a constant where this is inlined.  6 rows are 12 sums; the quad's
 * lanes and one row's codes make 15 of the 16 registers. */
INLINE void dot(int rows, const struct quads *p, __m256i result[ATTEND_ROWS])
{
	__m256i sum[ATTEND_ROWS][2];
	const int8_t *at = p->b;
	const char *ahead = p->ahead;

	UNROLL
	for (int r = 0; r < rows; r++)
		sum[r][0] = sum[r][1] = _mm256_setzero_si256();
	for (int i = 0; i < p->quads; i++, at += p->step) {
		__m256i low = widen(at), high = widen(at + 16);

		if (ahead) {
			ask_for(ahead);
			ahead += 32;
		}
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m256i a = broadcast(p->codes + (size_t)r * p->stride +
			                      4 * (size_t)i);

			sum[r][0] = _mm256_add_epi32(sum[r][0],
			                             _mm256_madd_epi16(a, low));
			sum[r][1] =
				_mm256_add_epi32(sum[r][1],
			                         _mm256_madd_epi16(a, high));
		}
	}
	/* Lanes 0 1 | 2 3 and 4 5 | 6 7 in pairs: 0 1 4 5 | 2 3 6 7. */
	UNROLL
	for (int r = 0; r < rows; r++)
		result[r] = _mm256_permute4x64_epi64(
			_mm256_hadd_epi32(sum[r][0], sum[r][1]), 0xd8);
}

/* ---- 16-bit codes ---- */

INLINE void code16(__m256 x, __m256 inverse, int16_t *code)
{
	__m256i c = _mm256_cvtps_epi32(_mm256_mul_ps(x, inverse));

	c = _mm256_permute4x64_epi64(_mm256_packs_epi32(c, c), 0x08);
	_mm_storeu_si128((__m128i *)(void *)code, _mm256_castsi256_si128(c));
}

/* A bound too small to divide by makes all codes 0. */
INLINE __m256 inverse_of(float bound)
{
	return _mm256_set1_ps(bound > 0x1p-100f ? ATTEND_Q8_MOST / bound : 0);
}

static void code_queries(struct attend_q8_query *coded, const float *q,
                         int rows, int head_dim)
{
	const __m256 sign = _mm256_set1_ps(-0.f);
	int blocks = rows * (head_dim / BLOCK);

	for (int b = 0; b < blocks; b++, coded++, q += BLOCK) {
		__m256 most = _mm256_setzero_ps(), inverse;
		float bound;

		for (int i = 0; i < BLOCK; i += LANES)
			most = _mm256_max_ps(
				most,
				_mm256_andnot_ps(sign, _mm256_loadu_ps(q + i)));
		bound = reduce_max(most);
		inverse = inverse_of(bound);
		for (int i = 0; i < BLOCK; i += LANES)
			code16(_mm256_loadu_ps(q + i), inverse,
			       coded->code + i);
		coded->unit = bound / ATTEND_Q8_MOST;
		coded->sum = 0; /* these products are signed already */
	}
}

/* ---- scores ---- */

INLINE __m256 scales_of(const uint16_t *scales)
{
	return _mm256_cvtph_ps(
		_mm_loadu_si128((const __m128i *)(const void *)scales));
}

/* 8 tokens. */
INLINE void score_tokens(int rows, float *s,
                         const struct attend_q8_query *coded,
                         const uint16_t *scales, struct quads *p, int head_dim)
{
	const int blocks = head_dim / BLOCK;
	__m256 total[ATTEND_ROWS];
	__m256i sum[ATTEND_ROWS];

	UNROLL
	for (int r = 0; r < rows; r++)
		total[r] = _mm256_setzero_ps();
	for (int b = 0; b < blocks; b++, scales += ATTEND_PAGE, coded++) {
		p->codes = coded->code;
		dot(rows, p, sum);
		p->b += QUADS * p->step;
		if (p->ahead)
			p->ahead += QUADS * 32;
		UNROLL
		for (int r = 0; r < rows; r++)
			total[r] = _mm256_fmadd_ps(
				_mm256_cvtepi32_ps(sum[r]),
				_mm256_mul_ps(scales_of(scales),
			                      _mm256_set1_ps(
						      coded[r * blocks].unit)),
				total[r]);
	}
	UNROLL
	for (int r = 0; r < rows; r++)
		_mm256_storeu_ps(s + r * ATTEND_PAGE, total[r]);
}

INLINE void scores_rows(int rows, float *s, const struct attend_q8_query *coded,
                        const void *k, int head_dim, int groups,
                        const char *ahead)
{
	const uint16_t *scales = k;
	const size_t blocks = (size_t)head_dim / BLOCK;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);

	attend_ask_rest(ahead, head_dim);
	for (int t = 0; t < groups * ATTEND_GROUP; t += LANES) {
		size_t group = (size_t)(t / ATTEND_GROUP * ATTEND_GROUP);
		size_t lane = (size_t)(t % ATTEND_GROUP);
		struct quads p = {
			.b = codes + group * (size_t)head_dim + 4 * lane,
			.step = 4 * ATTEND_GROUP,
			.stride = blocks * sizeof *coded / sizeof(int16_t),
			.quads = QUADS,
			.ahead = ahead ? ahead + t * head_dim : NULL,
		};

		score_tokens(rows, s + t, coded, scales + t, &p, head_dim);
	}
}

static void scores(float *s, const struct attend_q8_query *coded, int rows,
                   const void *k, int head_dim, int groups, const void *ahead){
	ATTEND_SWITCH(rows, scores_rows, s, coded, k, head_dim, groups, ahead)
}

/* ---- values ---- */

/* to[j] = x[j] for j < n, 0 up to the page's end; the largest, at least 0. */
INLINE float pad(float *to, const float *x, int n)
{
	__m256 most = _mm256_setzero_ps();

	memcpy(to, x, (size_t)n * sizeof *to);
	memset(to + n, 0, (size_t)(ATTEND_PAGE - n) * sizeof *to);
	for (int j = 0; j < ATTEND_PAGE; j += LANES)
		most = _mm256_max_ps(most, _mm256_loadu_ps(to + j));
	return reduce_max(most);
}

/* The same of a block's scales. */
INLINE float pad_scales(float *to, const uint16_t *scales, int n)
{
	float wide[ATTEND_PAGE];

	for (int j = 0; j < ATTEND_PAGE; j += LANES)
		_mm256_storeu_ps(wide + j, scales_of(scales + j));
	return pad(to, wide, n);
}

/* weights times scales, which are at most bound. */
INLINE float code_weights(int16_t *code, const float *weights,
                          const float *scales, float bound)
{
	__m256 inverse = inverse_of(bound);

	for (int j = 0; j < ATTEND_PAGE; j += LANES)
		code16(_mm256_mul_ps(_mm256_loadu_ps(weights + j),
		                     _mm256_loadu_ps(scales + j)),
		       inverse, code + j);
	return bound / ATTEND_Q8_MOST;
}

/* acc = scale acc + unit sum for 8 elements. */
INLINE void add_values(int rows, float *acc, size_t head_dim,
                       const float *scale, const float *unit,
                       const struct quads *p)
{
	__m256i sum[ATTEND_ROWS];

	dot(rows, p, sum);
	UNROLL
	for (int r = 0; r < rows; r++) {
		float *to = acc + (size_t)r * head_dim;
		__m256 old = _mm256_mul_ps(_mm256_set1_ps(scale[r]),
		                           _mm256_loadu_ps(to));

		_mm256_storeu_ps(to,
		                 _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[r]),
		                                 _mm256_set1_ps(unit[r]), old));
	}
}

INLINE void values_rows(int rows, float *acc, const float *weights,
                        const float *scale, const void *v, int head_dim, int n,
                        const char *ahead)
{
	const uint16_t *scales = v;
	const int blocks = head_dim / BLOCK;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);
	float padded[ATTEND_ROWS][ATTEND_PAGE], wide[ATTEND_PAGE];
	float most[ATTEND_ROWS], unit[ATTEND_ROWS];
	int16_t code[ATTEND_ROWS][ATTEND_PAGE];

	attend_ask_rest(ahead, head_dim);
	for (int r = 0; r < rows; r++)
		most[r] = pad(padded[r], weights + r * ATTEND_PAGE, n);
	for (int b = 0; b < blocks; b++) {
		float bound = pad_scales(wide, scales + b * ATTEND_PAGE, n);

		for (int r = 0; r < rows; r++)
			unit[r] = code_weights(code[r], padded[r], wide,
			                       most[r] * bound);
		for (int d = b * BLOCK; d < (b + 1) * BLOCK; d += LANES) {
			struct quads p = {
				.b = codes + d * 4,
				.step = (size_t)head_dim * 4,
				.codes = code[0],
				.stride = ATTEND_PAGE,
				.quads = (n + 3) / 4,
				.ahead = ahead ? ahead + d * ATTEND_PAGE : NULL,
			};

			add_values(rows, acc + d, (size_t)head_dim, scale, unit,
			           &p);
		}
	}
}

static void values(float *acc, const float *p, const float *scale, int rows,
                   const void *v, int head_dim, int n, const void *ahead)
{
	ATTEND_SWITCH(rows, values_rows, acc, p, scale, v, head_dim, n, ahead)
}

const struct attend_q8 attend_q8_avx2 = {
	.code = code_queries,
	.scores = scores,
	.values = values,
};
