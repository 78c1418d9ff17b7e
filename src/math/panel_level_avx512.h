/*
 * panel_level_avx512.h - the records of a coded panel, levelled
 *
 * Eight records or fewer of 16 rows.  See panel.h for both formats.
 */
#ifndef CONFAB_PANEL_LEVEL_AVX512_H
#define CONFAB_PANEL_LEVEL_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/panel.h"
#include "math/unroll.h"

/* The levels of code 0 and of the highest code. */
struct range {
	__m512 scale, low, high;
};

INLINE struct range range_of(const char *record, int s, int n_scales,
                             bool has_min, const struct panel_form *form)
{
	const __m512 offset = _mm512_set1_ps((float)form->offset);
	const __m512 codes = _mm512_set1_ps((float)((1 << form->bits) - 1));
	__m512 min = has_min ? coded_factor(record, n_scales + s)
	                     : _mm512_setzero_ps();
	struct range range = { .scale = coded_factor(record, s) };

	range.low = _mm512_fnmsub_ps(range.scale, offset, min);
	range.high = _mm512_fmadd_ps(range.scale, codes, range.low);
	return range;
}

/* The bits of |x|: ordered as the numbers are, NaN above all. */
INLINE __m512i magnitude(__m512 x)
{
	return _mm512_and_si512(_mm512_castps_si512(x),
	                        _mm512_set1_epi32(0x7fffffff));
}

/* The largest magnitude that any code of these records can have. */
INLINE __m512 reach(const char *coded, size_t n, int n_scales, bool has_min,
                    const struct panel_form *form)
{
	__m512i top = _mm512_setzero_si512();

	for (size_t b = 0; b < n; b++, coded += form->record) {
		UNROLL
		for (int s = 0; s < n_scales; s++) {
			struct range range =
				range_of(coded, s, n_scales, has_min, form);

			top = _mm512_max_epu32(top, magnitude(range.low));
			top = _mm512_max_epu32(top, magnitude(range.high));
		}
	}
	return _mm512_castsi512_ps(top);
}

/* The same int16 in both halves of each dword. */
INLINE __m512i both_halves(__m512 x)
{
	__m512i i = _mm512_cvtps_epi32(x);

	return _mm512_mask_mov_epi16(_mm512_slli_epi32(i, 16), 0x55555555, i);
}

/*
 * A code becomes (factor code + constant) / 256 rounded down, in 16 bits: factor
 * and constant are 256 / S times the scale and the lowest level, the constant a
 * half more.  No sum leaves 16 bits, though factor is rounded, by as much as half
 * a unit for each of at most 63 codes.
 */
INLINE __m512i levels_of(__m512i codes, __m512i factor, __m512i constant)
{
	const __m512i low = _mm512_set1_epi16(255);
	__m512i even = _mm512_and_si512(codes, low);
	__m512i odd = _mm512_srli_epi16(codes, 8);

	even = _mm512_mullo_epi16(even, factor);
	odd = _mm512_mullo_epi16(odd, factor);
	even = _mm512_srli_epi16(_mm512_add_epi16(even, constant), 8);
	odd = _mm512_add_epi16(odd, constant);
	/* low ? even : odd */
	return _mm512_ternarylogic_epi32(low, even, odd, 0xca);
}

INLINE void put_sums(char *record, __m512i sum)
{
	sum = _mm512_sub_epi32(_mm512_setzero_si512(),
	                       _mm512_slli_epi32(sum, 7));
	_mm512_store_si512(record + PANEL_SUMS, sum);
}

/* One record; times: 256 / S. */
INLINE void level_record(char *to, const char *coded, __m512 times,
                         int n_scales, bool has_min,
                         const struct panel_form *form)
{
	const __m512i ones = _mm512_set1_epi8(1);
	__m512i sum = _mm512_setzero_si512();

	UNROLL
	for (int s = 0; s < n_scales; s++) {
		struct range range =
			range_of(coded, s, n_scales, has_min, form);
		__m512i factor = both_halves(_mm512_mul_ps(range.scale, times));
		__m512i constant = both_halves(
			_mm512_fmadd_ps(range.low, times, _mm512_set1_ps(128)));

		UNROLL
		for (int k = 0; k < 8 / n_scales; k++) {
			int j = 8 / n_scales * s + k;
			__m512i b = levels_of(_mm512_load_si512(coded + 64 * j),
			                      factor, constant);

			_mm512_store_si512(to + 64 * j, b);
			sum = _mm512_dpbusd_epi32(sum, ones, b);
		}
	}
	put_sums(to, sum);
}

/* Writes n records and their S; gives where they end.  Where the weights reach
 * nothing, or less than 2^-100, all is 0; where they hold an infinity or a NaN, S
 * is NaN. */
INLINE char *level_few_bits(char *to, const char *coded, size_t n, int n_scales,
                            bool has_min, const struct panel_form *form)
{
	__m512 top = reach(coded, n, n_scales, has_min, form);
	__mmask16 some =
		_mm512_cmp_ps_mask(top, _mm512_set1_ps(0x1p-100f), _CMP_GE_OQ);
	__mmask16 finite =
		_mm512_cmp_ps_mask(top, _mm512_set1_ps(INFINITY), _CMP_LT_OQ);
	__m512 times = _mm512_maskz_div_ps(some & finite,
	                                   _mm512_set1_ps(127 * 256), top);
	__m512 scale = _mm512_maskz_div_ps(some, top, _mm512_set1_ps(127));

	for (size_t b = 0; b < n; b++) {
		level_record(to, coded, times, n_scales, has_min, form);
		to += PANEL_LEVELLED;
		coded += form->record;
	}
	_mm512_store_ps(to,
	                _mm512_mask_mov_ps(_mm512_set1_ps(NAN), finite, scale));
	return to + PANEL_SCALE;
}

/* Eight bits: the codes less their offset, and each record's own scale. */
INLINE char *level_eight_bits(char *to, const char *coded, size_t n,
                              const struct panel_form *form)
{
	const __m512i ones = _mm512_set1_epi8(1);
	const __m512i offset = _mm512_set1_epi8((char)0x80);

	for (; n > 0; n--, coded += form->record) {
		__m512i sum = _mm512_setzero_si512();

		UNROLL
		for (int j = 0; j < 8; j++) {
			__m512i b = _mm512_xor_si512(_mm512_load_si512(coded +
			                                               64 * j),
			                             offset);

			_mm512_store_si512(to + 64 * j, b);
			sum = _mm512_dpbusd_epi32(sum, ones, b);
		}
		put_sums(to, sum);
		to += PANEL_LEVELLED;
		_mm512_store_ps(to, coded_factor(coded, 0));
		to += PANEL_SCALE;
	}
	return to;
}

static char *level(char *to, const char *coded, const struct panel_form *form,
                   size_t n)
{
	if (form->bits == 8)
		return level_eight_bits(to, coded, n, form);
	if (form->n_scales == 1)
		return form->n_mins
		               ? level_few_bits(to, coded, n, 1, true, form)
		               : level_few_bits(to, coded, n, 1, false, form);
	return form->n_mins ? level_few_bits(to, coded, n, 2, true, form)
	                    : level_few_bits(to, coded, n, 2, false, form);
}

#endif
