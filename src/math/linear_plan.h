/*
 * linear_plan.h - how a weight is multiplied, and in blocks of what size
 *
 * For linear.c alone.  A plan follows from the weight's dtype, the number of
 * rows, whether the product is exact, and the set of kernels.  A block of
 * weights stays in a thread's cache while chunks of activations pass over it;
 * both hold pieces of rows, where rows are long.
 */
#ifndef CONFAB_LINEAR_PLAN_H
#define CONFAB_LINEAR_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "math/tensor.h"

struct kernels;
struct panel_kernels;
struct tile;

struct linear_plan {
	void (*tile)(const struct tile *t);
	bool narrow; /* the tile takes bf16 activations */
	bool int8;   /* the tile takes 8-bit activations, few rows */
	bool whole;  /* the tile has its own blocks: all rows, uncut */
	bool packed; /* the tile takes groups of 16 rows */
	bool widen;  /* the tile takes float32 weights: by way of a panel */
	const struct panel_kernels *panel; /* no tile: an integer panel */
};

/* The most rows of a tile by 8-bit activations. */
#define LINEAR_PLAN_FEW 12

struct linear_plan linear_plan_of(const struct kernels *kernels,
                                  enum dtype dtype, size_t rows, bool exact);

/* Bytes of n elements of a row of weights, and of activations, in the form that
 * is multiplied. */
size_t linear_plan_w_bytes(const struct linear_plan *plan, enum dtype dtype,
                           size_t n);
size_t linear_plan_x_bytes(const struct linear_plan *plan, size_t n);

/* Elements of a piece of rows of n_in. */
size_t linear_plan_piece(const struct linear_plan *plan, size_t n_in);

/* Outputs of a block of weights: whole register blocks, at most
 * LINEAR_PLAN_OUTPUTS. */
#define LINEAR_PLAN_OUTPUTS 96
size_t linear_plan_outputs(const struct linear_plan *plan, enum dtype dtype,
                           size_t n_in);

/* Rows of a chunk of activations, pieces of n elements; SIZE_MAX: all. */
size_t linear_plan_rows(const struct linear_plan *plan, size_t n);

#endif
