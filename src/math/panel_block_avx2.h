/*
 * panel_block_avx2.h - the register block that the panel products of 256 bits share
 *
 * Two vectors of weights by six rows are twelve integer sums; with the weights,
 * one activation and one product they fill the 16 registers.  Float sums are in
 * memory, where they are met once for many products.
 */
#ifndef CONFAB_PANEL_BLOCK_AVX2_H
#define CONFAB_PANEL_BLOCK_AVX2_H

#include <immintrin.h>
#include <string.h>

#define GROUPS 1 /* of weight rows in a register block: two vectors */
#define ROWS   6 /* of activations */

#include "math/panel.h"
#include "math/panel_walk.h"

/* A register block's sums. */
struct sums {
	_Alignas(32) float of[ROWS][2][8];
};

/* A dword of a strip in all lanes. */
INLINE __m256i dword_of(const char *at)
{
	return _mm256_castps_si256(_mm256_broadcast_ss((const float *)at));
}

INLINE __m256 float_of(const char *at)
{
	return _mm256_broadcast_ss((const float *)at);
}

INLINE __m256i weights_at(const char *record, int vector)
{
	return _mm256_load_si256((const __m256i *)(record + 32 * vector));
}

INLINE __m256 factor_at(const char *factors, int half)
{
	return _mm256_load_ps((const float *)(factors + 32 * half));
}

/* n < PANEL_ROWS outputs */
static void store_edge(const float *sum, float *y, size_t n, bool add)
{
	for (size_t i = 0; i < n; i++)
		y[i] = add ? y[i] + sum[i] : sum[i];
}

static void store(const struct sums *sums, int n_rows,
                  const struct block *block)
{
	for (int r = 0; r < n_rows; r++) {
		float *y = block->y + (size_t)r * block->t->y_stride;

		if (block->n_w < PANEL_ROWS) {
			store_edge(sums->of[r][0], y, block->n_w,
			           block->t->add);
			continue;
		}
		for (int h = 0; h < 2; h++, y += 8) {
			__m256 s = _mm256_load_ps(sums->of[r][h]);

			if (block->t->add)
				s = _mm256_add_ps(s, _mm256_loadu_ps(y));
			_mm256_storeu_ps(y, s);
		}
	}
}

#define CASE(r, multiply) \
	case r: \
		multiply(r, block); \
		break;

/* Every size of register block. */
#define SIZES(name, multiply) \
	static void name(int n_groups, int n_rows, struct block *block) \
	{ \
		(void)n_groups; \
		switch (n_rows) { \
			CASE(1, multiply) \
			CASE(2, multiply) \
			CASE(3, multiply) \
			CASE(4, multiply) \
			CASE(5, multiply) \
			CASE(6, multiply) \
		} \
	}

#endif
