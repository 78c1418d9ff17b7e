/*
 * The super-blocks (256 elements in sub-blocks with scales of their own) by
 * 8-bit activations, with VNNI.
 *
 * A super-block becomes four vectors of 64 unsigned codes, as they come out of
 * memory: in q6_k elements 64 v to 64 v + 63; in q4_k and q5_k, where the two
 * nibbles of a byte are 32 elements apart, sub-blocks of 32 in the order 0 2,
 * 1 3, 4 6, 5 7.  vpdpbusd leaves the sums of four products in 16 lanes.  They
 * need one scale per sub-block: 16 or 8 for each super-block are computed in
 * one vector, of which each of the four takes its part by a permutation.
 */
#include "math/tile.h"

#include <immintrin.h>
#include <string.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_int8_avx512.h"

/* Rows from which on tile_few_avx512.c is faster. */
INLINE size_t few_from(enum dtype dtype)
{
	return asks_near() && dtype != DTYPE_Q6_K ? 2 : 3;
}

/* Those of a super-block: sum of scale(b) (q . x) over its sub-blocks, and
 * what is subtracted. */
struct weights {
	__m512i code[4];
	__m512 scale; /* by which lane is which sub-block: see lane_of() */
};

INLINE __m512 half(uint16_t h)
{
	return _mm512_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

/* Scales and minima of a q4_k or q5_k.  In lanes: sc(0..3), mn(0..3), sc(4..7),
 * mn(4..7), times d and dmin. */
INLINE __m512 scales_k(const char *w)
{
	const __m512i which = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0,
	                                        0, 1, 1, 1, 1);
	uint32_t d;
	__m512 factor, scale;

	memcpy(&d, w, 4); /* and dmin */
	factor =
		_mm512_castps128_ps512(_mm_cvtph_ps(_mm_cvtsi32_si128((int)d)));
	factor = _mm512_permutexvar_ps(which, factor);
	scale = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(codes_sc_mn(w)));
	return _mm512_mul_ps(scale, factor);
}

INLINE __m512i load(const char *at)
{
	return _mm512_loadu_si512(at);
}

/* 32 bytes twice. */
INLINE __m512i load_twice(const char *at)
{
	return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)at));
}

/* a in the lower half of the vector, b in the upper, for each 16 bits. */
INLINE __m512i counts(short a, short b)
{
	return _mm512_inserti64x4(_mm512_set1_epi16(a), _mm256_set1_epi16(b),
	                          1);
}

/* a | (b & mask) */
INLINE __m512i join(__m512i a, __m512i b, __m512i mask)
{
	return _mm512_ternarylogic_epi32(a, b, mask, 0xf8);
}

INLINE struct weights load_k(enum dtype dtype, const char *w)
{
	const __m512i low = _mm512_set1_epi8(15);
	const __m512i fifth = _mm512_set1_epi8(16);
	const char *qs = w + (dtype == DTYPE_Q4_K ? 16 : 48);
	struct weights to;
	__m512i high;

	UNROLL
	for (int p = 0; p < 2; p++) {
		__m512i v = load(qs + 64 * p);

		to.code[2 * p] = _mm512_and_si512(v, low);
		to.code[2 * p + 1] =
			_mm512_and_si512(_mm512_srli_epi16(v, 4), low);
	}
	to.scale = scales_k(w);
	if (dtype == DTYPE_Q4_K)
		return to;
	high = load_twice(w + 16);
	to.code[0] =
		join(to.code[0], _mm512_sllv_epi16(high, counts(4, 2)), fifth);
	to.code[1] =
		join(to.code[1], _mm512_sllv_epi16(high, counts(3, 1)), fifth);
	to.code[2] =
		join(to.code[2], _mm512_srlv_epi16(high, counts(0, 2)), fifth);
	to.code[3] =
		join(to.code[3], _mm512_srlv_epi16(high, counts(1, 3)), fifth);
	return to;
}

INLINE struct weights load_q6_k(const char *w)
{
	const struct quant_q6_k *b = (const struct quant_q6_k *)w;
	const __m512i low = _mm512_set1_epi8(15), two = _mm512_set1_epi8(48);
	struct weights to;

	UNROLL
	for (int h = 0; h < 2; h++) {
		__m512i v = load((const char *)b->ql + 64 * h);
		__m512i high = load_twice((const char *)b->qh + 32 * h);

		to.code[2 * h] =
			join(_mm512_and_si512(v, low),
		             _mm512_sllv_epi16(high, counts(4, 2)), two);
		to.code[2 * h + 1] =
			join(_mm512_and_si512(_mm512_srli_epi16(v, 4), low),
		             _mm512_srlv_epi16(high, counts(0, 2)), two);
	}
	to.scale = _mm512_mul_ps(_mm512_cvtepi32_ps(
					 _mm512_cvtepi8_epi32(_mm_loadu_si128(
						 (const __m128i *)b->scales))),
	                         half(b->d));
	return to;
}

INLINE struct weights load_w(enum dtype dtype, const char *w)
{
	return dtype == DTYPE_Q6_K ? load_q6_k(w) : load_k(dtype, w);
}

/* Where in weights.scale the lanes of vector v find theirs. */
INLINE __m512i lane_of(enum dtype dtype, int v)
{
	int b = v / 2 * 8 + v % 2;

	if (dtype == DTYPE_Q6_K)
		return _mm512_add_epi32(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1,
		                                          1, 2, 2, 2, 2, 3, 3,
		                                          3, 3),
		                        _mm512_set1_epi32(4 * v));
	return _mm512_inserti64x4(_mm512_set1_epi32(b),
	                          _mm256_set1_epi32(b + 2), 1);
}

struct activations {
	__m512i q[4];
	__m512i start[4]; /* q6_k: -32 times their sums */
	__m512 scale; /* as in struct weights; for minima, -d times the sum */
};

INLINE void load_x_q6_k(struct activations *to, const struct quant_x *x)
{
	const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5,
	                                        5, 6, 6, 7, 7);
	const __m512i bias = _mm512_set1_epi8(32);
	__m512i zero = _mm512_setzero_si512();

	UNROLL
	for (int v = 0; v < 4; v++) {
		to->q[v] = _mm512_load_si512(x->q + 64 * v);
		to->start[v] =
			_mm512_sub_epi32(zero, _mm512_dpbusd_epi32(zero, bias,
		                                                   to->q[v]));
	}
	to->scale = _mm512_permutexvar_ps(twice, _mm512_castps256_ps512(
							 _mm256_load_ps(x->d)));
}

INLINE void load_x_k(struct activations *to, const struct quant_x *x)
{
	const __m512i order = _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11, 4, 5,
	                                        6, 7, 12, 13, 14, 15);
	__m256 d = _mm256_load_ps(x->d), sum;
	__m256i s = _mm256_load_si256((const __m256i *)x->sum);

	s = _mm256_madd_epi16(s, _mm256_set1_epi16(-1));
	sum = _mm256_mul_ps(d, _mm256_cvtepi32_ps(s));
	to->scale = _mm512_permutexvar_ps(
		order, _mm512_insertf32x8(_mm512_castps256_ps512(d), sum, 1));
	UNROLL
	for (int p = 0; p < 2; p++) {
		__m512i a = _mm512_load_si512(x->q + 128 * p);
		__m512i b = _mm512_load_si512(x->q + 128 * p + 64);

		to->q[2 * p] = _mm512_shuffle_i32x4(a, b, 0x44);
		to->q[2 * p + 1] = _mm512_shuffle_i32x4(a, b, 0xee);
		to->start[2 * p] = _mm512_setzero_si512();
		to->start[2 * p + 1] = _mm512_setzero_si512();
	}
}

INLINE __m512 multiply(enum dtype dtype, const struct weights *w,
                       const struct activations *x, __m512 sum)
{
	__m512 scale = _mm512_mul_ps(w->scale, x->scale);

	UNROLL
	for (int v = 0; v < 4; v++) {
		__m512i dot =
			_mm512_dpbusd_epi32(x->start[v], w->code[v], x->q[v]);

		sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot),
		                      _mm512_permutexvar_ps(lane_of(dtype, v),
		                                            scale),
		                      sum);
	}
	if (dtype != DTYPE_Q6_K) /* the minima */
		sum = _mm512_mask_add_ps(sum, 0xf0f0, sum, scale);
	return sum;
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = codes_bytes(dtype);
	__m512 sum[TILE_W][TILE_X];
	struct activations x[TILE_X];

	tile_clear(sum, n_w, n_x);
	for (size_t k = 0; k < t->n / QUANT_SUPER; k++) {
		UNROLL
		for (int j = 0; j < n_x; j++) {
			const struct quant_x *at =
				(const struct quant_x
			                 *)(rows->x +
			                    (size_t)j * rows->x_stride) +
				k;

			if (dtype == DTYPE_Q6_K)
				load_x_q6_k(&x[j], at);
			else
				load_x_k(&x[j], at);
		}
		UNROLL
		for (int i = 0; i < n_w; i++) {
			struct weights w =
				load_w(dtype, rows->w[i] + k * bytes);

			tile_prefetch_part(rows, n_x, (size_t)n_w, k * bytes,
			                   bytes, (size_t)i, (size_t)n_w);
			UNROLL
			for (int j = 0; j < n_x; j++)
				sum[i][j] =
					multiply(dtype, &w, &x[j], sum[i][j]);
		}
	}
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL_OR(tile_int8_q4_k_avx512, block, DTYPE_Q4_K, few_from(DTYPE_Q4_K),
               tile_few_q4_k_avx512)
TILE_KERNEL_OR(tile_int8_q5_k_avx512, block, DTYPE_Q5_K, few_from(DTYPE_Q5_K),
               tile_few_q5_k_avx512)
TILE_KERNEL_OR(tile_int8_q6_k_avx512, block, DTYPE_Q6_K, few_from(DTYPE_Q6_K),
               tile_few_q6_k_avx512)
