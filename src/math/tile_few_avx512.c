/*
 * A few rows of 8-bit activations by AVX-512: a row of weights in every lane
 *
 * Codes are transposed, so that a vector has four of each of 16 rows, a quad: that is
 * done once for up to eight rows of activations, which then take no more than a broadcast
 * quad and one vpdpbusd for each.
 */
#include "math/tile.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/codes_avx2.h"
#include "math/k_scales_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/quant_x_at.h"
#include "math/tensor.h"
#include "math/transpose_avx512.h"

#define LANES  16
#define TILE_W LANES
#define TILE_X 8
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(16, 1, b, d) \
	TILE_BLOCK(16, 2, b, d) \
	TILE_BLOCK(16, 3, b, d) \
	TILE_BLOCK(16, 4, b, d) \
	TILE_BLOCK(16, 5, b, d) \
	TILE_BLOCK(16, 6, b, d) \
	TILE_BLOCK(16, 7, b, d) \
	TILE_BLOCK(16, 8, b, d)

#include "math/tile_walk.h"

#define QUADS  8 /* of a block */
#define BLOCKS 8 /* of a step: a quant_x */

INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	(void)t;
	(void)dtype;
	return LANES;
}

/* Part i of 8 of what is read next in the place of `bytes` from offset `at` of each
 * row; see tile_prefetch_part(). */
INLINE void ask(const struct tile_rows *rows, size_t at, size_t bytes, size_t i)
{
	const size_t part = LANES * bytes / 8;
	const char *run = rows->w[0] + rows->run + LANES * at + part * i;

	if (2 * i < rows->ahead_begin || 2 * i >= rows->ahead_end)
		return;
	UNROLL
	for (size_t l = 0; l < (part + 63) / 64; l++)
		ask_for_soon(run + 64 * l);
}

/* Block b of step k of the activations. */
INLINE struct at block_of(const struct tile_rows *rows, size_t k, int b)
{
	return (struct at){ rows->x + k * sizeof(struct quant_x),
		            rows->x_stride, (size_t)b };
}

/* ---- products ---- */

INLINE __m512i only(__m512i v, int mask)
{
	return _mm512_and_si512(v, _mm512_set1_epi8((char)mask));
}

INLINE __m512i down(__m512i v, int bits)
{
	return _mm512_srli_epi16(v, (unsigned)bits);
}

INLINE __m512i up(__m512i v, int bits)
{
	return _mm512_slli_epi16(v, (unsigned)bits);
}

/* What an offset of the codes of scale `part` of n_parts adds. */
INLINE void find_offsets(__m512i dot[TILE_X], int n_x, int n_parts, int part,
                         int offset, struct at x)
{
	const __m512i by =
		_mm512_set1_epi32(sum_factors(n_parts, part, -offset));

	UNROLL
	for (int r = 0; r < n_x; r++)
		dot[r] = offset ? _mm512_madd_epi16(_mm512_set1_epi32(
							    sums_at(x, r)),
		                                    by)
		                : _mm512_setzero_si512();
}

INLINE void add_quad(__m512i dot[TILE_X], int n_x, __m512i codes, int j,
                     struct at x)
{
	UNROLL
	for (int r = 0; r < n_x; r++)
		dot[r] = _mm512_dpbusd_epi32(dot[r], codes,
		                             _mm512_set1_epi32(
						     quad_at(x, r, j)));
}

INLINE void add_scaled(__m512 sum[TILE_X], int n_x, const __m512i dot[TILE_X],
                       __m512 scale, struct at x)
{
	UNROLL
	for (int r = 0; r < n_x; r++)
		sum[r] = _mm512_fmadd_ps(
			_mm512_cvtepi32_ps(dot[r]),
			_mm512_mul_ps(scale, _mm512_set1_ps(scale_at(x, r))),
			sum[r]);
}

/* ---- q8_0 and q4_0 ---- */

INLINE void add_legacy_block(__m512 sum[TILE_X], int n_x, enum dtype dtype,
                             const struct tile_rows *rows, size_t at,
                             struct at x)
{
	__m512i dot[TILE_X], v[QUADS];

	find_offsets(dot, n_x, 1, 0, dtype == DTYPE_Q8_0 ? 128 : 8, x);
	if (dtype == DTYPE_Q8_0) {
		rows16_of_8(rows->w, at + 2, v);
		UNROLL
		for (int j = 0; j < QUADS; j++)
			add_quad(dot, n_x,
			         _mm512_xor_si512(v[j], _mm512_set1_epi8(-128)),
			         j, x);
	} else {
		rows16_of_4(rows->w, at + 2, v);
		UNROLL
		for (int j = 0; j < QUADS; j++)
			add_quad(dot, n_x,
			         only(j < 4 ? v[j] : down(v[j - 4], 4), 15), j,
			         x);
	}
	add_scaled(sum, n_x, dot, rows16_of_half(rows->w, at), x);
}

INLINE void add_legacy_step(__m512 sum[TILE_X], int n_x, enum dtype dtype,
                            const struct tile_rows *rows, size_t k,
                            size_t blocks)
{
	const size_t bytes = codes_bytes(dtype), at = k * BLOCKS * bytes;

	for (size_t b = 0; b < blocks; b++) {
		ask(rows, at, BLOCKS * bytes, b);
		add_legacy_block(sum, n_x, dtype, rows, at + b * bytes,
		                 block_of(rows, k, (int)b));
	}
}

/* ---- q4_k and q5_k ---- */

/* Byte b of each dword, unsigned or signed, as float. */
INLINE __m512 byte_of(__m512i v, int b)
{
	return _mm512_cvtepi32_ps(
		_mm512_and_si512(_mm512_srli_epi32(v, (unsigned)(8 * b)),
	                         _mm512_set1_epi32(255)));
}

INLINE __m512 signed_byte_of(__m512i v, int b)
{
	return _mm512_cvtepi32_ps(
		_mm512_srai_epi32(_mm512_slli_epi32(v, (unsigned)(24 - 8 * b)),
	                          24));
}

/* Scales of the sub-blocks; takes off what the minima do.  See quant_scale_min(). */
INLINE void find_scales(__m512 scale[8], __m512 sum[TILE_X], int n_x,
                        const struct tile_rows *rows, size_t at, size_t k)
{
	_Alignas(32) float x_sums[TILE_X][8];
	__m512i head[4], sc[2], mn[2];
	__m512 d, dmin, less[TILE_X];

	rows16_of_4(rows->w, at, head);
	d = lower_halves(head[0]);
	dmin = lower_halves(_mm512_srli_epi32(head[0], 16));
	sc[0] = only(head[1], 63);
	mn[0] = only(head[2], 63);
	sc[1] = _mm512_or_si512(only(head[3], 15),
	                        down(only(head[1], 0xc0), 2));
	mn[1] = _mm512_or_si512(only(down(head[3], 4), 15),
	                        down(only(head[2], 0xc0), 2));
	UNROLL
	for (int r = 0; r < n_x; r++) {
		_mm256_store_ps(x_sums[r], k_scaled_sums(tile_x(rows, r, k)));
		less[r] = _mm512_setzero_ps();
	}
	UNROLL
	for (int v = 0; v < 8; v++) {
		__m512 min = byte_of(mn[v / 4], v % 4);

		scale[v] = _mm512_mul_ps(d, byte_of(sc[v / 4], v % 4));
		UNROLL
		for (int r = 0; r < n_x; r++)
			less[r] = _mm512_fmadd_ps(min,
			                          _mm512_set1_ps(x_sums[r][v]),
			                          less[r]);
	}
	UNROLL
	for (int r = 0; r < n_x; r++)
		sum[r] = _mm512_fnmadd_ps(dmin, less[r], sum[r]);
}

INLINE void add_k_step(__m512 sum[TILE_X], int n_x, enum dtype dtype,
                       const struct tile_rows *rows, size_t k)
{
	const size_t bytes = codes_bytes(dtype), at = k * bytes;
	const size_t qs = at + (dtype == DTYPE_Q5_K ? 48 : 16);
	__m512i both[QUADS], fifth[QUADS];
	__m512 scale[8];

	find_scales(scale, sum, n_x, rows, at, k);
	if (dtype == DTYPE_Q5_K)
		rows16_of_8(rows->w, at + 16, fifth);
	for (int p = 0; p < 4; p++) {
		rows16_of_8(rows->w, qs + 32 * (size_t)p, both);
		UNROLL
		for (int h = 0; h < 2; h++) {
			const int v = 2 * p + h;
			const __m128i bit = _mm_cvtsi32_si128(v);
			struct at x = block_of(rows, k, v);
			__m512i dot[TILE_X];

			ask(rows, at, bytes, (size_t)v);
			find_offsets(dot, n_x, 1, 0, 0, x);
			UNROLL
			for (int j = 0; j < QUADS; j++) {
				__m512i code = only(down(both[j], 4 * h), 15);

				if (dtype == DTYPE_Q5_K)
					code = _mm512_or_si512(
						code,
						up(only(_mm512_srl_epi16(
								fifth[j], bit),
					                1),
					           4));
				add_quad(dot, n_x, code, j, x);
			}
			add_scaled(sum, n_x, dot, scale[v], x);
		}
	}
}

/* ---- q6_k ---- */

/* Half h of super-block k. */
INLINE void add_q6_k_half(__m512 sum[TILE_X], int n_x,
                          const struct tile_rows *rows, size_t k, int h,
                          const __m512i scales[2], __m512 d)
{
	const size_t bytes = sizeof(struct quant_q6_k), at = k * bytes;
	const size_t ql = at + offsetof(struct quant_q6_k, ql) + 64 * (size_t)h;
	const size_t qh = at + offsetof(struct quant_q6_k, qh) + 32 * (size_t)h;
	__m512i low[2][QUADS], high[QUADS];

	rows16_of_8(rows->w, ql, low[0]);
	rows16_of_8(rows->w, ql + 32, low[1]);
	rows16_of_8(rows->w, qh, high);
	UNROLL
	for (int v = 0; v < 4; v++) {
		struct at x = block_of(rows, k, 4 * h + v);

		ask(rows, at, bytes, (size_t)(4 * h + v));
		UNROLL
		for (int s = 0; s < 2; s++) {
			__m512i dot[TILE_X];

			find_offsets(dot, n_x, 2, s, 32, x);
			UNROLL
			for (int j = 4 * s; j < 4 * s + 4; j++) {
				__m512i two = v < 2 ? up(high[j], 4 - 2 * v)
				                    : down(high[j], 2 * v - 4);

				add_quad(
					dot, n_x,
					_mm512_or_si512(only(down(low[v % 2][j],
				                                  v / 2 * 4),
				                             15),
				                        only(two, 48)),
					j, x);
			}
			add_scaled(sum, n_x, dot,
			           _mm512_mul_ps(d,
			                         signed_byte_of(scales[v / 2],
			                                        v % 2 * 2 + s)),
			           x);
		}
	}
}

INLINE void add_q6_k_step(__m512 sum[TILE_X], int n_x,
                          const struct tile_rows *rows, size_t k)
{
	const size_t at = k * sizeof(struct quant_q6_k);
	__m512 d = rows16_of_half(rows->w, at + offsetof(struct quant_q6_k, d));
	__m512i scales[4];

	rows16_of_4(rows->w, at + offsetof(struct quant_q6_k, scales), scales);
	for (int h = 0; h < 2; h++)
		add_q6_k_half(sum, n_x, rows, k, h, scales + 2 * h, d);
}

/* ---- a register block ---- */

INLINE void store(const __m512 sum[TILE_X], int n_x, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t n = rows->n_w < LANES ? rows->n_w : LANES;
	const __mmask16 edge = (__mmask16)((1u << n) - 1);

	UNROLL
	for (int r = 0; r < n_x; r++) {
		float *y = rows->y + (size_t)r * t->y_stride;
		__m512 s = sum[r];

		if (t->add)
			s = _mm512_add_ps(s, _mm512_maskz_loadu_ps(edge, y));
		_mm512_mask_storeu_ps(y, edge, s);
	}
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t blocks = t->n / QUANT_BLOCK;
	__m512 sum[TILE_X];

	(void)n_w;
	UNROLL
	for (int r = 0; r < n_x; r++)
		sum[r] = _mm512_setzero_ps();
	for (size_t k = 0; k * BLOCKS < blocks; k++) {
		const size_t left = blocks - k * BLOCKS;

		if (dtype == DTYPE_Q6_K)
			add_q6_k_step(sum, n_x, rows, k);
		else if (dtype == DTYPE_Q4_K || dtype == DTYPE_Q5_K)
			add_k_step(sum, n_x, dtype, rows, k);
		else
			add_legacy_step(sum, n_x, dtype, rows, k,
			                left < BLOCKS ? left : BLOCKS);
	}
	store(sum, n_x, t, rows);
}

TILE_KERNEL(tile_few_q8_0_avx512, block, DTYPE_Q8_0)
TILE_KERNEL(tile_few_q4_0_avx512, block, DTYPE_Q4_0)
TILE_KERNEL(tile_few_q4_k_avx512, block, DTYPE_Q4_K)
TILE_KERNEL(tile_few_q5_k_avx512, block, DTYPE_Q5_K)
TILE_KERNEL(tile_few_q6_k_avx512, block, DTYPE_Q6_K)
