/*
 * panel_fill_narrow_avx512.h - weights as bf16, in the records of a narrow panel
 *
 * Sixteen rows at a time, from the records of a coded panel or from 16-bit floats.
 * See panel.h for the formats.  Included by a vector file after panel_fill.h.
 */
#ifndef CONFAB_PANEL_FILL_NARROW_AVX512_H
#define CONFAB_PANEL_FILL_NARROW_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/packed_bf16_bytes.h"
#include "math/panel.h"
#include "math/unroll.h"

/* A pair of bf16 for each row.  No NaN may have the upper bits of its fraction set,
 * as the plain ones have not. */
INLINE __m512i pairs_of(__m512 even, __m512 odd)
{
	const __m512i half = _mm512_set1_epi32(0x8000);
	const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
	__m512i low = _mm512_add_epi32(_mm512_castps_si512(even), half);
	__m512i high = _mm512_add_epi32(_mm512_castps_si512(odd), half);

	/* upper ? high : low >> 16 */
	return _mm512_ternarylogic_epi32(upper, high,
	                                 _mm512_srli_epi32(low, 16), 0xca);
}

INLINE __m512 plain_nan(__m512 x)
{
	__mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);

	return _mm512_mask_mov_ps(x, nan, _mm512_set1_ps(NAN));
}

/*
 * A weight is scale code + low.  A code is not converted but put among the bits of a
 * float, which makes it base + code: codes of seven bits or fewer on a base of 128,
 * others of 32768.  What base adds is taken off low, exactly for q8_0, to some units
 * in the last place for others, and for iq4_xs to 1/510 of the scale.
 */
struct bits {
	int base;     /* the float's bits */
	float value;  /* and what that is */
	int byte;     /* where a code goes */
	__mmask64 at; /* that byte of each dword */
};

INLINE struct bits bits_of(bool eight)
{
	return eight ? (struct bits){ 0x47000000, 32768, 1, 0x2222222222222222 }
	             : (struct bits){ 0x43000000, 128, 2, 0x4444444444444444 };
}

struct factors {
	__m512 scale, low;
};

INLINE struct factors factors_of(const char *coded, int s, int n_scales,
                                 bool has_min, bool eight,
                                 const struct panel_form *form)
{
	const __m512 offset =
		_mm512_set1_ps(bits_of(eight).value + (float)form->offset);
	__m512 min = has_min ? coded_factor(coded, n_scales + s)
	                     : _mm512_setzero_ps();
	__m512 scale = coded_factor(coded, s);

	return (struct factors){
		.scale = plain_nan(scale),
		.low = plain_nan(_mm512_fnmsub_ps(scale, offset, min)),
	};
}

/* The weights of byte i of each dword. */
INLINE __m512 weights_of(__m512i codes, int i, bool eight, struct factors by)
{
	const struct bits bits = bits_of(eight);
	const int to = 8 * bits.byte;
	const __m512i order = _mm512_broadcast_i32x4(
		_mm_setr_epi32(i << to, (i + 4) << to, (i + 8) << to,
	                       (i + 12) << to));
	__m512i v = _mm512_mask_shuffle_epi8(_mm512_set1_epi32(bits.base),
	                                     bits.at, codes, order);

	return _mm512_fmadd_ps(_mm512_castsi512_ps(v), by.scale, by.low);
}

INLINE void narrow_record(char *to, const char *coded, int n_scales,
                          bool has_min, bool eight,
                          const struct panel_form *form)
{
	UNROLL
	for (int s = 0; s < n_scales; s++) {
		struct factors by =
			factors_of(coded, s, n_scales, has_min, eight, form);

		UNROLL
		for (int k = 0; k < 8 / n_scales; k++) {
			int quad = 8 / n_scales * s + k;
			__m512i codes = _mm512_load_si512(coded + 64 * quad);

			UNROLL
			for (int i = 0; i < 4; i += 2)
				_mm512_store_si512(
					to + 128 * quad + 32 * i,
					pairs_of(weights_of(codes, i, eight,
				                            by),
				                 weights_of(codes, i + 1, eight,
				                            by)));
		}
	}
}

INLINE void narrow_each(char *to, const char *coded, size_t n, int n_scales,
                        bool has_min, bool eight, const struct panel_form *form)
{
	for (; n > 0; n--) {
		narrow_record(to, coded, n_scales, has_min, eight, form);
		to += PANEL_NARROW;
		coded += form->record;
	}
}

/* n records. */
static char *narrow(char *to, const char *coded, const struct panel_form *form,
                    size_t n)
{
	if (form->bits == 8)
		narrow_each(to, coded, n, 1, false, true, form);
	else if (form->n_scales == 1 && form->n_mins)
		narrow_each(to, coded, n, 1, true, false, form);
	else if (form->n_scales == 1)
		narrow_each(to, coded, n, 1, false, false, form);
	else if (form->n_mins)
		narrow_each(to, coded, n, 2, true, false, form);
	else
		narrow_each(to, coded, n, 2, false, false, form);
	return to + n * PANEL_NARROW;
}

/* ---- 16-bit floats ---- */

/* PANEL_BLOCK bf16 of each row. */
INLINE void transpose_record(char *to, const char *const row[PANEL_ROWS],
                             size_t at)
{
	UNROLL
	for (int half = 0; half < 2; half++) {
		__m512i v[8];

		v_rows8(row, at + 32 * (size_t)half, v);
		UNROLL
		for (int j = 0; j < 8; j++)
			_mm512_store_si512(to + 512 * half + 64 * j, v[j]);
	}
}

/* A row of a record as bf16: n elements, with zeros behind. */
INLINE void narrow_run(char *to, const char *from, size_t n, bool f16)
{
	__mmask32 there = n < PANEL_BLOCK ? (1u << n) - 1 : 0xffffffff;
	__m512i v = _mm512_maskz_loadu_epi16(there, from);

	if (f16) {
		__m512 low = _mm512_cvtph_ps(_mm512_castsi512_si256(v));
		__m512 high = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(v, 1));

		v = (__m512i)_mm512_cvtne2ps_pbh(high, low);
	}
	_mm512_store_si512(to, v);
}

static void narrow_float_rows(char *to, const char *const row[PANEL_ROWS],
                              size_t n, bool f16)
{
	_Alignas(64) char copy[PANEL_ROWS][2 * PANEL_BLOCK];
	const char *copies[PANEL_ROWS];

	for (size_t r = 0; r < PANEL_ROWS; r++)
		copies[r] = copy[r];
	for (size_t i = 0; i < n; i += PANEL_BLOCK, to += PANEL_NARROW) {
		if (!f16 && n - i >= PANEL_BLOCK) {
			transpose_record(to, row, 2 * i);
			continue;
		}
		for (size_t r = 0; r < PANEL_ROWS; r++)
			narrow_run(copy[r], row[r] + 2 * i, n - i, f16);
		transpose_record(to, copies, 0);
	}
}

/* A packed group, whose pairs lie as a panel's. */
static void narrow_packed_bf16(char *to, const void *group, size_t n)
{
	const struct packed_bf16 *record = group;

	for (size_t i = 0; i < n; i += PACKED_BF16_N, record++) {
		packed_bf16_pairs((void *)to, record);
		to += panel_narrow_bytes(DTYPE_BF16_X16, PACKED_BF16_N);
	}
}

#endif
