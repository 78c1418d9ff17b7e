/*
 * The formats are decoded a second time here, in double precision and from the
 * bits: each format is told as a list of where the bits of an element lie, and
 * one function reads them all.  The two decoders share no code.
 */
#include "tests/support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/quant.h"

/* IEEE 754 binary16 by its definition. */
static double half(const uint8_t *p)
{
	int bits = p[0] | p[1] << 8;
	int exponent = bits >> 10 & 31, fraction = bits & 1023;
	double value;

	if (exponent == 31)
		value = fraction ? (double)NAN : (double)INFINITY;
	else if (exponent == 0)
		value = ldexp(fraction, -24);
	else
		value = ldexp(1024 + fraction, exponent - 25);
	return bits >> 15 ? -value : value;
}

/* n bits of the block from bit `at` on, counted from the low end of byte 0. */
static int bits(const uint8_t *block, int at, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++)
		value |= (block[(at + i) / 8] >> (at + i) % 8 & 1) << i;
	return value;
}

/* The four low bits of element i of 32, which begin at a byte. */
static int nibble(const uint8_t *block, int byte, int i)
{
	return bits(block, 8 * (byte + i % 16) + (i < 16 ? 0 : 4), 4);
}

static const int levels[16] = { -127, -104, -83, -65, -49, -35, -22, -10,
	                        1,    13,   25,  38,  53,  69,  89,  113 };

static double decode_small(enum dtype dtype, const uint8_t *b, int i)
{
	double d = half(b);

	switch (dtype) {
	case DTYPE_Q8_0:
		return d * (int8_t)b[2 + i];
	case DTYPE_Q4_0:
		return d * (nibble(b, 2, i) - 8);
	case DTYPE_Q4_1:
		return d * nibble(b, 4, i) + half(b + 2);
	case DTYPE_Q5_0:
		return d * (nibble(b, 6, i) + 16 * bits(b, 16 + i, 1) - 16);
	case DTYPE_Q5_1:
		return d * (nibble(b, 8, i) + 16 * bits(b, 32 + i, 1)) +
		       half(b + 2);
	default:
		return d * levels[nibble(b, 2, i)];
	}
}

/* Six-bit scale (which = 0) or minimum (1) of a q4_k or q5_k, whose twelve bytes
 * begin at byte 4. */
static int six_bits(const uint8_t *b, int sub, int which)
{
	int low_at = 8 * (4 + 4 * which + sub);

	if (sub < 4)
		return bits(b, low_at, 6);
	return bits(b, 8 * (4 + 8 + sub - 4) + 4 * which, 4) |
	       bits(b, 8 * (4 + 4 * which + sub - 4) + 6, 2) << 4;
}

static double decode_super(enum dtype dtype, const uint8_t *b, int i)
{
	int h = i / 128, s = i / 32 % 4, l = i % 32, sub16 = i / 16;
	int sub = i / 32, q, sc;

	switch (dtype) {
	case DTYPE_Q2_K:
		q = bits(b, 8 * (16 + 32 * h + l) + 2 * s, 2);
		return half(b + 80) * bits(b, 8 * sub16, 4) * q -
		       half(b + 82) * bits(b, 8 * sub16 + 4, 4);
	case DTYPE_Q3_K:
		q = bits(b, 8 * (32 + 32 * h + l) + 2 * s, 2) +
		    4 * bits(b, 8 * l + 4 * h + s, 1);
		sc = bits(b, 8 * (96 + sub16 % 8) + 4 * (sub16 / 8), 4) +
		     16 * bits(b, 8 * (104 + sub16 % 4) + 2 * (sub16 / 4), 2);
		return half(b + 108) * (sc - 32) * (q - 4);
	case DTYPE_Q4_K:
		q = bits(b, 8 * (16 + 32 * (sub / 2) + l) + 4 * (sub % 2), 4);
		return half(b) * six_bits(b, sub, 0) * q -
		       half(b + 2) * six_bits(b, sub, 1);
	case DTYPE_Q5_K:
		q = bits(b, 8 * (48 + 32 * (sub / 2) + l) + 4 * (sub % 2), 4) +
		    16 * bits(b, 8 * (16 + l) + sub, 1);
		return half(b) * six_bits(b, sub, 0) * q -
		       half(b + 2) * six_bits(b, sub, 1);
	case DTYPE_Q6_K:
		q = bits(b, 8 * (64 * h + 32 * (s % 2) + l) + 4 * (s / 2), 4) +
		    16 * bits(b, 8 * (128 + 32 * h + l) + 2 * s, 2);
		return half(b + 208) * (int8_t)b[192 + sub16] * (q - 32);
	default: /* DTYPE_IQ4_XS */
		sc = bits(b, 8 * (4 + sub / 2) + 4 * (sub % 2), 4) +
		     16 * bits(b, 16 + 2 * sub, 2);
		return half(b) * (sc - 32) * levels[nibble(b, 8 + 16 * sub, l)];
	}
}

static double decode(enum dtype dtype, const uint8_t *block, int i)
{
	uint32_t word;
	float f;

	switch (dtype) {
	case DTYPE_F32:
		memcpy(&f, block, sizeof f);
		return f;
	case DTYPE_F16:
		return half(block);
	case DTYPE_BF16:
		word = (uint32_t)block[0] << 16 | (uint32_t)block[1] << 24;
		memcpy(&f, &word, sizeof f);
		return f;
	default:
		if (dtype_info(dtype)->block == 32)
			return decode_small(dtype, block, i);
		return decode_super(dtype, block, i);
	}
}

/* Where the f16 scales of a block lie. */
static int scales_of(enum dtype dtype, int at[2])
{
	static const int places[DTYPE_PACKED][3] = {
		[DTYPE_Q8_0] = { 1, 0 },    [DTYPE_Q4_0] = { 1, 0 },
		[DTYPE_Q4_1] = { 2, 0, 2 }, [DTYPE_Q5_0] = { 1, 0 },
		[DTYPE_Q5_1] = { 2, 0, 2 }, [DTYPE_Q2_K] = { 2, 80, 82 },
		[DTYPE_Q3_K] = { 1, 108 },  [DTYPE_Q4_K] = { 2, 0, 2 },
		[DTYPE_Q5_K] = { 2, 0, 2 }, [DTYPE_Q6_K] = { 1, 208 },
		[DTYPE_IQ4_NL] = { 1, 0 },  [DTYPE_IQ4_XS] = { 1, 0 },
		[DTYPE_F16] = { 1, 0 },
	};

	at[0] = places[dtype][1];
	at[1] = places[dtype][2];
	return places[dtype][0];
}

/* Random bytes, whose f16 numbers are finite. */
static void fill(enum dtype dtype, uint8_t *block)
{
	int at[2], n = scales_of(dtype, at);

	for (int i = 0; i < dtype_info(dtype)->bytes; i++)
		block[i] = (uint8_t)(rand() >> 7);
	for (int i = 0; i < n; i++)
		while ((block[at[i] + 1] & 0x7c) == 0x7c)
			block[at[i] + 1] = (uint8_t)(rand() >> 7);
}

static bool same(float got, double want)
{
	if (isnan(want))
		return isnan(got);
	return got == (float)want;
}

/* Every type: random blocks at odd addresses, each value the formula's, rounded
 * once, which is nearer than one unit in the last place. */
static void every_type_is_decoded_as_its_definition_says(void **state)
{
	static float out[2 * 256];
	static uint8_t room[2 * 256 * 4 + 1];

	(void)state;
	srand(1);
	for (int t = 0; t < DTYPE_PACKED; t++) {
		const struct dtype_info *info = dtype_info((enum dtype)t);

		for (int round = 0; round < 2000; round++) {
			uint8_t *src = room + round % 2;

			fill((enum dtype)t, src);
			fill((enum dtype)t, src + info->bytes);
			quant_dequantize_row((enum dtype)t, src, out,
			                     2 * info->block);
			for (int i = 0; i < 2 * info->block; i++) {
				double want =
					decode((enum dtype)t,
				               src + i / info->block *
				                               info->bytes,
				               i % info->block);

				if (!same(out[i], want))
					fail_msg("%s element %d: %.9g, not "
					         "%.17g",
					         info->name, i, (double)out[i],
					         want);
			}
		}
	}
}

/* A block of each of the simpler types, worked by hand. */
static void worked_blocks(void **state)
{
	static const uint8_t q4_0[18] = { 0x00, 0x38, 0x9f, 0x80, [17] = 0x01 };
	static const uint8_t q4_1[20] = { 0x00, 0x40, 0x00, 0xbc, 0xf3 };
	static const uint8_t q5_0[22] = { 0x00, 0x3c, 0x01, 0, 0x01, 0, 0x21 };
	static const uint8_t q8_0[34] = { 0x00, 0x34, 0x81, 0x7f, 0x02 };
	static const uint8_t iq4_nl[18] = { 0x00, 0x3c, 0xf0, 0x78 };
	float y[32];

	(void)state;
	quant_dequantize_row(DTYPE_Q4_0, q4_0, y, 32); /* d = 0.5 */
	assert_true(y[0] == 0.5f * (15 - 8) && y[16] == 0.5f * (9 - 8));
	assert_true(y[1] == 0.5f * (0 - 8) && y[17] == 0.5f * (8 - 8));
	assert_true(y[15] == 0.5f * (1 - 8) && y[31] == 0.5f * (0 - 8));
	quant_dequantize_row(DTYPE_Q4_1, q4_1, y, 32); /* d = 2, m = -1 */
	assert_true(y[0] == 2 * 3 - 1 && y[16] == 2 * 15 - 1 && y[1] == -1);
	quant_dequantize_row(DTYPE_Q5_0, q5_0, y, 32); /* d = 1 */
	assert_true(y[0] == 17 - 16 && y[16] == 18 - 16 && y[1] == -16);
	quant_dequantize_row(DTYPE_Q8_0, q8_0, y, 32); /* d = 0.25 */
	assert_true(y[0] == -31.75f && y[1] == 31.75f && y[2] == 0.5f);
	quant_dequantize_row(DTYPE_IQ4_NL, iq4_nl, y, 32); /* d = 1 */
	assert_true(y[0] == -127 && y[16] == 113 && y[1] == 1 && y[17] == -10);
}

static void an_empty_row_is_nothing(void **state)
{
	float y = 7;

	(void)state;
	for (int t = 0; t < DTYPE_PACKED; t++)
		quant_dequantize_row((enum dtype)t, "", &y, 0);
	assert_true(y == 7);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_type_is_decoded_as_its_definition_says),
	cmocka_unit_test(worked_blocks),
	cmocka_unit_test(an_empty_row_is_nothing),
};

TEST_MAIN(tests)
