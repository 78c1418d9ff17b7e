#include "math/quant_x.h"

#include <math.h>
#include <string.h>

/* The bits of the largest |x|: ordered as the numbers are, NaN above all. */
static uint32_t largest(const float *x, size_t n)
{
	uint32_t top = 0, u;

	for (size_t i = 0; i < n; i++) {
		memcpy(&u, &x[i], sizeof u);
		u &= 0x7fffffff;
		top = u > top ? u : top;
	}
	return top;
}

/* n <= 32 elements: d and q, q being zero already. */
static float block(int8_t *q, const float *x, size_t n)
{
	uint32_t bits = largest(x, n);
	float top;

	memcpy(&top, &bits, sizeof top);
	if (!isfinite(top))
		return NAN;
	if (top < 0x1p-100f)
		return 0;
	for (size_t i = 0; i < n; i++)
		q[i] = (int8_t)lrintf(x[i] * (127 / top));
	return top / 127;
}

void quant_x_scalar(struct quant_x *dst, const float *x, size_t n)
{
	memset(dst, 0, quant_x_count(n) * sizeof *dst);
	for (size_t i = 0; i < n; i += 32) {
		struct quant_x *to = dst + i / 256;
		size_t at = i % 256;

		to->d[at / 32] =
			block(to->q + at, x + i, n - i < 32 ? n - i : 32);
		for (size_t k = at; k < at + 32; k++)
			to->sum[k / 16] += to->q[k];
	}
}
