/*
 * The one-level types (blocks of 32) by 8-bit activations, with VNNI.
 *
 * A step takes four blocks of a row.  Each has a quarter of a vector, four
 * lanes: `lo` holds its elements 0 to 15 and `hi` the others, which is how
 * halves order comes out of memory.  vpdpbusd adds four products to each lane,
 * so lo and hi go into the same lanes, and these need one multiplication by
 * the block's scales.
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
#define FEW_FROM 3

#define STEP 128 /* elements */

/* What makes a code unsigned. */
INLINE int bias(enum dtype dtype)
{
	return codes_signed(dtype) ? 128 : codes_bias(dtype);
}

/* 16 bytes of each of four blocks. */
INLINE __m512i gather(const char *w, size_t stride)
{
	__m128i v[4];

	UNROLL
	for (size_t b = 0; b < 4; b++)
		v[b] = _mm_loadu_si128((const __m128i *)(w + b * stride));
	return _mm512_inserti64x4(_mm512_castsi256_si512(
					  _mm256_set_m128i(v[1], v[0])),
	                          _mm256_set_m128i(v[3], v[2]), 1);
}

/* The same where the last 64 bytes of the four blocks and the first 64 hold all
 * of it: two loads and one permutation of 16-bit words. */
INLINE __m512i gather_near(const char *w, size_t stride)
{
	const size_t last = 4 * stride - 64;
	short at[32];

	UNROLL
	for (size_t i = 0; i < 32; i++) {
		size_t byte = i / 8 * stride + stride - 16 + i % 8 * 2;

		at[i] = (short)(byte < 64 ? byte / 2 : 32 + (byte - last) / 2);
	}
	return _mm512_permutex2var_epi16(_mm512_loadu_si512(w),
	                                 _mm512_loadu_si512(at),
	                                 _mm512_loadu_si512(w + last));
}

/* Four floats, each in its block's lanes as far as they are in the mask. */
INLINE __m512 spread(__mmask16 mask, __m128 v)
{
	const __m512i at = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
	                                     3, 3, 3, 3);

	return _mm512_maskz_permutexvar_ps(mask, at, _mm512_castps128_ps512(v));
}

/* The half at w of each of four blocks as float32, in the block's lanes. */
INLINE __m512 gather_half(const char *w, size_t stride)
{
	return spread(0xffff, codes_halves(w, stride));
}

struct weights {
	__m512i lo, hi; /* unsigned */
	__m512 d;
	__m512 m; /* the minimum, added */
};

/* The fifth bits of q5_0 and q5_1: where they are set, 16 more. */
INLINE void fifth_bits(struct weights *to, const char *qh, size_t stride)
{
	const __m512i bit = _mm512_set1_epi64((long long)0x8040201008040201);
	const __m512i sixteen = _mm512_set1_epi8(16);
	const __m512i low = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
	const __m512i high = _mm512_add_epi8(low, _mm512_set1_epi8(2));
	__m512i v = _mm512_setzero_si512();
	uint32_t u;

	UNROLL
	for (int b = 0; b < 4; b++) {
		memcpy(&u, qh + (size_t)b * stride, sizeof u);
		v = _mm512_mask_set1_epi32(v, (__mmask16)(1u << 4 * b), (int)u);
	}
	to->lo = _mm512_mask_add_epi8(
		to->lo, _mm512_test_epi8_mask(_mm512_shuffle_epi8(v, low), bit),
		to->lo, sixteen);
	to->hi = _mm512_mask_add_epi8(
		to->hi,
		_mm512_test_epi8_mask(_mm512_shuffle_epi8(v, high), bit),
		to->hi, sixteen);
}

/* The levels of iq4_nl, unsigned by 128. */
INLINE void look_up(struct weights *to)
{
	const __m512i levels =
		_mm512_xor_si512(_mm512_broadcast_i32x4(_mm_loadu_si128(
					 (const __m128i *)quant_iq4_values)),
	                         _mm512_set1_epi8(-128));

	to->lo = _mm512_shuffle_epi8(levels, to->lo);
	to->hi = _mm512_shuffle_epi8(levels, to->hi);
}

INLINE struct weights load_w(enum dtype dtype, const char *w)
{
	const size_t size = codes_bytes(dtype);
	struct weights to;

	to.d = gather_half(w, size);
	to.m = _mm512_setzero_ps();
	if (dtype == DTYPE_Q8_0) {
		const __m512i sign = _mm512_set1_epi8(-128);

		to.lo = _mm512_xor_si512(gather(w + 2, size), sign);
		to.hi = _mm512_xor_si512(gather(w + 18, size), sign);
	} else {
		const __m512i low = _mm512_set1_epi8(15);
		__m512i v = gather_near(w, size);

		to.lo = _mm512_and_si512(v, low);
		to.hi = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
	}
	if (codes_minimum(dtype))
		to.m = gather_half(w + 2, size);
	if (dtype == DTYPE_Q5_0)
		fifth_bits(&to, w + 2, size);
	if (dtype == DTYPE_Q5_1)
		fifth_bits(&to, w + 4, size);
	if (dtype == DTYPE_IQ4_NL)
		look_up(&to);
	return to;
}

struct activations {
	__m512i lo, hi;
	__m512i start; /* -bias times their sums */
	__m512 d;
	__m512 m; /* d times the blocks' sums, each in one lane */
};

INLINE struct activations load_x(enum dtype dtype, const char *row, size_t k)
{
	const struct quant_x *x = (const struct quant_x *)row + k / 256;
	const __m512i c = _mm512_set1_epi8((char)bias(dtype));
	__m512i q0 = _mm512_load_si512(x->q + k % 256);
	__m512i q1 = _mm512_load_si512(x->q + k % 256 + 64);
	__m512i zero = _mm512_setzero_si512();
	struct activations to;

	to.lo = _mm512_shuffle_i32x4(q0, q1, 0x88);
	to.hi = _mm512_shuffle_i32x4(q0, q1, 0xdd);
	to.start = zero;
	if (bias(dtype) > 0)
		to.start = _mm512_sub_epi32(
			zero,
			_mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero, c, to.lo),
		                            c, to.hi));
	to.d = spread(0xffff, _mm_load_ps(x->d + k % 256 / 32));
	to.m = _mm512_setzero_ps();
	if (codes_minimum(dtype)) {
		__m128i s = _mm_load_si128(
			(const __m128i *)(x->sum + k % 256 / 16));

		s = _mm_madd_epi16(s, _mm_set1_epi16(1));
		to.m = _mm512_mul_ps(to.d, spread(0x1111, _mm_cvtepi32_ps(s)));
	}
	return to;
}

INLINE void step(__m512 sum[TILE_W][TILE_X], int n_w, int n_x, enum dtype dtype,
                 const struct tile_rows *rows, size_t k, size_t offset)
{
	const size_t bytes = STEP / 32 * codes_bytes(dtype);
	struct activations x[TILE_X];

	UNROLL
	for (int j = 0; j < n_x; j++)
		x[j] = load_x(dtype, rows->x + (size_t)j * rows->x_stride, k);
	UNROLL
	for (int i = 0; i < n_w; i++) {
		struct weights w = load_w(dtype, rows->w[i] + offset);

		tile_prefetch_part(rows, n_x, (size_t)n_w, offset, bytes,
		                   (size_t)i, (size_t)n_w);
		UNROLL
		for (int j = 0; j < n_x; j++) {
			__m512i dot =
				_mm512_dpbusd_epi32(x[j].start, w.lo, x[j].lo);

			dot = _mm512_dpbusd_epi32(dot, w.hi, x[j].hi);
			sum[i][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot),
			                            _mm512_mul_ps(w.d, x[j].d),
			                            sum[i][j]);
			if (codes_minimum(dtype))
				sum[i][j] =
					_mm512_fmadd_ps(w.m, x[j].m, sum[i][j]);
		}
	}
}

/* The last one to three blocks of each row, followed by blocks of zeros. */
INLINE void last_step(__m512 sum[TILE_W][TILE_X], int n_w, int n_x,
                      enum dtype dtype, const struct tile_rows *rows, size_t k,
                      size_t n)
{
	const size_t size = codes_bytes(dtype);
	char w[TILE_W][4 * sizeof(struct quant_q8_0)] = { { 0 } };
	struct tile_rows tail = { .x = rows->x, .x_stride = rows->x_stride };

	for (int i = 0; i < n_w; i++) {
		memcpy(w[i], rows->w[i] + k / 32 * size, n / 32 * size);
		tail.w[i] = w[i];
	}
	step(sum, n_w, n_x, dtype, &tail, k, 0);
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = STEP / 32 * codes_bytes(dtype);
	__m512 sum[TILE_W][TILE_X];
	size_t k = 0, offset = 0;

	tile_clear(sum, n_w, n_x);
	for (; k + STEP <= t->n; k += STEP, offset += bytes) {
		step(sum, n_w, n_x, dtype, rows, k, offset);
	}
	if (k < t->n)
		last_step(sum, n_w, n_x, dtype, rows, k, t->n - k);
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL_OR(tile_int8_q8_0_avx512, block, DTYPE_Q8_0, FEW_FROM,
               tile_few_q8_0_avx512)
TILE_KERNEL_OR(tile_int8_q4_0_avx512, block, DTYPE_Q4_0, FEW_FROM,
               tile_few_q4_0_avx512)
TILE_KERNEL(tile_int8_q4_1_avx512, block, DTYPE_Q4_1)
TILE_KERNEL(tile_int8_q5_0_avx512, block, DTYPE_Q5_0)
TILE_KERNEL(tile_int8_q5_1_avx512, block, DTYPE_Q5_1)
TILE_KERNEL(tile_int8_iq4_nl_avx512, block, DTYPE_IQ4_NL)
