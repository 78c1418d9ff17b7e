/* vpdpbusd multiplies 4 unsigned codes by 4 signed activations in each of 16
 * lanes.  12 integer and 12 float accumulators, two vectors of codes and one of
 * activations fill 27 registers. */
#include "math/panel.h"

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "math/quant_x.h"
#include "math/unroll.h"

#define GROUPS 2 /* of weight rows in a register block */
#define ROWS   6 /* of activations */

/* What is read next, asked for a few lines at a time: a burst would fill the
 * queue of requests and stall. */
struct fetched {
	const char *at, *end;
	size_t step; /* bytes with each record: whole lines */
};

/* A register block: n_groups by n_rows. */
struct block {
	const char *group[GROUPS];
	const struct quant_x *x;
	size_t x_stride; /* bytes */
	size_t n_blocks, record;
	int offset;
	struct fetched w, x_next; /* the next panel, the next rows */
};

/* Block b of 32 of a quant_x; the register block's first row is at x. */
struct at {
	const char *x;
	size_t stride; /* bytes */
	size_t b;
};

INLINE __m512i broadcast(struct at at, int row, size_t offset)
{
	int32_t dword;

	memcpy(&dword, at.x + (size_t)row * at.stride + offset, 4);
	return _mm512_set1_epi32(dword);
}

INLINE __m512i quad_at(struct at at, int row, int j)
{
	return broadcast(at, row,
	                 offsetof(struct quant_x, q) + 32 * at.b +
	                         4 * (size_t)j);
}

INLINE __m512 scale_at(struct at at, int row)
{
	return _mm512_castsi512_ps(
		broadcast(at, row, offsetof(struct quant_x, d) + 4 * at.b));
}

/* factor times the sum of q over a scale's elements; its halves' sums are two
 * successive int16. */
INLINE __m512i times_sum(struct at at, int row, int n_parts, int part,
                         int factor)
{
	int low = n_parts == 1 || part == 0 ? factor & 0xffff : 0;
	int high = n_parts == 1 || part == 1 ? factor * 0x10000 : 0;

	return _mm512_madd_epi16(
		_mm512_set1_epi32(low | high),
		broadcast(at, row, offsetof(struct quant_x, sum) + 4 * at.b));
}

/* The quads of a record that share scale `part` of n_parts. */
INLINE void integer_dots(__m512i acc[GROUPS][ROWS], int n_groups, int n_rows,
                         int n_parts, int part, const char *const *record,
                         struct at at)
{
	UNROLL
	for (int j = 8 / n_parts * part; j < 8 / n_parts * (part + 1); j++) {
		__m512i w[GROUPS];

		UNROLL
		for (int g = 0; g < n_groups; g++)
			w[g] = _mm512_load_si512(record[g] + 64 * j);
		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m512i q = quad_at(at, r, j);

			UNROLL
			for (int g = 0; g < n_groups; g++)
				acc[g][r] =
					_mm512_dpbusd_epi32(acc[g][r], w[g], q);
		}
	}
}

INLINE __m512 factors(const char *record, int i)
{
	return _mm512_load_ps(record + PANEL_CODES + 64 * i);
}

INLINE void part(__m512 sum[GROUPS][ROWS], int n_groups, int n_rows,
                 int n_scales, bool has_min, int s, const char *const *record,
                 struct at at, int offset)
{
	__m512i acc[GROUPS][ROWS];

	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m512i first = _mm512_setzero_si512();

		if (!has_min)
			first = times_sum(at, r, n_scales, s, -offset);
		UNROLL
		for (int g = 0; g < n_groups; g++)
			acc[g][r] = first;
	}
	integer_dots(acc, n_groups, n_rows, n_scales, s, record, at);
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		__m512 q_sum = _mm512_setzero_ps();

		if (has_min)
			q_sum = _mm512_cvtepi32_ps(
				times_sum(at, r, n_scales, s, 1));
		UNROLL
		for (int g = 0; g < n_groups; g++) {
			__m512 dot = _mm512_cvtepi32_ps(acc[g][r]);

			dot = _mm512_mul_ps(dot, factors(record[g], s));
			if (has_min)
				dot = _mm512_fnmadd_ps(factors(record[g],
				                               n_scales + s),
				                       q_sum, dot);
			sum[g][r] = _mm512_fmadd_ps(dot, scale_at(at, r),
			                            sum[g][r]);
		}
	}
}

INLINE void store(const __m512 sum[GROUPS][ROWS], int n_groups, int n_rows,
                  const struct panel_tile *t, float *y, size_t n_w)
{
	UNROLL
	for (int g = 0; g < n_groups; g++) {
		size_t left = n_w - (size_t)g * PANEL_ROWS;
		__mmask16 edge = left < PANEL_ROWS
		                         ? (__mmask16)((1u << left) - 1)
		                         : 0xffff;

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			float *to =
				y + (size_t)r * t->y_stride + g * PANEL_ROWS;
			__m512 s = sum[g][r];

			if (t->add)
				s = _mm512_add_ps(s, _mm512_maskz_loadu_ps(edge,
				                                           to));
			_mm512_mask_storeu_ps(to, edge, s);
		}
	}
}

/* Into the second level of cache. */
INLINE void fetch(struct fetched *f)
{
	if (f->at >= f->end)
		return;
	for (size_t i = 0; i < f->step; i += 64)
		__builtin_prefetch(f->at + i, 0, 2);
	f->at += f->step;
}

INLINE void multiply(int n_groups, int n_rows, int n_scales, bool has_min,
                     const struct panel_tile *t, struct block *block, float *y,
                     size_t n_w)
{
	const char *record[GROUPS] = { block->group[0], block->group[1] };
	struct at at = { (const char *)block->x, block->x_stride, 0 };
	__m512 sum[GROUPS][ROWS];

	UNROLL
	for (int g = 0; g < n_groups; g++) {
		UNROLL
		for (int r = 0; r < n_rows; r++)
			sum[g][r] = _mm512_setzero_ps();
	}
	for (size_t left = block->n_blocks; left > 0; left--) {
		fetch(&block->w);
		fetch(&block->x_next);
		UNROLL
		for (int s = 0; s < n_scales; s++)
			part(sum, n_groups, n_rows, n_scales, has_min, s,
			     record, at, block->offset);
		UNROLL
		for (int g = 0; g < n_groups; g++)
			record[g] += block->record;
		if (++at.b == 8) {
			at.b = 0;
			at.x += sizeof(struct quant_x);
		}
	}
	store(sum, n_groups, n_rows, t, y, n_w);
}

#define CASE(g, r, n_scales, has_min) \
	case (g)*8 + (r): \
		multiply(g, r, n_scales, has_min, t, block, y, n_w); \
		break;

/* Every size of register block for one form of panel. */
#define SIZES(name, n_scales, has_min) \
	static void name(int n_groups, int n_rows, const struct panel_tile *t, \
	                 struct block *block, float *y, size_t n_w) \
	{ \
		switch (n_groups * 8 + n_rows) { \
			CASE(1, 1, n_scales, has_min) \
			CASE(1, 2, n_scales, has_min) \
			CASE(1, 3, n_scales, has_min) \
			CASE(1, 4, n_scales, has_min) \
			CASE(1, 5, n_scales, has_min) \
			CASE(1, 6, n_scales, has_min) \
			CASE(2, 1, n_scales, has_min) \
			CASE(2, 2, n_scales, has_min) \
			CASE(2, 3, n_scales, has_min) \
			CASE(2, 4, n_scales, has_min) \
			CASE(2, 5, n_scales, has_min) \
			CASE(2, 6, n_scales, has_min) \
		} \
	}

SIZES(scales32, 1, false)
SIZES(scales32_mins, 1, true)
SIZES(scales16, 2, false)
SIZES(scales16_mins, 2, true)

typedef void multiply_fn(int n_groups, int n_rows, const struct panel_tile *t,
                         struct block *block, float *y, size_t n_w);

/* All of [at, at + bytes) in so many steps. */
static struct fetched fetched(const void *at, size_t bytes, size_t steps)
{
	size_t lines = (bytes + 63) / 64;

	return (struct fetched){
		.at = at,
		.end = (const char *)at + bytes,
		.step = (lines + steps - 1) / steps * 64,
	};
}

static multiply_fn *multiply_of(const struct panel_form *form)
{
	if (form->n_scales == 1)
		return form->n_mins ? scales32_mins : scales32;
	return form->n_mins ? scales16_mins : scales16;
}

/* How many of the remaining rows the next block takes: blocks of nearly equal
 * size, 8 = 4 + 4. */
static size_t share(size_t left)
{
	size_t blocks = (left + ROWS - 1) / ROWS;

	return (left + blocks - 1) / blocks;
}

/* A few rows of activations stay in the first cache while the panel passes over
 * them from the second. */
void panel_multiply_avx512(const struct panel_tile *t)
{
	multiply_fn *run = multiply_of(t->form);
	struct block block = {
		.x = t->x,
		.x_stride = t->x_stride * sizeof(struct quant_x),
		.n_blocks = t->n / PANEL_BLOCK,
		.record = t->form->record,
		.offset = t->form->offset,
	};
	size_t group = block.n_blocks * block.record, n_rows;
	size_t records = (t->n_w + GROUPS * PANEL_ROWS - 1) /
	                 (GROUPS * PANEL_ROWS) * block.n_blocks;
	size_t tiles = (t->rows + ROWS - 1) / ROWS;

	block.w = fetched(t->ahead, t->ahead_bytes, tiles * records);

	for (size_t r = 0; r < t->rows; r += n_rows) {
		n_rows = share(t->rows - r);
		block.x_next =
			fetched(block.x + n_rows * t->x_stride,
		                r + n_rows < t->rows ? n_rows * block.x_stride
		                                     : 0,
		                records);
		for (size_t o = 0; o < t->n_w; o += GROUPS * PANEL_ROWS) {
			size_t left = t->n_w - o;

			block.group[0] = t->panel + o / PANEL_ROWS * group;
			block.group[1] = block.group[0] + group;
			run(left > PANEL_ROWS ? 2 : 1, (int)n_rows, t, &block,
			    t->y + r * t->y_stride + o, left);
		}
		block.x += n_rows * t->x_stride;
	}
}
