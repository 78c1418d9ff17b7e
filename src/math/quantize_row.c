#include "math/quantize_row.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/half.h"
#include "math/quant_blocks.h"
#include "math/quantize_iq.h"
#include "math/quantize_k.h"
#include "math/quantize_legacy.h"

static void to_f32(const float *x, const float *w, void *dst, int64_t n)
{
	(void)w;
	memcpy(dst, x, (size_t)n * sizeof *x);
}

static void to_f16(const float *x, const float *w, void *dst, int64_t n)
{
	unsigned char *bytes = dst;

	(void)w;
	for (int64_t i = 0; i < n; i++) {
		uint16_t h = half_to_f16(x[i]);

		memcpy(bytes + 2 * i, &h, sizeof h);
	}
}

static void to_bf16(const float *x, const float *w, void *dst, int64_t n)
{
	unsigned char *bytes = dst;

	(void)w;
	for (int64_t i = 0; i < n; i++) {
		uint16_t h = half_to_bf16(x[i]);

		memcpy(bytes + 2 * i, &h, sizeof h);
	}
}

static void (*const quantizers[DTYPE_COUNT])(const float *, const float *,
                                             void *, int64_t) = {
	[DTYPE_F32] = to_f32,
	[DTYPE_F16] = to_f16,
	[DTYPE_BF16] = to_bf16,
	[DTYPE_Q8_0] = quantize_legacy_q8_0,
	[DTYPE_Q4_0] = quantize_legacy_q4_0,
	[DTYPE_Q4_1] = quantize_legacy_q4_1,
	[DTYPE_Q5_0] = quantize_legacy_q5_0,
	[DTYPE_Q5_1] = quantize_legacy_q5_1,
	[DTYPE_Q2_K] = quantize_k_q2_k,
	[DTYPE_Q3_K] = quantize_k_q3_k,
	[DTYPE_Q4_K] = quantize_k_q4_k,
	[DTYPE_Q5_K] = quantize_k_q5_k,
	[DTYPE_Q6_K] = quantize_k_q6_k,
	[DTYPE_IQ4_NL] = quantize_iq_iq4_nl,
	[DTYPE_IQ4_XS] = quantize_iq_iq4_xs,
};

void quantize_row(enum dtype dtype, const float *x, const float *w, void *dst,
                  int64_t n)
{
	static const float ones[QUANT_SUPER] = {
#define ONES_16 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
		ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16,
		ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16,
		ONES_16, ONES_16, ONES_16, ONES_16
#undef ONES_16
	};
	const struct dtype_info *info = dtype_info(dtype);
	unsigned char *out = dst;

	assert(n >= 0 && n % info->block == 0);
	if (w || info->block == 1) {
		quantizers[dtype](x, w, dst, n);
		return;
	}
	for (int64_t i = 0; i < n; i += info->block, out += info->bytes)
		quantizers[dtype](x + i, ones, out, info->block);
}

bool quantize_row_fits(enum dtype dtype, const float *x, int64_t n,
                       int64_t *bad)
{
	bool wide = dtype == DTYPE_F32 || dtype == DTYPE_BF16;
	float most = wide ? HUGE_VALF : 65504.0f;

	for (int64_t i = 0; i < n; i++) {
		if (isfinite(x[i]) && fabsf(x[i]) <= most)
			continue;
		*bad = i;
		return false;
	}
	return true;
}
