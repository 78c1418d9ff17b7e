/*
 * packed_record.h - what a record of packed rows says: codes and scales
 *
 * Included by packed_tile.h and the packed_products_*.h, by the vectors of the first.  A vector has LANES
 * of a group's rows; `part` says which.
 */
#ifndef CONFAB_PACKED_RECORD_H
#define CONFAB_PACKED_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "math/ask_for.h"
#include "math/packed.h"
#include "math/quant_blocks.h"
#include "math/tensor.h"
#include "math/unroll.h"

#define PARTS (PACKED_ROWS / LANES) /* vectors of a group */

INLINE int record_elements(enum dtype dtype)
{
	return dtype == DTYPE_Q8_0_X16 || dtype == DTYPE_Q4_0_X16
	               ? 2 * QUANT_BLOCK
	               : QUANT_SUPER;
}

INLINE size_t record_bytes(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_Q8_0_X16:
		return sizeof(struct packed_q8_0);
	case DTYPE_Q4_0_X16:
		return sizeof(struct packed_q4_0);
	case DTYPE_Q4_K_X16:
		return sizeof(struct packed_q4_k);
	default:
		return sizeof(struct packed_q6_k);
	}
}

INLINE int code_bits(enum dtype dtype)
{
	return dtype == DTYPE_Q8_0_X16 ? 8 : dtype == DTYPE_Q6_K_X16 ? 6 : 4;
}

INLINE int code_offset(enum dtype dtype)
{
	return dtype == DTYPE_Q8_0_X16   ? 128
	       : dtype == DTYPE_Q4_0_X16 ? 8
	       : dtype == DTYPE_Q6_K_X16 ? 32
	                                 : 0;
}

/* Scales of a block of 32. */
INLINE int n_scales(enum dtype dtype)
{
	return dtype == DTYPE_Q6_K_X16 ? 2 : 1;
}

INLINE vec dwords_at(const packed_dwords *at, int part)
{
	return v_load((const uint32_t *)at + LANES * part);
}

/* Bits [at, at + n) of every byte, at its lower end; n < 8. */
INLINE vec bits_of(vec v, int at, int n)
{
	const uint32_t mask = ((1u << n) - 1) * 0x01010101u;

	return v_and(at ? v_srl(v, at) : v, v_set1(mask));
}

/* Asks for what is `far` bytes ahead of a record, 0: for nothing: the share that part
 * i of n has in its lines.  Requests that come all at once find the queue full and
 * wait. */
INLINE void prefetch_part(enum dtype dtype, size_t far, const char *record,
                          size_t i, size_t n)
{
	const size_t lines = record_bytes(dtype) / 64;

	if (!far)
		return;
	for (size_t l = lines * i / n; l < lines * (i + 1) / n; l++) {
		const char *at = record + far + 64 * l;

		if (dtype == DTYPE_Q8_0_X16)
			ask_for(at);
		else
			ask_for_soon(at);
	}
}

/*
 * A record is gone through in rounds that are alike but for their addresses, so
 * that the code stays small: two blocks, or four in q6_k, where the bits of the
 * blocks of a half lie together.
 */
INLINE int round_blocks(enum dtype dtype)
{
	return dtype == DTYPE_Q6_K_X16 ? 4 : 2;
}

INLINE int n_rounds(enum dtype dtype)
{
	return record_elements(dtype) / QUANT_BLOCK / round_blocks(dtype);
}

/* The codes of round i, past the record's scales. */
INLINE const packed_dwords *round_codes(enum dtype dtype, const void *record,
                                        int i)
{
	const struct packed_q8_0 *q8_0 = record;
	const struct packed_q4_0 *q4_0 = record;
	const struct packed_q4_k *q4_k = record;
	const struct packed_q6_k *q6_k = record;

	switch (dtype) {
	case DTYPE_Q8_0_X16:
		return q8_0->qs;
	case DTYPE_Q4_0_X16:
		return q4_0->qs;
	case DTYPE_Q4_K_X16:
		return q4_k->qs + 8 * i;
	default:
		return q6_k->q[i][0].low;
	}
}

/* The codes of elements 16 half + 4 j and the next three of the round's block
 * b. */
INLINE vec codes_at(enum dtype dtype, const packed_dwords *codes, int b,
                    int half, int j, int part)
{
	const int quad = 4 * half + j;
	vec low, high;

	switch (dtype) {
	case DTYPE_Q8_0_X16:
		return dwords_at(&codes[8 * b + quad], part);
	case DTYPE_Q4_0_X16:
		return bits_of(dwords_at(&codes[4 * b + j], part), 4 * half, 4);
	case DTYPE_Q4_K_X16:
		return bits_of(dwords_at(&codes[quad], part), 4 * b, 4);
	default:
		low = dwords_at(&codes[3 * quad + b % 2], part);
		high = dwords_at(&codes[3 * quad + 2], part);
		return v_join(bits_of(low, b / 2 * 4, 4),
		              b < 2 ? v_sll(high, 4 - 2 * b)
		                    : v_srl(high, 2 * b - 4),
		              v_set1(0x30303030));
	}
}

/* Scales of a record, and what is subtracted, of one vector's rows: of each
 * block, or of each half. */
#define MOST_SCALES 16
struct scales {
	fvec scale[MOST_SCALES];
	fvec min[8];
};

/* Byte i of each dword, times d. */
INLINE fvec times_byte(fvec d, vec v, int i)
{
	v = v_srl(v, 8 * i);
	return f_mul(d, v_int(i == 3 ? v : v_and(v, v_set1(255))));
}

/* The same of signed bytes. */
INLINE fvec times_signed_byte(fvec d, vec v, int i)
{
	return f_mul(d, v_int(v_sra(v_sll(v, 24 - 8 * i), 24)));
}

/* See quant_scale_min(). */
INLINE void scales_q4_k(struct scales *to, const struct packed_q4_k *r,
                        int part)
{
	fvec d = f_halves(r->d + LANES * part);
	fvec dmin = f_halves(r->dmin + LANES * part);
	vec a = dwords_at(&r->scales[0], part);
	vec b = dwords_at(&r->scales[1], part);
	vec c = dwords_at(&r->scales[2], part);
	vec sc[2] = { bits_of(a, 0, 6),
		      v_or(bits_of(c, 0, 4), v_sll(bits_of(a, 6, 2), 4)) };
	vec mn[2] = { bits_of(b, 0, 6),
		      v_or(bits_of(c, 4, 4), v_sll(bits_of(b, 6, 2), 4)) };

	UNROLL
	for (int i = 0; i < 8; i++) {
		to->scale[i] = times_byte(d, sc[i / 4], i % 4);
		to->min[i] = times_byte(dmin, mn[i / 4], i % 4);
	}
}

INLINE void scales_q6_k(struct scales *to, const struct packed_q6_k *r,
                        int part)
{
	fvec d = f_load(r->d + LANES * part);

	UNROLL
	for (int i = 0; i < 16; i++)
		to->scale[i] =
			times_signed_byte(d, dwords_at(&r->scales[i / 4], part),
		                          i % 4);
}

INLINE void scales_of(struct scales *to, enum dtype dtype, const void *record,
                      int part)
{
	const packed_halves *d = record; /* in the other two */

	if (dtype == DTYPE_Q4_K_X16) {
		scales_q4_k(to, record, part);
	} else if (dtype == DTYPE_Q6_K_X16) {
		scales_q6_k(to, record, part);
	} else {
		to->scale[0] = f_halves(d[0] + LANES * part);
		to->scale[1] = f_halves(d[1] + LANES * part);
	}
}

#endif
