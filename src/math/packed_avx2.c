/* Half a group in a vector.  vpmaddubsw saturates at 16 bits: codes of eight bits
 * are taken as |w|, with w's sign on the activation (panel_avx2.c). */
#include "math/packed.h"

#include <immintrin.h>
#include <stdbool.h>

#include "math/unroll.h"

#define LANES 8
#define ROWS  3

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

#define v_own_offset(bits) ((bits) == 8)

/* What the sums of pairs of products leave of 16 bits: 2 * 127 * (2^bits - 1) for
 * every quad. */
INLINE int v_quads(int bits)
{
	return bits == 4 ? 8 : 1;
}

INLINE __m256i v_dots(__m256i acc, const __m256i *codes, const __m256i *q,
                      int n, int bits)
{
	__m256i sum = _mm256_setzero_si256();

	UNROLL
	for (int i = 0; i < n; i++) {
		__m256i w = codes[i], x = q[i];

		if (bits == 8) {
			w = _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80));
			x = _mm256_sign_epi8(x, w);
			w = _mm256_abs_epi8(w);
		}
		x = _mm256_maddubs_epi16(w, x);
		sum = i ? _mm256_add_epi16(sum, x) : x;
	}
	return _mm256_add_epi32(acc,
	                        _mm256_madd_epi16(sum, _mm256_set1_epi16(1)));
}

#include "math/packed_own_avx2.h"
#include "math/packed_tile.h"

#define EACH_ROWS(dtype, exact) \
	ROWS_CASE(1, dtype, exact) \
	ROWS_CASE(2, dtype, exact) \
	ROWS_CASE(3, dtype, exact)

KERNELS(avx2)
