/*
 * quantized_copy.h - a checkpoint's GGUF of another type, made once and kept
 *
 *	CACHE_DIR/models/NAME-TYPE-PPPPPPPP-SSSSSSSS.gguf
 *
 * It holds the values that quantize() gives to whom asks for a file, but in the
 * layout that is multiplied fastest (packed.h, GGUF_PACKED): no other program
 * reads it.
 *
 * PPPPPPPP is a hash of where the source lies, SSSSSSSS one of its state: names,
 * shapes, sizes and times of its files, config, template, tokenizer, and the
 * version of the quantizers.  So a source that changed gets a new copy, and the
 * copies of its former states are removed.
 *
 * A file has its name only when it is whole (gguf_write.h).  models/lock is held
 * while one is made: a second program waits for it and then uses it, and
 * whatever unfinished files there are belong to programs that were killed.
 */
#ifndef CONFAB_QUANTIZED_COPY_H
#define CONFAB_QUANTIZED_COPY_H

#include <stdbool.h>
#include <stdint.h>

struct checkpoint;
struct error;

struct quantized_copy {
	const char *type;      /* a name that quantize_mix_find() knows */
	const char *cache_dir; /* made where it is missing, 0700 */
	int threads;           /* to quantize with; 0: by the machine */

	/* Whether the source is worth a copy.  Asked before one is made, with
	 * nothing written yet; not 0: it is the source's fault.  May be NULL. */
	int (*check)(const struct checkpoint *cp, struct error *err);

	/* Only when the copy is made or waited for (total 0 then); bytes of the
	 * source.  false: stop.  May be NULL. */
	bool (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

/* Takes the checkpoint and gives its copy, which is made first where there is
 * none, or none that can be read.  One most of whose weights are quantized
 * already comes back as it is.  On failure cp is freed all the same; NULL with
 * *stopped set: progress() said so; with *bad_source set: it is the checkpoint that
 * cannot be quantized. */
struct checkpoint *quantized_copy_of(struct checkpoint *cp,
                                     const struct quantized_copy *how,
                                     bool *stopped, bool *bad_source,
                                     struct error *err);

/* The folder: cache_dir/QUANTIZED_COPY_FOLDER. */
#define QUANTIZED_COPY_FOLDER "models"

#endif
