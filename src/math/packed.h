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
 * A packed row has the values of its plain type bit for bit and, but for q6_k and
 * bf16, as many bytes.  No other program knows these types: they are made for
 * quantized_copy.h alone.  A tensor has one where its rows are a multiple of 16,
 * of whole records, and packed_can_say() all of it.
 *
 * bf16 takes 12 1/4 bits here instead of 16.  Of a weight's sixteen the lower byte,
 * which is the fraction and the exponent's last bit, may be anything; the upper one,
 * sign and exponent, is one of a few: weights are spread about zero, and half as many
 * as have one exponent have the next smaller one.  So a record has a table of 16 upper
 * bytes, and four bits for each weight that choose one; what is in no table, some ten
 * thousandths of the weights, is listed beside it.  (Compressing exponents alone,
 * without loss: Zhang et al., "70% Size, 100% Accuracy", 2025, section 2; there by
 * Huffman codes, which no vector unit follows at the speed of memory.)
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

/* 256 elements.  Weight [row][k] has the byte at low[place] of quad k / 4 and, over
 * it, table[code], its code in the lower half of codes[place] for k % 4 < 2, in the
 * upper half for the others; place is packed_bf16_place().  So bytes of low and of
 * table, interleaved in each half of a vector of 32, are pairs of elements of rows 0
 * to 7 and 8 to 15.
 *
 * table[0] is 0, and a rare weight has code and byte 0: it is 0 but for its entry. */
#define PACKED_BF16_N    256
#define PACKED_BF16_RARE 27 /* the most that a record lists */

struct packed_bf16 {
	uint8_t table[16];
	uint32_t n_rare;
	struct packed_bf16_rare {
		uint16_t at; /* 256 row + k */
		uint16_t weight;
	} rare[PACKED_BF16_RARE];
	struct packed_bf16_quad {
		uint8_t low[2][2 * PACKED_ROWS];
		uint8_t codes[2 * PACKED_ROWS];
	} quads[PACKED_BF16_N / 4];
};

/* Of elements k and k + 1, k even, the place of a row's first. */
static inline int packed_bf16_place(int row)
{
	return 2 * ((row & 3) | (row & 4) << 1 | (row & 8) >> 1);
}

/* As many as are listed, whatever a file says. */
static inline size_t packed_bf16_n_rare(const struct packed_bf16 *record)
{
	return record->n_rare < PACKED_BF16_RARE ? record->n_rare
	                                         : PACKED_BF16_RARE;
}

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

/* Whether a type cannot say all weights that its plain one can: bf16. */
bool packed_is_partial(enum dtype packed);

/* Whether 16 rows of n elements in the plain type, as packed_group() takes them, have
 * this packed form. */
bool packed_can_say(enum dtype packed, const void *rows, int64_t n);

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
