/* AVX-512 (F, BW, VL, DQ). */
#include "math/attend_set.h"

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#include "math/amx.h"
#include "math/attend_avx512.h"
#include "math/attend_vector.h"

/*
 * c[r][j] = scale[r] c[r][j] + sum over i < n of a[r][i] * b[i][j]
 *
 * for r < rows and `cols` vectors of 16 columns j.  Vector j of row i lies at
 * b + i * step + j * column bytes.  Both halves of attention are this product:
 * scores over i = elements of a head, values over i = tokens.
 */
struct product {
	float *c;
	size_t c_stride;    /* floats */
	const float *scale; /* [rows]; NULL: all 0 */
	const float *a;
	size_t a_stride; /* floats */
	const char *b;
	size_t step, column; /* bytes */
	int n;
	__mmask16 edge;    /* the lanes of a vector that exist */
	const char *ahead; /* this and each line after it are wanted soon */
};

INLINE __m512 load(enum dtype dtype, const char *b, __mmask16 mask)
{
	__m256i half;

	if (dtype == DTYPE_F32)
		return _mm512_maskz_loadu_ps(mask, b);
	half = _mm256_maskz_loadu_epi16(mask, b);
	if (dtype == DTYPE_F16)
		return _mm512_cvtph_ps(half);
	return _mm512_castsi512_ps(
		_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* rows, cols and dtype are constants where this is inlined. */
INLINE void product(int rows, int cols, enum dtype dtype,
                    const struct product *p)
{
	const __mmask16 mask = cols == 1 ? p->edge : 0xffff;
	__m512 sum[ATTEND_ROWS][ATTEND_COLS], b[ATTEND_COLS];
	const char *at = p->b, *ahead = p->ahead;

	attend_start(sum, rows, cols, mask, p->c, p->c_stride, p->scale);
	for (int i = 0; i < p->n; i++, at += p->step) {
		if (ahead) {
			ask_for(ahead);
			ask_for(ahead + 64);
			ahead += 128;
		}
		UNROLL
		for (int j = 0; j < cols; j++)
			b[j] = load(dtype, at + (size_t)j * p->column, mask);
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m512 a = _mm512_set1_ps(
				p->a[(size_t)r * p->a_stride + (size_t)i]);

			UNROLL
			for (int j = 0; j < cols; j++)
				sum[r][j] = _mm512_fmadd_ps(a, b[j], sum[r][j]);
		}
	}
	attend_store(sum, rows, cols, mask, p->c, p->c_stride);
}

/* The product of all columns of a block: four vectors at a time, then one. */
INLINE void columns(int rows, enum dtype dtype, struct product *p, int width)
{
	int j = 0;

	for (; j + 16 * ATTEND_COLS <= width; j += 16 * ATTEND_COLS) {
		product(rows, ATTEND_COLS, dtype, p);
		p->b += ATTEND_COLS * p->column;
		p->c += 16 * ATTEND_COLS;
		if (p->ahead)
			p->ahead += 128 * p->n;
	}
	p->ahead = NULL;
	for (; j < width; j += 16) {
		p->edge = attend_lanes(j, width);
		product(rows, 1, dtype, p);
		p->b += p->column;
		p->c += 16;
	}
}

ATTEND_COLUMNS_ANY

static void scores(float *s, const float *q, int rows, const void *k,
                   enum dtype dtype, int head_dim, int groups,
                   const void *ahead)
{
	struct product p = {
		.c = s,
		.c_stride = ATTEND_PAGE,
		.a = q,
		.a_stride = (size_t)head_dim,
		.b = k,
		.step = ATTEND_GROUP * attend_size_of(dtype),
		.column =
			(size_t)head_dim * ATTEND_GROUP * attend_size_of(dtype),
		.n = head_dim,
		.ahead = ahead,
	};

	columns_any(&p, dtype, rows, groups * ATTEND_GROUP);
}

static void values(float *acc, const float *p, const float *scale, int rows,
                   const void *v, enum dtype dtype, int head_dim, int n,
                   const void *ahead)
{
	struct product product = {
		.c = acc,
		.c_stride = (size_t)head_dim,
		.scale = scale,
		.a = p,
		.a_stride = ATTEND_PAGE,
		.b = v,
		.step = (size_t)head_dim * attend_size_of(dtype),
		.column = 16 * attend_size_of(dtype),
		.n = n,
		.ahead = ahead,
	};

	columns_any(&product, dtype, rows, head_dim);
}

/* 2^x for x <= 0.  At -infinity r would not be a number; -200 gives 0 too. */
INLINE __m512 exp2_of(__m512 x)
{
	__m512 k, r, y = _mm512_set1_ps(EXP2_P0);

	x = _mm512_max_ps(x, _mm512_set1_ps(-200));
	k = _mm512_roundscale_ps(x,
	                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	r = _mm512_sub_ps(x, k);
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(EXP2_P1));
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(EXP2_P2));
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(EXP2_P3));
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(EXP2_P4));
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(EXP2_P5));
	y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1));
	return _mm512_scalef_ps(y, k);
}

/* One row: its scores stay in registers between the maximum and the powers.
 * limit > 0. */
INLINE void weights_of(float *s, int groups, int limit, float *top, float *sum,
                       float *scale)
{
	const __m512 least = _mm512_set1_ps(-INFINITY);
	__m512 x[4], total = _mm512_setzero_ps(), highest = least, old;

	UNROLL
	for (int g = 0; g < 4; g++) {
		x[g] = _mm512_mask_loadu_ps(least,
		                            attend_lanes(g * ATTEND_GROUP,
		                                         limit),
		                            s + g * ATTEND_GROUP);
		highest = _mm512_max_ps(highest, x[g]);
	}
	old = _mm512_set1_ps(*top);
	highest = _mm512_max_ps(_mm512_set1_ps(_mm512_reduce_max_ps(highest)),
	                        old);
	UNROLL
	for (int g = 0; g < 4; g++) {
		if (g >= groups)
			break;
		x[g] = exp2_of(_mm512_sub_ps(x[g], highest));
		total = _mm512_add_ps(total, x[g]);
		_mm512_storeu_ps(s + g * ATTEND_GROUP, x[g]);
	}
	*scale = _mm512_cvtss_f32(exp2_of(_mm512_sub_ps(old, highest)));
	*top = _mm512_cvtss_f32(highest);
	*sum = *sum * *scale + _mm512_reduce_add_ps(total);
}

static void weights(float *s, int rows, int groups, const int *limit,
                    float *top, float *sum, float *scale, const void *ahead)
{
	for (int r = 0; r < rows; r++, s += ATTEND_PAGE) {
		attend_ask_row(ahead, r);
		if (limit[r]) {
			weights_of(s, groups, limit[r], &top[r], &sum[r],
			           &scale[r]);
			continue;
		}
		for (int g = 0; g < groups; g++)
			_mm512_storeu_ps(s + g * ATTEND_GROUP,
			                 _mm512_setzero_ps());
		scale[r] = 1;
	}
}

#define COMMON \
	.scores = scores, .weights = weights, .values = values, \
	.q8 = &attend_q8_avx512

const struct attend attend_avx512 = { COMMON };

const struct attend attend_avx512_bf16 = {
	COMMON,
	.pack = attend_pack_avx512,
	.scores_narrow = attend_scores_narrow_avx512,
	.weights_narrow = attend_weights_narrow_avx512,
	.values_narrow = attend_values_narrow_avx512,
};

const struct attend attend_avx512_amx = {
	COMMON,
	.pack = attend_pack_amx,
	.scores_narrow = attend_scores_amx,
	.weights_narrow = attend_weights_narrow_avx512,
	.values_narrow = attend_values_amx,
	.end = amx_release,
};
