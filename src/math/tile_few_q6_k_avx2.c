/* q6_k (256 elements in sub-blocks of 16 with scales of their own) by a few rows of
 * 8-bit activations (tile_few_avx2.h); scales multiply as integers. */
#include "math/tile.h"

#include <immintrin.h>
#include <stddef.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_few_avx2.h"

#define BYTES sizeof(struct quant_q6_k)

/* Half a super-block, quad by quad, in memory: there are no registers for it. */
struct half {
	__m256i low[2][QUADS], high[QUADS];
};

INLINE void put_half(struct half *to, const struct tile_rows *rows, size_t at,
                     size_t h)
{
	const size_t ql = at + offsetof(struct quant_q6_k, ql) + 64 * h;

	few_quads(to->low[0], rows, ql);
	few_quads(to->low[1], rows, ql + 32);
	few_quads(to->high, rows,
	          at + offsetof(struct quant_q6_k, qh) + 32 * h);
}

/* Quad j of the 32 elements v of that half. */
INLINE __m256i code_of(const struct half *half, int v, int j)
{
	__m256i low = codes_shift(half->low[v % 2][j], v / 2 * -4);
	__m256i high = codes_shift(half->high[j], 4 - 2 * v);

	return _mm256_or_si256(codes_only(low, 15), codes_only(high, 48));
}

/* dot[r] += the products of quads 4 s to 4 s + 3, times their scale.  Two quads fit
 * 16 bits. */
INLINE void add_scale(__m256i dot[TILE_X], int n_x, const struct half *half,
                      int v, int s, __m256i scale, const struct tile_rows *rows,
                      size_t k, int b)
{
	UNROLL
	for (int j = 4 * s; j < 4 * s + 4; j += 2) {
		__m256i w0 = code_of(half, v, j), w1 = code_of(half, v, j + 1);

		UNROLL
		for (int r = 0; r < n_x; r++) {
			const struct quant_x *x = tile_x(rows, r, k);
			__m256i pairs = few_pairs(w0, j, w1, j + 1, x, b);

			dot[r] = _mm256_add_epi32(dot[r],
			                          _mm256_madd_epi16(pairs,
			                                            scale));
			KEEP(dot[r]);
		}
	}
}

/* Adds the 32 elements v of half h of super-block k.  Codes have a bias of 32, which
 * is taken off with the sums of the activations. */
INLINE void add_32(__m256 part[TILE_X], int n_x, const struct half *half, int h,
                   int v, __m256i scales, const struct tile_rows *rows,
                   size_t k)
{
	const int b = 4 * h + v, first = v % 2 * 2; /* byte */
	__m256i bias = signed_bytes(scales, first, first + 1, 5);
	__m256i dot[TILE_X];

	UNROLL
	for (int r = 0; r < n_x; r++) {
		int32_t sums;

		memcpy(&sums, tile_x(rows, r, k)->sum + 2 * b, sizeof sums);
		dot[r] = _mm256_sub_epi32(
			_mm256_setzero_si256(),
			_mm256_madd_epi16(_mm256_set1_epi32(sums), bias));
	}
	UNROLL
	for (int s = 0; s < 2; s++)
		add_scale(dot, n_x, half, v, s,
		          signed_bytes(scales, first + s, first + s, 0), rows,
		          k, b);
	UNROLL
	for (int r = 0; r < n_x; r++)
		part[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[r]),
		                          lanes_broadcast(
						  &tile_x(rows, r, k)->d[b]),
		                          part[r]);
}

INLINE void add_super(__m256 sum[TILE_X], int n_x, const struct tile_rows *rows,
                      size_t k)
{
	const size_t at = k * BYTES;
	__m256 d = rows_of_half(rows->w, at + offsetof(struct quant_q6_k, d));
	__m256 part[TILE_X];
	__m256i scales[4];

	rows_of_4(rows->w, at + offsetof(struct quant_q6_k, scales), scales);
	lanes_clear(part, n_x);
	for (int h = 0; h < 2; h++) {
		struct half half;

		put_half(&half, rows, at, (size_t)h);
		UNROLL
		for (int v = 0; v < 4; v++) {
			few_ask(rows, at, BYTES, (size_t)(4 * h + v));
			add_32(part, n_x, &half, h, v, scales[2 * h + v / 2],
			       rows, k);
		}
	}
	UNROLL
	for (int r = 0; r < n_x; r++)
		sum[r] = _mm256_fmadd_ps(d, part[r], sum[r]);
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	__m256 sum[TILE_X];

	(void)n_w;
	(void)dtype;
	lanes_clear(sum, n_x);
	for (size_t k = 0; k < t->n / QUANT_SUPER; k++)
		add_super(sum, n_x, rows, k);
	lanes_store(sum, n_x, t, rows);
}

TILE_KERNEL(tile_few_q6_k_avx2, block, DTYPE_Q6_K)
