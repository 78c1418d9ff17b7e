/* The one-level types (blocks of 32) but q4_0 by 8-bit activations.  A step takes
 * four blocks of a row, so that their scales can be had together. */
#include "math/tile.h"

#include <immintrin.h>
#include <string.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"

#define TILE_X 2
#include "math/tile_int8_avx2.h"

#define STEP 128 /* elements */

/* Float b of four in all lanes. */
INLINE __m256 broadcast(__m128 v, int b)
{
	return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(v),
	                                _mm256_set1_epi32(b));
}

/* The part that minima have in the sum. */
INLINE __m128 minima(const struct quant_x *x, size_t k, __m128 m)
{
	__m128i s = _mm_load_si128((const __m128i *)(x->sum + k % 256 / 16));

	s = _mm_madd_epi16(s, _mm_set1_epi16(1));
	return _mm_mul_ps(m, _mm_mul_ps(_mm_load_ps(x->d + k % 256 / 32),
	                                _mm_cvtepi32_ps(s)));
}

/* Row i of the weights: n_x activation rows. */
INLINE void step_row(__m256 sum[TILE_X], int n_x, enum dtype dtype,
                     const char *w, const struct tile_rows *rows, size_t k)
{
	const size_t size = codes_bytes(dtype);
	__m128 d = codes_halves(w, size), scale[TILE_X];

	UNROLL
	for (int j = 0; j < n_x; j++)
		scale[j] =
			_mm_mul_ps(d, _mm_load_ps(tile_x(rows, j, k / 256)->d +
		                                  k % 256 / 32));
	UNROLL
	for (int b = 0; b < 4; b++) {
		__m256i code = codes_legacy(dtype, w + (size_t)b * size);

		UNROLL
		for (int j = 0; j < n_x; j++) {
			__m256i x = _mm256_load_si256(
				(const __m256i *)(tile_x(rows, j, k / 256)->q +
			                          k % 256 + 32 * b));
			__m256 dot =
				codes_signed(dtype)
					? tile_dot_signed(code, x)
					: tile_dot(code, x, codes_bias(dtype));

			sum[j] = _mm256_fmadd_ps(dot, broadcast(scale[j], b),
			                         sum[j]);
		}
	}
	if (!codes_minimum(dtype))
		return;
	UNROLL
	for (int j = 0; j < n_x; j++)
		sum[j] = _mm256_add_ps(
			sum[j], _mm256_zextps128_ps256(
					minima(tile_x(rows, j, k / 256), k,
		                               codes_halves(w + 2, size))));
}

/* The last one to three blocks of each row, followed by blocks of zeros. */
INLINE void last_step(__m256 sum[TILE_W][TILE_X], int n_w, int n_x,
                      enum dtype dtype, const struct tile_rows *rows, size_t k,
                      size_t n)
{
	const size_t size = codes_bytes(dtype);

	for (int i = 0; i < n_w; i++) {
		char w[4 * sizeof(struct quant_q8_0)] = { 0 };

		memcpy(w, rows->w[i] + k / 32 * size, n / 32 * size);
		step_row(sum[i], n_x, dtype, w, rows, k);
	}
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = STEP / 32 * codes_bytes(dtype);
	__m256 sum[TILE_W][TILE_X];
	size_t k = 0, offset = 0;

	tile_clear(sum, n_w, n_x);
	for (; k + STEP <= t->n; k += STEP, offset += bytes) {
		UNROLL
		for (int i = 0; i < n_w; i++) {
			tile_prefetch_part(rows, n_x, (size_t)n_w, offset,
			                   bytes, (size_t)i, (size_t)n_w);
			step_row(sum[i], n_x, dtype, rows->w[i] + offset, rows,
			         k);
		}
	}
	if (k < t->n)
		last_step(sum, n_w, n_x, dtype, rows, k, t->n - k);
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL_OR(tile_int8_q8_0_avx2, block, DTYPE_Q8_0, 2, tile_few_q8_0_avx2)
TILE_KERNEL(tile_int8_q4_1_avx2, block, DTYPE_Q4_1)
TILE_KERNEL(tile_int8_q5_0_avx2, block, DTYPE_Q5_0)
TILE_KERNEL(tile_int8_q5_1_avx2, block, DTYPE_Q5_1)
TILE_KERNEL(tile_int8_iq4_nl_avx2, block, DTYPE_IQ4_NL)
