#include "text/tokenizer_compile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/tokenizer_image.h"
#include "text/tokenizer_source.h"

/* One compilation.  index_of finds a token by its text: indices into
 * source->tokens by hash, NONE where a slot is empty. */
struct compiler {
	const struct tokenizer_source *source;
	struct error *err;
	uint32_t *index_of; /* [n_slots] */
	uint32_t n_slots;   /* a power of two */
	uint8_t *flags;     /* [n_ids] */
	uint32_t n_ids;
	struct strbuf text;    /* the image's text */
	uint32_t *text_offset; /* [n_ids + 1] */
	int32_t byte_id[256];
	struct bpe_merge *merges; /* [n_merge_slots] */
	uint32_t n_merge_slots;
};

#define NONE UINT32_MAX

/* Bytes of a token, and of all added tokens together: some ten times what any
 * vocabulary has, and little enough for a hostile one. */
#define MAX_TOKEN 4096
#define MAX_ADDED (4 << 20)

/* A power of two that n entries fill to a half at most. */
static uint32_t slots_for(size_t n)
{
	uint32_t slots = 16;

	while (slots < 2 * n)
		slots *= 2;
	return slots;
}

/* How much of a text a message shows. */
static int shown(struct source_text text)
{
	return text.len < 80 ? (int)text.len : 80;
}

static uint32_t *index_slot(const struct compiler *c, struct source_text text)
{
	uint32_t i = (uint32_t)hash64(text.bytes, text.len);
	const struct source_text *other;

	for (;; i++) {
		i &= c->n_slots - 1;
		if (c->index_of[i] == NONE)
			break;
		other = &c->source->tokens[c->index_of[i]].text;
		if (other->len == text.len &&
		    memcmp(other->bytes, text.bytes, text.len) == 0)
			break;
	}
	return &c->index_of[i];
}

/* The id of a token of the vocabulary, or -1. */
static int32_t id_of(const struct compiler *c, struct source_text text)
{
	uint32_t index = *index_slot(c, text);

	return index == NONE ? -1 : (int32_t)c->source->tokens[index].id;
}

static int check_token(struct compiler *c, int64_t id, struct source_text text)
{
	if (text.len > MAX_TOKEN)
		return error_set(c->err,
		                 "%s: token \"%.*s…\" has %zu bytes, at most "
		                 "%d",
		                 c->source->path, shown(text), text.bytes,
		                 text.len, MAX_TOKEN);
	if (id < 0 || id >= TOKENIZER_MAX_IDS)
		return error_set(c->err,
		                 "%s: token \"%.*s\" has id %" PRId64
		                 ", not one of 0 to %d",
		                 c->source->path, shown(text), text.bytes, id,
		                 TOKENIZER_MAX_IDS - 1);
	return 0;
}

/* Each byte of an added token may become a node of a tree that finds it. */
static int check_added_bytes(struct compiler *c)
{
	size_t bytes = 0, i;

	for (i = 0; i < c->source->n_added; i++)
		bytes += c->source->added[i].text.len;
	if (bytes <= MAX_ADDED)
		return 0;
	return error_set(c->err,
	                 "%s: %zu added tokens have %zu bytes, at most %d",
	                 c->source->path, c->source->n_added, bytes, MAX_ADDED);
}

static int count_ids(struct compiler *c)
{
	const struct tokenizer_source *source = c->source;
	int64_t most = -1;
	size_t i;

	if (source->n_tokens > TOKENIZER_MAX_IDS ||
	    source->n_added > TOKENIZER_MAX_IDS ||
	    source->n_merges > TOKENIZER_MAX_IDS)
		return error_set(c->err,
		                 "%s: %zu tokens, %zu added, %zu merges; at "
		                 "most %d of each",
		                 source->path, source->n_tokens,
		                 source->n_added, source->n_merges,
		                 TOKENIZER_MAX_IDS);
	for (i = 0; i < source->n_tokens; i++) {
		if (check_token(c, source->tokens[i].id,
		                source->tokens[i].text))
			return -1;
		if (source->tokens[i].id > most)
			most = source->tokens[i].id;
	}
	for (i = 0; i < source->n_added; i++) {
		if (check_token(c, source->added[i].id, source->added[i].text))
			return -1;
		if (source->added[i].id > most)
			most = source->added[i].id;
	}
	if (check_added_bytes(c))
		return -1;
	c->n_ids = (uint32_t)(most + 1);
	c->flags = mem_zalloc(c->n_ids, 1);
	return 0;
}

static int index_tokens(struct compiler *c)
{
	const struct tokenizer_source *source = c->source;
	const struct source_token *token;
	uint32_t *slot;
	size_t i;

	c->n_slots = slots_for(source->n_tokens);
	c->index_of = mem_realloc(NULL, c->n_slots, sizeof(*c->index_of));
	memset(c->index_of, 0xff, c->n_slots * sizeof(*c->index_of));
	for (i = 0; i < source->n_tokens; i++) {
		token = &source->tokens[i];
		slot = index_slot(c, token->text);
		if (*slot != NONE)
			return error_set(c->err,
			                 "%s: token \"%.*s\" is there twice, "
			                 "as %" PRId64 " and %" PRId64,
			                 source->path, shown(token->text),
			                 token->text.bytes,
			                 source->tokens[*slot].id, token->id);
		*slot = (uint32_t)i;
		if (c->flags[token->id])
			return error_set(c->err,
			                 "%s: id %" PRId64 " is given twice, "
			                 "the second time to \"%.*s\"",
			                 source->path, token->id,
			                 shown(token->text), token->text.bytes);
		c->flags[token->id] = IMAGE_TOKEN;
	}
	return 0;
}

/* An added token may be in the vocabulary too, with the same id. */
static int check_added(struct compiler *c, const struct source_added *added)
{
	const char *path = c->source->path;
	int32_t same_text;

	if (!added->text.len || !utf8_valid(added->text.bytes, added->text.len))
		return error_set(c->err,
		                 "%s: added token %" PRId64
		                 " is empty or no UTF-8",
		                 path, added->id);
	if (c->flags[added->id] & IMAGE_ADDED)
		return error_set(c->err,
		                 "%s: two added tokens have the id %" PRId64,
		                 path, added->id);
	same_text = id_of(c, added->text);
	if (same_text >= 0 && same_text != added->id)
		return error_set(c->err,
		                 "%s: added token \"%.*s\" has id %" PRId64
		                 ", in the vocabulary %d",
		                 path, shown(added->text), added->text.bytes,
		                 added->id, (int)same_text);
	if (same_text < 0 && c->flags[added->id])
		return error_set(c->err,
		                 "%s: added token \"%.*s\" has id %" PRId64
		                 ", which is another token's",
		                 path, shown(added->text), added->text.bytes,
		                 added->id);
	return 0;
}

static int flag_added(struct compiler *c)
{
	const struct source_added *added;
	size_t i;

	for (i = 0; i < c->source->n_added; i++) {
		added = &c->source->added[i];
		if (check_added(c, added))
			return -1;
		c->flags[added->id] |= IMAGE_TOKEN | IMAGE_ADDED;
		if (added->special)
			c->flags[added->id] |= IMAGE_SPECIAL;
		if (added->normalized)
			c->flags[added->id] |= IMAGE_NORMALIZED;
	}
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	const struct source_added *x = *(const struct source_added *const *)a;
	const struct source_added *y = *(const struct source_added *const *)b;
	size_t n = x->text.len < y->text.len ? x->text.len : y->text.len;
	int order = memcmp(x->text.bytes, y->text.bytes, n);

	if (order)
		return order;
	return (x->text.len > y->text.len) - (x->text.len < y->text.len);
}

static int check_added_unique(struct compiler *c)
{
	size_t n = c->source->n_added, i;
	const struct source_added **sorted =
		mem_realloc(NULL, n, sizeof(*sorted));
	int rc = 0;

	for (i = 0; i < n; i++)
		sorted[i] = &c->source->added[i];
	if (n)
		qsort(sorted, n, sizeof(*sorted), compare_texts);
	for (i = 1; !rc && i < n; i++)
		if (!compare_texts(&sorted[i - 1], &sorted[i]))
			rc = error_set(c->err,
			               "%s: added token \"%.*s\" is there "
			               "twice, as %" PRId64 " and %" PRId64,
			               c->source->path, shown(sorted[i]->text),
			               sorted[i]->text.bytes, sorted[i - 1]->id,
			               sorted[i]->id);
	free(sorted);
	return rc;
}

static int find_bytes(struct compiler *c)
{
	char utf8[4];
	struct source_text text = { utf8, 0 };
	int byte;

	for (byte = 0; byte < 256; byte++) {
		text.len = (size_t)utf8_encode(byte_level_character(
						       (unsigned char)byte),
		                               utf8);
		c->byte_id[byte] = id_of(c, text);
		if (c->byte_id[byte] < 0)
			return error_set(c->err,
			                 "%s: no token for the byte 0x%02x",
			                 c->source->path, (unsigned)byte);
		/* "!" spells what it says; "é" is a byte that is no text. */
		if ((c->flags[c->byte_id[byte]] & IMAGE_ADDED) && text.len > 1)
			return error_set(c->err,
			                 "%s: added token %d is the token of "
			                 "the byte 0x%02x",
			                 c->source->path, (int)c->byte_id[byte],
			                 (unsigned)byte);
	}
	return 0;
}

static int find_side(struct compiler *c, size_t rank, struct source_text text,
                     int32_t *id)
{
	*id = id_of(c, text);
	if (*id >= 0)
		return 0;
	return error_set(c->err,
	                 "%s: merge %zu names \"%.*s\", which is no token",
	                 c->source->path, rank, shown(text), text.bytes);
}

/* Puts the merge of that rank into the table.  scratch: what it makes. */
static int resolve_merge(struct compiler *c, size_t rank,
                         struct strbuf *scratch)
{
	const struct source_merge *source = &c->source->merges[rank];
	struct bpe_merge merge = { .rank = (int32_t)rank };
	struct source_text both;

	if (find_side(c, rank, source->left, &merge.left) ||
	    find_side(c, rank, source->right, &merge.right))
		return -1;
	strbuf_clear(scratch);
	strbuf_add(scratch, source->left.bytes, source->left.len);
	strbuf_add(scratch, source->right.bytes, source->right.len);
	both = (struct source_text){ scratch->bytes, scratch->len };
	if (find_side(c, rank, both, &merge.id))
		return -1;
	if (!((c->flags[merge.left] | c->flags[merge.right] |
	       c->flags[merge.id]) &
	      IMAGE_ADDED))
		bpe_put(c->merges, c->n_merge_slots, &merge);
	return 0;
}

static int resolve_merges(struct compiler *c)
{
	struct strbuf scratch = STRBUF_INIT;
	size_t rank;
	int rc = 0;

	c->n_merge_slots = slots_for(c->source->n_merges);
	c->merges = mem_realloc(NULL, c->n_merge_slots, sizeof(*c->merges));
	memset(c->merges, 0xff, c->n_merge_slots * sizeof(*c->merges));
	for (rank = 0; !rc && rank < c->source->n_merges; rank++)
		rc = resolve_merge(c, rank, &scratch);
	strbuf_free(&scratch);
	return rc;
}

/* What each id stands for, in the order of the ids.  Hugging Face's decoder
 * gives a token that is not spelled in byte-level characters as it is. */
static int collect_text(struct compiler *c)
{
	const struct tokenizer_source *source = c->source;
	const struct source_text **by_id = mem_zalloc(c->n_ids, sizeof(*by_id));
	size_t i;
	int rc = 0;

	for (i = 0; i < source->n_tokens; i++)
		by_id[source->tokens[i].id] = &source->tokens[i].text;
	for (i = 0; i < source->n_added; i++)
		by_id[source->added[i].id] = &source->added[i].text;
	c->text_offset = mem_realloc(NULL, (size_t)c->n_ids + 1,
	                             sizeof(*c->text_offset));
	for (i = 0; i < c->n_ids; i++) {
		c->text_offset[i] = (uint32_t)c->text.len;
		if (!by_id[i])
			continue;
		if ((c->flags[i] & IMAGE_ADDED) ||
		    !byte_level_decode(&c->text, by_id[i]->bytes,
		                       by_id[i]->len))
			strbuf_add(&c->text, by_id[i]->bytes, by_id[i]->len);
		if (c->text.len > UINT32_MAX) {
			rc = error_set(c->err, "%s: more than 4 GiB of tokens",
			               source->path);
			break;
		}
	}
	c->text_offset[c->n_ids] = (uint32_t)c->text.len;
	free(by_id);
	return rc;
}

/* A block with everything but the words. */
static void *assemble(const struct compiler *c,
                      const struct tokenizer_image_key *key, size_t *size)
{
	struct tokenizer_image_header header = {
		.magic = TOKENIZER_IMAGE_MAGIC,
		.key = *key,
		.n_ids = c->n_ids,
		.n_added = (uint32_t)c->source->n_added,
		.n_merge_slots = c->n_merge_slots,
		.n_word_slots = slots_for(c->source->n_tokens),
		.text_bytes = (uint32_t)c->text.len,
		.pattern_bytes = (uint32_t)c->source->pattern.len,
		.nfc = c->source->nfc,
	};
	struct tokenizer_image_layout at;
	char *block;
	int32_t *added;
	uint32_t i, n = 0;

	tokenizer_image_lay_out(&at, &header);
	block = mem_alloc(at.end);
	memcpy(block, &header, sizeof(header));
	memcpy(block + at.merges, c->merges,
	       c->n_merge_slots * sizeof(*c->merges));
	memset(block + at.words, 0xff, at.text_offset - at.words);
	memcpy(block + at.text_offset, c->text_offset,
	       at.byte_id - at.text_offset);
	memcpy(block + at.byte_id, c->byte_id, sizeof(c->byte_id));
	added = (int32_t *)(void *)(block + at.added);
	for (i = 0; i < c->n_ids; i++)
		if (c->flags[i] & IMAGE_ADDED)
			added[n++] = (int32_t)i;
	memcpy(block + at.flags, c->flags, c->n_ids);
	memcpy(block + at.text, c->text.bytes, c->text.len);
	memcpy(block + at.pattern, c->source->pattern.bytes,
	       c->source->pattern.len);
	*size = at.end;
	return block;
}

/* Is the token what BPE makes of its bytes?  Or, with ignore_merges, is it
 * spelled in byte-level characters, so that bytes can be it? */
static bool is_word(const struct compiler *c,
                    const struct tokenizer_image *image,
                    const struct source_token *token, struct ids *scratch,
                    struct strbuf *bytes)
{
	strbuf_clear(bytes);
	if ((c->flags[token->id] & IMAGE_ADDED) || !token->text.len ||
	    !byte_level_decode(bytes, token->text.bytes, token->text.len))
		return false;
	if (c->source->ignore_merges)
		return true;
	scratch->n = 0;
	bpe_encode(&image->bpe, bytes->bytes, bytes->len, scratch);
	return scratch->n == 1 && scratch->data[0] == token->id;
}

static void enter_words(const struct compiler *c, char *block)
{
	struct tokenizer_image_header *header = (void *)block;
	const struct source_token *token;
	struct strbuf bytes = STRBUF_INIT;
	struct ids scratch = { 0 };
	struct tokenizer_image image;
	struct tokenizer_image_layout at;
	int32_t *words;
	size_t i;

	tokenizer_image_view(&image, block);
	tokenizer_image_lay_out(&at, header);
	words = (void *)(block + at.words);
	for (i = 0; i < c->source->n_tokens; i++) {
		token = &c->source->tokens[i];
		if (!is_word(c, &image, token, &scratch, &bytes))
			continue;
		words[tokenizer_image_word_slot(&image, bytes.bytes,
		                                bytes.len)] =
			(int32_t)token->id;
		if (bytes.len > header->longest_word)
			header->longest_word = (uint32_t)bytes.len;
	}
	ids_free(&scratch);
	strbuf_free(&bytes);
}

void *tokenizer_compile(const struct tokenizer_source *source,
                        const struct tokenizer_image_key *key, size_t *size,
                        struct error *err)
{
	struct compiler c = { .source = source,
		              .err = err,
		              .text = STRBUF_INIT };
	struct tokenizer_image_header *header = NULL;

	if (count_ids(&c) == 0 && index_tokens(&c) == 0 &&
	    flag_added(&c) == 0 && check_added_unique(&c) == 0 &&
	    find_bytes(&c) == 0 && resolve_merges(&c) == 0 &&
	    collect_text(&c) == 0) {
		header = assemble(&c, key, size);
		enter_words(&c, (char *)header);
		header->checksum = tokenizer_image_checksum(header, *size);
	}
	free(c.index_of);
	free(c.flags);
	free(c.merges);
	free(c.text_offset);
	strbuf_free(&c.text);
	return header;
}
