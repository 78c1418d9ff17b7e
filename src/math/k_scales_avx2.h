/*
 * k_scales_avx2.h - scales and minima of q4_k and q5_k, a row in every lane
 *
 * For the AVX2 files; those of AVX-512 use a little of it.
 */
#ifndef CONFAB_K_SCALES_AVX2_H
#define CONFAB_K_SCALES_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "math/codes_avx2.h"
#include "math/quant_x.h"
#include "math/transpose_avx2.h"
#include "math/unroll.h"

/* Byte b of each dword as an integer, or as two of 16 bits. */
INLINE __m256i k_byte(__m256i v, int b, bool twice)
{
	const uint32_t byte = (uint32_t)b;

	return order_bytes(v, twice ? 0x80008000 | byte << 16 | byte
	                            : 0x80808000 | byte);
}

/* The scales and minima of a super-block as bytes: that of sub-block v is byte v % 4
 * of sc[v / 4]. */
struct k_bytes {
	__m256i sc[2], mn[2];
};

/* a, b, c: the 12 bytes that hold them, see quant_scale_min(). */
INLINE struct k_bytes k_bytes_of(__m256i a, __m256i b, __m256i c)
{
	struct k_bytes to;

	to.sc[0] = codes_only(a, 63);
	to.mn[0] = codes_only(b, 63);
	to.sc[1] = _mm256_or_si256(codes_only(c, 15),
	                           _mm256_srli_epi32(codes_only(a, 0xc0), 2));
	to.mn[1] = _mm256_or_si256(codes_only(_mm256_srli_epi32(c, 4), 15),
	                           _mm256_srli_epi32(codes_only(b, 0xc0), 2));
	return to;
}

/* The activations' scales times the sums of their codes, of 32 elements. */
INLINE __m256 k_scaled_sums(const struct quant_x *x)
{
	__m256i s =
		_mm256_madd_epi16(_mm256_load_si256((const __m256i *)x->sum),
	                          _mm256_set1_epi16(1));

	return _mm256_mul_ps(_mm256_load_ps(x->d), _mm256_cvtepi32_ps(s));
}

/* Sub-block v's scale to scale[v], in both words of each dword.  Of its minimum times
 * x_sums[r][v] the sum over v to less[r]. */
INLINE void k_factors(__m256i scale[8], __m256 less[], int n_rows,
                      const struct k_bytes *bytes, float x_sums[][8])
{
	UNROLL
	for (int r = 0; r < n_rows; r++)
		less[r] = _mm256_setzero_ps();
	UNROLL
	for (int v = 0; v < 8; v++) {
		__m256 min = _mm256_cvtepi32_ps(
			k_byte(bytes->mn[v / 4], v % 4, false));

		scale[v] = k_byte(bytes->sc[v / 4], v % 4, true);
		UNROLL
		for (int r = 0; r < n_rows; r++)
			less[r] = _mm256_fmadd_ps(min,
			                          _mm256_broadcast_ss(
							  &x_sums[r][v]),
			                          less[r]);
	}
}

#endif
