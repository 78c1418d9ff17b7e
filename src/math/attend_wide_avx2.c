/* The products of attend_wide.h: two vectors of a page by six rows are twelve sums. */
#include "math/attend_wide.h"

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/attend.h"
#include "math/attend_exp2_avx2.h"
#include "math/attend_load_avx2.h"
#include "math/attend_vector.h"
#include "math/reduce_avx2.h"
#include "math/wide_avx2.h"

#define GROUP  ATTEND_GROUP
#define MOST_P 8191 /* of weights: 64 * 4095 * 8191 < 2^31 */

/* Where a page's parts are. */
struct page {
	int16_t *k, *v;
	float *d_k, *d_v;
};

static int channels_of(int head_dim)
{
	return (head_dim + GROUP - 1) / GROUP * GROUP;
}

static struct page page_of(void *at, int head_dim)
{
	size_t channels = (size_t)channels_of(head_dim);
	int16_t *k = at, *v = k + ATTEND_PAGE * (size_t)head_dim;
	float *d_k = (float *)(void *)(v + ATTEND_PAGE * channels);

	return (struct page){ k, v, d_k, d_k + ATTEND_PAGE };
}

/* The largest integers of k: 4095 times so many products fit 32 bits. */
static float most_k(int head_dim)
{
	float most =
		floorf((float)INT32_MAX / ATTEND_WIDE_MOST / (float)head_dim) -
		1;

	return most < ATTEND_WIDE_MOST ? most : ATTEND_WIDE_MOST;
}

/* ---- queries ---- */

static void code_row(struct attend_wide_query *to, const float *q, int head_dim)
{
	float padded[ATTEND_WIDE_DIM] = { 0 };
	size_t n = (size_t)head_dim;

	memcpy(padded, q, n * sizeof *q);
	to->d = wide_integers(to->q, padded, (n + 7) / 8 * 8, ATTEND_WIDE_MOST);
}

static void code(struct attend_wide_query *to, const float *q, int rows,
                 int head_dim)
{
	for (int r = 0; r < rows; r++)
		code_row(&to[r], q + (size_t)r * (size_t)head_dim, head_dim);
}

/* ---- pages ---- */

/* n runs of 16 lanes, `lanes` of which exist; run i at `at` + i * step bytes. */
struct runs {
	const char *at;
	size_t step;
	enum dtype dtype;
	int n, lanes;
};

/* Half `half` of run i, 0 where there is none. */
INLINE __m256 run_at(const struct runs *runs, enum dtype dtype, bool part,
                     int i, int half)
{
	const char *at = runs->at + (size_t)i * runs->step +
	                 (size_t)(LANES * half) * attend_size_of(dtype);
	int left = runs->lanes - LANES * half;

	if (!part || left >= LANES)
		return attend_load(dtype, at);
	return attend_load_part(dtype, at, left > 0 ? (size_t)left : 0);
}

/* Runs as pairs of integers of at most `most`, and their scales: [16] each. */
INLINE void pack_runs(int16_t *pairs, float *d, const struct runs *runs,
                      enum dtype dtype, bool part, float most)
{
	for (int h = 0; h < 2; h++) {
		__m256i top = _mm256_setzero_si256(), *to;
		__m256 times;

		for (int i = 0; i < runs->n; i++)
			top = _mm256_max_epu32(top,
			                       wide_magnitude(
						       run_at(runs, dtype, part,
			                                      i, h)));
		_mm256_store_ps(d + LANES * h,
		                wide_scales(_mm256_castsi256_ps(top), most,
		                            &times));
		to = (__m256i *)(void *)pairs + h;
		for (int i = 0; i < runs->n; i += 2, to += 2) {
			__m256 a = run_at(runs, dtype, part, i, h);
			__m256 b = i + 1 < runs->n
			                   ? run_at(runs, dtype, part, i + 1, h)
			                   : _mm256_setzero_ps();

			_mm256_store_si256(to, wide_pairs(a, b, times));
		}
	}
}

#define PACK(name, dtype) \
	static void pack_##name(int16_t *pairs, float *d, \
	                        const struct runs *runs, float most) \
	{ \
		if (runs->lanes == GROUP) \
			pack_runs(pairs, d, runs, dtype, false, most); \
		else \
			pack_runs(pairs, d, runs, dtype, true, most); \
	}

PACK(f32, DTYPE_F32)
PACK(f16, DTYPE_F16)
PACK(bf16, DTYPE_BF16)

static void pack_any(int16_t *pairs, float *d, const struct runs *runs,
                     float most)
{
	if (runs->dtype == DTYPE_F16)
		pack_f16(pairs, d, runs, most);
	else if (runs->dtype == DTYPE_BF16)
		pack_bf16(pairs, d, runs, most);
	else
		pack_f32(pairs, d, runs, most);
}

static void pack(void *at, const void *k, const void *v, enum dtype dtype,
                 int head_dim, int n)
{
	const size_t size = attend_size_of(dtype);
	struct page page = page_of(at, head_dim);
	struct runs runs = {
		.at = k,
		.step = GROUP * size,
		.dtype = dtype,
		.n = head_dim,
		.lanes = GROUP,
	};

	for (int j = 0; j < n; j += GROUP) {
		pack_any(page.k + j * head_dim, page.d_k + j, &runs,
		         most_k(head_dim));
		runs.at += (size_t)head_dim * runs.step;
	}
	runs.step = (size_t)head_dim * size;
	runs.n = n;
	for (int c = 0; c < head_dim; c += GROUP) {
		runs.at = (const char *)v + (size_t)c * size;
		runs.lanes = head_dim - c < GROUP ? head_dim - c : GROUP;
		pack_any(page.v + c * ATTEND_PAGE, page.d_v + c, &runs,
		         ATTEND_WIDE_MOST);
	}
}

/* ---- products ---- */

/* sum[r][h] = sum over n pairs of row r of x, `stride` integers from one to the next,
 * by 16 lanes of w. */
INLINE void products(__m256i sum[ATTEND_ROWS][2], int rows, const int16_t *w,
                     const int16_t *x, size_t stride, int n)
{
	const __m256i *at = (const __m256i *)(const void *)w;

	UNROLL
	for (int r = 0; r < rows; r++)
		sum[r][0] = sum[r][1] = _mm256_setzero_si256();
	for (int i = 0; i < n; i++, at += 2, x += 2) {
		__m256i w0 = _mm256_load_si256(at);
		__m256i w1 = _mm256_load_si256(at + 1);

		UNROLL
		for (int r = 0; r < rows; r++)
			wide_add_products(&sum[r][0], &sum[r][1], w0, w1,
			                  wide_pair_at(x + (size_t)r * stride));
	}
}

/* A tile's scores and its weights, and by what the latter are multiplied. */
struct tile {
	_Alignas(32) float s[ATTEND_ROWS][ATTEND_PAGE];
	_Alignas(32) int16_t p[ATTEND_ROWS][ATTEND_PAGE];
	_Alignas(32) float scale[LANES], unit[LANES]; /* of acc, of p */
};

INLINE void score(struct tile *tile, int rows, const struct page *page,
                  const struct attend_wide_query *q, int head_dim, int groups)
{
	const size_t stride = sizeof *q / sizeof q->q[0];

	for (int g = 0; g < groups; g++) {
		const float *d = page->d_k + g * GROUP;
		__m256i sum[ATTEND_ROWS][2];

		products(sum, rows, page->k + g * GROUP * head_dim, q->q,
		         stride, head_dim / 2);
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m256 d_q = _mm256_broadcast_ss(&q[r].d);

			UNROLL
			for (int h = 0; h < 2; h++)
				_mm256_store_ps(
					&tile->s[r][g * GROUP + LANES * h],
					_mm256_mul_ps(
						_mm256_cvtepi32_ps(sum[r][h]),
						_mm256_mul_ps(
							d_q,
							_mm256_load_ps(
								d +
								LANES * h))));
		}
	}
}

/* Scores j to j + 7 of those that a row sees; all: it sees them all. */
INLINE __m256 score_at(const float *s, int j, int limit, bool all)
{
	return all ? _mm256_load_ps(s + j) : seen(s, j, limit);
}

/* The largest score of a page; NaN, if there is one, where `odd` says that there may
 * be. */
INLINE float highest_of(const float *s, int limit, int groups, bool all,
                        bool odd)
{
	__m256 highest = _mm256_set1_ps(-INFINITY), none = _mm256_setzero_ps();

	for (int j = 0; j < groups * GROUP; j += LANES) {
		__m256 x = score_at(s, j, limit, all);

		highest = _mm256_max_ps(highest, x);
		if (odd)
			none = _mm256_or_ps(none,
			                    _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
	}
	return _mm256_movemask_ps(none) ? NAN : reduce_max(highest);
}

/* A row's weights relative to the highest, and their sum. */
INLINE float weigh_row(int16_t *p, const float *s, float highest, int limit,
                       int groups, bool all)
{
	const __m256 top = _mm256_set1_ps(highest);
	__m256i total = _mm256_setzero_si256();

	for (int j = 0; j < groups * GROUP; j += GROUP) {
		__m256i half[2], both;

		UNROLL
		for (int h = 0; h < 2; h++) {
			__m256 x = score_at(s, j + LANES * h, limit, all);

			x = exp2_of(_mm256_sub_ps(x, top));
			half[h] = _mm256_cvtps_epi32(
				_mm256_mul_ps(x, _mm256_set1_ps(MOST_P)));
		}
		both = _mm256_packs_epi32(half[0], half[1]);
		both = _mm256_permute4x64_epi64(both, 0xd8);
		_mm256_store_si256((__m256i *)(void *)&p[j], both);
		total = _mm256_add_epi32(
			total, _mm256_madd_epi16(both, _mm256_set1_epi16(1)));
	}
	return reduce_add(_mm256_cvtepi32_ps(total));
}

/* Of all rows at once what becomes of sum and acc when a page brings `highest` and
 * `total`: those that see nothing of it have -infinity and 0. */
static void merge(struct tile *tile, int rows, const float *highest,
                  const float *total, float *top, float *sum)
{
	_Alignas(32) float old[LANES] = { 0 }, now[LANES] = { 0 };
	__m256 by, unit, scale;

	for (int r = 0; r < rows; r++) {
		old[r] = top[r];
		now[r] = highest[r] > top[r] || isnan(highest[r]) ? highest[r]
		                                                  : top[r];
		if (now[r] == -INFINITY) /* nothing seen so far */
			old[r] = now[r] = 0;
		else
			top[r] = now[r];
	}
	by = _mm256_load_ps(now);
	scale = exp2_of(_mm256_sub_ps(_mm256_load_ps(old), by));
	unit = exp2_of(_mm256_sub_ps(_mm256_load_ps(highest), by));
	_mm256_store_ps(tile->scale, scale);
	_mm256_store_ps(tile->unit,
	                _mm256_mul_ps(unit, _mm256_set1_ps(1.0f / MOST_P)));
	for (int r = 0; r < rows; r++)
		sum[r] = sum[r] * tile->scale[r] + total[r] * tile->unit[r];
}

/* First what is highest in every row, then all weights: by itself a row's weights
 * would wait for its own. */
static void weigh(struct tile *tile, int rows, const int *limit, int groups,
                  bool odd, float *top, float *sum)
{
	_Alignas(32) float highest[LANES] = { 0 };
	float total[ATTEND_ROWS] = { 0 };

	for (int r = 0; r < rows; r++) {
		const float *s = tile->s[r];

		if (odd)
			highest[r] =
				highest_of(s, limit[r], groups, false, true);
		else if (limit[r] == groups * GROUP)
			highest[r] =
				highest_of(s, limit[r], groups, true, false);
		else
			highest[r] =
				highest_of(s, limit[r], groups, false, false);
	}
	for (int r = 0; r < rows; r++) {
		const float *s = tile->s[r];
		int16_t *p = tile->p[r];

		if (limit[r] == groups * GROUP)
			total[r] = weigh_row(p, s, highest[r], limit[r], groups,
			                     true);
		else if (limit[r])
			total[r] = weigh_row(p, s, highest[r], limit[r], groups,
			                     false);
		else
			memset(p, 0, (size_t)(groups * GROUP) * sizeof *p);
	}
	merge(tile, rows, highest, total, top, sum);
}

/* Whether some score may be none: those of numbers that are none, or not finite. */
static bool odd_scores(const struct page *page,
                       const struct attend_wide_query *q, int rows, int groups)
{
	__m256 sum = _mm256_setzero_ps();
	float of_q = 0;

	for (int j = 0; j < groups * GROUP; j += LANES)
		sum = _mm256_add_ps(sum, _mm256_load_ps(page->d_k + j));
	for (int r = 0; r < rows; r++)
		of_q += q[r].d;
	return isnan(of_q + reduce_add(sum));
}

/* 8 channels of acc, `lanes` of which exist. */
INLINE void add_values(float *acc, int lanes, __m256i sum, __m256 d, float unit,
                       float scale)
{
	__m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sum),
	                         _mm256_mul_ps(d, _mm256_set1_ps(unit)));
	float part[LANES] = { 0 };

	if (lanes >= LANES) {
		x = _mm256_fmadd_ps(_mm256_loadu_ps(acc), _mm256_set1_ps(scale),
		                    x);
		_mm256_storeu_ps(acc, x);
		return;
	}
	memcpy(part, acc, (size_t)lanes * sizeof *acc);
	x = _mm256_fmadd_ps(_mm256_loadu_ps(part), _mm256_set1_ps(scale), x);
	_mm256_storeu_ps(part, x);
	memcpy(acc, part, (size_t)lanes * sizeof *acc);
}

INLINE void add_channels(float *acc, int rows, const struct tile *tile,
                         const struct page *page, int head_dim, int n)
{
	for (int c = 0; c < head_dim; c += GROUP) {
		__m256i sum[ATTEND_ROWS][2];

		products(sum, rows, page->v + c * ATTEND_PAGE, tile->p[0],
		         ATTEND_PAGE, (n + 1) / 2);
		UNROLL
		for (int r = 0; r < rows; r++) {
			UNROLL
			for (int h = 0; h < 2; h++) {
				int at = c + LANES * h;

				if (at < head_dim)
					add_values(acc + r * head_dim + at,
					           head_dim - at, sum[r][h],
					           _mm256_load_ps(page->d_v +
					                          at),
					           tile->unit[r],
					           tile->scale[r]);
			}
		}
	}
}

INLINE void attend_rows(int rows, float *acc, float *top, float *sum,
                        const struct attend_wide_query *q,
                        const struct page *page, int head_dim, const int *limit,
                        int n)
{
	const int groups = (n + GROUP - 1) / GROUP;
	struct tile tile;

	score(&tile, rows, page, q, head_dim, groups);
	weigh(&tile, rows, limit, groups, odd_scores(page, q, rows, groups),
	      top, sum);
	add_channels(acc, rows, &tile, page, head_dim, n);
}

static void attend(float *acc, float *top, float *sum,
                   const struct attend_wide_query *q, int rows, const void *at,
                   int head_dim, const int *limit, int n)
{
	const struct page page = page_of((void *)(uintptr_t)at, head_dim);

	ATTEND_SWITCH(rows, attend_rows, acc, top, sum, q, &page, head_dim,
	              limit, n)
}

const struct attend_wide attend_wide_avx2 = {
	.code = code,
	.pack = pack,
	.attend = attend,
};
