/* Rows 0 to 7 of a group, and 8 to 15. */
#include "math/packed.h"

#include <immintrin.h>

#define LANES    8
#define ROWS     2
#define CHAINS   2
#define TOGETHER 2

typedef __m256i vec;
typedef __m256 fvec;

#define f_zero()       _mm256_setzero_ps()
#define f_set1(f)      _mm256_set1_ps(f)
#define f_add(a, b)    _mm256_add_ps(a, b)
#define f_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define f_keep(v)      KEEP(v)
#define f_load(p)      _mm256_loadu_ps(p)
#define f_store(p, v)  _mm256_storeu_ps(p, v)
#define f_even(v)      _mm256_castsi256_ps(_mm256_slli_epi32(v, 16))
#define f_odd(v) \
	_mm256_castsi256_ps( \
		_mm256_and_si256(v, _mm256_set1_epi32((int)0xffff0000)))
#define pairs(low, high, part) \
	((part) ? _mm256_unpackhi_epi8(low, high) \
	        : _mm256_unpacklo_epi8(low, high))

#include "math/packed_bf16_tile.h"

#define EACH_ROWS \
	ROWS_CASE(1) \
	ROWS_CASE(2)

KERNEL(tile_exact_bf16_x16_avx2)
