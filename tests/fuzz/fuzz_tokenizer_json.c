/*
 * fuzz_tokenizer_json.c - any bytes as a tokenizer.json
 *
 * They are refused, or they compile into an image that passes the checks that
 * a cached one must pass, and whose words are what they claim to be.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/ids.h"
#include "text/pretokenize.h"
#include "text/tokenizer_compile.h"
#include "text/tokenizer_image.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_words(const struct tokenizer_image *image, bool merged)
{
	struct ids ids = { 0 };
	const char *bytes;
	size_t len;

	for (uint32_t id = 0; id < image->header->n_ids; id++) {
		bytes = tokenizer_image_bytes(image, (int)id, &len);
		if (tokenizer_image_word(image, bytes, len) != (int)id)
			continue;
		assert(!(image->flags[id] & IMAGE_ADDED));
		ids.n = 0;
		bpe_encode(&image->bpe, bytes, len, &ids);
		assert(!merged || (ids.n == 1 && ids.data[0] == (int)id));
	}
	ids_free(&ids);
}

static void check_pattern(const struct tokenizer_image *image)
{
	static const char text[] = "It's  12 \xc3\xa9\xcc\x81t\xc3\xa9s,\n\n x";
	struct pretokenizer *p =
		pretokenizer_new(image->pattern, image->header->pattern_bytes,
	                         NULL);
	struct pretokenize walk;
	const char *piece;
	size_t len, sum = 0;

	if (!p)
		return;
	pretokenize_init(&walk, p);
	pretokenize_start(&walk, text, sizeof(text) - 1);
	while (pretokenize_next(&walk, &piece, &len)) {
		assert(len && piece == text + sum);
		sum += len;
	}
	assert(sum == sizeof(text) - 1);
	pretokenize_free(&walk);
	pretokenizer_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tokenizer_source source = { 0 };
	struct tokenizer_image_key key = { 0 };
	struct tokenizer_image image;
	struct error err = { "" };
	size_t image_size;
	void *block = NULL;

	if (tokenizer_json_read(&source, (const char *)data, size, "fuzz",
	                        &err) == 0)
		block = tokenizer_compile(&source, &key, &image_size, &err);
	if (block) {
		assert(tokenizer_image_open(&image, block, image_size));
		check_words(&image, !source.ignore_merges);
		check_pattern(&image);
	} else {
		assert(err.text[0]);
	}
	free(block);
	tokenizer_source_free(&source);
	return 0;
}
