/* The narrow products: vdpbf16ps adds two products of bf16 to each lane.  It
 * takes denormal inputs and results as zero, far below what bf16 resolves. */
#include "math/attend_avx512.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/attend_vector.h"
#include "math/half.h"

/* Words 0..31 to 0 16 1 17 ... : two vectors of 16 become pairs. */
INLINE __m512i interleave(__m512i both)
{
	const __m512i order =
		_mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10,
	                         25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19,
	                         3, 18, 2, 17, 1, 16, 0);

	return _mm512_permutexvar_epi16(order, both);
}

/* 16 values a and 16 values b as bf16: a0 b0 a1 b1 ... */
INLINE __m512i pair_floats(__m512 a, __m512 b)
{
	return interleave((__m512i)_mm512_cvtne2ps_pbh(b, a));
}

/* The same of stored values. */
INLINE __m512i pair(enum dtype dtype, const char *a, __mmask16 mask_a,
                    const char *b, __mmask16 mask_b)
{
	__m256i half_a, half_b;

	if (dtype == DTYPE_F32)
		return pair_floats(_mm512_maskz_loadu_ps(mask_a, a),
		                   _mm512_maskz_loadu_ps(mask_b, b));
	half_a = _mm256_maskz_loadu_epi16(mask_a, a);
	half_b = _mm256_maskz_loadu_epi16(mask_b, b);
	if (dtype == DTYPE_F16)
		return pair_floats(_mm512_cvtph_ps(half_a),
		                   _mm512_cvtph_ps(half_b));
	return interleave(
		_mm512_inserti64x4(_mm512_castsi256_si512(half_a), half_b, 1));
}

INLINE void pack(enum dtype dtype, uint16_t *k_pairs, uint16_t *v_pairs,
                 const char *k, const char *v, int head_dim, int n)
{
	const size_t size = attend_size_of(dtype);
	const size_t row = (size_t)head_dim * size;
	int groups = (n + ATTEND_GROUP - 1) / ATTEND_GROUP;

	for (int i = 0; i < groups * head_dim / 2; i++) {
		_mm512_storeu_si512(k_pairs, pair(dtype, k, 0xffff,
		                                  k + 16 * size, 0xffff));
		k += 32 * size;
		k_pairs += 32;
	}
	for (int j = 0; j < n; j += 2, v += 2 * row, v_pairs += 2 * head_dim) {
		for (int d = 0; d < head_dim; d += 16) {
			__mmask16 mask = attend_lanes(d, head_dim);
			const char *at = v + (size_t)d * size;

			_mm512_mask_storeu_epi32(v_pairs + 2 * d, mask,
			                         pair(dtype, at, mask, at + row,
			                              j + 1 < n ? mask : 0));
		}
	}
}

/* 16 lanes of a quad of codes: element c of each, as float. */
INLINE __m512 code_of(__m512i quads, int c)
{
	return _mm512_cvtepi32_ps(_mm512_srai_epi32(
		_mm512_slli_epi32(quads, (unsigned)(24 - 8 * c)), 24));
}

static void pack_k_q8(uint16_t *pairs, const uint16_t *scales, int head_dim,
                      int n)
{
	const int blocks = head_dim / ATTEND_Q8_BLOCK;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);

	for (int t = 0; t < n; t += ATTEND_GROUP) {
		for (int d = 0; d < head_dim; d += 4, codes += 64) {
			const uint16_t *at =
				scales + t + d / ATTEND_Q8_BLOCK * ATTEND_PAGE;
			__m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256(
				(const __m256i *)(const void *)at));
			__m512i quads = _mm512_loadu_si512(codes);

			UNROLL
			for (int c = 0; c < 4; c += 2, pairs += 32)
				_mm512_storeu_si512(
					pairs,
					pair_floats(
						_mm512_mul_ps(code_of(quads, c),
				                              scale),
						_mm512_mul_ps(code_of(quads,
				                                      c + 1),
				                              scale)));
		}
	}
}

/* Tokens j..j+3 of 16 elements; scale[c]: token j + c's, 0 from n on. */
static void pack_v_q8(uint16_t *pairs, const uint16_t *scales, int head_dim,
                      int n)
{
	const int blocks = head_dim / ATTEND_Q8_BLOCK;
	const int8_t *codes = (const int8_t *)(scales + blocks * ATTEND_PAGE);

	for (int j = 0; j < n; j += 4) {
		for (int d = 0; d < head_dim; d += 16, codes += 64) {
			const uint16_t *at =
				scales + j + d / ATTEND_Q8_BLOCK * ATTEND_PAGE;
			__m512i quads = _mm512_loadu_si512(codes);
			__m512 x[4];

			UNROLL
			for (int c = 0; c < 4; c++)
				x[c] = _mm512_mul_ps(
					code_of(quads, c),
					_mm512_set1_ps(
						j + c < n ? half_from_f16(at[c])
							  : 0));
			UNROLL
			for (int c = 0; c < 4; c += 2)
				_mm512_storeu_si512(
					pairs + (size_t)(j + c) * head_dim +
						2 * d,
					pair_floats(x[c], x[c + 1]));
		}
	}
}

void attend_pack_avx512(uint16_t *k_pairs, uint16_t *v_pairs, const void *k,
                        const void *v, enum dtype dtype, int head_dim, int n)
{
	if (dtype == DTYPE_F16)
		pack(DTYPE_F16, k_pairs, v_pairs, k, v, head_dim, n);
	else if (dtype == DTYPE_BF16)
		pack(DTYPE_BF16, k_pairs, v_pairs, k, v, head_dim, n);
	else if (dtype == DTYPE_Q8_0) {
		pack_k_q8(k_pairs, k, head_dim, n);
		pack_v_q8(v_pairs, v, head_dim, n);
	} else
		pack(DTYPE_F32, k_pairs, v_pairs, k, v, head_dim, n);
}

/* As in attend_avx512.c, but over n pairs. */
struct product {
	float *c;
	size_t c_stride;    /* floats */
	const float *scale; /* [rows]; NULL: all 0 */
	const uint16_t *a;
	size_t a_stride; /* 16-bit elements */
	const uint16_t *b;
	size_t step, column; /* 16-bit elements */
	int n;
	__mmask16 edge; /* the lanes of a vector that exist */
};

INLINE void product(int rows, int cols, const struct product *p)
{
	const __mmask16 mask = cols == 1 ? p->edge : 0xffff;
	__m512 sum[ATTEND_ROWS][ATTEND_COLS];
	__m512bh b[ATTEND_COLS];
	const uint16_t *at = p->b;

	attend_start(sum, rows, cols, mask, p->c, p->c_stride, p->scale);
	for (int i = 0; i < p->n; i++, at += p->step) {
		UNROLL
		for (int j = 0; j < cols; j++)
			b[j] = (__m512bh)_mm512_maskz_loadu_epi32(
				mask, at + (size_t)j * p->column);
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m512bh a;
			int32_t two;

			memcpy(&two, p->a + (size_t)r * p->a_stride + 2 * i,
			       sizeof two);
			a = (__m512bh)_mm512_set1_epi32(two);
			UNROLL
			for (int j = 0; j < cols; j++)
				sum[r][j] =
					_mm512_dpbf16_ps(sum[r][j], a, b[j]);
		}
	}
	attend_store(sum, rows, cols, mask, p->c, p->c_stride);
}

INLINE void columns(int rows, struct product *p, int width)
{
	int j = 0;

	for (; j + 16 * ATTEND_COLS <= width; j += 16 * ATTEND_COLS) {
		product(rows, ATTEND_COLS, p);
		p->b += ATTEND_COLS * p->column;
		p->c += 16 * ATTEND_COLS;
	}
	for (; j < width; j += 16) {
		p->edge = attend_lanes(j, width);
		product(rows, 1, p);
		p->b += p->column;
		p->c += 16;
	}
}

static void columns_any(struct product *p, int rows, int width)
{
	ATTEND_SWITCH(rows, columns, p, width)
}

void attend_scores_narrow_avx512(float *s, const uint16_t *q, int rows,
                                 const uint16_t *k_pairs, int head_dim,
                                 int groups)
{
	struct product p = {
		.c = s,
		.c_stride = ATTEND_SPAN,
		.a = q,
		.a_stride = (size_t)head_dim,
		.b = k_pairs,
		.step = 2 * ATTEND_GROUP,
		.column = (size_t)head_dim * ATTEND_GROUP,
		.n = head_dim / 2,
	};

	columns_any(&p, rows, groups * ATTEND_GROUP);
}

/* 2^x for x <= 0 within 2^-13, a thirtieth of what bf16 rounds by: 1 + r p(r)
 * for |r| <= 1/2, p of least error by Remez.  The whole part comes to the low
 * bits of a sum whose last place is 1, and from there into the exponent; below
 * 2^-125 the result is 0. */
INLINE __m512 exp2_of(__m512 x)
{
	const __m512 round = _mm512_set1_ps(0x1.8p23f);
	__m512 k = _mm512_add_ps(x, round);
	__m512 r = _mm512_sub_ps(x, _mm512_sub_ps(k, round));
	__m512 y = _mm512_set1_ps(5.500903e-2f);

	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(2.4221121e-1f));
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(6.9328294e-1f));
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1));
	return _mm512_castsi512_ps(_mm512_maskz_add_epi32(
		_mm512_cmp_ps_mask(x, _mm512_set1_ps(-125), _CMP_GT_OQ),
		_mm512_castps_si512(y),
		_mm512_slli_epi32(_mm512_castps_si512(k), 23)));
}

#define PAIR (2 * ATTEND_GROUP) /* tokens that fill a vector of bf16 */

/* The scores from s + j on, -infinity where the row does not see them. */
INLINE __m512 seen(const float *s, int j, int limit)
{
	return _mm512_mask_loadu_ps(_mm512_set1_ps(-INFINITY),
	                            attend_lanes(j, limit), s + j);
}

/* The largest of top and of the first limit scores. */
INLINE float highest_of(const float *s, int limit, float top)
{
	__m512 a = _mm512_set1_ps(top), b = a;
	int j = 0;

	for (; j + PAIR <= limit; j += PAIR) {
		a = _mm512_max_ps(a, _mm512_loadu_ps(s + j));
		b = _mm512_max_ps(b, _mm512_loadu_ps(s + j + ATTEND_GROUP));
	}
	if (j < limit) {
		a = _mm512_max_ps(a, seen(s, j, limit));
		b = _mm512_max_ps(b, seen(s, j + ATTEND_GROUP, limit));
	}
	return _mm512_reduce_max_ps(_mm512_max_ps(a, b));
}

/* p = 2^(a - highest), 2^(b - highest), and their sums added to total. */
INLINE void weigh(uint16_t *p, __m512 a, __m512 b, __m512 highest,
                  __m512 *total)
{
	const __m512bh ones = (__m512bh)_mm512_set1_epi16(0x3f80);
	__m512bh both = _mm512_cvtne2ps_pbh(exp2_of(_mm512_sub_ps(b, highest)),
	                                    exp2_of(_mm512_sub_ps(a, highest)));

	*total = _mm512_dpbf16_ps(*total, both, ones);
	_mm512_storeu_si512(p, (__m512i)both);
}

/* One row's n weights; returns their sum. */
INLINE float weights_of(uint16_t *p, const float *s, int n, int limit,
                        float top)
{
	__m512 highest = _mm512_set1_ps(top), total = _mm512_setzero_ps();
	int j = 0;

	for (; j + PAIR <= limit; j += PAIR)
		weigh(p + j, _mm512_loadu_ps(s + j),
		      _mm512_loadu_ps(s + j + ATTEND_GROUP), highest, &total);
	for (; j < n; j += PAIR)
		weigh(p + j, seen(s, j, limit),
		      seen(s, j + ATTEND_GROUP, limit), highest, &total);
	return _mm512_reduce_add_ps(total);
}

/* All maxima first: each is a chain of operations that wait for one another,
 * and those of different rows need not. */
void attend_weights_narrow_avx512(uint16_t *p, const float *s, int rows,
                                  int groups, const int *limit, float *top,
                                  float *sum, float *scale)
{
	const int n = groups * ATTEND_GROUP;
	const size_t whole = (size_t)(n + PAIR - 1) / PAIR * PAIR;

	for (int r = 0; r < rows; r++) {
		float old = top[r];

		top[r] = highest_of(s + r * ATTEND_SPAN, limit[r], old);
		scale[r] = limit[r] ? exp2f(old - top[r]) : 1;
	}
	for (int r = 0; r < rows; r++, s += ATTEND_SPAN, p += ATTEND_SPAN) {
		if (limit[r])
			sum[r] = sum[r] * scale[r] +
			         weights_of(p, s, n, limit[r], top[r]);
		else
			memset(p, 0, whole * sizeof *p);
	}
}

void attend_values_narrow_avx512(float *acc, const uint16_t *p,
                                 const float *scale, int rows,
                                 const uint16_t *v_pairs, int head_dim, int n)
{
	struct product product = {
		.c = acc,
		.c_stride = (size_t)head_dim,
		.scale = scale,
		.a = p,
		.a_stride = ATTEND_SPAN,
		.b = v_pairs,
		.step = 2 * (size_t)head_dim,
		.column = 32,
		.n = (n + 1) / 2,
	};

	columns_any(&product, rows, head_dim);
}
