/*
 * tile_few_avx2.h - what the products of a few rows of activations share
 *
 * For the AVX2 files alone; see tile_lanes_avx2.h.  Codes are transposed, so that a
 * vector has four of each of eight rows, a quad: that is done once for up to six
 * rows of activations, which then take no more than a broadcast quad and a product
 * for each.
 */
#ifndef CONFAB_TILE_FEW_AVX2_H
#define CONFAB_TILE_FEW_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TILE_X 6

#include "math/ask_for.h"
#include "math/quant_x.h"
#include "math/tile_lanes_avx2.h"
#include "math/transpose_avx2.h"

/* Elements 4 j to 4 j + 3 of block b of a quant_x, in all lanes. */
INLINE __m256i few_quad(const struct quant_x *x, int b, int j)
{
	int32_t quad;

	memcpy(&quad, x->q + 32 * b + 4 * j, sizeof quad);
	return _mm256_set1_epi32(quad);
}

/* Sums of two pairs of products each: of quads j0 and j1 of block b of x, by codes
 * of less than seven bits. */
INLINE __m256i few_pairs(__m256i w0, int j0, __m256i w1, int j1,
                         const struct quant_x *x, int b)
{
	return _mm256_add_epi16(_mm256_maddubs_epi16(w0, few_quad(x, b, j0)),
	                        _mm256_maddubs_epi16(w1, few_quad(x, b, j1)));
}

/* The 32 bytes at offset `at` of each row, quad by quad, in memory: there are no
 * registers for all of them. */
#define QUADS 8
INLINE void few_quads(__m256i to[QUADS], const struct tile_rows *rows,
                      size_t at)
{
	rows_of_4(rows->w, at, to);
	rows_of_4(rows->w, at + 16, to + 4);
}

/*
 * Asks for what is read next, in the place of `bytes` from offset `at` of each row:
 * part i of 8.  See tile_prefetch_part(); the lines of a part are not counted
 * exactly, which would take longer than to ask for one of them twice.
 */
INLINE void few_ask(const struct tile_rows *rows, size_t at, size_t bytes,
                    size_t i)
{
	const char *run = rows->w[0] + rows->run + LANES * at + bytes * i;

	if (i < rows->ahead_begin || i >= rows->ahead_end)
		return;
	UNROLL
	for (size_t l = 0; l < (bytes + 63) / 64; l++)
		ask_for(run + 64 * l);
}

#endif
