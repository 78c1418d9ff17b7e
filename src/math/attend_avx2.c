/* AVX2 with FMA and F16C. */
#include "math/attend_set.h"

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/attend_exp2_avx2.h"
#include "math/attend_load_avx2.h"
#include "math/attend_vector.h"
#include "math/reduce_avx2.h"

/* 6 rows by 2 vectors are 12 sums; two vectors of the page and one broadcast
 * element make 15 of the 16 registers. */
#define COLS 2

/*
 * c[r][j] = scale[r] c[r][j] + sum over i < n of a[r][i] * b[i][j]
 *
 * for r < rows and `cols` vectors of 8 columns j.  Vector j of row i lies at
 * b + i * step + j * 8 elements.  Both halves of attention are this product:
 * scores over i = elements of a head, values over i = tokens.
 */
struct product {
	float *c;
	size_t c_stride;    /* floats */
	const float *scale; /* [rows]; NULL: all 0 */
	const float *a;
	size_t a_stride; /* floats */
	const char *b;
	size_t step; /* bytes */
	int n;
	size_t lanes;      /* of the last vector that exist, 1..8 */
	const char *ahead; /* this and what follows it is wanted soon */
};

INLINE __m256 load_c(const float *c, size_t lanes)
{
	return lanes == LANES
	               ? _mm256_loadu_ps(c)
	               : attend_load_part(DTYPE_F32, (const char *)c, lanes);
}

INLINE void store_c(float *c, __m256 x, size_t lanes)
{
	float whole[LANES];

	if (lanes == LANES) {
		_mm256_storeu_ps(c, x);
		return;
	}
	_mm256_storeu_ps(whole, x);
	memcpy(c, whole, lanes * sizeof *c);
}

/* rows, cols, part and dtype are constants where this is inlined; only a
 * single vector may be in part. */
INLINE void product(int rows, int cols, bool part, enum dtype dtype,
                    const struct product *p)
{
	const size_t lanes = part ? p->lanes : LANES;
	__m256 sum[ATTEND_ROWS][COLS], b[COLS];
	const char *at = p->b, *ahead = p->ahead;

	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++) {
			const float *c = p->c + (size_t)r * p->c_stride;

			sum[r][j] = _mm256_setzero_ps();
			if (p->scale)
				sum[r][j] = _mm256_mul_ps(
					_mm256_set1_ps(p->scale[r]),
					load_c(c + LANES * j, lanes));
		}
	}
	for (int i = 0; i < p->n; i++, at += p->step) {
		if (ahead) { /* as much as this step reads */
			ask_for(ahead);
			ahead += COLS * LANES * attend_size_of(dtype);
		}
		UNROLL
		for (int j = 0; j < cols; j++)
			b[j] = part ? attend_load_part(dtype, at, lanes)
			            : attend_load(
					      dtype,
					      at + (size_t)j * LANES *
							      attend_size_of(
								      dtype));
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m256 a = _mm256_broadcast_ss(
				&p->a[(size_t)r * p->a_stride + (size_t)i]);

			UNROLL
			for (int j = 0; j < cols; j++)
				sum[r][j] = _mm256_fmadd_ps(a, b[j], sum[r][j]);
		}
	}
	UNROLL
	for (int r = 0; r < rows; r++) {
		UNROLL
		for (int j = 0; j < cols; j++)
			store_c(p->c + (size_t)r * p->c_stride + LANES * j,
			        sum[r][j], lanes);
	}
}

/* All columns of a block of `width`, which lie side by side. */
INLINE void columns(int rows, enum dtype dtype, struct product *p, int width)
{
	while (width >= COLS * LANES) {
		product(rows, COLS, false, dtype, p);
		p->b += COLS * LANES * attend_size_of(dtype);
		p->c += COLS * LANES;
		if (p->ahead)
			p->ahead += (size_t)p->n * COLS * LANES *
			            attend_size_of(dtype);
		width -= COLS * LANES;
	}
	p->ahead = NULL;
	if (width >= LANES) {
		product(rows, 1, false, dtype, p);
		p->b += LANES * attend_size_of(dtype);
		p->c += LANES;
		width -= LANES;
	}
	if (width > 0) {
		p->lanes = (size_t)width;
		product(rows, 1, true, dtype, p);
	}
}

ATTEND_COLUMNS_ANY

static void scores(float *s, const float *q, int rows, const void *k,
                   enum dtype dtype, int head_dim, int groups,
                   const void *ahead)
{
	size_t group = (size_t)head_dim * ATTEND_GROUP * attend_size_of(dtype);
	const char *next = ahead;

	for (int g = 0; g < groups; g++) {
		struct product p = {
			.c = s + g * ATTEND_GROUP,
			.c_stride = ATTEND_PAGE,
			.a = q,
			.a_stride = (size_t)head_dim,
			.b = (const char *)k + (size_t)g * group,
			.step = ATTEND_GROUP * attend_size_of(dtype),
			.n = head_dim,
			.ahead = next ? next + (size_t)g * group : NULL,
		};

		columns_any(&p, dtype, rows, ATTEND_GROUP);
	}
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
		.n = n,
		.ahead = ahead,
	};

	columns_any(&product, dtype, rows, head_dim);
}

/* One row, limit > 0. */
static void weights_of(float *s, int groups, int limit, float *top, float *sum,
                       float *scale)
{
	__m256 highest = _mm256_set1_ps(*top), old = highest;
	__m256 total = _mm256_setzero_ps();

	for (int j = 0; j < groups * ATTEND_GROUP; j += LANES)
		highest = _mm256_max_ps(highest, seen(s, j, limit));
	highest = _mm256_set1_ps(reduce_max(highest));
	for (int j = 0; j < groups * ATTEND_GROUP; j += LANES) {
		__m256 p = exp2_of(_mm256_sub_ps(seen(s, j, limit), highest));

		total = _mm256_add_ps(total, p);
		_mm256_storeu_ps(s + j, p);
	}
	*scale = _mm256_cvtss_f32(exp2_of(_mm256_sub_ps(old, highest)));
	*top = _mm256_cvtss_f32(highest);
	*sum = *sum * *scale + reduce_add(total);
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
		memset(s, 0, (size_t)groups * ATTEND_GROUP * sizeof *s);
		scale[r] = 1;
	}
}

const struct attend attend_avx2 = {
	.scores = scores,
	.weights = weights,
	.values = values,
	.q8 = &attend_q8_avx2,
	.wide = &attend_wide_avx2,
};
