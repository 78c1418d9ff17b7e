/*
 * model.h - Qwen3: token ids in, logits out
 *
 *	x = embedding(ids)
 *	for each layer: x = transformer_block(x)
 *	logits = lm_head(rmsnorm(x))
 *
 * Architecture: Qwen3 Technical Report, arXiv:2505.09388, section 2; GQA
 * (arXiv:2305.13245), RoPE (arXiv:2104.09864), SwiGLU (arXiv:2002.05202),
 * RMSNorm before each half of a block, RMSNorm of query and key heads.
 *
 * A model is used by one thread at a time; the pool is its own.
 */
#ifndef CONFAB_MODEL_H
#define CONFAB_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "model/kv_cache.h"
#include "model/model_config.h"

struct checkpoint;
struct error;
struct model;

struct model_options {
	int threads;      /* 0: threads_default_count() */
	bool exact;       /* float32-grade activations and an f32 cache */
	size_t max_batch; /* rows of one model_forward(); 0: 512 */
};

/* Checks names, types and shapes of every tensor; copies none of the weight
 * matrices.  cp is borrowed and must outlive the model. */
struct model *model_load(const struct checkpoint *cp,
                         const struct model_options *options,
                         struct error *err);
void model_free(struct model *model);

const struct model_config *model_config(const struct model *model);
int model_threads(const struct model *model);
size_t model_max_batch(const struct model *model);
const char *model_kernels(
	const struct model *model); /* "avx512", "avx2", ... */

/* exact changes the arithmetic of later calls (used by score). */
void model_set_exact(struct model *model, bool exact);

/* A cache of the model's shape.  dtype F32 where exactness matters. */
struct kv_cache *model_new_cache(const struct model *model, enum dtype dtype,
                                 size_t max_tokens, struct error *err);

/*
 * Reads ids[0..seq) at positions cache->length.. and appends them to the
 * cache.  0 < seq <= max_batch, 0 <= id < vocab_size; the room must have been
 * reserved with kv_cache_reserve().  Leaves the final hidden rows of the last
 * `wanted` tokens, wanted <= seq, where model_logits() finds them: the last block
 * computes no more than these and everybody's keys and values.  Cannot fail;
 * false when the observer stopped it, and then the cache is as long as before.
 */
bool model_forward(struct model *model, struct kv_cache *cache, const int *ids,
                   size_t seq, size_t wanted);

/* Logits of rows [first, first + rows) of those that the last model_forward()
 * left, rows <= wanted.  logits: [rows, vocab_size] float. */
void model_logits(struct model *model, size_t first, size_t rows,
                  float *logits);

/* Called during model_forward() with the residual stream [seq, hidden_size]:
 * step 0 after the embedding, l + 1 after block l (after the last block: the
 * final norm's output of the rows wanted), as transformers' hidden_states.  When it gives false
 * the pass ends there, except after the last block. */
typedef bool model_observer(void *arg, int step, const float *x, size_t seq);

/* NULL: nobody observes. */
void model_set_observer(struct model *model, model_observer *observer,
                        void *arg);

#endif
