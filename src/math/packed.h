/*
 * packed.h - block types with 16 rows stored together
 *
 * Rows that lie one after the other must be transposed in registers, or summed
 * across lanes, before they meet the activations.  Here that has been done once,
 * in the file: 16 rows are a group, a group is a run of records, one for every
 * 64 or 256 elements, and a record holds the plain blocks of 16 rows cut in
 * dwords and dealt out, so that a vector of 16 lanes has dword i of every row.
 * One dword of activations, broadcast, meets four elements of 16 rows; decoding
 * reads one stream from beginning to end.
 *
 * A packed row has the values of its plain type bit for bit and, but for q6_k,
 * as many bytes.  No other program knows these types: they are made for
 * quantized_copy.h alone.  A tensor has one where its rows are a multiple of 16,
 * of whole records.
 */
#ifndef CONFAB_PACKED_H
#define CONFAB_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

#define PACKED_ROWS  16
#define PACKED_ALIGN 64 /* of a tensor; a record is a multiple of it */

/* What follows is named as in quant_blocks.h.  Lane r is row r of the group;
 * little endian. */
typedef uint16_t packed_halves[PACKED_ROWS];
typedef uint32_t packed_dwords[PACKED_ROWS];

/* Two blocks.  d: f16.  qs[8 b + j] has elements 32 b + 4 j and the next three,
 * with 128 added to each: unsigned. */
struct packed_q8_0 {
	packed_halves d[2];
	packed_dwords qs[16];
};

/* Two blocks.  qs[4 b + j]: elements 32 b + 4 j and the next three in the low
 * nibbles, 16 elements further on in the high ones. */
struct packed_q4_0 {
	packed_halves d[2];
	packed_dwords qs[8];
};

/* scales[i] has bytes 4 i and the next three of the plain block's 12, qs[j] of
 * its 128. */
struct packed_q4_k {
	packed_halves d, dmin;
	packed_dwords scales[3];
	packed_dwords qs[32];
};

/* d as float32, which makes the record whole lines and is exact.  The others are
 * dwords of the plain block's fields; those that have bits of the same elements
 * follow one another, so that a record is read in the order of its bytes. */
struct packed_q6_k {
	float d[PACKED_ROWS];
	packed_dwords scales[4];
	struct {
		packed_dwords low[2]; /* dwords j and j + 8 of a half's ql */
		packed_dwords high;   /* dword j of its qh */
	} q[2][8];
};

/* The packed form of a plain type, or the type itself where there is none; and
 * back. */
enum dtype packed_of(enum dtype plain);
enum dtype packed_plain(enum dtype dtype);

static inline bool packed_is(enum dtype dtype)
{
	return dtype >= DTYPE_PACKED;
}

/* Whether a matrix of so many rows of n elements can have this packed type. */
bool packed_fits(enum dtype packed, int64_t rows, int64_t n);

/* group: what 16 rows of n elements in the plain type are, rows one after the
 * other, dtype_row_bytes() each, at any address. */
void packed_group(enum dtype packed, const void *rows, void *group, int64_t n);

/* Row `row` of a matrix in plain blocks again: elements [first, first + n), both
 * multiples of a record's.  cols: elements of its rows. */
void packed_row(enum dtype packed, const void *matrix, int64_t cols,
                int64_t row, int64_t first, int64_t n, void *plain);

/* dst[i] = row `row` as float32. */
void packed_widen(enum dtype packed, const void *matrix, int64_t cols,
                  int64_t row, float *dst);

#endif
