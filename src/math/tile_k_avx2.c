/* The super-blocks (256 elements in sub-blocks with scales of their own) by
 * 8-bit activations: eight vectors of 32 codes, in the order of the elements. */
#include "math/tile.h"

#include <immintrin.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_int8_avx2.h"

/* By the scales of x.  In b for q4_k and q5_k: what the minima take off. */
INLINE struct codes_scales scale_by(enum dtype dtype, struct codes_scales w,
                                    const struct quant_x *x)
{
	__m256 d = _mm256_load_ps(x->d);
	__m256i s;

	if (dtype == DTYPE_Q6_K) {
		const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
		const __m256i four = _mm256_set1_epi32(4);

		w.a = _mm256_mul_ps(w.a, _mm256_permutevar8x32_ps(d, twice));
		w.b = _mm256_mul_ps(w.b,
		                    _mm256_permutevar8x32_ps(
					    d, _mm256_add_epi32(twice, four)));
		return w;
	}
	s = _mm256_madd_epi16(_mm256_load_si256((const __m256i *)x->sum),
	                      _mm256_set1_epi16(1));
	w.a = _mm256_mul_ps(w.a, d);
	w.b = _mm256_mul_ps(w.b, _mm256_mul_ps(d, _mm256_cvtepi32_ps(s)));
	return w;
}

/* Vector v's factors. */
INLINE __m256 factor(enum dtype dtype, const struct codes_scales *scales, int v)
{
	if (dtype == DTYPE_Q6_K) {
		__m256i at = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);

		at = _mm256_add_epi32(at, _mm256_set1_epi32(v % 4 * 2));
		return _mm256_permutevar8x32_ps(v < 4 ? scales->a : scales->b,
		                                at);
	}
	return _mm256_permutevar8x32_ps(scales->a, _mm256_set1_epi32(v));
}

INLINE const struct quant_x *place(const struct tile_rows *rows, int j,
                                   size_t k)
{
	return (const struct quant_x *)(rows->x + (size_t)j * rows->x_stride) +
	       k;
}

/* Super-block k of one weight row by n_x activation rows. */
INLINE void step_row(__m256 sum[TILE_X], int n_x, enum dtype dtype,
                     const char *w, const struct tile_rows *rows, size_t k)
{
	struct codes_scales own =
		dtype == DTYPE_Q6_K ? codes_scales_q6_k(w) : codes_scales_k(w);
	struct codes_scales scales[TILE_X];

	UNROLL
	for (int j = 0; j < n_x; j++) {
		scales[j] = scale_by(dtype, own, place(rows, j, k));
		if (dtype != DTYPE_Q6_K)
			sum[j] = _mm256_sub_ps(sum[j], scales[j].b);
	}
	UNROLL
	for (int v = 0; v < 8; v++) {
		__m256i code = codes_k(dtype, w, v);

		UNROLL
		for (int j = 0; j < n_x; j++) {
			__m256i x = _mm256_load_si256(
				(const __m256i *)(place(rows, j, k)->q +
			                          32 * v));

			sum[j] = _mm256_fmadd_ps(tile_dot(code, x,
			                                  codes_bias(dtype)),
			                         factor(dtype, &scales[j], v),
			                         sum[j]);
		}
	}
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = codes_bytes(dtype);
	__m256 sum[TILE_W][TILE_X];

	tile_clear(sum, n_w, n_x);
	for (size_t k = 0; k < t->n / QUANT_SUPER; k++) {
		tile_prefetch_run(rows, (size_t)n_w, k * bytes, bytes);
		UNROLL
		for (int i = 0; i < n_w; i++)
			step_row(sum[i], n_x, dtype, rows->w[i] + k * bytes,
			         rows, k);
	}
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL(tile_int8_q4_k_avx2, block, DTYPE_Q4_K)
TILE_KERNEL(tile_int8_q5_k_avx2, block, DTYPE_Q5_K)
TILE_KERNEL(tile_int8_q6_k_avx2, block, DTYPE_Q6_K)
