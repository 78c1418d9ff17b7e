/* q6_k by one row of 8-bit activations: eight vectors of 32 codes, in the order of the
 * elements, a row at a time: to transpose its bits of four rows takes longer than
 * tile_k_avx2.c's way saves. */
#include "math/tile.h"

#include <immintrin.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"

#define TILE_X 1
#include "math/tile_int8_avx2.h"

/* Scales are multiplied as the upper bytes of 16-bit integers. */
#define SCALE_UNIT 256

/* A super-block of activations: by what the scales of its 16 sub-blocks are
 * multiplied for what the codes' bias of 32 adds. */
struct biases {
	__m256 of[TILE_X][2];
};

INLINE void find_biases(struct biases *to, int j, const struct quant_x *x)
{
	const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
	__m256 d = _mm256_mul_ps(_mm256_load_ps(x->d),
	                         _mm256_set1_ps(-32 * SCALE_UNIT));

	for (int h = 0; h < 2; h++) {
		__m256i at = _mm256_add_epi32(twice, _mm256_set1_epi32(4 * h));
		__m128i sums =
			_mm_load_si128((const __m128i *)(x->sum + 8 * h));

		to->of[j][h] =
			_mm256_mul_ps(_mm256_permutevar8x32_ps(d, at),
		                      _mm256_cvtepi32_ps(
					      _mm256_cvtepi16_epi32(sums)));
	}
}

/* Eight scales as float. */
INLINE __m256 scales_at(const int8_t *at)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(
		_mm_loadl_epi64((const __m128i *)(const void *)at)));
}

/* Of 16 scales in each half of a vector those of vector v, as the upper bytes of
 * words: 2 v in the lower half, 2 v + 1 in the upper one. */
INLINE __m256i scales_of(__m256i scales, int v)
{
	const short low = (short)(v << 9 | 0x80), high = (short)(low + 0x100);

	return _mm256_shuffle_epi8(scales,
	                           _mm256_set_m128i(_mm_set1_epi16(high),
	                                            _mm_set1_epi16(low)));
}

/* Super-block k of one weight row, i of n_w, by n_x activation rows.  Two sums, lest
 * one multiply-add wait for the other. */
INLINE void step_row(__m256 sum[TILE_X], int i, int n_w, int n_x, const char *w,
                     const struct tile_rows *rows, size_t k,
                     const struct biases *biases)
{
	const struct quant_q6_k *b = (const struct quant_q6_k *)w;
	__m256i scales = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)b->scales));
	__m256 low = scales_at(b->scales), high = scales_at(b->scales + 8);
	__m256 d = codes_half(b->d), part[TILE_X][2];

	d = _mm256_mul_ps(d, _mm256_set1_ps(1.0f / SCALE_UNIT));
	UNROLL
	for (int j = 0; j < n_x; j++) {
		part[j][0] = _mm256_mul_ps(low, biases->of[j][0]);
		part[j][1] = _mm256_mul_ps(high, biases->of[j][1]);
	}
	UNROLL
	for (int v = 0; v < 8; v++) {
		__m256i code = codes_k(DTYPE_Q6_K, w, v);
		__m256i by = scales_of(scales, v);

		tile_prefetch_part(rows, n_x, (size_t)n_w, k * sizeof *b,
		                   sizeof *b, (size_t)(8 * i + v),
		                   8 * (size_t)n_w);
		UNROLL
		for (int j = 0; j < n_x; j++) {
			const struct quant_x *x = tile_x(rows, j, k);
			__m256i dot = _mm256_maddubs_epi16(
				code, _mm256_load_si256((
					      const __m256i *)(x->q + 32 * v)));

			part[j][v % 2] = _mm256_fmadd_ps(
				_mm256_cvtepi32_ps(_mm256_madd_epi16(dot, by)),
				_mm256_broadcast_ss(&x->d[v]), part[j][v % 2]);
		}
	}
	UNROLL
	for (int j = 0; j < n_x; j++)
		sum[j] = _mm256_fmadd_ps(_mm256_add_ps(part[j][0], part[j][1]),
		                         d, sum[j]);
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = codes_bytes(dtype);
	__m256 sum[TILE_W][TILE_X];

	tile_clear(sum, n_w, n_x);
	for (size_t k = 0; k < t->n / QUANT_SUPER; k++) {
		struct biases biases;

		UNROLL
		for (int j = 0; j < n_x; j++)
			find_biases(&biases, j, tile_x(rows, j, k));
		UNROLL
		for (int i = 0; i < n_w; i++) {
			step_row(sum[i], i, n_w, n_x, rows->w[i] + k * bytes,
			         rows, k, &biases);
		}
	}
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL_OR(tile_int8_q6_k_avx2, block, DTYPE_Q6_K, 2, tile_few_q6_k_avx2)
