/* vpmaddwd multiplies 16-bit integers and adds two products in 32 bits: no more
 * instructions than AVX2 needs for 8-bit ones, whose sums it must keep apart. */
#include "math/panel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/panel_block_avx2.h"

/* The largest |x|, NaN above all: as bits, magnitudes are ordered. */
static float largest_of(const float *x, size_t n)
{
	const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
	__m256i top = _mm256_setzero_si256();
	uint32_t lanes[8], most = 0;
	float largest;

	for (size_t i = 0; i < n; i += 8) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(x + i));

		top = _mm256_max_epu32(top, _mm256_and_si256(v, magnitude));
	}
	_mm256_storeu_si256((__m256i *)lanes, top);
	for (int i = 0; i < 8; i++)
		most = lanes[i] > most ? lanes[i] : most;
	memcpy(&largest, &most, sizeof largest);
	return largest;
}

/* q = x / d to the nearest, |q| <= most.  x, q: [n], whole eights, q with room
 * for PANEL_WIDE.  Gives d: 0, and q too, where all x are below 2^-100; NaN where
 * one is no number, and q 0. */
static float integers(int16_t *q, const float *x, size_t n, float most)
{
	float largest = largest_of(x, n);
	__m256 times;

	if (!(largest >= 0x1p-100f && largest < INFINITY)) {
		memset(q, 0, n * sizeof *q);
		return largest < 0x1p-100f ? 0 : NAN;
	}
	times = _mm256_set1_ps(most / largest);
	for (size_t i = 0; i < n; i += 8) {
		__m256i v = _mm256_cvtps_epi32(
			_mm256_mul_ps(_mm256_loadu_ps(x + i), times));

		_mm_storeu_si128((__m128i *)(q + i),
		                 _mm_packs_epi32(_mm256_castsi256_si128(v),
		                                 _mm256_extracti128_si256(v,
		                                                          1)));
	}
	return largest / most;
}

/* The same of any n, as panel_wide_length() of it: what is missing is 0. */
static float integers_padded(int16_t *q, const float *x, size_t n, float most)
{
	float padded[PANEL_WIDE] = { 0 };

	if (n == panel_wide_length(n))
		return integers(q, x, n, most);
	memcpy(padded, x, n * sizeof *x);
	return integers(q, padded, panel_wide_length(n), most);
}

static void put_row(char *strip, const float *x, size_t n, size_t rows)
{
	for (size_t k = 0; k < n; k += PANEL_WIDE) {
		size_t left = n - k < PANEL_WIDE ? n - k : PANEL_WIDE;
		int16_t q[PANEL_WIDE];
		float d = integers_padded(q, x + k, left, PANEL_WIDE_X);

		memcpy(strip, &d, sizeof d);
		strip += sizeof d * rows;
		for (size_t i = 0; i < panel_wide_length(left); i += 2) {
			memcpy(strip, q + i, 4);
			strip += 4 * rows;
		}
	}
}

void panel_wide_x_avx2(char *strip, const float *x, size_t x_stride,
                       size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++)
		put_row(strip + 4 * r, x + r * x_stride, n, rows);
}

/* In this order, both products before both sums and the second where q was, it is
 * 8% faster than as GCC would arrange it (Zen 3). */
INLINE void add_products(__m256i *s0, __m256i *s1, __m256i w0, __m256i w1,
                         __m256i q)
{
	__m256i p;

	__asm__("vpmaddwd %1, %4, %0\n\t"
	        "vpmaddwd %1, %5, %1\n\t"
	        "vpaddd %0, %2, %2\n\t"
	        "vpaddd %1, %3, %3"
	        : "=&x"(p), "+x"(q), "+x"(*s0), "+x"(*s1)
	        : "x"(w0), "x"(w1));
}

#include "math/panel_wide_avx2.h"

/* Zen 3.  To fill a panel takes as long as to multiply five rows of q8_0, and seven
 * of q5_k, which is the faster by its tile.  bf16 repays it from 12 rows on, f16 from
 * 24. */
static size_t from_rows(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_Q6_K:
	case DTYPE_Q6_K_X16:
		return 9;
	case DTYPE_BF16:
		return 12;
	case DTYPE_Q5_K:
		return 13;
	default:
		return panel_has_form(dtype) ? 8 : 20;
	}
}

PANEL_WIDE_KERNELS(panel_wide_avx2, panel_coded_avx2)
