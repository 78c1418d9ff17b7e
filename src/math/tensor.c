#include "math/tensor.h"

#include <assert.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "weights are read in place: see tensor.h");

/* Block sizes of the quantized types: ggml's quant formats, see quant.h; of the
 * packed ones see packed.h. */
static const struct dtype_info infos[DTYPE_COUNT] = {
	[DTYPE_F32] = { "f32", 1, 4, 1 },
	[DTYPE_F16] = { "f16", 1, 2, 1 },
	[DTYPE_BF16] = { "bf16", 1, 2, 1 },
	[DTYPE_Q8_0] = { "q8_0", 32, 34, 1 },
	[DTYPE_Q4_0] = { "q4_0", 32, 18, 1 },
	[DTYPE_Q4_1] = { "q4_1", 32, 20, 1 },
	[DTYPE_Q5_0] = { "q5_0", 32, 22, 1 },
	[DTYPE_Q5_1] = { "q5_1", 32, 24, 1 },
	[DTYPE_Q2_K] = { "q2_k", 256, 84, 1 },
	[DTYPE_Q3_K] = { "q3_k", 256, 110, 1 },
	[DTYPE_Q4_K] = { "q4_k", 256, 144, 1 },
	[DTYPE_Q5_K] = { "q5_k", 256, 176, 1 },
	[DTYPE_Q6_K] = { "q6_k", 256, 210, 1 },
	[DTYPE_IQ4_NL] = { "iq4_nl", 32, 18, 1 },
	[DTYPE_IQ4_XS] = { "iq4_xs", 256, 136, 1 },
	[DTYPE_Q8_0_X16] = { "q8_0_x16", 64, 68, 16 },
	[DTYPE_Q4_0_X16] = { "q4_0_x16", 64, 36, 16 },
	[DTYPE_Q4_K_X16] = { "q4_k_x16", 256, 144, 16 },
	[DTYPE_Q6_K_X16] = { "q6_k_x16", 256, 212, 16 },
	[DTYPE_BF16_X16] = { "bf16_x16", 256, 392, 16 },
};

const struct dtype_info *dtype_info(enum dtype dtype)
{
	assert(dtype >= 0 && dtype < DTYPE_COUNT);
	return &infos[dtype];
}

bool dtype_row_bytes(enum dtype dtype, int64_t n, size_t *bytes)
{
	const struct dtype_info *info = dtype_info(dtype);

	if (n < 0 || n % info->block)
		return false;
	return !__builtin_mul_overflow((size_t)(n / info->block),
	                               (size_t)info->bytes, bytes);
}

bool tensor_size(enum dtype dtype, int n_dims, const int64_t *shape,
                 int64_t *elements, size_t *bytes)
{
	int64_t rows = 1;
	size_t row;

	if (n_dims < 1 || n_dims > TENSOR_MAX_DIMS)
		return false;
	for (int i = 0; i < n_dims; i++)
		if (shape[i] <= 0)
			return false;
	if ((n_dims > 1 ? shape[n_dims - 2] : 1) % dtype_info(dtype)->rows)
		return false;
	for (int i = 0; i < n_dims - 1; i++)
		if (__builtin_mul_overflow(rows, shape[i], &rows))
			return false;
	if (__builtin_mul_overflow(rows, shape[n_dims - 1], elements))
		return false;
	return dtype_row_bytes(dtype, shape[n_dims - 1], &row) &&
	       !__builtin_mul_overflow((size_t)rows, row, bytes);
}

int64_t tensor_rows(const struct tensor *t)
{
	int64_t rows = 1;

	for (int i = 0; i < t->n_dims - 1; i++)
		rows *= t->shape[i];
	return rows;
}

int64_t tensor_cols(const struct tensor *t)
{
	return t->shape[t->n_dims - 1];
}
