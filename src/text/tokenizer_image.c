#include "text/tokenizer_image.h"

#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "text/tokenizer_source.h"

/* No sum here wraps: seven counts below 2^32, of 16 bytes at most. */
void tokenizer_image_lay_out(struct tokenizer_image_layout *layout,
                             const struct tokenizer_image_header *header)
{
	uint64_t at = sizeof(*header);

	layout->merges = at;
	at += (uint64_t)header->n_merge_slots * sizeof(struct bpe_merge);
	layout->words = at;
	at += (uint64_t)header->n_word_slots * sizeof(int32_t);
	layout->text_offset = at;
	at += ((uint64_t)header->n_ids + 1) * sizeof(uint32_t);
	layout->byte_id = at;
	at += 256 * sizeof(int32_t);
	layout->added = at;
	at += (uint64_t)header->n_added * sizeof(int32_t);
	layout->flags = at;
	at += header->n_ids;
	layout->text = at;
	at += header->text_bytes;
	layout->pattern = at;
	at += header->pattern_bytes;
	layout->end = at;
}

uint64_t tokenizer_image_checksum(const void *block, size_t size)
{
	size_t skip = offsetof(struct tokenizer_image_header, key);

	return hash64((const char *)block + skip, size - skip);
}

void tokenizer_image_view(struct tokenizer_image *image, const void *block)
{
	const struct tokenizer_image_header *header = block;
	const char *base = block;
	struct tokenizer_image_layout at;

	tokenizer_image_lay_out(&at, header);
	image->header = header;
	image->bpe.merges = (const void *)(base + at.merges);
	image->bpe.n_slots = header->n_merge_slots;
	image->bpe.byte_id = (const void *)(base + at.byte_id);
	image->words = (const void *)(base + at.words);
	image->text_offset = (const void *)(base + at.text_offset);
	image->added = (const void *)(base + at.added);
	image->flags = (const uint8_t *)(base + at.flags);
	image->text = base + at.text;
	image->pattern = base + at.pattern;
}

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static bool header_sound(const struct tokenizer_image_header *header,
                         size_t size)
{
	struct tokenizer_image_layout at;

	tokenizer_image_lay_out(&at, header);
	return header->n_ids && header->n_ids <= TOKENIZER_MAX_IDS &&
	       header->n_added <= header->n_ids &&
	       power_of_two(header->n_merge_slots) &&
	       power_of_two(header->n_word_slots) && at.end == size;
}

static bool text_sound(const struct tokenizer_image *image)
{
	const struct tokenizer_image_header *header = image->header;
	uint32_t i;

	for (i = 0; i < header->n_ids; i++)
		if (image->text_offset[i] > image->text_offset[i + 1])
			return false;
	return !image->text_offset[0] &&
	       image->text_offset[header->n_ids] == header->text_bytes;
}

/* Every id in range, and an empty slot, at which a search ends. */
static bool merges_sound(const struct bpe *bpe, uint32_t n_ids)
{
	const struct bpe_merge *merge;
	bool empty = false;
	uint32_t i;

	for (i = 0; i < bpe->n_slots; i++) {
		merge = &bpe->merges[i];
		if (merge->left == -1) {
			empty = true;
			continue;
		}
		if ((uint32_t)merge->left >= n_ids ||
		    (uint32_t)merge->right >= n_ids ||
		    (uint32_t)merge->id >= n_ids || merge->rank < 0)
			return false;
	}
	return empty;
}

static bool words_sound(const struct tokenizer_image *image)
{
	bool empty = false;
	uint32_t i;

	for (i = 0; i < image->header->n_word_slots; i++) {
		if (image->words[i] == -1)
			empty = true;
		else if ((uint32_t)image->words[i] >= image->header->n_ids)
			return false;
	}
	return empty;
}

/* Encoding cuts text at added tokens: an empty one would cut nowhere, an
 * ill-formed one inside a character. */
static bool added_sound(const struct tokenizer_image *image, int id)
{
	const char *bytes;
	size_t len;

	bytes = tokenizer_image_bytes(image, id, &len);
	return len && utf8_valid(bytes, len);
}

static bool ids_sound(const struct tokenizer_image *image)
{
	uint32_t i, n_ids = image->header->n_ids;
	int32_t id;

	for (i = 0; i < 256; i++)
		if ((uint32_t)image->bpe.byte_id[i] >= n_ids)
			return false;
	for (i = 0; i < image->header->n_added; i++) {
		id = image->added[i];
		if ((uint32_t)id >= n_ids ||
		    !(image->flags[id] & IMAGE_ADDED) ||
		    (i && id <= image->added[i - 1]) || !added_sound(image, id))
			return false;
	}
	return true;
}

bool tokenizer_image_open(struct tokenizer_image *image, const void *block,
                          size_t size)
{
	const struct tokenizer_image_header *header = block;
	struct tokenizer_image view;

	if (size < sizeof(*header) || header->magic != TOKENIZER_IMAGE_MAGIC ||
	    !header_sound(header, size) ||
	    header->checksum != tokenizer_image_checksum(block, size))
		return false;
	tokenizer_image_view(&view, block);
	if (!text_sound(&view) || !merges_sound(&view.bpe, header->n_ids) ||
	    !words_sound(&view) || !ids_sound(&view))
		return false;
	*image = view;
	return true;
}

const char *tokenizer_image_bytes(const struct tokenizer_image *image, int id,
                                  size_t *len)
{
	*len = image->text_offset[id + 1] - image->text_offset[id];
	return image->text + image->text_offset[id];
}

uint32_t tokenizer_image_word_slot(const struct tokenizer_image *image,
                                   const char *bytes, size_t len)
{
	uint32_t mask = image->header->n_word_slots - 1;
	uint32_t i = (uint32_t)hash64(bytes, len) & mask;
	const char *word;
	size_t n;

	for (; image->words[i] >= 0; i = (i + 1) & mask) {
		word = tokenizer_image_bytes(image, image->words[i], &n);
		if (n == len && memcmp(word, bytes, n) == 0)
			break;
	}
	return i;
}

int tokenizer_image_word(const struct tokenizer_image *image, const char *bytes,
                         size_t len)
{
	if (len > image->header->longest_word)
		return -1;
	return image->words[tokenizer_image_word_slot(image, bytes, len)];
}
