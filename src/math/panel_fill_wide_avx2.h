/*
 * panel_fill_wide_avx2.h - rows of weights into records of a wide panel
 *
 * Included by panel_fill_avx2.c, after panel_fill_packed.h: block types are coded
 * first, a few records of 8 rows, and the codes levelled; 16-bit floats become
 * integers 16 at a time, of 8 rows, and are transposed in registers.
 */
#ifndef CONFAB_PANEL_FILL_WIDE_AVX2_H
#define CONFAB_PANEL_FILL_WIDE_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/packed_bf16_bytes.h"
#include "math/panel_fill_packed.h"
#include "math/wide_avx2.h"

#define WIDE_RECORDS \
	(PANEL_WIDE / PANEL_BLOCK) /* coded ones that make a wide one */
#define WIDE_PAIR (4 * PANEL_ROWS) /* bytes of a pair of 16 rows */

/* Where pair p of rows [lane, lane + 8) of a group is. */
INLINE __m256i *wide_pair(char *record, size_t p)
{
	return (__m256i *)(void *)(record + WIDE_PAIR * p);
}

/* ---- from codes ---- */

INLINE __m256 coded_factor(const char *record, int i)
{
	return _mm256_load_ps(
		(const float *)(record + PANEL_CODES + 4 * PANEL_ROWS * i));
}

INLINE __m256 coded_min(const char *record, int s,
                        const struct panel_form *form)
{
	return form->n_mins ? coded_factor(record, form->n_scales + s)
	                    : _mm256_setzero_ps();
}

/* The largest magnitude that any code of these records can have, NaN above all:
 * that of the lowest or that of the highest code. */
INLINE __m256 coded_reach(const char *coded, size_t n,
                          const struct panel_form *form)
{
	const __m256 offset = _mm256_set1_ps((float)form->offset);
	const __m256 codes = _mm256_set1_ps((float)((1 << form->bits) - 1));
	__m256i top = _mm256_setzero_si256();

	for (size_t b = 0; b < n; b++, coded += form->record)
		for (int s = 0; s < form->n_scales; s++) {
			__m256 scale = coded_factor(coded, s);
			__m256 low =
				_mm256_fnmsub_ps(scale, offset,
			                         coded_min(coded, s, form));
			__m256 high = _mm256_fmadd_ps(scale, codes, low);

			top = _mm256_max_epu32(top, wide_magnitude(low));
			top = _mm256_max_epu32(top, wide_magnitude(high));
		}
	return _mm256_castsi256_ps(top);
}

/* The same int16 in both halves of each dword. */
INLINE __m256i in_both_halves(__m256 x)
{
	__m256i i = _mm256_cvtps_epi32(x);

	return _mm256_blend_epi16(i, _mm256_slli_epi32(i, 16), 0xaa);
}

/*
 * How a block's codes become levels: code - offset as a signed byte becomes the upper
 * one of a word, which vpmulhrsw multiplies by a factor in 128ths, to the nearest,
 * less min.  The levels of a block reach 4,094 at most, in 2^bits - 1 steps: codes of
 * few bits are moved up to five, or their factor would not fit 16 bits.
 */
#define LEVEL_UNIT 128

struct leveller {
	__m256i offset, factor, min;
	__m128i shift;
};

/* times: 1 / S. */
INLINE struct leveller leveller_of(const char *record, int s, __m256 times,
                                   const struct panel_form *form)
{
	int shift = form->bits < 5 ? 5 - form->bits : 0;
	__m256 unit = _mm256_set1_ps((float)(LEVEL_UNIT >> shift));
	__m256 scale = _mm256_mul_ps(coded_factor(record, s), times);

	return (struct leveller){
		_mm256_set1_epi8((char)(form->offset << shift)),
		in_both_halves(_mm256_mul_ps(scale, unit)),
		in_both_halves(
			_mm256_mul_ps(coded_min(record, s, form), times)),
		_mm_cvtsi32_si128(shift),
	};
}

/* Bytes `first` and the next of each dword as the upper ones of words. */
INLINE __m256i upper_bytes(int first)
{
	const int at = 0x00800080 | first << 8 | (first + 1) << 24;

	return _mm256_add_epi8(_mm256_set1_epi32(at),
	                       _mm256_setr_epi32(0, 0x04000400, 0x08000800,
	                                         0x0c000c00, 0, 0x04000400,
	                                         0x08000800, 0x0c000c00));
}

/* Two of the four signed bytes of each dword, which `bytes` makes words. */
INLINE __m256i levels_of(__m256i codes, __m256i bytes,
                         const struct leveller *by)
{
	__m256i words = _mm256_shuffle_epi8(codes, bytes);

	return _mm256_sub_epi16(_mm256_mulhrs_epi16(words, by->factor),
	                        by->min);
}

/* A coded record of 8 rows into 16 pairs. */
INLINE void level_codes(char *to, const char *coded, __m256 times,
                        const struct panel_form *form)
{
	const __m256i low = upper_bytes(0), high = upper_bytes(2);
	const int quads = 8 / form->n_scales;

	for (int s = 0; s < form->n_scales; s++) {
		struct leveller by = leveller_of(coded, s, times, form);

		for (int j = quads * s; j < quads * (s + 1); j++) {
			__m256i codes = _mm256_load_si256(
				(const __m256i *)(coded + 64 * j));

			codes = _mm256_sll_epi32(codes, by.shift);
			codes = _mm256_sub_epi8(codes, by.offset);
			_mm256_store_si256(wide_pair(to, 2 * (size_t)j),
			                   levels_of(codes, low, &by));
			_mm256_store_si256(wide_pair(to, 2 * (size_t)j + 1),
			                   levels_of(codes, high, &by));
		}
	}
}

/* n coded records into a wide one. */
INLINE void level_wide(char *to, const char *coded, size_t n,
                       const struct panel_form *form)
{
	__m256 times, scales = wide_scales(coded_reach(coded, n, form),
	                                   PANEL_WIDE_W, &times);

	for (size_t b = 0; b < n; b++, coded += form->record) {
		level_codes(to, coded, times, form);
		to += WIDE_PAIR * PANEL_BLOCK / 2;
	}
	_mm256_store_ps((float *)(void *)to, scales);
}

/* Rows [o, o + 8) of a source of block types. */
static void fill_wide_blocks(char *to, const struct panel_source *from,
                             size_t o)
{
	_Alignas(32) char coded[WIDE_RECORDS * PANEL_RECORD_MAX];
	const struct panel_form *form = panel_form(from->dtype);
	struct panel_source part = *from;
	size_t left = from->n / PANEL_BLOCK, bytes, n;

	dtype_row_bytes(from->dtype, PANEL_WIDE, &bytes);
	if (packed_is(from->dtype))
		bytes *= PACKED_ROWS;
	for (; left > 0; left -= n) {
		n = left < WIDE_RECORDS ? left : WIDE_RECORDS;
		part.n = n * PANEL_BLOCK;
		fill_lanes(coded, &part, o);
		level_wide(to, coded, n, form);
		to += panel_wide_bytes(from->dtype, PANEL_WIDE);
		part.w += bytes;
	}
}

/* ---- from q8_0 ---- */

/* Codes are signed bytes already, and have no min.  The largest factor of a record
 * is 2047 / 128; rounded to 128ths, one moves the level of code 127 by half. */

/* The scales of a record's n blocks from b on, of 8 rows; gives the largest
 * magnitudes that a code can have. */
INLINE __m256 q8_scales(__m256 *scale, const struct fill *fill, size_t b,
                        size_t n)
{
	__m256i top = _mm256_setzero_si256();

	for (size_t k = 0; k < n; k++) {
		scale[k] = rows_of_half(fill->row,
		                        (b + k) * sizeof(struct quant_q8_0));
		top = _mm256_max_epu32(top, wide_magnitude(scale[k]));
	}
	return _mm256_mul_ps(_mm256_castsi256_ps(top), _mm256_set1_ps(128));
}

/* Block b of 8 rows into 16 pairs. */
INLINE void level_q8(char *to, const struct fill *fill, size_t b, __m256 factor)
{
	const __m256i low = upper_bytes(0), high = upper_bytes(2);
	__m256i by = in_both_halves(
		_mm256_mul_ps(factor, _mm256_set1_ps(LEVEL_UNIT)));
	__m256i v[8];

	rows_of_8(fill->row, b * sizeof(struct quant_q8_0) + 2, v);
	UNROLL
	for (size_t j = 0; j < 8; j++) {
		_mm256_store_si256(wide_pair(to, 2 * j),
		                   _mm256_mulhrs_epi16(_mm256_shuffle_epi8(v[j],
		                                                           low),
		                                       by));
		_mm256_store_si256(
			wide_pair(to, 2 * j + 1),
			_mm256_mulhrs_epi16(_mm256_shuffle_epi8(v[j], high),
		                            by));
	}
}

/* Rows [o, o + 8). */
static void fill_wide_q8_0(char *to, const struct panel_source *from, size_t o)
{
	const struct fill fill = fill_of(from, o);

	for (size_t b = 0, n; b < fill.n_blocks; b += n) {
		__m256 scale[WIDE_RECORDS], times, scales;

		n = fill.n_blocks - b < WIDE_RECORDS ? fill.n_blocks - b
		                                     : WIDE_RECORDS;
		scales = wide_scales(q8_scales(scale, &fill, b, n),
		                     PANEL_WIDE_W, &times);
		for (size_t k = 0; k < n; k++) {
			level_q8(to, &fill, b + k,
			         _mm256_mul_ps(scale[k], times));
			to += WIDE_PAIR * PANEL_BLOCK / 2;
		}
		_mm256_store_ps((float *)(void *)to, scales);
		to += WIDE_PAIR;
	}
}

/* ---- from 16-bit floats ---- */

#define WIDE_STEP 16 /* elements */

/* A piece of 8 rows, which end at any element. */
struct wide_rows {
	const char *row[LANES];
	uint16_t last[LANES][WIDE_STEP]; /* what is left over, and zeros */
	size_t n, whole; /* at most PANEL_WIDE, of these in whole steps */
};

/* The rows of a source from o on; past its last one that again. */
INLINE void wide_rows_of(struct wide_rows *rows,
                         const struct panel_source *from, size_t o, size_t k)
{
	size_t n = from->n - k < PANEL_WIDE ? from->n - k : PANEL_WIDE;
	size_t left = n % WIDE_STEP;

	rows->n = n;
	rows->whole = n - left;
	for (size_t i = 0; i < LANES; i++) {
		size_t row = o + i < from->n_w ? o + i : from->n_w - 1;

		rows->row[i] = from->w + row * from->stride + 2 * k;
		if (!left)
			continue;
		memset(rows->last[i], 0, sizeof rows->last[i]);
		memcpy(rows->last[i], rows->row[i] + 2 * (n - left), 2 * left);
	}
}

INLINE __m256 wide_float(enum dtype dtype, __m128i half)
{
	if (dtype == DTYPE_F16)
		return _mm256_cvtph_ps(half);
	return _mm256_castsi256_ps(
		_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

INLINE __m256i wide_load(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
}

/* The largest of 16 unsigned words: vphminposuw knows the least of eight. */
INLINE uint16_t largest_word(__m256i v)
{
	__m128i top = _mm_max_epu16(_mm256_castsi256_si128(v),
	                            _mm256_extracti128_si256(v, 1));

	top = _mm_minpos_epu16(_mm_xor_si128(top, _mm_set1_epi16(-1)));
	return (uint16_t)~_mm_cvtsi128_si32(top);
}

/* The largest magnitudes of 8 rows, NaN above all: as bits, those of both kinds of
 * 16-bit floats are ordered. */
INLINE __m256 wide_reach(enum dtype dtype, const struct wide_rows *rows)
{
	const __m256i magnitude = _mm256_set1_epi16(0x7fff);
	uint16_t tops[LANES];

	for (int i = 0; i < LANES; i++) {
		__m256i top = _mm256_setzero_si256();

		for (size_t k = 0; k < rows->whole; k += WIDE_STEP)
			top = _mm256_max_epu16(
				top, _mm256_and_si256(wide_load(rows->row[i] +
			                                        2 * k),
			                              magnitude));
		if (rows->whole < rows->n)
			top = _mm256_max_epu16(
				top, _mm256_and_si256(wide_load(rows->last[i]),
			                              magnitude));
		tops[i] = largest_word(top);
	}
	return wide_float(dtype, _mm_loadu_si128((const __m128i *)tops));
}

/* 16 elements of a row as integers: of f16 in the order 0 to 3, 8 to 11, 4 to 7, 12
 * to 15, which is what vpackssdw makes of it. */
INLINE __m256i wide_step_of(enum dtype dtype, const char *at, __m256 times)
{
	const __m128i *eight = (const __m128i *)(const void *)at;
	__m256 low, high;
	__m256i v;

	if (dtype == DTYPE_F16) {
		low = _mm256_cvtph_ps(_mm_loadu_si128(eight));
		high = _mm256_cvtph_ps(_mm_loadu_si128(eight + 1));
		return _mm256_packs_epi32(
			_mm256_cvtps_epi32(_mm256_mul_ps(low, times)),
			_mm256_cvtps_epi32(_mm256_mul_ps(high, times)));
	}
	v = wide_load(at);
	low = _mm256_castsi256_ps(_mm256_slli_epi32(v, 16));
	high = _mm256_castsi256_ps(
		_mm256_and_si256(v, _mm256_set1_epi32((int)0xffff0000)));
	return wide_pairs(low, high, times);
}

/* 16 elements of 8 rows, row i's at row[i] + at. */
INLINE void fill_wide_step(char *to, enum dtype dtype,
                           const char *const row[LANES], size_t at,
                           const float by[LANES])
{
	static const size_t packed[8] = { 0, 1, 4, 5, 2, 3, 6, 7 };
	__m256i in[8], v[8];

	UNROLL
	for (int i = 0; i < LANES; i++)
		in[i] = wide_step_of(dtype, row[i] + at,
		                     _mm256_broadcast_ss(&by[i]));
	transpose8(in, v);
	UNROLL
	for (size_t j = 0; j < 8; j++)
		_mm256_store_si256(wide_pair(to, dtype == DTYPE_F16 ? packed[j]
		                                                    : j),
		                   v[j]);
}

INLINE void fill_wide_floats(char *to, enum dtype dtype,
                             const struct panel_source *from, size_t o)
{
	const size_t step = WIDE_PAIR * WIDE_STEP / 2;

	for (size_t first = 0; first < from->n; first += PANEL_WIDE) {
		const char *last[LANES];
		struct wide_rows rows;
		__m256 scales, times;
		float by[LANES];

		wide_rows_of(&rows, from, o, first);
		scales = wide_scales(wide_reach(dtype, &rows), PANEL_WIDE_W,
		                     &times);
		_mm256_storeu_ps(by, times);
		for (size_t k = 0; k < rows.whole; k += WIDE_STEP, to += step)
			fill_wide_step(to, dtype, rows.row, 2 * k, by);
		if (rows.whole < rows.n) {
			for (int i = 0; i < LANES; i++)
				last[i] = (const char *)rows.last[i];
			fill_wide_step(to, dtype, last, 0, by);
			to += step;
		}
		_mm256_store_ps((float *)(void *)to, scales);
		to += WIDE_PAIR;
	}
}

static void fill_wide_bf16(char *to, const struct panel_source *from, size_t o)
{
	fill_wide_floats(to, DTYPE_BF16, from, o);
}

static void fill_wide_f16(char *to, const struct panel_source *from, size_t o)
{
	fill_wide_floats(to, DTYPE_F16, from, o);
}

/* ---- from packed bf16 ---- */

/* The largest magnitudes of the rows of half a record, in a vector as pairs are. */
INLINE __m256i wide_pairs_reach(const char *pairs)
{
	const __m256i magnitude = _mm256_set1_epi16(0x7fff);
	__m256i top[4] = { 0 };

	for (size_t p = 0; p < PANEL_WIDE / 2; p += 4) {
		UNROLL
		for (size_t i = 0; i < 4; i++)
			top[i] = _mm256_max_epu16(
				top[i],
				_mm256_and_si256(wide_load(pairs +
			                                   WIDE_PAIR * (p + i)),
			                         magnitude));
	}
	return _mm256_max_epu16(_mm256_max_epu16(top[0], top[1]),
	                        _mm256_max_epu16(top[2], top[3]));
}

/* Half of a record, whose pairs lie as a panel's: to a wide one. */
INLINE void fill_wide_pairs(char *to, const char *pairs)
{
	const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
	__m256i top = wide_pairs_reach(pairs);
	__m256 scales, times;

	top = _mm256_max_epu32(_mm256_slli_epi32(top, 16),
	                       _mm256_and_si256(top, upper));
	scales = wide_scales(_mm256_castsi256_ps(top), PANEL_WIDE_W, &times);
	for (size_t p = 0; p < PANEL_WIDE / 2; p += 4) {
		UNROLL
		for (size_t i = p; i < p + 4; i++) {
			__m256i v = wide_load(pairs + WIDE_PAIR * i);
			__m256i a = _mm256_slli_epi32(v, 16);
			__m256i b = _mm256_and_si256(v, upper);

			v = wide_pairs(_mm256_castsi256_ps(a),
			               _mm256_castsi256_ps(b), times);
			_mm256_store_si256(wide_pair(to, i), v);
		}
	}
	_mm256_store_ps((float *)(void *)(to + WIDE_PAIR * (PANEL_WIDE / 2)),
	                scales);
}

/* A group of 16 rows. */
static void fill_wide_packed_bf16(char *to, const struct panel_source *from,
                                  size_t o)
{
	_Alignas(32) uint16_t pairs[PACKED_BF16_N / 2][PACKED_ROWS][2];
	const struct packed_bf16 *record =
		(const void *)(from->w + o * from->stride);

	for (size_t k = 0; k < from->n; k += PACKED_BF16_N, record++) {
		packed_bf16_pairs(pairs, record);
		fill_wide_pairs(to, (const char *)pairs);
		fill_wide_pairs(to + WIDE_PAIR / 2,
		                (const char *)pairs + WIDE_PAIR / 2);
		to += panel_wide_bytes(from->dtype, PANEL_WIDE);
	}
}

static void fill_wide(char *panel, const struct panel_source *from)
{
	size_t group = panel_wide_bytes(from->dtype, from->n);

	if (from->dtype == DTYPE_BF16_X16) {
		for (size_t o = 0; o < from->n_w; o += PANEL_ROWS)
			fill_wide_packed_bf16(panel + o / PANEL_ROWS * group,
			                      from, o);
		return;
	}

	for (size_t o = 0; o < from->n_w; o += LANES) {
		char *to = panel + o / PANEL_ROWS * group + o % PANEL_ROWS * 4;

		if (from->dtype == DTYPE_Q8_0)
			fill_wide_q8_0(to, from, o);
		else if (panel_form(from->dtype))
			fill_wide_blocks(to, from, o);
		else if (from->dtype == DTYPE_BF16)
			fill_wide_bf16(to, from, o);
		else
			fill_wide_f16(to, from, o);
	}
}

#endif
