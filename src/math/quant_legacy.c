#include "math/quant_legacy.h"

#include "math/half.h"
#include "math/quant_blocks.h"

void quant_legacy_q8_0(const void *src, float *dst, int64_t n)
{
	const struct quant_q8_0 *x = src;

	for (; n > 0; n -= QUANT_BLOCK, dst += QUANT_BLOCK, x++) {
		float d = half_from_f16(x->d);

		for (int j = 0; j < QUANT_BLOCK; j++)
			dst[j] = d * (float)x->qs[j];
	}
}

void quant_legacy_q4_0(const void *src, float *dst, int64_t n)
{
	const struct quant_q4_0 *x = src;

	for (; n > 0; n -= QUANT_BLOCK, dst += QUANT_BLOCK, x++) {
		float d = half_from_f16(x->d);

		for (int j = 0; j < 16; j++) {
			dst[j] = d * (float)((x->qs[j] & 15) - 8);
			dst[j + 16] = d * (float)((x->qs[j] >> 4) - 8);
		}
	}
}

void quant_legacy_q4_1(const void *src, float *dst, int64_t n)
{
	const struct quant_q4_1 *x = src;

	for (; n > 0; n -= QUANT_BLOCK, dst += QUANT_BLOCK, x++) {
		float d = half_from_f16(x->d), m = half_from_f16(x->m);

		for (int j = 0; j < 16; j++) {
			dst[j] = d * (float)(x->qs[j] & 15) + m;
			dst[j + 16] = d * (float)(x->qs[j] >> 4) + m;
		}
	}
}

/* Bit i of the little-endian number of 32 bits, as the fifth bit of a code. */
static int fifth_bit(const uint8_t *qh, int i)
{
	return (qh[i / 8] >> i % 8 & 1) << 4;
}

void quant_legacy_q5_0(const void *src, float *dst, int64_t n)
{
	const struct quant_q5_0 *x = src;

	for (; n > 0; n -= QUANT_BLOCK, dst += QUANT_BLOCK, x++) {
		float d = half_from_f16(x->d);

		for (int j = 0; j < 16; j++) {
			int low = (x->qs[j] & 15) | fifth_bit(x->qh, j);
			int high = x->qs[j] >> 4 | fifth_bit(x->qh, j + 16);

			dst[j] = d * (float)(low - 16);
			dst[j + 16] = d * (float)(high - 16);
		}
	}
}

void quant_legacy_q5_1(const void *src, float *dst, int64_t n)
{
	const struct quant_q5_1 *x = src;

	for (; n > 0; n -= QUANT_BLOCK, dst += QUANT_BLOCK, x++) {
		float d = half_from_f16(x->d), m = half_from_f16(x->m);

		for (int j = 0; j < 16; j++) {
			int low = (x->qs[j] & 15) | fifth_bit(x->qh, j);
			int high = x->qs[j] >> 4 | fifth_bit(x->qh, j + 16);

			dst[j] = d * (float)low + m;
			dst[j + 16] = d * (float)high + m;
		}
	}
}
