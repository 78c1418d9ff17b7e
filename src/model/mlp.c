#include "model/mlp.h"

#include "math/linear.h"
#include "model/load_weights.h"
#include "model/workspace.h"

void mlp(struct workspace *ws, const struct mlp_weights *weights, float *y,
         bool add, const float *x, size_t rows)
{
	size_t hidden = (size_t)tensor_cols(weights->gate_proj);
	size_t inner = (size_t)tensor_rows(weights->gate_proj);
	struct linear_job down = { weights->down_proj, y, hidden, add };

	linear_swiglu(ws->linear, weights->gate_proj, weights->up_proj,
	              ws->inner, inner, x, hidden, rows, ws->exact);
	linear(ws->linear, &down, ws->inner, inner, rows, ws->exact);
}
