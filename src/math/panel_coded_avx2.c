/*
 * vpmaddubsw adds two products of an unsigned and a signed byte in 16 bits, and
 * saturates.  Codes of few bits leave room for the sums of several quads, which
 * vpmaddwd then brings to 32 bits; codes of eight bits are taken as |w|, with
 * w's sign on the activation: 2 * 128 * 127 still fits.
 */
#include "math/panel.h"

#include <immintrin.h>

#define GROUPS 1 /* of weight rows in a register block: two vectors */
#define ROWS   3 /* of activations */

#include "math/panel_walk.h"

/* Quads that share one of a block's scales. */
INLINE int quads_of(int n_scales)
{
	return n_scales == 1 ? 8 : 4;
}

/* How many quads' sums of pairs 16 bits hold: 2 * 127 * (2^bits - 1) each. */
INLINE int quads_at_once(int bits)
{
	return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
}

INLINE __m256i codes_at(const char *record, int j, int half)
{
	return _mm256_load_si256(
		(const __m256i *)(record + 64 * j + 32 * half));
}

INLINE __m256 factors(const char *record, int i, int half)
{
	return _mm256_load_ps(
		(const float *)(record + PANEL_CODES + 64 * i + 32 * half));
}

/* Sums of pairs of products of one quad, 8 rows of weights. */
INLINE __m256i pairs(__m256i codes, __m256i q, int bits)
{
	__m256i w;

	if (bits < 8)
		return _mm256_maddubs_epi16(codes, q);
	w = _mm256_xor_si256(codes, _mm256_set1_epi8((char)0x80));
	return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(q, w));
}

/* Quads [j, j + n): adds to 32-bit sums what fits into 16-bit ones. */
INLINE void some_quads(__m256i acc[2][ROWS], int n_rows, int bits, int j, int n,
                       const char *record, struct at at)
{
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i sum[2][ROWS];

	UNROLL
	for (int k = 0; k < n; k++) {
		__m256i w0 = codes_at(record, j + k, 0);
		__m256i w1 = codes_at(record, j + k, 1);

		UNROLL
		for (int r = 0; r < n_rows; r++) {
			__m256i q = _mm256_set1_epi32(quad_at(at, r, j + k));
			__m256i p0 = pairs(w0, q, bits);
			__m256i p1 = pairs(w1, q, bits);

			sum[0][r] = k ? _mm256_add_epi16(sum[0][r], p0) : p0;
			sum[1][r] = k ? _mm256_add_epi16(sum[1][r], p1) : p1;
		}
	}
	UNROLL
	for (int r = 0; r < n_rows; r++) {
		UNROLL
		for (int h = 0; h < 2; h++)
			acc[h][r] = _mm256_add_epi32(
				acc[h][r], _mm256_madd_epi16(sum[h][r], ones));
	}
}

INLINE __m256i times_sum(struct at at, int row, int n_parts, int part,
                         int factor)
{
	int32_t pair = sum_factors(n_parts, part, factor);

	return _mm256_madd_epi16(_mm256_set1_epi32(pair),
	                         _mm256_set1_epi32(sums_at(at, row)));
}

/* What scale `s` of a record adds to the sums of row r. */
INLINE void scale_row(__m256 sum[2][ROWS], const __m256i acc[2][ROWS], int r,
                      int n_scales, bool has_min, int s, const char *record,
                      struct at at)
{
	__m256 d = _mm256_set1_ps(scale_at(at, r)), q_sum = d;

	if (has_min)
		q_sum = _mm256_cvtepi32_ps(times_sum(at, r, n_scales, s, 1));
	UNROLL
	for (int h = 0; h < 2; h++) {
		__m256 dot = _mm256_cvtepi32_ps(acc[h][r]);

		dot = _mm256_mul_ps(dot, factors(record, s, h));
		if (has_min)
			dot = _mm256_fnmadd_ps(factors(record, n_scales + s, h),
			                       q_sum, dot);
		sum[h][r] = _mm256_fmadd_ps(dot, d, sum[h][r]);
	}
}

INLINE void part(__m256 sum[2][ROWS], int n_rows, int n_scales, bool has_min,
                 int bits, int s, const char *record, struct at at, int offset)
{
	const int n = quads_of(n_scales);
	const int step = quads_at_once(bits) < n ? quads_at_once(bits) : n;
	__m256i acc[2][ROWS];

	UNROLL
	for (int r = 0; r < n_rows; r++) {
		acc[0][r] = _mm256_setzero_si256();
		if (!has_min && bits < 8)
			acc[0][r] = times_sum(at, r, n_scales, s, -offset);
		acc[1][r] = acc[0][r];
	}
	UNROLL
	for (int k = 0; k < n; k += step)
		some_quads(acc, n_rows, bits, n * s + k, step, record, at);
	UNROLL
	for (int r = 0; r < n_rows; r++)
		scale_row(sum, acc, r, n_scales, has_min, s, record, at);
}

/* n <= 8 floats. */
static void store_edge(float *y, __m256 sum, size_t n, bool add)
{
	float part[8];

	_mm256_storeu_ps(part, sum);
	for (size_t i = 0; i < n; i++)
		y[i] = add ? y[i] + part[i] : part[i];
}

INLINE void store(const __m256 sum[2][ROWS], int n_rows,
                  const struct block *block)
{
	bool add = block->t->add;

	UNROLL
	for (int r = 0; r < n_rows; r++) {
		float *y = block->y + (size_t)r * block->t->y_stride;

		UNROLL
		for (int h = 0; h < 2; h++, y += 8) {
			size_t left = block->n_w < 8 * (size_t)h
			                      ? 0
			                      : block->n_w - 8 * (size_t)h;
			__m256 s = sum[h][r];

			if (left < 8) {
				store_edge(y, s, left, add);
				continue;
			}
			if (add)
				s = _mm256_add_ps(s, _mm256_loadu_ps(y));
			_mm256_storeu_ps(y, s);
		}
	}
}

INLINE void multiply(int n_rows, int n_scales, bool has_min, int bits,
                     struct block *block)
{
	const struct panel_form *form = panel_form(block->t->dtype);
	const char *record = block->group[0];
	struct at at = { (const char *)block->x, block->x_stride, 0 };
	__m256 sum[2][ROWS];

	UNROLL
	for (int r = 0; r < n_rows; r++)
		sum[0][r] = sum[1][r] = _mm256_setzero_ps();
	for (size_t left = block->n_blocks; left > 0; left--) {
		fetch(&block->w);
		fetch(&block->x_next);
		UNROLL
		for (int s = 0; s < n_scales; s++)
			part(sum, n_rows, n_scales, has_min, bits, s, record,
			     at, form->offset);
		record += form->record;
		next_block(&at);
	}
	store(sum, n_rows, block);
}

/* Every size of register block for one form of panel. */
#define SIZES(name, n_scales, has_min, bits) \
	static void name(int n_groups, int n_rows, struct block *block) \
	{ \
		(void)n_groups; \
		switch (n_rows) { \
		case 1: \
			multiply(1, n_scales, has_min, bits, block); \
			break; \
		case 2: \
			multiply(2, n_scales, has_min, bits, block); \
			break; \
		case 3: \
			multiply(3, n_scales, has_min, bits, block); \
			break; \
		} \
	}

SIZES(scales32_bits4, 1, false, 4)
SIZES(scales32_bits5, 1, false, 5)
SIZES(scales32_bits8, 1, false, 8)
SIZES(scales32_mins, 1, true, 5)
SIZES(scales16, 2, false, 6)
SIZES(scales16_mins, 2, true, 2)

static multiply_fn *multiply_of(const struct panel_form *form)
{
	if (form->n_scales == 2)
		return form->n_mins ? scales16_mins : scales16;
	if (form->n_mins)
		return scales32_mins;
	return form->bits == 8   ? scales32_bits8
	       : form->bits == 5 ? scales32_bits5
	                         : scales32_bits4;
}

static void multiply_panel(const struct panel_tile *t)
{
	walk(t, panel_coded_bytes(t->dtype, t->n),
	     multiply_of(panel_form(t->dtype)));
}

const struct panel_kernels panel_coded_avx2 = {
	.group = panel_coded_bytes,
	.x = quant_x_avx2,
	.fill = panel_fill_coded_avx2,
	.multiply = multiply_panel,
};
