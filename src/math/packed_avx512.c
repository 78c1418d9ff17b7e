/* vpdpbusd takes a dword of codes in each of 16 lanes: a whole group. */
#include "math/packed.h"

#include <immintrin.h>
#include <stdbool.h>

#include "math/unroll.h"

#define LANES 16
#define ROWS  7

typedef __m512i vec;
typedef __m512 fvec;

#define v_load(p)          _mm512_loadu_si512(p)
#define v_set1(u)          _mm512_set1_epi32((int)(u))
#define v_and(a, b)        _mm512_and_si512(a, b)
#define v_or(a, b)         _mm512_or_si512(a, b)
#define v_join(a, b, mask) _mm512_ternarylogic_epi32(a, b, mask, 0xf8)
#define v_srl(v, n)        _mm512_srli_epi32(v, (unsigned)(n))
#define v_sra(v, n)        _mm512_srai_epi32(v, (unsigned)(n))
#define v_sll(v, n)        _mm512_slli_epi32(v, (unsigned)(n))
#define v_int(v)           _mm512_cvtepi32_ps(v)
#define v_sums(a, b)       _mm512_madd_epi16(a, b)
#define f_set1(f)          _mm512_set1_ps(f)
#define f_mul(a, b)        _mm512_mul_ps(a, b)
#define f_add(a, b)        _mm512_add_ps(a, b)
#define f_fma(a, b, c)     _mm512_fmadd_ps(a, b, c)
#define f_load(p)          _mm512_loadu_ps(p)
#define f_store(p, v)      _mm512_storeu_ps(p, v)
#define f_halves(p)        _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))

#include "math/packed_products_avx512.h"
#include "math/packed_tile.h"

INLINE int most_rows(enum dtype dtype, bool exact)
{
	(void)dtype;
	(void)exact;
	return ROWS;
}

#define EACH_ROWS(dtype, exact) \
	ROWS_CASE(1, dtype, exact) \
	ROWS_CASE(2, dtype, exact) \
	ROWS_CASE(3, dtype, exact) \
	ROWS_CASE(4, dtype, exact) \
	ROWS_CASE(5, dtype, exact) \
	ROWS_CASE(6, dtype, exact) \
	ROWS_CASE(7, dtype, exact)

KERNELS(avx512)
