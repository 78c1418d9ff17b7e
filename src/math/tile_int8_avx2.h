/*
 * tile_int8_avx2.h - the step that the integer tiles share, AVX2
 *
 * vpmaddubsw adds two products of an unsigned code and a signed one in 16 bits.
 * Two of 255 and 127 would not fit, so codes are at most 128; smaller ones keep
 * their bias, which is taken off before the 16-bit sums are added up.
 *
 * Included after TILE_X, the most rows of activations, is defined: 1 or 2.
 */
#ifndef CONFAB_TILE_INT8_AVX2_H
#define CONFAB_TILE_INT8_AVX2_H

#if TILE_X == 1
#define TILE_BLOCKS(b, d) TILE_BLOCK(4, 1, b, d)
#else
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(4, 1, b, d) \
	TILE_BLOCK(4, 2, b, d)
#endif

#include <stddef.h>

#include "math/tile_walk.h"

/* With eight rows of q6_k one row of activations takes 5 to 8% longer. */
INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	(void)t;
	(void)dtype;
	return 4;
}

#include "math/tile_sum_avx2.h"

/* What `bias` in each of 32 codes adds to the sums of two products. */
INLINE __m256i tile_bias(int bias, __m256i x)
{
	return _mm256_maddubs_epi16(_mm256_set1_epi8((char)bias), x);
}

/* Sums of four products of 32 codes: unsigned w with that bias... */
INLINE __m256 tile_dot(__m256i w, __m256i x, int bias)
{
	__m256i s = _mm256_maddubs_epi16(w, x);

	if (bias > 0)
		s = _mm256_sub_epi16(s, tile_bias(bias, x));
	return _mm256_cvtepi32_ps(_mm256_madd_epi16(s, _mm256_set1_epi16(1)));
}

/* ...and signed w. */
INLINE __m256 tile_dot_signed(__m256i w, __m256i x)
{
	return tile_dot(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w), 0);
}

#endif
