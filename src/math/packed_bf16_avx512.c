/* All rows of a group in a vector. */
#include "math/packed.h"

#include <immintrin.h>

#include "math/unroll.h"

#define LANES    16
#define ROWS     6
#define CHAINS   4
#define TOGETHER 1

typedef __m512i vec;
typedef __m512 fvec;

#define f_zero()       _mm512_setzero_ps()
#define f_set1(f)      _mm512_set1_ps(f)
#define f_add(a, b)    _mm512_add_ps(a, b)
#define f_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define f_keep(v)      ((void)0) /* there are 32 registers */
#define f_load(p)      _mm512_loadu_ps(p)
#define f_store(p, v)  _mm512_storeu_ps(p, v)
#define f_even(v)      _mm512_castsi512_ps(_mm512_slli_epi32(v, 16))
#define f_odd(v) \
	_mm512_castsi512_ps( \
		_mm512_and_si512(v, _mm512_set1_epi32((int)0xffff0000)))

INLINE vec pairs(__m256i low, __m256i high, int part)
{
	__m512i eight = _mm512_castsi256_si512(_mm256_unpacklo_epi8(low, high));

	(void)part;
	return _mm512_inserti64x4(eight, _mm256_unpackhi_epi8(low, high), 1);
}

#include "math/packed_bf16_tile.h"

#define EACH_ROWS \
	ROWS_CASE(1) \
	ROWS_CASE(2) \
	ROWS_CASE(3) \
	ROWS_CASE(4) \
	ROWS_CASE(5) \
	ROWS_CASE(6)

KERNEL(tile_exact_bf16_x16_avx512)
