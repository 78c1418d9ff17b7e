/*
 * Weights widened in registers, float32 activations: float32-grade products at
 * the rate of vfmadd.  12 accumulators, up to three activations and one weight
 * fill the 16 registers.
 *
 * One row of activations has six rows of weights: of 12 that are a multiple of
 * 4,096 bytes apart the lines do not fit the eight ways of a first-level cache, and
 * with eight rows of 4,096 and more elements memory gives 3 to 4% less.
 */
#include "math/tile.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "math/tensor.h"

#define TILE_X 3
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(6, 1, b, d) \
	TILE_BLOCK(6, 2, b, d) \
	TILE_BLOCK(4, 2, b, d) \
	TILE_BLOCK(4, 3, b, d)

#include "math/tile_walk.h"

INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	(void)dtype;
	return t->rows <= 2 ? 6 : 4;
}

#include "math/tile_sum_avx2.h"

/* 8 weights from element k on as float32. */
INLINE __m256 load_w(enum dtype dtype, const char *w, size_t k)
{
	__m128i half;

	if (dtype == DTYPE_F32)
		return _mm256_loadu_ps((const float *)(w + 4 * k));
	half = _mm_loadu_si128((const __m128i *)(w + 2 * k));
	if (dtype == DTYPE_F16)
		return _mm256_cvtph_ps(half);
	return _mm256_castsi256_ps(
		_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

INLINE void step(__m256 sum[TILE_W][TILE_X], int n_w, int n_x, enum dtype dtype,
                 const struct tile_rows *rows, size_t k)
{
	__m256 x[TILE_X];

	UNROLL
	for (int j = 0; j < n_x; j++) {
		const char *at = rows->x + (size_t)j * rows->x_stride;

		x[j] = _mm256_loadu_ps((const float *)(at + 4 * k));
	}
	UNROLL
	for (int i = 0; i < n_w; i++) {
		__m256 w = load_w(dtype, rows->w[i], k);

		UNROLL
		for (int j = 0; j < n_x; j++)
			sum[i][j] = _mm256_fmadd_ps(w, x[j], sum[i][j]);
	}
}

/*
 * All whole lines of n_w rows by one row of activations, which is read where it
 * lies.  A line is done with before the next row's is touched, and asks for one: that
 * which takes its place in the next block, or where rows are short one of a run, as
 * tile_prefetch_part() has it.  Gives the element after them.
 */
INLINE size_t all_lines(__m256 sum[TILE_W][TILE_X], int n_w, enum dtype dtype,
                        bool run, const struct tile_rows *rows, size_t n)
{
	const size_t size = dtype == DTYPE_F32 ? 4 : 2, line = 64 / size;
	size_t k = 0;

	for (; k + line <= n; k += line) {
		UNROLL
		for (int i = 0; i < n_w; i++) {
			ask_for(run ? rows->w[0] + rows->run +
			                        k * size * (size_t)n_w + 64 * i
			            : rows->w[i] + rows->ahead + k * size);
			UNROLL
			for (size_t part = 0; part < line; part += 8) {
				const char *x = rows->x + 4 * (k + part);

				sum[i][0] = _mm256_fmadd_ps(
					load_w(dtype, rows->w[i], k + part),
					_mm256_loadu_ps((const float *)x),
					sum[i][0]);
			}
		}
	}
	return k;
}

/* The last n < 8 elements of each row, padded with zeros. */
INLINE void last_step(__m256 sum[TILE_W][TILE_X], int n_w, int n_x,
                      enum dtype dtype, const struct tile_rows *rows, size_t k,
                      size_t n)
{
	const size_t size = dtype == DTYPE_F32 ? 4 : 2;
	char w[TILE_W][32] = { { 0 } };
	float x[TILE_X][8] = { { 0 } };
	struct tile_rows tail = { .x = (const char *)x, .x_stride = sizeof *x };

	for (int i = 0; i < n_w; i++) {
		memcpy(w[i], rows->w[i] + k * size, n * size);
		tail.w[i] = w[i];
	}
	for (int j = 0; j < n_x; j++)
		memcpy(x[j], rows->x + (size_t)j * rows->x_stride + 4 * k,
		       4 * n);
	step(sum, n_w, n_x, dtype, &tail, 0);
}

/* n_w weight rows by n_x activation rows.  n_w, n_x and dtype are constants
 * where this is inlined. */
INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t size = dtype == DTYPE_F32 ? 4 : 2, line = 64 / size;
	__m256 sum[TILE_W][TILE_X];
	size_t k = 0;

	tile_clear(sum, n_w, n_x);
	if (n_x == 1) /* the only block over its rows */
		k = t->w_stride < TILE_AHEAD
		            ? all_lines(sum, n_w, dtype, true, rows, t->n)
		            : all_lines(sum, n_w, dtype, false, rows, t->n);
	for (; k + line <= t->n; k += line) {
		tile_prefetch(rows, k * size);
		for (size_t part = 0; part < line; part += 8)
			step(sum, n_w, n_x, dtype, rows, k + part);
	}
	for (; k + 8 <= t->n; k += 8)
		step(sum, n_w, n_x, dtype, rows, k);
	if (k < t->n)
		last_step(sum, n_w, n_x, dtype, rows, k, t->n - k);
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL(tile_f32_avx2, block, DTYPE_F32)
TILE_KERNEL(tile_f16_avx2, block, DTYPE_F16)
TILE_KERNEL(tile_bf16_avx2, block, DTYPE_BF16)
