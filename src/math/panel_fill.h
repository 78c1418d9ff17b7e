/*
 * panel_fill.h - stored blocks of every type into records of a coded panel
 *
 * Included by the vector files alone, after they have defined
 *
 *	LANES			rows at a time: the dwords of a vector
 *	vec, fvec		LANES dwords, LANES floats
 *	v_rows4(row, at, v)	v[j], j < 4: dword j of the 16 bytes at offset at
 *				of each row
 *	v_rows8(row, at, v)	the same for 32 bytes, j < 8
 *	v_load, v_store, v_set1, v_and, v_or, v_xor, v_srl, v_sra, v_sll, v_sub,
 *	v_mullo, v_level, v_int	dword vectors: the obvious; 16 levels looked up by
 *				byte; conversion to float
 *	v_half			the f16 in each dword's lower half as float
 *	f_halves(p)		LANES f16 at p
 *	f_rows(row, at)		the f16 at an offset of each row
 *	f_mul, f_neg, f_load, f_store	float vectors
 *
 * The bytes of LANES rows are transposed first, so that a vector holds four
 * successive bytes of each row, and what a type packs into bits is then taken
 * apart bytewise in all rows at once.
 */
#ifndef CONFAB_PANEL_FILL_H
#define CONFAB_PANEL_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/panel.h"
#include "math/quant_blocks.h"
#include "math/unroll.h"

/* LANES rows of a source and the lower or upper part of their records. */
struct fill {
	const char *row[LANES];
	char *out;
	size_t record, n_blocks;
};

#define BYTES(b) v_set1((b)*0x01010101u) /* the same byte everywhere */

INLINE void put_codes(char *record, int quad, vec codes)
{
	v_store(record + 64 * quad, codes);
}

INLINE void put_factor(char *record, int i, fvec factor)
{
	f_store(record + PANEL_CODES + 4 * PANEL_ROWS * i, factor);
}

/* The dword at an offset of each row. */
INLINE vec dwords(const struct fill *fill, size_t at)
{
	uint32_t all[LANES];

	UNROLL
	for (int i = 0; i < LANES; i++)
		memcpy(&all[i], fill->row[i] + at, 4);
	return v_load(all);
}

/* The f16 in each dword's upper half. */
INLINE fvec upper_half(vec v)
{
	return v_half(v_srl(v, 16));
}

/* Byte i of each dword, unsigned. */
INLINE fvec byte_of(vec v, int i)
{
	return v_int(v_and(v_srl(v, 8 * i), v_set1(255)));
}

/* The factors at `at` of each row: scale, and -min where has_min. */
INLINE void put_head(const struct fill *fill, char *record, size_t at,
                     bool has_min)
{
	put_factor(record, 0, f_rows(fill->row, at));
	if (has_min)
		put_factor(record, 1, f_neg(f_rows(fill->row, at + 2)));
}

static void fill_q8_0(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q8_0);

	for (size_t b = 0; b < fill->n_blocks; b++) {
		char *record = fill->out + b * fill->record;
		vec v[8];

		put_head(fill, record, b * bytes, false);
		v_rows8(fill->row, b * bytes + 2, v);
		UNROLL
		for (int j = 0; j < 8; j++)
			put_codes(record, j, v_xor(v[j], BYTES(0x80)));
	}
}

/* The eight quads of 16 bytes in halves order. */
INLINE void halves(const struct fill *fill, size_t at, vec codes[8])
{
	vec v[4];

	v_rows4(fill->row, at, v);
	UNROLL
	for (int j = 0; j < 4; j++) {
		codes[j] = v_and(v[j], BYTES(15));
		codes[j + 4] = v_and(v_srl(v[j], 4), BYTES(15));
	}
}

INLINE void put_halves(const struct fill *fill, char *record, size_t at)
{
	vec codes[8];

	halves(fill, at, codes);
	UNROLL
	for (int j = 0; j < 8; j++)
		put_codes(record, j, codes[j]);
}

/* Bits 4 quad to 4 quad + 3 of each dword, each as the fifth bit of a byte:
 * the multiplication puts bit i at 8 i. */
INLINE vec fifth_bits(vec bits, int quad)
{
	vec four = v_and(v_srl(bits, 4 * quad), v_set1(15));
	vec spread = v_and(v_mullo(four, v_set1(0x00204081)), BYTES(1));

	return v_sll(spread, 4);
}

/* fifth: bit i is that of element i. */
INLINE void put_halves_and_fifth(const struct fill *fill, char *record,
                                 size_t at, vec fifth)
{
	vec codes[8];

	halves(fill, at, codes);
	UNROLL
	for (int j = 0; j < 8; j++)
		put_codes(record, j, v_or(codes[j], fifth_bits(fifth, j)));
}

INLINE void put_levels(const struct fill *fill, char *record, size_t at)
{
	vec codes[8];

	halves(fill, at, codes);
	UNROLL
	for (int j = 0; j < 8; j++)
		put_codes(record, j, v_xor(v_level(codes[j]), BYTES(0x80)));
}

static void fill_q4_0(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q4_0);

	for (size_t b = 0; b < fill->n_blocks; b++) {
		char *record = fill->out + b * fill->record;

		put_head(fill, record, b * bytes, false);
		put_halves(fill, record, b * bytes + 2);
	}
}

static void fill_q4_1(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q4_1);

	for (size_t b = 0; b < fill->n_blocks; b++) {
		char *record = fill->out + b * fill->record;

		put_head(fill, record, b * bytes, true);
		put_halves(fill, record, b * bytes + 4);
	}
}

static void fill_q5_0(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q5_0);

	for (size_t b = 0; b < fill->n_blocks; b++) {
		char *record = fill->out + b * fill->record;

		put_head(fill, record, b * bytes, false);
		put_halves_and_fifth(fill, record, b * bytes + 6,
		                     dwords(fill, b * bytes + 2));
	}
}

static void fill_q5_1(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q5_1);

	for (size_t b = 0; b < fill->n_blocks; b++) {
		char *record = fill->out + b * fill->record;

		put_head(fill, record, b * bytes, true);
		put_halves_and_fifth(fill, record, b * bytes + 8,
		                     dwords(fill, b * bytes + 4));
	}
}

static void fill_iq4_nl(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_iq4_nl);

	for (size_t b = 0; b < fill->n_blocks; b++) {
		char *record = fill->out + b * fill->record;

		put_head(fill, record, b * bytes, false);
		put_levels(fill, record, b * bytes + 2);
	}
}

/* The super-blocks: eight records each. */

static void fill_iq4_xs(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_iq4_xs);
	char *record = fill->out;

	for (size_t s = 0; s < fill->n_blocks / 8; s++) {
		vec head = dwords(fill, s * bytes);
		vec scales_l = dwords(fill, s * bytes + 4);
		vec scales_h = v_srl(head, 16);
		fvec d = v_half(head);

		UNROLL
		for (int b = 0; b < 8; b++, record += fill->record) {
			vec low = v_and(v_srl(scales_l, 4 * b), v_set1(15));
			vec high = v_and(v_srl(scales_h, 2 * b), v_set1(3));
			vec scale =
				v_sub(v_or(low, v_sll(high, 4)), v_set1(32));

			put_factor(record, 0, f_mul(d, v_int(scale)));
			put_levels(fill, record,
			           s * bytes + 8 + 16 * (size_t)b);
		}
	}
}

/* The scales and minima of a q4_k or q5_k, see quant_scale_min(): byte b % 4 of
 * sc[b / 4] and mn[b / 4]. */
struct k_scales {
	fvec d, dmin;
	vec sc[2], mn[2];
};

/* v: the 12 bytes, see quant_scale_min(). */
INLINE struct k_scales k_scales_of(fvec d, fvec dmin, const vec v[3])
{
	struct k_scales k = { .d = d, .dmin = dmin };

	k.sc[0] = v_and(v[0], BYTES(63));
	k.mn[0] = v_and(v[1], BYTES(63));
	k.sc[1] = v_or(v_and(v[2], BYTES(15)),
	               v_srl(v_and(v[0], BYTES(0xc0)), 2));
	k.mn[1] = v_or(v_and(v_srl(v[2], 4), BYTES(15)),
	               v_srl(v_and(v[1], BYTES(0xc0)), 2));
	return k;
}

INLINE struct k_scales k_scales(const struct fill *fill, size_t at)
{
	vec head[4];

	v_rows4(fill->row, at, head);
	return k_scales_of(v_half(head[0]), upper_half(head[0]), head + 1);
}

INLINE void put_k_scales(const struct k_scales *k, char *record, int b)
{
	put_factor(record, 0, f_mul(k->d, byte_of(k->sc[b / 4], b % 4)));
	put_factor(record, 1, f_mul(k->dmin, byte_of(k->mn[b / 4], b % 4)));
}

static void fill_q4_k(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q4_k);
	char *record = fill->out;

	for (size_t at = 0; at < fill->n_blocks / 8 * bytes; at += bytes) {
		struct k_scales k = k_scales(fill, at);

		UNROLL
		for (int b = 0; b < 8; b += 2, record += 2 * fill->record) {
			vec v[8];

			put_k_scales(&k, record, b);
			put_k_scales(&k, record + fill->record, b + 1);
			v_rows8(fill->row, at + 16 + 16 * (size_t)b, v);
			UNROLL
			for (int j = 0; j < 8; j++) {
				vec high = v_and(v_srl(v[j], 4), BYTES(15));

				put_codes(record, j, v_and(v[j], BYTES(15)));
				put_codes(record + fill->record, j, high);
			}
		}
	}
}

/* Bit b of every byte, as bit 4. */
INLINE vec bit_as_fifth(vec v, int b)
{
	return v_sll(v_and(v_srl(v, b), BYTES(1)), 4);
}

static void fill_q5_k(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q5_k);
	char *record = fill->out;

	for (size_t at = 0; at < fill->n_blocks / 8 * bytes; at += bytes) {
		struct k_scales k = k_scales(fill, at);
		vec h[8];

		v_rows8(fill->row, at + 16, h);
		UNROLL
		for (int b = 0; b < 8; b++, record += fill->record) {
			vec v[8];

			put_k_scales(&k, record, b);
			v_rows8(fill->row, at + 48 + 32 * (size_t)(b / 2), v);
			UNROLL
			for (int j = 0; j < 8; j++) {
				vec low = v_and(v_srl(v[j], 4 * (b % 2)),
				                BYTES(15));

				put_codes(record, j,
				          v_or(low, bit_as_fifth(h[j], b)));
			}
		}
	}
}

/* Two bits from bit 2 s of every byte on, as bits 4 and 5. */
INLINE vec pair_as_high(vec v, int s)
{
	return v_sll(v_and(v_srl(v, 2 * s), BYTES(3)), 4);
}

/* Byte i of each dword, signed. */
INLINE fvec signed_byte_of(vec v, int i)
{
	return v_int(v_sra(v_sll(v, 24 - 8 * i), 24));
}

/* The four records of elements [128 h, 128 h + 128) of a q6_k. */
INLINE void put_q6_k_half(const struct fill *fill, char *record, size_t at,
                          int h)
{
	vec low[2][8], high[8];

	v_rows8(fill->row, at + 64 * (size_t)h, low[0]);
	v_rows8(fill->row, at + 64 * (size_t)h + 32, low[1]);
	v_rows8(fill->row, at + 128 + 32 * (size_t)h, high);
	UNROLL
	for (int s = 0; s < 4; s++, record += fill->record) {
		UNROLL
		for (int j = 0; j < 8; j++) {
			vec code = v_and(v_srl(low[s % 2][j], 4 * (s / 2)),
			                 BYTES(15));

			put_codes(record, j,
			          v_or(code, pair_as_high(high[j], s)));
		}
	}
}

static void fill_q6_k(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q6_k);
	char *record = fill->out;

	for (size_t at = 0; at < fill->n_blocks / 8 * bytes; at += bytes) {
		/* Two bytes before d: a row may end with it. */
		fvec d = upper_half(dwords(fill, at + 206));
		vec scales[4];

		v_rows4(fill->row, at + 192, scales);
		put_q6_k_half(fill, record, at, 0);
		put_q6_k_half(fill, record + 4 * fill->record, at, 1);
		UNROLL
		for (int b = 0; b < 16; b++) {
			fvec scale = signed_byte_of(scales[b / 4], b % 4);

			put_factor(record, b % 2, f_mul(d, scale));
			record += b % 2 ? fill->record : 0;
		}
	}
}

static void fill_q2_k(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q2_k);
	char *record = fill->out;

	for (size_t at = 0; at < fill->n_blocks / 8 * bytes; at += bytes) {
		vec head = dwords(fill, at + 80), scales[4], v[8];
		fvec d = v_half(head), dmin = upper_half(head);

		v_rows4(fill->row, at, scales);
		UNROLL
		for (int b = 0; b < 16; b++) {
			char *to = record + (size_t)(b / 2) * fill->record;
			vec sc = v_and(scales[b / 4], BYTES(15));
			vec mn = v_and(v_srl(scales[b / 4], 4), BYTES(15));

			put_factor(to, b % 2, f_mul(d, byte_of(sc, b % 4)));
			put_factor(to, 2 + b % 2,
			           f_mul(dmin, byte_of(mn, b % 4)));
		}
		UNROLL
		for (int b = 0; b < 8; b++, record += fill->record) {
			if (b % 4 == 0)
				v_rows8(fill->row, at + 16 + 8 * (size_t)b, v);
			UNROLL
			for (int j = 0; j < 8; j++)
				put_codes(record, j,
				          v_and(v_srl(v[j], 2 * (b % 4)),
				                BYTES(3)));
		}
	}
}

/* Scales 4 g to 4 g + 3 of a q3_k, see quant_q3_k_scale(), as bytes; v: its 12
 * bytes. */
INLINE vec q3_k_scales(const vec v[3], int g)
{
	vec low = v_and(v_srl(v[g % 2], 4 * (g / 2)), BYTES(15));

	return v_or(low, v_sll(v_and(v_srl(v[2], 2 * g), BYTES(3)), 4));
}

static void fill_q3_k(const struct fill *fill)
{
	const size_t bytes = sizeof(struct quant_q3_k);
	char *record = fill->out;

	for (size_t at = 0; at < fill->n_blocks / 8 * bytes; at += bytes) {
		fvec d = upper_half(dwords(fill, at + 106));
		vec h[8], v[8], scales[3];

		UNROLL
		for (int i = 0; i < 3; i++)
			scales[i] = dwords(fill, at + 96 + 4 * (size_t)i);
		v_rows8(fill->row, at, h);
		UNROLL
		for (int b = 0; b < 16; b++) {
			char *to = record + (size_t)(b / 2) * fill->record;
			vec sc = q3_k_scales(scales, b / 4);

			sc = v_and(v_srl(sc, 8 * (b % 4)), v_set1(255));
			put_factor(to, b % 2,
			           f_mul(d, v_int(v_sub(sc, v_set1(32)))));
		}
		UNROLL
		for (int b = 0; b < 8; b++, record += fill->record) {
			if (b % 4 == 0)
				v_rows8(fill->row, at + 32 + 8 * (size_t)b, v);
			UNROLL
			for (int j = 0; j < 8; j++) {
				vec low = v_and(v_srl(v[j], 2 * (b % 4)),
				                BYTES(3));
				vec top = v_and(v_srl(h[j], b), BYTES(1));

				put_codes(record, j, v_or(low, v_sll(top, 2)));
			}
		}
	}
}

static void (*const fills[DTYPE_COUNT])(const struct fill *fill) = {
	[DTYPE_Q8_0] = fill_q8_0,     [DTYPE_Q4_0] = fill_q4_0,
	[DTYPE_Q4_1] = fill_q4_1,     [DTYPE_Q5_0] = fill_q5_0,
	[DTYPE_Q5_1] = fill_q5_1,     [DTYPE_Q2_K] = fill_q2_k,
	[DTYPE_Q3_K] = fill_q3_k,     [DTYPE_Q4_K] = fill_q4_k,
	[DTYPE_Q5_K] = fill_q5_k,     [DTYPE_Q6_K] = fill_q6_k,
	[DTYPE_IQ4_NL] = fill_iq4_nl, [DTYPE_IQ4_XS] = fill_iq4_xs,
};

/* Rows [o, o + LANES) of a source; past its last row that one again: what those
 * lanes compute is not stored. */
static void rows_of(const char *row[LANES], const struct panel_source *from,
                    size_t o)
{
	for (size_t i = 0; i < LANES; i++) {
		size_t at = o + i < from->n_w ? o + i : from->n_w - 1;

		row[i] = from->w + at * from->stride;
	}
}

static struct fill fill_of(const struct panel_source *from, size_t o)
{
	struct fill fill = { .record = panel_form(from->dtype)->record,
		             .n_blocks = from->n / PANEL_BLOCK };

	rows_of(fill.row, from, o);
	return fill;
}

#endif
