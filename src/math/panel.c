#include "math/panel.h"

#define RECORD(factors) (PANEL_CODES + 4 * PANEL_ROWS * (factors))

/* offset, bits, scales, minima, bytes of a record */
static const struct panel_form forms[DTYPE_COUNT] = {
	[DTYPE_Q8_0] = { 128, 8, 1, 0, RECORD(1) },
	[DTYPE_Q4_0] = { 8, 4, 1, 0, RECORD(1) },
	[DTYPE_Q4_1] = { 0, 4, 1, 1, RECORD(2) },
	[DTYPE_Q5_0] = { 16, 5, 1, 0, RECORD(1) },
	[DTYPE_Q5_1] = { 0, 5, 1, 1, RECORD(2) },
	[DTYPE_Q2_K] = { 0, 2, 2, 2, RECORD(4) },
	[DTYPE_Q3_K] = { 4, 3, 2, 0, RECORD(2) },
	[DTYPE_Q4_K] = { 0, 4, 1, 1, RECORD(2) },
	[DTYPE_Q5_K] = { 0, 5, 1, 1, RECORD(2) },
	[DTYPE_Q6_K] = { 32, 6, 2, 0, RECORD(2) },
	[DTYPE_IQ4_NL] = { 128, 8, 1, 0, RECORD(1) },
	[DTYPE_IQ4_XS] = { 128, 8, 1, 0, RECORD(1) },
	[DTYPE_Q8_0_X16] = { 128, 8, 1, 0, RECORD(1) },
	[DTYPE_Q4_0_X16] = { 8, 4, 1, 0, RECORD(1) },
	[DTYPE_Q4_K_X16] = { 0, 4, 1, 1, RECORD(2) },
	[DTYPE_Q6_K_X16] = { 32, 6, 2, 0, RECORD(2) },
};

const struct panel_form *panel_form(enum dtype dtype)
{
	return forms[dtype].n_scales ? &forms[dtype] : NULL;
}

size_t panel_coded_bytes(enum dtype dtype, size_t n)
{
	return n / PANEL_BLOCK * forms[dtype].record;
}

size_t panel_levelled_bytes(enum dtype dtype, size_t n)
{
	size_t blocks = n / PANEL_BLOCK, scales = blocks;

	if (forms[dtype].bits < 8)
		scales = (blocks + PANEL_LEVEL - 1) / PANEL_LEVEL;
	return blocks * PANEL_LEVELLED + scales * PANEL_SCALE;
}

size_t panel_wide_bytes(enum dtype dtype, size_t n)
{
	size_t records = (n + PANEL_WIDE - 1) / PANEL_WIDE;

	(void)dtype;
	return PANEL_ROWS * (panel_wide_length(n) * sizeof(int16_t) +
	                     records * sizeof(float));
}

size_t panel_narrow_bytes(enum dtype dtype, size_t n)
{
	(void)dtype;
	return (n + PANEL_BLOCK - 1) / PANEL_BLOCK * PANEL_NARROW;
}
