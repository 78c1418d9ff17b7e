/*
 * q4_0 (blocks of 32 with one scale) by 8-bit activations, a row in every lane
 * (tile_lanes_avx2.h).
 *
 * Four blocks of 18 bytes are 18 dwords.  They are transposed as they lie: the
 * codes of the first and the third block are in three whole dwords and two halves,
 * whose other half is a scale and is masked, and meet activations that begin two
 * bytes earlier: a product reads up to two bytes of struct quant_x on either side
 * of what it multiplies.
 */
#include "math/tile.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_lanes_avx2.h"
#include "math/transpose_avx2.h"

#define BLOCKS 4 /* of a step */
#define STEP   (BLOCKS * QUANT_BLOCK)
#define BYTES  (BLOCKS * (int)sizeof(struct quant_q4_0))
#define DWORDS (BYTES / 4)

/* What the codes' bias of 8 adds to the sum of each block. */
INLINE void find_biases(int32_t to[BLOCKS], const int16_t sum[2 * BLOCKS])
{
	__m128i s = _mm_load_si128((const __m128i *)(const void *)sum);

	s = _mm_madd_epi16(s, _mm_set1_epi16(-8));
	_mm_store_si128((__m128i *)(void *)to, s);
}

/* Dword i of a step of each row at `at`. */
INLINE void load_step(__m256i to[DWORDS], const char *const row[LANES],
                      size_t at)
{
	__m256i last[4];

	UNROLL
	for (int i = 0; i < 4; i++)
		rows_of_4(row, at + 16 * (size_t)i, to + 4 * i);
	rows_of_4(row, at + BYTES - 16, last);
	to[16] = last[2];
	to[17] = last[3];
}

/* The scales of blocks 2 p and 2 p + 1: the lower half of the dword where the
 * first begins, the upper one of that where the second does. */
INLINE void find_scales(__m256 d[2], const __m256i dword[DWORDS], int p)
{
	__m256i low =
		_mm256_blend_epi16(dword[9 * p], _mm256_setzero_si256(), 0xaa);
	__m256i high = _mm256_srli_epi32(dword[9 * p + 4], 16);
	__m256i both =
		_mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);

	d[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(both));
	d[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(both, 1));
}

/* 16-bit sums of block b, by the activations at x.  Eight products of pairs,
 * 2 * 15 * 127 each, fit. */
INLINE __m256i find_dots(const __m256i dword[DWORDS], int b, const char *x)
{
	const int begin = b * (int)sizeof(struct quant_q4_0) + 2;
	__m256i sum = _mm256_setzero_si256();

	UNROLL
	for (int i = begin / 4; 4 * i < begin + 16; i++) {
		const int from = 4 * i - begin; /* the element of byte 0 */
		const __m256i mask =
			_mm256_set1_epi32(from < 0    ? 0x0f0f0000
		                          : from > 12 ? 0x00000f0f
		                                      : 0x0f0f0f0f);
		__m256i low = _mm256_and_si256(dword[i], mask);
		__m256i high =
			_mm256_and_si256(_mm256_srli_epi16(dword[i], 4), mask);

		sum = lanes_add_dot(sum, low, x + from);
		sum = lanes_add_dot(sum, high, x + 16 + from);
	}
	return sum;
}

/* Adds block b of the step; i: which block of x it meets. */
INLINE void add_block(__m256 *sum, const __m256i dword[DWORDS], int b, __m256 d,
                      const struct quant_x *x, size_t i, int32_t bias)
{
	const char *codes = (const char *)x + offsetof(struct quant_x, q);
	__m256i dot = find_dots(dword, b, codes + QUANT_BLOCK * i);

	dot = _mm256_madd_epi16(dot, _mm256_set1_epi16(1));
	dot = _mm256_add_epi32(dot, _mm256_set1_epi32(bias));
	*sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot),
	                       _mm256_mul_ps(d, lanes_broadcast(&x->d[i])),
	                       *sum);
}

/* Elements [k, k + STEP), which begin at `at` of each row. */
INLINE void step(__m256 sum[TILE_X], int n_x, const struct tile_rows *rows,
                 size_t k, size_t at)
{
	const size_t first = k % QUANT_SUPER / QUANT_BLOCK;
	_Alignas(16) int32_t bias[TILE_X][BLOCKS];
	__m256i dword[DWORDS];
	__m256 d[BLOCKS];

	load_step(dword, rows->w, at);
	find_scales(d, dword, 0);
	find_scales(d + 2, dword, 1);
	UNROLL
	for (int j = 0; j < n_x; j++)
		find_biases(bias[j],
		            tile_x(rows, j, k / QUANT_SUPER)->sum + 2 * first);
	UNROLL
	for (int b = 0; b < BLOCKS; b++) {
		UNROLL
		for (int i = 2 * b; i < 2 * b + 2; i++)
			tile_prefetch_part(rows, LANES, at, BYTES, (size_t)i);
		UNROLL
		for (int j = 0; j < n_x; j++)
			add_block(&sum[j], dword, b, d[b],
			          tile_x(rows, j, k / QUANT_SUPER),
			          first + (size_t)b, bias[j][b]);
	}
}

/* The last one to three blocks of each row, followed by blocks of zeros. */
INLINE void last_step(__m256 sum[TILE_X], int n_x, const struct tile_rows *rows,
                      size_t k, size_t at, size_t n)
{
	char w[LANES][BYTES] = { { 0 } };
	struct tile_rows tail = { .x = rows->x, .x_stride = rows->x_stride };

	for (int i = 0; i < LANES; i++) {
		memcpy(w[i], rows->w[i] + at,
		       n / QUANT_BLOCK * sizeof(struct quant_q4_0));
		tail.w[i] = w[i];
	}
	step(sum, n_x, &tail, k, 0);
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	__m256 sum[TILE_X];
	size_t k = 0, at = 0;

	(void)n_w;
	(void)dtype;
	lanes_clear(sum, n_x);
	for (; k + STEP <= t->n; k += STEP, at += BYTES)
		step(sum, n_x, rows, k, at);
	if (k < t->n)
		last_step(sum, n_x, rows, k, at, t->n - k);
	lanes_store(sum, n_x, t, rows);
}

TILE_KERNEL(tile_int8_q4_0_avx2, block, DTYPE_Q4_0)
