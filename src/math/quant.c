#include "math/quant.h"

#include <assert.h>
#include <string.h>

#include "math/half.h"
#include "math/quant_iq.h"
#include "math/quant_k.h"
#include "math/quant_legacy.h"

static void from_f32(const void *src, float *dst, int64_t n)
{
	if (n > 0)
		memcpy(dst, src, (size_t)n * sizeof *dst);
}

static void from_f16(const void *src, float *dst, int64_t n)
{
	const unsigned char *bytes = src;

	for (int64_t i = 0; i < n; i++) {
		uint16_t h;

		memcpy(&h, bytes + 2 * i, sizeof h);
		dst[i] = half_from_f16(h);
	}
}

static void from_bf16(const void *src, float *dst, int64_t n)
{
	const unsigned char *bytes = src;

	for (int64_t i = 0; i < n; i++) {
		uint16_t h;

		memcpy(&h, bytes + 2 * i, sizeof h);
		dst[i] = half_from_bf16(h);
	}
}

static void (*const dequantize[DTYPE_PACKED])(const void *, float *,
                                              int64_t) = {
	[DTYPE_F32] = from_f32,           [DTYPE_F16] = from_f16,
	[DTYPE_BF16] = from_bf16,         [DTYPE_Q8_0] = quant_legacy_q8_0,
	[DTYPE_Q4_0] = quant_legacy_q4_0, [DTYPE_Q4_1] = quant_legacy_q4_1,
	[DTYPE_Q5_0] = quant_legacy_q5_0, [DTYPE_Q5_1] = quant_legacy_q5_1,
	[DTYPE_Q2_K] = quant_k_q2_k,      [DTYPE_Q3_K] = quant_k_q3_k,
	[DTYPE_Q4_K] = quant_k_q4_k,      [DTYPE_Q5_K] = quant_k_q5_k,
	[DTYPE_Q6_K] = quant_k_q6_k,      [DTYPE_IQ4_NL] = quant_iq_iq4_nl,
	[DTYPE_IQ4_XS] = quant_iq_iq4_xs,
};

void quant_dequantize_row(enum dtype dtype, const void *src, float *dst,
                          int64_t n)
{
	assert(dtype >= 0 && dtype < DTYPE_PACKED);
	assert(n >= 0 && n % dtype_info(dtype)->block == 0);
	dequantize[dtype](src, dst, n);
}
