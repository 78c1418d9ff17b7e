#include "model/embedding.h"

#include "math/linear.h"

void embedding(float *x, const struct tensor *embed_tokens, const int *ids,
               size_t seq)
{
	size_t hidden = (size_t)tensor_cols(embed_tokens);

	for (size_t t = 0; t < seq; t++)
		linear_row(embed_tokens, ids[t], x + t * hidden);
}
