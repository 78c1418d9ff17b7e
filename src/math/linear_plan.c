#include "math/linear_plan.h"

#include <stdint.h>

#include "math/gemm.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "math/packed.h"
#include "math/panel.h"
#include "math/quant_x.h"
#include "math/tile.h"

/*
 * BLOCK_BYTES of weights stay in a thread's L2 cache while CHUNK_BYTES of
 * activations at a time pass over them.  Long rows are cut to PIECE elements,
 * or neither would fit.  All three were found by measurement (Zen 4 and 5,
 * 1 MiB of L2); they matter little between half and twice these sizes.
 */
#define BLOCK_BYTES (336 * 1024)
#define CHUNK_BYTES (320 * 1024)
#define PIECE       4096
#define PANEL_BYTES (320 * 1024)
#define BLOCK_MIN   12 /* whole register blocks of every kernel */

/* From so many rows on BLIS repays the widening of a panel, where there are no
 * vector kernels.  Those are faster than BLIS 0.9 at any number of rows: with
 * one core of a Zen 4 and 2,560 inputs, 84 to 113 GFLOP/s against 57 to 99; with
 * 1,024 or 4,096 inputs, against 50 to 62. */
#define GEMM_ROWS 8

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void tile_gemm(const struct tile *t)
{
	gemm(t->y, t->y_stride, t->x, t->x_stride / sizeof(float), t->w,
	     t->w_stride / sizeof(float), true, t->rows, t->n_w, t->n, 1,
	     t->add);
}

static bool pays(const struct panel_kernels *format, enum dtype dtype,
                 size_t rows)
{
	return format && format->takes(dtype) &&
	       (!format->from_rows || rows >= format->from_rows(dtype));
}

/* The fastest of those for so many rows. */
static const struct panel_kernels *panel_of(const struct kernels *kernels,
                                            enum dtype dtype, size_t rows)
{
	const struct panel_kernels *const formats[] = { kernels->panel_narrow,
		                                        kernels->panel_wide,
		                                        kernels->panel_levelled,
		                                        kernels->panel_coded };

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (pays(formats[i], dtype, rows))
			return formats[i];
	return NULL;
}

/* Block types of which there is no tile have the format for few rows. */
static const struct panel_kernels *panel_only(const struct kernels *kernels,
                                              enum dtype dtype)
{
	const struct panel_kernels *coded = kernels->panel_coded;

	if (kernels->tile_int8[dtype] || !panel_has_form(dtype))
		return NULL;
	return coded && !coded->takes(dtype) ? kernels->panel_wide : coded;
}

/* The portable set has no panels, and BLIS for many rows. */
static size_t few_rows(const struct kernels *kernels)
{
	return kernels->vector ? LINEAR_PLAN_FEW : GEMM_ROWS - 1;
}

struct linear_plan linear_plan_of(const struct kernels *kernels,
                                  enum dtype dtype, size_t rows, bool exact)
{
	const struct panel_kernels *panel = panel_of(kernels, dtype, rows);

	if (!panel)
		panel = panel_only(kernels, dtype);
	if (dtype == DTYPE_BF16 && !exact && rows >= LINEAR_NARROW_ROWS &&
	    kernels->tile_bf16_narrow &&
	    (!panel || panel != kernels->panel_narrow))
		return (struct linear_plan){ .tile = kernels->tile_bf16_narrow,
			                     .narrow = true };
	if (!exact && panel)
		return (struct linear_plan){ .panel = panel };
	if (!exact && kernels->tile_int8[dtype] && rows <= few_rows(kernels))
		return (struct linear_plan){ .tile = kernels->tile_int8[dtype],
			                     .int8 = true,
			                     .packed = packed_is(dtype) };
	if (kernels->tile_exact[dtype])
		return (struct linear_plan){ .tile = kernels->tile_exact[dtype],
			                     .whole = true,
			                     .packed = true };
	if (rows >= GEMM_ROWS && !kernels->vector)
		return (struct linear_plan){ .tile = tile_gemm,
			                     .whole = true,
			                     .widen = true };
	if (dtype == DTYPE_BF16)
		return (struct linear_plan){ .tile = kernels->tile_bf16 };
	if (dtype == DTYPE_F16)
		return (struct linear_plan){ .tile = kernels->tile_f16 };
	return (struct linear_plan){ .tile = kernels->tile_f32,
		                     .widen = dtype != DTYPE_F32 };
}

/* n rounded down to whole register blocks. */
static size_t whole_blocks(size_t n)
{
	return n < BLOCK_MIN ? BLOCK_MIN : n - n % BLOCK_MIN;
}

/* The same of the tiles by 8-bit activations, which have 4, 8, 12 or 16 rows. */
static size_t whole_int8_blocks(size_t n)
{
	if (n >= 48)
		return n - n % 48;
	return n >= 16 ? n - n % 16 : BLOCK_MIN;
}

static size_t whole_groups(size_t n)
{
	return n < PACKED_ROWS ? PACKED_ROWS : n - n % PACKED_ROWS;
}

size_t linear_plan_piece(const struct linear_plan *plan, size_t n_in)
{
	size_t pieces = (n_in + PIECE - 1) / PIECE;
	size_t length = (n_in + pieces - 1) / pieces;

	if (plan->panel)
		return plan->panel->piece ? smaller(plan->panel->piece, n_in)
		                          : n_in;
	if (plan->int8) /* they fit as they are */
		return n_in;
	return (length + 63) / 64 * 64;
}

size_t linear_plan_w_bytes(const struct linear_plan *plan, enum dtype dtype,
                           size_t n)
{
	size_t bytes = n * sizeof(float);

	if (!plan->widen)
		dtype_row_bytes(dtype, (int64_t)n, &bytes);
	return bytes;
}

size_t linear_plan_x_bytes(const struct linear_plan *plan, size_t n)
{
	return plan->int8 ? quant_x_count(n) * sizeof(struct quant_x)
	                  : n * (plan->narrow ? 2 : sizeof(float));
}

/* Outputs of a panel that is PANEL_BYTES long, in whole register blocks. */
static size_t panel_outputs(const struct linear_plan *plan, enum dtype dtype,
                            size_t n_in)
{
	size_t piece = linear_plan_piece(plan, n_in);
	size_t pair = 2 * plan->panel->group(dtype, piece);
	size_t pairs = PANEL_BYTES / pair;

	return smaller(pairs ? pairs : 1,
	               LINEAR_PLAN_OUTPUTS / (2 * PANEL_ROWS)) *
	       2 * PANEL_ROWS;
}

size_t linear_plan_outputs(const struct linear_plan *plan, enum dtype dtype,
                           size_t n_in)
{
	size_t bytes;

	if (plan->panel)
		return panel_outputs(plan, dtype, n_in);
	bytes = linear_plan_w_bytes(plan, dtype, linear_plan_piece(plan, n_in));
	if (plan->packed)
		return smaller(whole_groups(BLOCK_BYTES / bytes),
		               LINEAR_PLAN_OUTPUTS);
	if (plan->int8)
		return smaller(whole_int8_blocks(BLOCK_BYTES / bytes),
		               LINEAR_PLAN_OUTPUTS);
	return smaller(whole_blocks(BLOCK_BYTES / bytes), LINEAR_PLAN_OUTPUTS);
}

size_t linear_plan_rows(const struct linear_plan *plan, size_t n)
{
	if (plan->whole)
		return SIZE_MAX;
	return whole_blocks(CHUNK_BYTES / linear_plan_x_bytes(plan, n));
}
