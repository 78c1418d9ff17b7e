/*
 * half.h - the two 16-bit floats, one value at a time
 *
 * bf16 is the upper half of a float32; f16 is IEEE 754 binary16.  Narrowing
 * rounds to nearest even; NaN stays NaN.  Rows are converted by kernels.h.
 */
#ifndef CONFAB_HALF_H
#define CONFAB_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_from_bf16(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;

	memcpy(&f, &u, sizeof f);
	return f;
}

static inline uint16_t half_to_bf16(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof u);
	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* Without a branch, so that a loop of it becomes vectors: read as a float32 the
 * number is 2^-112 of itself, subnormals included. */
static inline float half_from_f16(uint16_t h)
{
	uint32_t u = (uint32_t)(h & 0x7fff) << 13;
	float f;

	memcpy(&f, &u, sizeof f);
	f *= 0x1p112f;
	memcpy(&u, &f, sizeof u);
	u |= (h & 0x7c00) == 0x7c00 ? 0x7f800000 : 0; /* infinity, NaN */
	u |= (uint32_t)(h & 0x8000) << 16;
	memcpy(&f, &u, sizeof f);
	return f;
}

static inline uint16_t half_to_f16(float f)
{
	uint32_t u, sign, rest, rounded;

	memcpy(&u, &f, sizeof u);
	sign = u >> 16 & 0x8000;
	rest = u & 0x7fffffff;
	if (rest > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (rest >= 0x47800000) /* 65536 and up: infinity */
		return (uint16_t)(sign | 0x7c00);
	if (rest < 0x38800000) { /* below 2^-14: let the float adder round */
		float magic = 0x1p-1f, value;

		memcpy(&value, &rest, sizeof value);
		value += magic; /* the last place of magic is 2^-24 */
		memcpy(&rest, &value, sizeof rest);
		return (uint16_t)(sign | (rest - 0x3f000000));
	}
	rounded = rest - 0x38000000 + 0xfff + (rest >> 13 & 1);
	return (uint16_t)(sign | rounded >> 13);
}

#endif
