/* The narrow products: vdpbf16ps adds two products of bf16 to each lane.  It
 * takes denormal inputs and results as zero, far below what bf16 resolves. */
#include "math/attend_avx512.h"

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
		.c_stride = ATTEND_PAGE,
		.a = q,
		.a_stride = (size_t)head_dim,
		.b = k_pairs,
		.step = 2 * ATTEND_GROUP,
		.column = (size_t)head_dim * ATTEND_GROUP,
		.n = head_dim / 2,
	};

	columns_any(&p, rows, groups * ATTEND_GROUP);
}

/* Weights as pairs of neighbouring tokens. */
static void narrow_weights(uint16_t *pairs, const float *p, int rows, int n)
{
	for (int r = 0; r < rows; r++)
		for (int j = 0; j < n; j += 16)
			_mm256_storeu_si256(
				(__m256i *)(void *)(pairs + r * ATTEND_PAGE +
			                            j),
				(__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(
					p + r * ATTEND_PAGE + j)));
}

void attend_values_narrow_avx512(float *acc, const float *p, const float *scale,
                                 int rows, const uint16_t *v_pairs,
                                 int head_dim, int n)
{
	uint16_t pairs[ATTEND_ROWS * ATTEND_PAGE];
	struct product product = {
		.c = acc,
		.c_stride = (size_t)head_dim,
		.scale = scale,
		.a = pairs,
		.a_stride = ATTEND_PAGE,
		.b = v_pairs,
		.step = 2 * (size_t)head_dim,
		.column = 32,
		.n = (n + 1) / 2,
	};

	narrow_weights(pairs, p, rows, n);
	columns_any(&product, rows, head_dim);
}
