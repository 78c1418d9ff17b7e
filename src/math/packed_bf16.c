#include "math/packed_bf16.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "math/packed.h"

#define TABLE 16

/* How many weights have each upper byte.  Four counts of each, or a count would wait
 * for the one before. */
static void count_upper(unsigned int counts[256], const char *rows,
                        size_t stride)
{
	static const size_t lanes = 4;
	unsigned int four[4][256] = { 0 };

	for (size_t r = 0; r < PACKED_ROWS; r++) {
		const unsigned char *row =
			(const unsigned char *)rows + r * stride;

		for (size_t k = 0; k < PACKED_BF16_N; k++)
			four[k % lanes][row[2 * k + 1]]++;
	}
	for (size_t b = 0; b < 256; b++)
		counts[b] = four[0][b] + four[1][b] + four[2][b] + four[3][b];
}

/* table[0] = 0, and of the others the most frequent.  Gives how many weights none of
 * them is of. */
static unsigned int choose_table(uint8_t table[TABLE], unsigned int counts[256])
{
	uint8_t bytes[256]; /* those that are there */
	unsigned int rare = 0;
	int n = 0;

	memset(table, 0, TABLE);
	for (int b = 1; b < 256; b++)
		if (counts[b])
			bytes[n++] = (uint8_t)b;
	for (int i = 1; i < TABLE && n > 0; i++) {
		int most = 0;

		for (int k = 1; k < n; k++)
			if (counts[bytes[k]] > counts[bytes[most]])
				most = k;
		table[i] = bytes[most];
		bytes[most] = bytes[--n];
	}
	while (n > 0)
		rare += counts[bytes[--n]];
	return rare;
}

bool packed_bf16_can_say(const char *rows, size_t stride)
{
	unsigned int counts[256];
	uint8_t table[TABLE];

	count_upper(counts, rows, stride);
	return choose_table(table, counts) <= PACKED_BF16_RARE;
}

/* Codes of upper bytes; 0 too for those without. */
static void code_upper(uint8_t codes[256], const uint8_t table[TABLE])
{
	memset(codes, 0, 256);
	for (int i = 1; i < TABLE && table[i]; i++)
		codes[table[i]] = (uint8_t)i;
}

static void put_rare(struct packed_bf16 *record, int at,
                     const unsigned char *weight)
{
	assert(record->n_rare < PACKED_BF16_RARE);
	record->rare[record->n_rare++] = (struct packed_bf16_rare){
		.at = (uint16_t)at,
		.weight = (uint16_t)(weight[1] << 8 | weight[0]),
	};
}

/* Row r's part of quad q; weights: its four. */
static void put_quad(struct packed_bf16 *record, int r, int q,
                     const unsigned char *weights, const uint8_t codes[256])
{
	struct packed_bf16_quad *quad = &record->quads[q];
	const int place = packed_bf16_place(r);
	uint8_t low[4], code[4];

	for (int i = 0; i < 4; i++) {
		const unsigned char *weight = weights + 2 * i;

		code[i] = codes[weight[1]];
		low[i] = weight[0];
		if (!code[i] && weight[1]) {
			low[i] = 0;
			put_rare(record, PACKED_BF16_N * r + 4 * q + i, weight);
		}
	}
	for (int i = 0; i < 2; i++) {
		quad->low[0][place + i] = low[i];
		quad->low[1][place + i] = low[2 + i];
		quad->codes[place + i] = (uint8_t)(code[i] | code[2 + i] << 4);
	}
}

void packed_bf16_deal(void *record, const char *rows, size_t stride)
{
	struct packed_bf16 *to = record;
	unsigned int counts[256];
	uint8_t codes[256];

	memset(to, 0, sizeof *to);
	count_upper(counts, rows, stride);
	choose_table(to->table, counts);
	code_upper(codes, to->table);
	for (int r = 0; r < PACKED_ROWS; r++) {
		const unsigned char *row =
			(const unsigned char *)rows + (size_t)r * stride;

		for (int q = 0; q < PACKED_BF16_N / 4; q++)
			put_quad(to, r, q, row + 8 * q, codes);
	}
}

void packed_bf16_collect(void *plain, const void *record, int r)
{
	const struct packed_bf16 *from = record;
	const size_t n_rare = packed_bf16_n_rare(from);
	uint16_t row[PACKED_BF16_N];

	for (int k = 0; k < PACKED_BF16_N; k++) {
		const struct packed_bf16_quad *quad = &from->quads[k / 4];
		int pair = k / 2 % 2, place = packed_bf16_place(r) + k % 2;
		int code = quad->codes[place] >> 4 * pair & 15;

		row[k] = (uint16_t)(from->table[code] << 8 |
		                    quad->low[pair][place]);
	}
	for (size_t i = 0; i < n_rare; i++)
		if (from->rare[i].at / PACKED_BF16_N == r)
			row[from->rare[i].at % PACKED_BF16_N] =
				from->rare[i].weight;
	memcpy(plain, row, sizeof row);
}
