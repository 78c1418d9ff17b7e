#include "math/panel.h"

#define FORM(offset, n_scales, n_mins) \
	{ \
		offset, n_scales, n_mins, \
			PANEL_CODES + 4 * PANEL_ROWS *(n_scales + n_mins) \
	}

static const struct panel_form forms[DTYPE_COUNT] = {
	[DTYPE_Q8_0] = FORM(128, 1, 0),   [DTYPE_Q4_0] = FORM(8, 1, 0),
	[DTYPE_Q4_1] = FORM(0, 1, 1),     [DTYPE_Q5_0] = FORM(16, 1, 0),
	[DTYPE_Q5_1] = FORM(0, 1, 1),     [DTYPE_Q2_K] = FORM(0, 2, 2),
	[DTYPE_Q3_K] = FORM(4, 2, 0),     [DTYPE_Q4_K] = FORM(0, 1, 1),
	[DTYPE_Q5_K] = FORM(0, 1, 1),     [DTYPE_Q6_K] = FORM(32, 2, 0),
	[DTYPE_IQ4_NL] = FORM(128, 1, 0), [DTYPE_IQ4_XS] = FORM(128, 1, 0),
};

const struct panel_form *panel_form(enum dtype dtype)
{
	return forms[dtype].n_scales ? &forms[dtype] : NULL;
}

size_t panel_bytes(const struct panel_form *form, size_t n_w, size_t n)
{
	size_t groups = (n_w + PANEL_ROWS - 1) / PANEL_ROWS;

	return groups * (n / PANEL_BLOCK) * form->record;
}
