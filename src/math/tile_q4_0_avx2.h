/*
 * tile_q4_0_avx2.h - what both tiles of q4_0 need
 *
 * For the AVX2 files alone.
 */
#ifndef CONFAB_TILE_Q4_0_AVX2_H
#define CONFAB_TILE_Q4_0_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/unroll.h"

#define BLOCKS      8 /* of a step: a quant_x */
#define BLOCK_BYTES sizeof(struct quant_q4_0)

/* What the codes' bias of 8 adds to the sum of each block. */
INLINE void find_biases(int32_t to[BLOCKS], const struct quant_x *x)
{
	__m256i s = _mm256_load_si256((const __m256i *)x->sum);

	_mm256_store_si256((__m256i *)to,
	                   _mm256_madd_epi16(s, _mm256_set1_epi16(-8)));
}

#endif
