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
	return bits == 4 ? 8 : bits == 6 ? 2 : 1;
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

#include "math/packed_record.h"
#include "math/quant_x_at.h"

/* Signed bytes b0 and b1 of each dword times 2^log, as two integers of 16 bits. */
INLINE __m256i signed_bytes(__m256i v, int b0, int b1, int log)
{
	const int at = 0x00800080 | b0 << 8 | b1 << 24; /* upper bytes */
	const int dword = 0x04000400;

	v = _mm256_shuffle_epi8(v, _mm256_setr_epi32(at, at + dword,
	                                             at + 2 * dword,
	                                             at + 3 * dword, at,
	                                             at + dword, at + 2 * dword,
	                                             at + 3 * dword));
	return _mm256_srai_epi16(v, 8 - log);
}

/* dot[r] += the products of half `half` of a round's block b, times its scale.  Two
 * quads fit 16 bits. */
INLINE void add_q6_k_half(__m256i dot[ROWS], int n_rows,
                          const packed_dwords *codes, int b, int half,
                          __m256i scale, int part, struct at x)
{
	UNROLL
	for (int j = 0; j < 4; j += 2) {
		__m256i w0 = codes_at(DTYPE_Q6_K_X16, codes, b, half, j, part);
		__m256i w1 =
			codes_at(DTYPE_Q6_K_X16, codes, b, half, j + 1, part);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			int quad = 4 * half + j;
			__m256i sum = _mm256_add_epi16(
				_mm256_maddubs_epi16(w0, v_set1(quad_at(x, r,
			                                                quad))),
				_mm256_maddubs_epi16(
					w1, v_set1(quad_at(x, r, quad + 1))));

			dot[r] =
				_mm256_add_epi32(dot[r],
			                         _mm256_madd_epi16(sum, scale));
		}
	}
}

/* Of q6_k scales multiply as integers, so that a block takes one conversion to
 * floats and not two.  The bias of 32 is taken off with the sums of the halves. */
INLINE bool own_round(__m256 sum[ROWS], int n_rows, enum dtype dtype,
                      const void *record, int i, int part, struct at at)
{
	const struct packed_q6_k *r6 = record;
	__m256 part_sum[ROWS], d;

	if (dtype != DTYPE_Q6_K_X16)
		return false;
	UNROLL
	for (int r = 0; r < n_rows; r++)
		part_sum[r] = f_set1(0);
	UNROLL
	for (int b = 0; b < 4; b++) {
		__m256i scales = dwords_at(&r6->scales[2 * i + b / 2], part);
		const int first = b % 2 * 2; /* byte */
		struct at x = { at.x, at.stride, at.b + (size_t)b };
		__m256i dot[ROWS];

		UNROLL
		for (int r = 0; r < n_rows; r++)
			dot[r] = _mm256_sub_epi32(
				v_set1(0), v_sums(v_set1(sums_at(x, r)),
			                          signed_bytes(scales, first,
			                                       first + 1, 5)));
		UNROLL
		for (int half = 0; half < 2; half++)
			add_q6_k_half(dot, n_rows,
			              round_codes(dtype, record, i), b, half,
			              signed_bytes(scales, first + half,
			                           first + half, 0),
			              part, x);
		UNROLL
		for (int r = 0; r < n_rows; r++)
			part_sum[r] =
				f_fma(v_int(dot[r]), f_set1(scale_at(x, r)),
			              part_sum[r]);
	}
	d = f_load(r6->d + LANES * part);
	UNROLL
	for (int r = 0; r < n_rows; r++)
		sum[r] = f_fma(part_sum[r], d, sum[r]);
	return true;
}

#include "math/packed_tile.h"

#define EACH_ROWS(dtype, exact) \
	ROWS_CASE(1, dtype, exact) \
	ROWS_CASE(2, dtype, exact) \
	ROWS_CASE(3, dtype, exact)

KERNELS(avx2)
