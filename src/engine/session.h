/*
 * session.h - a model and one line of tokens that it has read
 *
 * A session owns a KV cache and knows the id of every token in it.  A prompt
 * is not read, it is synchronised with: the longest beginning that is in memory
 * becomes the line, and only what is new is computed.  So the second turn of a
 * conversation costs its new tokens, a branch costs the tokens after the fork,
 * and a prompt that was cancelled half way is continued.  A line that is left
 * is kept as long as there is room (kv_store.h), and going back to it costs
 * nothing.  Reuse is decided by content, never by who asked.
 *
 * A token that is drawn is read alone, or with a draft of what may follow (draft.h):
 * a few rows take little longer than one.  What is drawn then is drawn from the same
 * odds as without; where it is the draft's, they are there already.
 *
 * A prompt is read in chunks of rows.  Their size follows the machine: as many
 * as take about five seconds.  A cancel is obeyed after a layer and loses the
 * chunk under way.
 *
 * NOTE: matrix products over other row counts add in another order, so two
 * runs of one prompt may differ in the last places of a logit.
 */
#ifndef CONFAB_SESSION_H
#define CONFAB_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "math/tensor.h"

struct error;
struct kv_cache;
struct model;
struct session;

/* context: the most tokens the line may hold.  model is borrowed and must
 * outlive the session. */
struct session *session_new(struct model *model, enum dtype kv_type,
                            size_t context, struct error *err);
void session_free(struct session *s);

/* From now on session_step() reads drafts, too, if there is memory for the logits. */
void session_speculate(struct session *s);

/* The line: its ids [length], borrowed until the next call that changes it. */
size_t session_length(const struct session *s);
const int *session_ids(const struct session *s);
size_t session_context(const struct session *s);
/* Ends with tokens of a draft, maybe: up to the line's length it is the line's. */
const struct kv_cache *session_cache(const struct session *s);

/* Memory for the lines that were left, beyond what they share with this one;
 * 0, as it is in the beginning: none is kept.  And what they take now. */
void session_keep_lines(struct session *s, size_t bytes);
size_t session_kept_bytes(const struct session *s);

/* The logits after the last token of the line, [vocab_size]; NULL where they
 * were not computed (an empty line, a cancelled sync). */
const float *session_logits(const struct session *s);

enum session_result {
	SESSION_FAILED = -1, /* err says why */
	SESSION_SYNCED,
	SESSION_CANCELLED /* the line is a beginning of the prompt */
};

/* Called after each layer of a chunk and at the end, with the tokens computed so
 * far, the chunk's in part, and those to compute.  Returns false to stop; the
 * chunk under way is lost then. */
typedef bool session_progress(void *arg, size_t done, size_t total);

/*
 * Makes the line equal to ids[0..n), n > 0, each a row of the embedding, and
 * computes the logits after the last of them.  *reused: tokens that this line
 * or one that was left held already; at least the last one is computed anew
 * unless its logits are still here.  Fails when n is more than the context
 * holds, before anything is forgotten, and when memory for the cache runs out,
 * with the line a beginning of the prompt.
 */
enum session_result session_sync(struct session *s, const int *ids, size_t n,
                                 session_progress *progress, void *arg,
                                 size_t *reused, struct error *err);

/* What is in memory of ids[0..n): the first `length` tokens of cache, with the
 * logits after them where these are known. */
struct session_beginning {
	const struct kv_cache *cache; /* borrowed until the next call that
	                               * changes the session */
	size_t length;
	const float *logits; /* or NULL */
};
struct session_beginning session_find(struct session *s, const int *ids,
                                      size_t n);

/* Room for `more` tokens in a cache that is to become a line, in the place of
 * lines that were left if need be. */
int session_reserve(struct session *s, struct kv_cache *cache, size_t more,
                    struct error *err);

/* Makes a cache that came from elsewhere the line: takes it, and copies its ids
 * and, where not NULL, the logits after the last. */
void session_adopt(struct session *s, struct kv_cache *cache, const int *ids,
                   const float *logits);

/* Makes the line one token longer, and the logits are those after it.  On failure
 * (context full, memory) the line stays as it was. */
int session_step(struct session *s, int id, struct error *err);

#endif
