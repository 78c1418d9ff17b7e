/* AVX-512 with VNNI: vpdpbusd multiplies four bytes of one factor, unsigned, by
 * four of the other, signed, and adds them to each lane.  The factor with
 * 16-bit codes goes in as two bytes each.  Weights are not negative: they are
 * the unsigned factor of values.  For scores a page's codes become unsigned by
 * adding 128, which is taken back by starting at -128 times the sum of the
 * query's. */
#include "math/attend_q8.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "math/attend_avx512.h"
#include "math/attend_vector.h"

#define BLOCK ATTEND_Q8_BLOCK
#define QUADS (BLOCK / 4)

/* Eight sums of each kind and a float sum for each pair fit the registers with
 * what is in flight: as many columns of 16 lanes at once. */
#define COLS(rows) ((rows) <= 2 ? 4 : (rows) <= 4 ? 2 : 1)
#define MAX_COLS   4

/*
 * sum[r][j] = sum over i < quads, c < 4 of code(r, i, c) * b[i][j][c]
 *
 * for r < rows and `cols` vectors of 16 lanes j.  Vector j of quad i lies at
 * b + i * step + j * column bytes; row r's codes at hi, lo + r * stride: of
 * queries, with start = -128 times their sum, or of weights, with start NULL.
 */
struct quads {
	const int8_t *b;
	size_t step, column;
	const void *hi, *lo; /* int8_t of queries, uint8_t of weights */
	size_t stride;
	const int32_t *start; /* [rows] */
	int quads;
	const char *ahead; /* this and each line after it are wanted soon */
};

INLINE __m512i broadcast(const void *codes, size_t at)
{
	int32_t four;

	memcpy(&four, (const char *)codes + at, sizeof four);
	return _mm512_set1_epi32(four);
}

/* sum += four bytes u times four bytes s.  GCC 12 copies the sum before and
 * after the intrinsic, which takes a third of the loop. */
INLINE __m512i add_quads(__m512i sum, __m512i u, __m512i s)
{
	__asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(u), "v"(s));
	return sum;
}

/* rows, cols and queries (or weights) are constants where this is inlined. */
INLINE void dot(int rows, int cols, bool queries, const struct quads *p,
                __m512i sum[ATTEND_ROWS][MAX_COLS])
{
	const __m512i sign = _mm512_set1_epi8((char)0x80);
	__m512i hi[ATTEND_ROWS][MAX_COLS], b[MAX_COLS];
	const int8_t *at = p->b;
	const char *ahead = p->ahead;

	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++) {
			hi[r][j] = _mm512_setzero_si512();
			sum[r][j] =
				_mm512_set1_epi32(queries ? p->start[r] : 0);
		}
	}
	for (int i = 0; i < p->quads; i++, at += p->step) {
		if (ahead) {
			UNROLL
			for (int j = 0; j < cols; j++)
				ask_for(ahead + 64 * j);
			ahead += 64 * cols;
		}
		UNROLL
		for (int j = 0; j < cols; j++) {
			b[j] = _mm512_loadu_si512(at + (size_t)j * p->column);
			if (queries)
				b[j] = _mm512_xor_si512(b[j], sign);
		}
		UNROLL
		for (int r = 0; r < rows; r++) {
			size_t code = (size_t)r * p->stride + 4 * (size_t)i;
			__m512i a_hi = broadcast(p->hi, code);
			__m512i a_lo = broadcast(p->lo, code);

			UNROLL
			for (int j = 0; j < cols; j++) {
				hi[r][j] = queries ? add_quads(hi[r][j], b[j],
				                               a_hi)
				                   : add_quads(hi[r][j], a_hi,
				                               b[j]);
				sum[r][j] = queries ? add_quads(sum[r][j], b[j],
				                                a_lo)
				                    : add_quads(sum[r][j], a_lo,
				                                b[j]);
			}
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++)
			sum[r][j] = _mm512_add_epi32(sum[r][j],
			                             _mm512_slli_epi32(hi[r][j],
			                                               8));
	}
}

/* ---- scores ---- */

/* 16 codes as bytes: code = 256 hi + lo. */
INLINE __m512i code16(__m512 x, __m512 inverse, int8_t *hi, int8_t *lo)
{
	__m512i c = _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));
	__m512i upper =
		_mm512_srai_epi32(_mm512_add_epi32(c, _mm512_set1_epi32(128)),
	                          8);

	_mm_storeu_si128((__m128i *)(void *)hi, _mm512_cvtepi32_epi8(upper));
	_mm_storeu_si128((__m128i *)(void *)lo, _mm512_cvtepi32_epi8(c));
	return c;
}

/* A bound too small to divide by makes all codes 0. */
INLINE __m512 inverse_of(float bound)
{
	return _mm512_set1_ps(bound > 0x1p-100f ? ATTEND_Q8_MOST / bound : 0);
}

static void code_queries(struct attend_q8_query *coded, const float *q,
                         int rows, int head_dim)
{
	int blocks = rows * (head_dim / BLOCK);

	for (int b = 0; b < blocks; b++, coded++, q += BLOCK) {
		__m512 x = _mm512_loadu_ps(q), y = _mm512_loadu_ps(q + 16);
		float bound = _mm512_reduce_max_ps(
			_mm512_max_ps(_mm512_abs_ps(x), _mm512_abs_ps(y)));
		__m512 inverse = inverse_of(bound);
		__m512i c = code16(x, inverse, coded->hi, coded->lo);
		__m512i d = code16(y, inverse, coded->hi + 16, coded->lo + 16);

		coded->unit = bound / ATTEND_Q8_MOST;
		coded->sum = _mm512_reduce_add_epi32(_mm512_add_epi32(c, d));
	}
}

INLINE __m512 scales_of(const uint16_t *scales, __mmask16 mask)
{
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, scales));
}

/* `cols` groups of tokens from group g on. */
INLINE void score_groups(int rows, int cols, float *s,
                         const struct attend_q8_query *coded,
                         const uint16_t *scales, struct quads *p, int head_dim)
{
	const int blocks = head_dim / BLOCK;
	__m512 total[ATTEND_ROWS][MAX_COLS];
	__m512i sum[ATTEND_ROWS][MAX_COLS];

	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++)
			total[r][j] = _mm512_setzero_ps();
	}
	for (int b = 0; b < blocks; b++, scales += ATTEND_PAGE, coded++) {
		int32_t start[ATTEND_ROWS];

		UNROLL
		for (int r = 0; r < rows; r++)
			start[r] = -128 * coded[r * blocks].sum;
		p->hi = coded->hi;
		p->lo = coded->lo;
		p->start = start;
		dot(rows, cols, true, p, sum);
		p->b += QUADS * 64;
		if (p->ahead)
			p->ahead += QUADS * 64 * cols;
		UNROLL
		for (int j = 0; j < cols; j++) {
			__m512 scale = scales_of(scales + 16 * j, 0xffff);

			UNROLL
			for (int r = 0; r < rows; r++)
				total[r][j] = _mm512_fmadd_ps(
					_mm512_cvtepi32_ps(sum[r][j]),
					_mm512_mul_ps(scale,
				                      _mm512_set1_ps(
							      coded[r * blocks]
								      .unit)),
					total[r][j]);
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++)
			_mm512_storeu_ps(s + r * ATTEND_PAGE + 16 * j,
			                 total[r][j]);
	}
}

INLINE void scores_rows(int rows, float *s, const struct attend_q8_query *coded,
                        const void *k, int head_dim, int groups,
                        const char *ahead)
{
	const uint16_t *scales = k;
	const size_t blocks = (size_t)head_dim / BLOCK;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);
	const size_t group = (size_t)head_dim * ATTEND_GROUP;

	attend_ask_rest(ahead, head_dim);
	for (int g = 0; g < groups; g += COLS(rows)) {
		struct quads p = {
			.b = codes + (size_t)g * group,
			.step = 64,
			.column = group,
			.stride = blocks * sizeof *coded,
			.quads = QUADS,
			.ahead = ahead ? ahead + (size_t)g * group : NULL,
		};

		score_groups(rows, COLS(rows), s + g * ATTEND_GROUP, coded,
		             scales + g * ATTEND_GROUP, &p, head_dim);
	}
}

static void scores(float *s, const struct attend_q8_query *coded, int rows,
                   const void *k, int head_dim, int groups, const void *ahead)
{
	ATTEND_SWITCH(rows, scores_rows, s, coded, k, head_dim, groups, ahead)
}

/* ---- values ---- */

/* What one block of 32 elements takes of the page's weights. */
struct coded_weights {
	uint8_t hi[ATTEND_ROWS][ATTEND_PAGE], lo[ATTEND_ROWS][ATTEND_PAGE];
	float unit[ATTEND_ROWS];
};

INLINE float largest(const __m512 x[4])
{
	return _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(x[0], x[1]),
	                                          _mm512_max_ps(x[2], x[3])));
}

/* The page's scales of a block; 0 past n tokens. */
INLINE void load_scales(__m512 to[4], const uint16_t *scales, int n)
{
	UNROLL
	for (int g = 0; g < 4; g++)
		to[g] = scales_of(scales + 16 * g, attend_lanes(16 * g, n));
}

/* One row's weights as parts of the largest; 0 past n tokens. */
INLINE float load_weights(float *to, const float *weights, int n)
{
	__m512 x[4], inverse;
	float most;

	UNROLL
	for (int g = 0; g < 4; g++)
		x[g] = _mm512_maskz_loadu_ps(attend_lanes(16 * g, n),
		                             weights + 16 * g);
	most = largest(x);
	inverse = _mm512_set1_ps(most > 0x1p-100f ? 1 / most : 0);
	UNROLL
	for (int g = 0; g < 4; g++)
		_mm512_store_ps(to + 16 * g, _mm512_mul_ps(x[g], inverse));
	return most;
}

/* 64 codes weights * scales as bytes.  Packing goes by lanes of 128 bits, so
 * that quad l of group g comes to dword 4 l + g. */
INLINE void code_weights(uint8_t *hi, uint8_t *lo, const float *weights,
                         const __m512 scales[4])
{
	const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6,
	                                        10, 14, 3, 7, 11, 15);
	const __m512i low = _mm512_set1_epi16(0xff);
	__m512i c[4], a, b;

	UNROLL
	for (int g = 0; g < 4; g++)
		c[g] = _mm512_cvtps_epi32(
			_mm512_mul_ps(_mm512_load_ps(weights + 16 * g),
		                      scales[g]));
	a = _mm512_packus_epi32(c[0], c[1]);
	b = _mm512_packus_epi32(c[2], c[3]);
	_mm512_storeu_si512(
		hi,
		_mm512_permutexvar_epi32(
			order, _mm512_packus_epi16(_mm512_srli_epi16(a, 8),
	                                           _mm512_srli_epi16(b, 8))));
	_mm512_storeu_si512(
		lo,
		_mm512_permutexvar_epi32(
			order, _mm512_packus_epi16(_mm512_and_si512(a, low),
	                                           _mm512_and_si512(b, low))));
}

/* acc = scale acc + what the block's 16 * cols elements are. */
INLINE void add_values(int rows, int cols, float *acc, size_t head_dim,
                       const float *scale, const struct coded_weights *coded,
                       const struct quads *p)
{
	__m512i sum[ATTEND_ROWS][MAX_COLS];

	dot(rows, cols, false, p, sum);
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++) {
			float *to = acc + (size_t)r * head_dim + 16 * j;
			__m512 old = _mm512_mul_ps(_mm512_set1_ps(scale[r]),
			                           _mm512_loadu_ps(to));

			_mm512_storeu_ps(
				to,
				_mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][j]),
			                        _mm512_set1_ps(coded->unit[r]),
			                        old));
		}
	}
}

INLINE void values_rows(int rows, float *acc, const float *weights,
                        const float *scale, const void *v, int head_dim, int n,
                        const char *ahead)
{
	const int cols = COLS(rows) > 2 ? 2 : COLS(rows);
	const uint16_t *scales = v;
	const int blocks = head_dim / BLOCK;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);
	_Alignas(64) float parts[ATTEND_ROWS][ATTEND_PAGE];
	float most[ATTEND_ROWS];
	struct coded_weights coded;
	__m512 wide[4];

	attend_ask_rest(ahead, head_dim);
	UNROLL
	for (int r = 0; r < rows; r++)
		most[r] = load_weights(parts[r], weights + r * ATTEND_PAGE, n);
	for (int b = 0; b < blocks; b++) {
		__m512 inverse;
		float bound;

		load_scales(wide, scales + b * ATTEND_PAGE, n);
		bound = largest(wide);
		inverse = inverse_of(bound);
		UNROLL
		for (int g = 0; g < 4; g++)
			wide[g] = _mm512_mul_ps(wide[g], inverse);
		UNROLL
		for (int r = 0; r < rows; r++) {
			code_weights(coded.hi[r], coded.lo[r], parts[r], wide);
			coded.unit[r] = most[r] * bound / ATTEND_Q8_MOST;
		}
		for (int d = b * BLOCK; d < (b + 1) * BLOCK; d += 16 * cols) {
			struct quads p = {
				.b = codes + d * 4,
				.step = (size_t)head_dim * 4,
				.column = 64,
				.hi = coded.hi[0],
				.lo = coded.lo[0],
				.stride = ATTEND_PAGE,
				.quads = (n + 3) / 4,
				.ahead = ahead ? ahead + d * ATTEND_PAGE : NULL,
			};

			add_values(rows, cols, acc + d, (size_t)head_dim, scale,
			           &coded, &p);
		}
	}
}

static void values(float *acc, const float *p, const float *scale, int rows,
                   const void *v, int head_dim, int n, const void *ahead)
{
	ATTEND_SWITCH(rows, values_rows, acc, p, scale, v, head_dim, n, ahead)
}

const struct attend_q8 attend_q8_avx512 = {
	.code = code_queries,
	.scores = scores,
	.values = values,
};
