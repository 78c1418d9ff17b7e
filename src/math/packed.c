#include "math/packed.h"

#include <assert.h>
#include <string.h>

#include "math/half.h"
#include "math/packed_bf16.h"
#include "math/quant.h"
#include "math/quant_blocks.h"

_Static_assert(sizeof(struct packed_q8_0) == 16 * 68, "q8_0_x16");
_Static_assert(sizeof(struct packed_q4_0) == 16 * 36, "q4_0_x16");
_Static_assert(sizeof(struct packed_q4_k) == 16 * 144, "q4_k_x16");
_Static_assert(sizeof(struct packed_q6_k) == 16 * 212, "q6_k_x16");
_Static_assert(sizeof(struct packed_bf16) == 16 * 392, "bf16_x16");

#define SIGNS 0x80808080u /* turns signed bytes into those plus 128, and back */

/* Bytes of a row's plain blocks that one record holds: the most. */
#define PLAIN_MOST (PACKED_BF16_N * sizeof(uint16_t))

enum dtype packed_of(enum dtype plain)
{
	switch (plain) {
	case DTYPE_Q8_0:
		return DTYPE_Q8_0_X16;
	case DTYPE_Q4_0:
		return DTYPE_Q4_0_X16;
	case DTYPE_Q4_K:
		return DTYPE_Q4_K_X16;
	case DTYPE_Q6_K:
		return DTYPE_Q6_K_X16;
	case DTYPE_BF16:
		return DTYPE_BF16_X16;
	default:
		return plain;
	}
}

enum dtype packed_plain(enum dtype dtype)
{
	switch (dtype) {
	case DTYPE_Q8_0_X16:
		return DTYPE_Q8_0;
	case DTYPE_Q4_0_X16:
		return DTYPE_Q4_0;
	case DTYPE_Q4_K_X16:
		return DTYPE_Q4_K;
	case DTYPE_Q6_K_X16:
		return DTYPE_Q6_K;
	case DTYPE_BF16_X16:
		return DTYPE_BF16;
	default:
		return dtype;
	}
}

bool packed_fits(enum dtype packed, int64_t rows, int64_t n)
{
	return packed_is(packed) && rows % PACKED_ROWS == 0 &&
	       n % dtype_info(packed)->block == 0;
}

/* ---- one row's part of a record ---- */

/* Bytes as dwords of lane r of `to`, n of them, and back. */
static void deal(packed_dwords *to, int r, const void *from, size_t n,
                 uint32_t flip)
{
	const char *bytes = from;

	for (size_t i = 0; i < n; i++) {
		memcpy(&to[i][r], bytes + 4 * i, 4);
		to[i][r] ^= flip;
	}
}

static void collect(void *to, const packed_dwords *from, int r, size_t n,
                    uint32_t flip)
{
	char *bytes = to;

	for (size_t i = 0; i < n; i++) {
		uint32_t v = from[i][r] ^ flip;

		memcpy(bytes + 4 * i, &v, 4);
	}
}

static void deal_q8_0(void *record, int r, const void *plain)
{
	struct packed_q8_0 *to = record;
	const struct quant_q8_0 *from = plain;

	for (int b = 0; b < 2; b++) {
		to->d[b][r] = from[b].d;
		deal(to->qs + 8 * b, r, from[b].qs, 8, SIGNS);
	}
}

static void collect_q8_0(void *plain, const void *record, int r)
{
	const struct packed_q8_0 *from = record;
	struct quant_q8_0 *to = plain;

	for (int b = 0; b < 2; b++) {
		to[b].d = from->d[b][r];
		collect(to[b].qs, from->qs + 8 * b, r, 8, SIGNS);
	}
}

static void deal_q4_0(void *record, int r, const void *plain)
{
	struct packed_q4_0 *to = record;
	const struct quant_q4_0 *from = plain;

	for (int b = 0; b < 2; b++) {
		to->d[b][r] = from[b].d;
		deal(to->qs + 4 * b, r, from[b].qs, 4, 0);
	}
}

static void collect_q4_0(void *plain, const void *record, int r)
{
	const struct packed_q4_0 *from = record;
	struct quant_q4_0 *to = plain;

	for (int b = 0; b < 2; b++) {
		to[b].d = from->d[b][r];
		collect(to[b].qs, from->qs + 4 * b, r, 4, 0);
	}
}

static void deal_q4_k(void *record, int r, const void *plain)
{
	struct packed_q4_k *to = record;
	const struct quant_q4_k *from = plain;

	to->d[r] = from->d;
	to->dmin[r] = from->dmin;
	deal(to->scales, r, from->scales, 3, 0);
	deal(to->qs, r, from->qs, 32, 0);
}

static void collect_q4_k(void *plain, const void *record, int r)
{
	const struct packed_q4_k *from = record;
	struct quant_q4_k *to = plain;

	to->d = from->d[r];
	to->dmin = from->dmin[r];
	collect(to->scales, from->scales, r, 3, 0);
	collect(to->qs, from->qs, r, 32, 0);
}

static void deal_q6_k(void *record, int r, const void *plain)
{
	struct packed_q6_k *to = record;
	const struct quant_q6_k *from = plain;

	to->d[r] = half_from_f16(from->d);
	deal(to->scales, r, from->scales, 4, 0);
	for (int h = 0; h < 2; h++) {
		for (int j = 0; j < 8; j++) {
			const uint8_t *low = from->ql + 64 * h + 4 * j;

			deal(&to->q[h][j].low[0], r, low, 1, 0);
			deal(&to->q[h][j].low[1], r, low + 32, 1, 0);
			deal(&to->q[h][j].high, r, from->qh + 32 * h + 4 * j, 1,
			     0);
		}
	}
}

static void collect_q6_k(void *plain, const void *record, int r)
{
	const struct packed_q6_k *from = record;
	struct quant_q6_k *to = plain;

	to->d = half_to_f16(from->d[r]);
	collect(to->scales, from->scales, r, 4, 0);
	for (int h = 0; h < 2; h++) {
		for (int j = 0; j < 8; j++) {
			uint8_t *low = to->ql + 64 * h + 4 * j;

			collect(low, &from->q[h][j].low[0], r, 1, 0);
			collect(low + 32, &from->q[h][j].low[1], r, 1, 0);
			collect(to->qh + 32 * h + 4 * j, &from->q[h][j].high, r,
			        1, 0);
		}
	}
}

/* A record is dealt row by row, or all at once where the rows share something. */
static const struct {
	void (*deal)(void *record, int r, const void *plain);
	void (*deal_rows)(void *record, const char *rows, size_t stride);
	bool (*can_say)(const char *rows, size_t stride); /* NULL: any */
	void (*collect)(void *plain, const void *record, int r);
} types[DTYPE_COUNT] = {
	[DTYPE_Q8_0_X16] = { .deal = deal_q8_0, .collect = collect_q8_0 },
	[DTYPE_Q4_0_X16] = { .deal = deal_q4_0, .collect = collect_q4_0 },
	[DTYPE_Q4_K_X16] = { .deal = deal_q4_k, .collect = collect_q4_k },
	[DTYPE_Q6_K_X16] = { .deal = deal_q6_k, .collect = collect_q6_k },
	[DTYPE_BF16_X16] = { .deal_rows = packed_bf16_deal,
	                     .can_say = packed_bf16_can_say,
	                     .collect = packed_bf16_collect },
};

/* ---- rows ---- */

/* Bytes of a row in plain blocks, of so many elements. */
static size_t plain_bytes(enum dtype packed, int64_t n)
{
	size_t bytes = 0;

	dtype_row_bytes(packed_plain(packed), n, &bytes);
	return bytes;
}

static size_t record_bytes(enum dtype packed)
{
	return (size_t)dtype_info(packed)->bytes * PACKED_ROWS;
}

bool packed_is_partial(enum dtype packed)
{
	return types[packed].can_say != NULL;
}

bool packed_can_say(enum dtype packed, const void *rows, int64_t n)
{
	size_t row = plain_bytes(packed, n);
	size_t part = plain_bytes(packed, dtype_info(packed)->block);

	for (size_t at = 0; types[packed].can_say && at < row; at += part)
		if (!types[packed].can_say((const char *)rows + at, row))
			return false;
	return true;
}

/* One record, of what stands at `from` in the first row. */
static void deal_record(enum dtype packed, void *to, const char *from,
                        size_t row)
{
	if (types[packed].deal_rows) {
		types[packed].deal_rows(to, from, row);
		return;
	}
	for (int r = 0; r < PACKED_ROWS; r++)
		types[packed].deal(to, r, from + (size_t)r * row);
}

void packed_group(enum dtype packed, const void *rows, void *group, int64_t n)
{
	size_t row = plain_bytes(packed, n), record = record_bytes(packed);
	size_t part = plain_bytes(packed, dtype_info(packed)->block);
	char *to = group;

	assert(packed_fits(packed, PACKED_ROWS, n));
	for (size_t at = 0; at < row; at += part, to += record)
		deal_record(packed, to, (const char *)rows + at, row);
}

void packed_row(enum dtype packed, const void *matrix, int64_t cols,
                int64_t row, int64_t first, int64_t n, void *plain)
{
	const int64_t block = dtype_info(packed)->block;
	size_t record = record_bytes(packed);
	size_t part = plain_bytes(packed, block);
	int64_t before = row / PACKED_ROWS * (cols / block) + first / block;
	const char *from = (const char *)matrix + (size_t)before * record;
	char *to = plain;

	assert(packed_is(packed) && first % block == 0 && n % block == 0);
	for (int64_t i = 0; i < n; i += block, from += record, to += part)
		types[packed].collect(to, from, (int)(row % PACKED_ROWS));
}

void packed_widen(enum dtype packed, const void *matrix, int64_t cols,
                  int64_t row, float *dst)
{
	const int64_t block = dtype_info(packed)->block;
	char plain[PLAIN_MOST];

	for (int64_t i = 0; i < cols; i += block) {
		packed_row(packed, matrix, cols, row, i, block, plain);
		quant_dequantize_row(packed_plain(packed), plain, dst + i,
		                     block);
	}
}
