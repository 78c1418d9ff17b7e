#include "math/quantize_row.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/quant_blocks.h"
#include "math/kernels.h"
#include "math/quantize_set.h"

static void copy(enum dtype dtype, const float *x, void *dst, size_t n)
{
	if (dtype == DTYPE_BF16)
		kernels_get()->f32_to_bf16(dst, x, n);
	else if (dtype == DTYPE_F16)
		kernels_get()->f32_to_f16(dst, x, n);
	else
		memcpy(dst, x, n * sizeof *x);
}

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
	void (*row)(const float *, const float *, void *, int64_t) =
		kernels_get()->quantize->row[dtype];
	unsigned char *out = dst;

	assert(n >= 0 && n % info->block == 0);
	if (info->block == 1) {
		copy(dtype, x, dst, (size_t)n);
		return;
	}
	if (w) {
		row(x, w, dst, n);
		return;
	}
	for (int64_t i = 0; i < n; i += info->block, out += info->bytes)
		row(x + i, ones, out, info->block);
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
