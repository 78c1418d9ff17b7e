/*
 * tokenizer_image.h - a compiled vocabulary: one block of memory that works
 * where it lies, on the heap or mapped from the cache
 *
 *	header
 *	merges       struct bpe_merge [n_merge_slots]
 *	words        int32_t  [n_word_slots]  ids by hash of their bytes, or -1
 *	text_offset  uint32_t [n_ids + 1]     where each id's bytes begin in text
 *	byte_id      int32_t  [256]
 *	added        int32_t  [n_added]       ascending
 *	flags        uint8_t  [n_ids]
 *	text         char     [text_bytes]
 *	pattern      char     [pattern_bytes]
 *
 * All in the byte order of this machine; another one's has a wrong magic.
 *
 * "Words" are the tokens whose own bytes BPE turns into just that token (nearly
 * all of them).  A piece of text that is one needs no merging: BPE looks at
 * nothing but the bytes, so the answer is known from compiling.  Most pieces
 * of ordinary text are words.
 */
#ifndef CONFAB_TOKENIZER_IMAGE_H
#define CONFAB_TOKENIZER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/bpe.h"

/* What the image was made from, for the cache. */
struct tokenizer_image_key {
	uint64_t size; /* bytes of the file */
	int64_t mtime_ns;
	uint64_t hash; /* of what the vocabulary was read from */
};

struct tokenizer_image_header {
	uint64_t magic;    /* TOKENIZER_IMAGE_MAGIC */
	uint64_t checksum; /* hash64() of all that follows this field */
	struct tokenizer_image_key key;
	uint32_t n_ids; /* 1..TOKENIZER_MAX_IDS */
	uint32_t n_added;
	uint32_t n_merge_slots; /* a power of two */
	uint32_t n_word_slots;  /* a power of two */
	uint32_t longest_word;  /* bytes */
	uint32_t text_bytes;
	uint32_t pattern_bytes;
	uint32_t nfc; /* 1: text is normalised first */
};

/* The last digit counts the versions of this layout. */
#define TOKENIZER_IMAGE_MAGIC UINT64_C(0x636f6e66746f6b01)

enum tokenizer_image_flag {
	IMAGE_TOKEN = 1, /* the id has a token */
	IMAGE_ADDED = 2,
	IMAGE_SPECIAL = 4,
	IMAGE_NORMALIZED = 8
};

/* Offsets of the parts in bytes, and of the end. */
struct tokenizer_image_layout {
	uint64_t merges, words, text_offset, byte_id, added, flags, text;
	uint64_t pattern, end;
};

void tokenizer_image_lay_out(struct tokenizer_image_layout *layout,
                             const struct tokenizer_image_header *header);

/* A view into the block; everything is borrowed from it. */
struct tokenizer_image {
	const struct tokenizer_image_header *header;
	struct bpe bpe;
	const int32_t *words;
	const uint32_t *text_offset;
	const int32_t *added;
	const uint8_t *flags;
	const char *text;
	const char *pattern;
};

uint64_t tokenizer_image_checksum(const void *block, size_t size);

/* A view into a block that tokenizer_compile() made. */
void tokenizer_image_view(struct tokenizer_image *image, const void *block);

/* The same for a block of unknown origin, aligned to 16 bytes: false, image
 * untouched, unless its checksum and every offset and id in it are sound. */
bool tokenizer_image_open(struct tokenizer_image *image, const void *block,
                          size_t size);

/* Where a word's id is, or would be put: an index into words. */
uint32_t tokenizer_image_word_slot(const struct tokenizer_image *image,
                                   const char *bytes, size_t len);
/* The id of the word, or -1. */
int tokenizer_image_word(const struct tokenizer_image *image, const char *bytes,
                         size_t len);

/* The bytes of an id in [0, n_ids). */
const char *tokenizer_image_bytes(const struct tokenizer_image *image, int id,
                                  size_t *len);

#endif
