/* Half a group in a vector. */
#include "math/packed.h"

#include <immintrin.h>
#include <stdbool.h>

#include "math/unroll.h"

#define LANES 8
#define ROWS  6

typedef __m256i vec;
typedef __m256 fvec;

#define v_load(p)          _mm256_loadu_si256((const __m256i *)(p))
#define v_set1(u)          _mm256_set1_epi32((int)(u))
#define v_and(a, b)        _mm256_and_si256(a, b)
#define v_or(a, b)         _mm256_or_si256(a, b)
#define v_join(a, b, mask) _mm256_or_si256(a, _mm256_and_si256(b, mask))
#define v_srl(v, n)        _mm256_srli_epi32(v, n)
#define v_sra(v, n)        _mm256_srai_epi32(v, n)
#define v_sll(v, n)        _mm256_slli_epi32(v, n)
#define v_int(v)           _mm256_cvtepi32_ps(v)
#define v_sums(a, b)       _mm256_madd_epi16(a, b)
#define f_set1(f)          _mm256_set1_ps(f)
#define f_mul(a, b)        _mm256_mul_ps(a, b)
#define f_add(a, b)        _mm256_add_ps(a, b)
#define f_fma(a, b, c)     _mm256_fmadd_ps(a, b, c)
#define f_load(p)          _mm256_loadu_ps(p)
#define f_store(p, v)      _mm256_storeu_ps(p, v)
#define f_halves(p)        _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))

#include "math/packed_products_avx2.h"
#include "math/packed_tile.h"

/* A q4_0's codes meet two quads at once, which leaves few registers. */
INLINE int most_rows(enum dtype dtype, bool exact)
{
	return exact || dtype == DTYPE_Q4_0_X16 ? 3 : ROWS;
}

#define EACH_ROWS(dtype, exact) \
	ROWS_CASE(1, dtype, exact) \
	ROWS_CASE(2, dtype, exact) \
	ROWS_CASE(3, dtype, exact) \
	ROWS_CASE(4, dtype, exact) \
	ROWS_CASE(5, dtype, exact) \
	ROWS_CASE(6, dtype, exact)

KERNELS(avx2)
