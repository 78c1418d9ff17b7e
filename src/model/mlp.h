/*
 * mlp.h - the second half of a block: the feed-forward network
 *
 *	stream += down_proj(silu(gate_proj x) * (up_proj x))
 *
 * SwiGLU: Shazeer 2020, arXiv:2002.05202.  No biases.
 */
#ifndef CONFAB_MLP_H
#define CONFAB_MLP_H

#include <stdbool.h>
#include <stddef.h>

struct mlp_weights;
struct workspace;

/* y = (add ? y : 0) + mlp(x).  x, y: [rows, hidden_size], no overlap; uses
 * ws->inner. */
void mlp(struct workspace *ws, const struct mlp_weights *weights, float *y,
         bool add, const float *x, size_t rows);

#endif
