/*
 * moe.h - a feed-forward network of many, of which each token uses a few
 *
 *	p       = softmax(gate x)                     over all experts
 *	w       = the num_experts_per_tok largest p, divided by their sum where
 *	          norm_topk_prob
 *	stream += sum of w[e] expert[e](x)
 *
 * Sparsely-gated mixture of experts: Shazeer et al. 2017, arXiv:1701.06538;
 * Qwen3's has no shared expert (arXiv:2505.09388, section 2).  Rows are sorted
 * by expert, so that each expert's weights are read once for all its rows.
 */
#ifndef CONFAB_MOE_H
#define CONFAB_MOE_H

#include <stddef.h>

struct error;
struct model_config;
struct moe_weights;
struct moe_work;
struct workspace;

struct moe_work *moe_work_new(const struct model_config *config,
                              size_t max_rows, struct error *err);
void moe_work_free(struct moe_work *work);

/* Adds to ws->x what the experts make of ws->normed; uses ws->moe, ws->inner. */
void moe(struct workspace *ws, const struct moe_weights *weights,
         const struct model_config *config, size_t rows);

#endif
