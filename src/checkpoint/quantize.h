/*
 * quantize.h - a checkpoint, written as a GGUF of another type
 *
 * From a Hugging Face directory: names, config and vocabulary become GGUF's
 * (gguf_names.h, gguf_keys.h, gguf_vocabulary.h).  From a GGUF: names and
 * metadata stay as they are, but for what says how it was quantized and split.
 * quantize_mix.h says which tensor gets which type.  A tensor that has its type
 * already is copied byte for byte; others go through float32, row by row, with
 * quantize_row.h.  (Quantizing what is quantized adds the errors: better start
 * from bf16.)
 *
 * Streamed: a few MB of rows at a time, whose pages are given back at once, so
 * that the memory needed does not depend on the model's size.
 */
#ifndef CONFAB_QUANTIZE_H
#define CONFAB_QUANTIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct checkpoint;
struct error;
struct threads;

struct quantize_options {
	const char *type;     /* a name that quantize_mix_find() knows */
	struct threads *pool; /* may be NULL */
	bool packed; /* packed.h: for this program alone, where shapes allow */

	/* After every few MB; bytes of the source that were passed over, some
	 * twice (quantize_packable.h).  false: stop.  May be NULL. */
	bool (*progress)(void *arg, const char *tensor, uint64_t done,
	                 uint64_t total);
	void *arg;
};

struct quantize_report {
	size_t n_tensors;
	size_t n_fallbacks; /* tensors whose rows the wanted type did not divide */
	uint64_t bytes;     /* of the file */
	uint64_t weights;
};

/* Writes OUT.  0: done; 1: progress() said to stop; -1: an error;
 * QUANTIZE_BAD_SOURCE: one of the source, whose names, shapes, tokenizer or values
 * cannot be said.  But for 0, OUT is as it was and nothing else is left.  report may be
 * NULL. */
#define QUANTIZE_BAD_SOURCE (-2)
int quantize(const struct checkpoint *cp, const char *out,
             const struct quantize_options *options,
             struct quantize_report *report, struct error *err);

#endif
