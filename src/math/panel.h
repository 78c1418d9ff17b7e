/*
 * panel.h - weights of block types, laid out for integer products of many rows
 *
 *	w = scale (code - offset) - min
 *
 * holds for every block type (quant_blocks.h): code is an unsigned byte, scale
 * and min belong to 16 or 32 successive elements of a row, and offset is the
 * type's.  A panel holds a few rows of a weight, expanded from the file's blocks
 * in a thread's scratch that stays in its L2 cache.  Activations are rounded to
 * 8-bit integers q with a scale d for every 32 (quant_x.h).  There are three
 * formats:
 *
 * Coded.  Codes, scales and minima as above, without any rounding that
 * quant_dequantize_row() would not do:
 *
 *	sum of x w = d (scale (sum of q code - offset sum of q) - min sum of q)
 *
 * costs an integer dot product for each scale of a weight, exact in 32 bits, and
 * a few float32 operations for 32 products.
 *
 * Levelled.  The integer products of AVX-512 are so fast that those few operations
 * take a quarter to a third of the time, which to level the weights once is worth
 * where rows are many.  Hence
 *
 *	w = S b,	S of 256 elements of a row, b a signed byte
 *
 * for types of up to six bits a weight: rounded to the nearest, S / 2 apart at
 * most where S is 1/127 of what the 256 can reach.  That is a sixteenth of the
 * step of a four-bit type, and a fourth of six bits'.  Types of eight bits keep a
 * scale for 32, and lose nothing.  Activations are unsigned, q + 128, so that
 *
 *	sum of q b = (sum of (q + 128) b) - 128 sum of b
 *
 * where the last term is stored with the weights.
 *
 * Wide.  AVX2 adds up products of bytes in 16 bits, which two products of eight
 * bits fill.  To multiply integers of 16 bits takes it no more instructions than
 * to keep those sums apart, and all of 256 elements fit in 32 bits where
 *
 *	w = S b,	|b| <= PANEL_WIDE_W = 2047
 *	x = d q,	|q| <= PANEL_WIDE_X = 4095
 *
 * with S and d of 256 elements of a row: 2048 * 4095 * 256 < 2^31.  So there is
 * no scale to apply but once in 256, both factors are rounded to less than half of
 * what 8 bits for every 32 leave, and weights in 16-bit floats are multiplied at
 * almost twice the rate of float32.  S is 1/2047 of the largest |w|; of block types
 * of what the 256 can reach, and a level is up to PANEL_WIDE_SLACK of S from the
 * weight: a 16th of the step of eight bits.
 *
 * Narrow.  AMX multiplies bf16 at eight times the rate at which AVX-512 multiplies
 * bytes, and adds up in float32.  Weights and activations are rounded to the nearest
 * bf16, at most a 256th of each away, with no scale left to apply.  That is less than
 * activations lose by eight bits for every 32.  AVX-512 itself has it for bf16 weights,
 * where it multiplies bf16 fast.
 *
 * Layout.  PANEL_ROWS rows are a group.  A group is one record for each block
 * of 32 elements, one after the other; coded:
 *
 *	code [8 quads][PANEL_ROWS][4]	bytes: 4 successive elements of 16 rows
 *	scale [n_scales][PANEL_ROWS]	float32; of 16 elements each when 2
 *	min [n_mins][PANEL_ROWS]	likewise
 *
 * and levelled:
 *
 *	b [8 quads][PANEL_ROWS][4]	signed bytes
 *	-128 sum of b [PANEL_ROWS]	int32
 *	S [PANEL_ROWS]			float32; of eight bits in every record,
 *					of others after every eighth and the last
 *
 * A wide record is of PANEL_WIDE elements, the last one of a row of what is left,
 * in whole steps of 16 that are filled with zeros:
 *
 *	b [PANEL_WIDE / 2][PANEL_ROWS][2]	int16: pairs of successive elements
 *	S [PANEL_ROWS]			float32
 *
 * A narrow record is of PANEL_BLOCK elements, the last one filled with zeros:
 *
 *	b [PANEL_BLOCK / 2][PANEL_ROWS][2]	bf16: pairs of successive elements
 *
 * One dword of activations, broadcast, meets 16 rows in one vector, and no sum
 * is ever taken across lanes.
 *
 * Activations that a register block multiplies form a strip of so many rows; how
 * it is laid out is the format's business; coded and levelled ones of AVX-512 are
 * single rows, of struct quant_x.  Narrow ones are records, too, [rows][PANEL_BLOCK].
 */
#ifndef CONFAB_PANEL_H
#define CONFAB_PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

#define PANEL_ROWS  16
#define PANEL_BLOCK 32
#define PANEL_CODES (PANEL_ROWS * PANEL_BLOCK) /* bytes of a record's codes */
#define PANEL_LEVEL 8                          /* records that share an S */

/* Where a levelled record's sums are, and where it ends; S's bytes. */
#define PANEL_SUMS     PANEL_CODES
#define PANEL_LEVELLED (PANEL_SUMS + 4 * PANEL_ROWS)
#define PANEL_SCALE    (4 * PANEL_ROWS)

/* Elements of a wide record, the largest integers, and how far a level of a block
 * type may be from its weight, in S: half a level each for its own rounding and for
 * that of a min, an eighth for that of a factor; six bits have no min and a quarter
 * for the factor, eight bits a half. */
#define PANEL_WIDE       256
#define PANEL_WIDE_W     2047
#define PANEL_WIDE_X     4095
#define PANEL_WIDE_SLACK 1.13

/* Bytes of a narrow record. */
#define PANEL_NARROW (2 * PANEL_BLOCK * PANEL_ROWS)

/* Bytes of the longest record of any form. */
#define PANEL_RECORD_MAX (PANEL_CODES + 4 * 4 * PANEL_ROWS)

/* What a block type's weights are made of. */
struct panel_form {
	int offset;    /* subtracted from every code */
	int bits;      /* of a code */
	int n_scales;  /* for 32 elements: 1 or 2 */
	int n_mins;    /* 0 or n_scales */
	size_t record; /* bytes of a group's block, coded: a multiple of 64 */
};

/* NULL for the three float types. */
const struct panel_form *panel_form(enum dtype dtype);

static inline bool panel_has_form(enum dtype dtype)
{
	return panel_form(dtype) != NULL;
}

/* Bytes of a group of rows of n elements in each format. */
size_t panel_coded_bytes(enum dtype dtype, size_t n);
size_t panel_levelled_bytes(enum dtype dtype, size_t n);
size_t panel_wide_bytes(enum dtype dtype, size_t n);
size_t panel_narrow_bytes(enum dtype dtype, size_t n);

/* Elements of a row of n in whole steps of 16, as a wide record holds them. */
static inline size_t panel_wide_length(size_t n)
{
	return (n + 15) / 16 * 16;
}

/* Bytes of a row of a wide strip: records of PANEL_WIDE elements, the last of what
 * is left, one after the other.  Of n rows:
 *
 *	d [n]				float32
 *	q [PANEL_WIDE / 2][n][2]	int16: pairs */
static inline size_t panel_wide_x_bytes(size_t n)
{
	size_t records = (n + PANEL_WIDE - 1) / PANEL_WIDE;

	return records * sizeof(float) + panel_wide_length(n) * sizeof(int16_t);
}

/* The most bytes that a row of n activations takes in a strip of any format. */
static inline size_t panel_x_most(size_t n)
{
	return (n + 255) / 256 * (4 + 2 * 256);
}

/* What a panel is filled from. */
struct panel_source {
	enum dtype dtype;
	const char *w; /* stored rows, at any address; or groups of 16 */
	size_t stride; /* bytes from one row to the next, or on average */
	size_t n_w, n; /* rows (whole groups), elements of a row */
};

/* A product of a panel, as in tile.h. */
struct panel_tile {
	enum dtype dtype;
	const char *panel; /* aligned to 64 bytes */
	size_t n_w, n;
	/* Strips of the format, one after the other: the one that begins with
	 * row r at x + r * x_stride, which is x_bytes() of whole rows.  Of a
	 * piece of them, elements from `first` on: whole records' worth. */
	const char *x;
	size_t x_stride, first, rows;
	float *y; /* row r at y + r * y_stride */
	size_t y_stride;
	bool add;
	/* Read next, from memory: the product asks for it meanwhile. */
	struct panel_ahead {
		const char *at; /* the first of */
		size_t n;       /* runs; 0: nothing */
		size_t bytes;   /* of each */
		size_t stride;  /* from one to the next, in bytes */
	} ahead;
};

/* One format by one set of instructions. */
struct panel_kernels {
	bool (*takes)(enum dtype dtype); /* what it is for */
	/* And from how many rows on, where there is another format for fewer or
	 * a tile: at most LINEAR_PLAN_FEW + 1 where that is of 8-bit
	 * activations.  A type and the packed one of its codes change over
	 * together, that they give the same numbers; bf16 and its packed form,
	 * whose sums differ anyway, where it is best for each. */
	size_t (*from_rows)(enum dtype dtype);
	size_t strip; /* rows of a strip, at most: row_blocks.h */
	size_t piece; /* elements of long rows that fit the caches, whole
	               * records; 0: any */
	size_t (*group)(enum dtype dtype, size_t n); /* bytes of a group */
	/* Bytes of a row of a strip; linear in records. */
	size_t (*x_bytes)(size_t n);
	/* A strip of `rows` rows, row r at x + r * x_stride. */
	void (*x)(char *strip, const float *x, size_t x_stride, size_t rows,
	          size_t n);
	void (*fill)(char *panel, const struct panel_source *from);
	void (*multiply)(const struct panel_tile *t);
};

#ifdef __x86_64__
extern const struct panel_kernels panel_coded_avx2;
extern const struct panel_kernels panel_wide_avx2;
extern const struct panel_kernels panel_coded_avxvnni;
extern const struct panel_kernels panel_wide_avxvnni;
extern const struct panel_kernels panel_coded_avx512;
extern const struct panel_kernels panel_levelled_avx512;
extern const struct panel_kernels panel_wide_avx512;
extern const struct panel_kernels panel_narrow_avx512;
extern const struct panel_kernels panel_narrow_amx;

/* What they are made of.  AVX-VNNI's panels and strips, and AVX-512's wide ones, are
 * those of AVX2. */
void panel_coded_x_avx2(char *strip, const float *x, size_t x_stride,
                        size_t rows, size_t n);
void panel_wide_x_avx2(char *strip, const float *x, size_t x_stride,
                       size_t rows, size_t n);
void panel_fill_coded_avx2(char *panel, const struct panel_source *from);
void panel_fill_wide_avx2(char *panel, const struct panel_source *from);
void panel_fill_coded_avx512(char *panel, const struct panel_source *from);
void panel_fill_levelled_avx512(char *panel, const struct panel_source *from);
void panel_fill_narrow_avx512(char *panel, const struct panel_source *from);
#endif

#endif
