#include "checkpoint/gguf_format.h"

#include "math/packed.h"

static const struct {
	const char *name;
	int dtype; /* an enum dtype, or -1: not read */
} types[] = {
	[0] = { "f32", DTYPE_F32 },
	[1] = { "f16", DTYPE_F16 },
	[2] = { "q4_0", DTYPE_Q4_0 },
	[3] = { "q4_1", DTYPE_Q4_1 },
	[4] = { "q4_2", -1 },
	[5] = { "q4_3", -1 },
	[6] = { "q5_0", DTYPE_Q5_0 },
	[7] = { "q5_1", DTYPE_Q5_1 },
	[8] = { "q8_0", DTYPE_Q8_0 },
	[9] = { "q8_1", -1 },
	[10] = { "q2_k", DTYPE_Q2_K },
	[11] = { "q3_k", DTYPE_Q3_K },
	[12] = { "q4_k", DTYPE_Q4_K },
	[13] = { "q5_k", DTYPE_Q5_K },
	[14] = { "q6_k", DTYPE_Q6_K },
	[15] = { "q8_k", -1 },
	[16] = { "iq2_xxs", -1 },
	[17] = { "iq2_xs", -1 },
	[18] = { "iq3_xxs", -1 },
	[19] = { "iq1_s", -1 },
	[20] = { "iq4_nl", DTYPE_IQ4_NL },
	[21] = { "iq3_s", -1 },
	[22] = { "iq2_s", -1 },
	[23] = { "iq4_xs", DTYPE_IQ4_XS },
	[24] = { "i8", -1 },
	[25] = { "i16", -1 },
	[26] = { "i32", -1 },
	[27] = { "i64", -1 },
	[28] = { "f64", -1 },
	[29] = { "iq1_m", -1 },
	[30] = { "bf16", DTYPE_BF16 },
	[34] = { "tq1_0", -1 },
	[35] = { "tq2_0", -1 },
	[39] = { "mxfp4", -1 },
};

#define N_TYPES (sizeof types / sizeof types[0])

size_t gguf_format_width(enum gguf_kind kind)
{
	static const unsigned char widths[GGUF_KINDS] = {
		[GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2,
		[GGUF_U32] = 4, [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1,
		[GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
	};

	return widths[kind];
}

uint32_t gguf_format_number(enum dtype dtype)
{
	enum dtype plain = packed_plain(dtype);
	uint32_t number = 0;

	while (!types[number].name || types[number].dtype != (int)plain)
		number++;
	return packed_is(dtype) ? GGUF_PACKED + number : number;
}

static bool is_plain(uint32_t number)
{
	return number < N_TYPES && types[number].name &&
	       types[number].dtype >= 0;
}

bool gguf_format_dtype(uint32_t number, enum dtype *dtype)
{
	bool packed = number >= GGUF_PACKED;
	enum dtype found;

	number -= packed ? GGUF_PACKED : 0;
	if (!is_plain(number))
		return false;
	found = (enum dtype)types[number].dtype;
	found = packed ? packed_of(found) : found;
	if (packed_is(found) != packed)
		return false;
	*dtype = found;
	return true;
}

const char *gguf_format_type_name(uint32_t number)
{
	enum dtype dtype;

	if (number >= GGUF_PACKED && gguf_format_dtype(number, &dtype))
		return dtype_info(dtype)->name;
	if (number >= N_TYPES || !types[number].name)
		return "unknown";
	return types[number].name;
}
