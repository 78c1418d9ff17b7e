/*
 * codes_avx2.h - block types as 32 codes at a time, in the order of elements
 *
 * For the vector files alone.  What a code stands for is in quant_blocks.h;
 * those with a bias (q4_0, q5_0, q6_k) keep it here; q8_0 and iq4_nl are signed.
 */
#ifndef CONFAB_CODES_AVX2_H
#define CONFAB_CODES_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/quant_blocks.h"
#include "math/tensor.h"
#include "math/unroll.h"

/* Bytes of a block. */
INLINE size_t codes_bytes(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_Q8_0:
		return sizeof(struct quant_q8_0);
	case DTYPE_Q4_0:
		return sizeof(struct quant_q4_0);
	case DTYPE_Q4_1:
		return sizeof(struct quant_q4_1);
	case DTYPE_Q5_0:
		return sizeof(struct quant_q5_0);
	case DTYPE_Q5_1:
		return sizeof(struct quant_q5_1);
	case DTYPE_IQ4_NL:
		return sizeof(struct quant_iq4_nl);
	case DTYPE_Q4_K:
		return sizeof(struct quant_q4_k);
	case DTYPE_Q5_K:
		return sizeof(struct quant_q5_k);
	default:
		return sizeof(struct quant_q6_k);
	}
}

/* What is to be taken off a code. */
INLINE int codes_bias(enum dtype dtype)
{
	return dtype == DTYPE_Q4_0   ? 8
	       : dtype == DTYPE_Q5_0 ? 16
	       : dtype == DTYPE_Q6_K ? 32
	                             : 0;
}

/* 16 in each of the 32 bytes whose bit is set. */
INLINE __m256i codes_fifth_bits(const char *qh)
{
	const __m256i byte = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1,
	                                      1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2,
	                                      2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	uint32_t u;
	__m256i v;

	memcpy(&u, qh, sizeof u);
	v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)u), byte);
	v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
	return _mm256_and_si256(v, _mm256_set1_epi8(16));
}

/* Whether they are signed, and whether there is a minimum beside the scale. */
INLINE bool codes_signed(enum dtype dtype)
{
	return dtype == DTYPE_Q8_0 || dtype == DTYPE_IQ4_NL;
}

INLINE bool codes_minimum(enum dtype dtype)
{
	return dtype == DTYPE_Q4_1 || dtype == DTYPE_Q5_1;
}

/* A block of 32. */
INLINE __m256i codes_legacy(enum dtype dtype, const char *w)
{
	const __m256i high = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4);
	__m256i v;

	if (dtype == DTYPE_Q8_0)
		return _mm256_loadu_si256((const __m256i *)(w + 2));
	v = _mm256_broadcastsi128_si256(_mm_loadu_si128(
		(const __m128i *)(w + codes_bytes(dtype) - 16)));
	v = _mm256_and_si256(_mm256_srlv_epi32(v, high), _mm256_set1_epi8(15));
	if (dtype == DTYPE_IQ4_NL)
		return _mm256_shuffle_epi8(
			_mm256_broadcastsi128_si256(_mm_loadu_si128(
				(const __m128i *)quant_iq4_values)),
			v);
	if (dtype == DTYPE_Q5_0)
		return _mm256_or_si256(v, codes_fifth_bits(w + 2));
	if (dtype == DTYPE_Q5_1)
		return _mm256_or_si256(v, codes_fifth_bits(w + 4));
	return v;
}

INLINE __m256i codes_load(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
}

/* Each byte's bits moved up, or down when n < 0; bits of a neighbour come
 * along. */
INLINE __m256i codes_shift(__m256i v, int n)
{
	return n < 0 ? _mm256_srli_epi16(v, -n) : _mm256_slli_epi16(v, n);
}

/* The bits of v that are set in `mask`. */
INLINE __m256i codes_only(__m256i v, int mask)
{
	return _mm256_and_si256(v, _mm256_set1_epi8((char)mask));
}

/* Elements 32 v to 32 v + 31 of a super-block. */
INLINE __m256i codes_k(enum dtype dtype, const char *w, int v)
{
	if (dtype == DTYPE_Q6_K) {
		const struct quant_q6_k *b = (const struct quant_q6_k *)w;
		int h = v / 4, s = v % 4;
		__m256i low = codes_load(b->ql + 64 * h + 32 * (s % 2));
		__m256i high = codes_load(b->qh + 32 * h);

		return _mm256_or_si256(codes_only(codes_shift(low, s / 2 * -4),
		                                  15),
		                       codes_only(codes_shift(high, 4 - 2 * s),
		                                  48));
	} else {
		const char *qs = w + (dtype == DTYPE_Q4_K ? 16 : 48);
		__m256i code = codes_load(qs + v / 2 * 32);

		code = codes_only(codes_shift(code, v % 2 * -4), 15);
		if (dtype == DTYPE_Q4_K)
			return code;
		return _mm256_or_si256(
			code,
			codes_only(codes_shift(codes_load(w + 16), 4 - v), 16));
	}
}

/* Of a super-block: factors of its sub-blocks of 32 (q4_k, q5_k: scale and min)
 * or of its 16 sub-blocks of 16 (q6_k: both in order). */
struct codes_scales {
	__m256 a, b;
};

INLINE __m256 codes_half(uint16_t h)
{
	return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

INLINE uint64_t codes_16_bits(const char *at)
{
	uint16_t u;

	memcpy(&u, at, sizeof u);
	return u;
}

/* The half at w of each of four blocks as float32.  Put together in a general
 * register, which leaves the vector units their work. */
INLINE __m128 codes_halves(const char *w, size_t stride)
{
	uint64_t all = codes_16_bits(w) | codes_16_bits(w + stride) << 16 |
	               codes_16_bits(w + 2 * stride) << 32 |
	               codes_16_bits(w + 3 * stride) << 48;

	return _mm_cvtph_ps(_mm_cvtsi64_si128((long long)all));
}

/* The scales and minima of a q4_k or q5_k as bytes: sc(0..3), mn(0..3),
 * sc(4..7), mn(4..7).  Eight bytes at a time; their layout: quant_scale_min(). */
INLINE __m128i codes_sc_mn(const char *w)
{
	const uint64_t six = 0x3f3f3f3f3f3f3f3f, four = 0x0f0f0f0f0f0f0f0f;
	const uint64_t two = 0x0303030303030303;
	uint64_t first;
	uint32_t last;

	memcpy(&first, w + 4, 8);
	memcpy(&last, w + 12, 4);
	return _mm_set_epi64x((long long)(((last | (uint64_t)last << 28) &
	                                   four) |
	                                  (first >> 6 & two) << 4),
	                      (long long)(first & six));
}

INLINE struct codes_scales codes_scales_k(const char *w)
{
	__m128i v = _mm_shuffle_epi32(codes_sc_mn(w), 0xd8); /* sc, then mn */
	uint16_t d[2];

	memcpy(d, w, 4);
	return (struct codes_scales){
		_mm256_mul_ps(codes_half(d[0]),
		              _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v))),
		_mm256_mul_ps(codes_half(d[1]),
		              _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(
				      _mm_unpackhi_epi64(v, v)))),
	};
}

INLINE struct codes_scales codes_scales_q6_k(const char *w)
{
	const struct quant_q6_k *b = (const struct quant_q6_k *)w;
	__m128i v = _mm_loadu_si128((const __m128i *)b->scales);
	__m256 d = codes_half(b->d);

	return (struct codes_scales){
		_mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v))),
		_mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(
					 _mm_unpackhi_epi64(v, v)))),
	};
}

#endif
