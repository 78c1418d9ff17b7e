#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "text/added_tokens.h"
#include "text/nfc.h"
#include "text/pretokenize.h"
#include "text/tokenizer_cache.h"
#include "text/tokenizer_compile.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_image.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_source.h"

#define MAX_JSON   ((size_t)128 << 20) /* bytes; Qwen3's has 11 million */
#define CACHE_FROM ((size_t)1 << 20)   /* smaller files compile in no time */

struct tokenizer {
	struct tokenizer_image image;
	void *block;         /* owned: what image looks at, or */
	struct file_map map; /* the cache's */
	struct pretokenizer *pretokenizer;
	struct added_tokens *in_text;   /* added tokens as they were typed */
	struct added_tokens *in_normal; /* those to be found after NFC */
	struct added_tokens *all;       /* both */
};

/* Where a vocabulary comes from: a tokenizer.json or a GGUF. */
struct origin {
	const char *path;
	const struct file_map *json; /* or NULL */
	const struct gguf *gguf;     /* or NULL */
	struct tokenizer_image_key key;
};

static void enter_added(struct tokenizer *t, int id)
{
	bool normalized = t->image.flags[id] & IMAGE_NORMALIZED;
	struct strbuf normal = STRBUF_INIT;
	const char *text;
	size_t len;

	text = tokenizer_image_bytes(&t->image, id, &len);
	added_tokens_put(t->all, text, len, id);
	if (normalized && t->image.header->nfc) {
		nfc_append(&normal, text, len);
		added_tokens_put(t->in_normal, normal.bytes, normal.len, id);
		strbuf_free(&normal);
	} else {
		added_tokens_put(normalized ? t->in_normal : t->in_text, text,
		                 len, id);
	}
}

/* Makes what is not in the image. */
static int finish(struct tokenizer *t, struct error *err)
{
	const struct tokenizer_image_header *header = t->image.header;
	uint32_t i;

	t->pretokenizer =
		pretokenizer_new(t->image.pattern, header->pattern_bytes, err);
	if (!t->pretokenizer)
		return -1;
	t->in_text = added_tokens_new();
	t->in_normal = added_tokens_new();
	t->all = added_tokens_new();
	for (i = 0; i < header->n_added; i++)
		enter_added(t, t->image.added[i]);
	return 0;
}

static int compile(struct tokenizer *t, const struct origin *origin,
                   const char *cache_dir, struct error *err)
{
	struct tokenizer_source source = { 0 };
	size_t size;
	int rc;

	rc = origin->gguf
	             ? tokenizer_gguf_read(&source, origin->gguf, err)
	             : tokenizer_json_read(&source,
	                                   (const char *)origin->json->bytes,
	                                   origin->json->size, origin->path,
	                                   err);
	if (rc == 0)
		t->block = tokenizer_compile(&source, &origin->key, &size, err);
	tokenizer_source_free(&source);
	if (!t->block)
		return -1;
	tokenizer_image_view(&t->image, t->block);
	if (finish(t, err)) {
		error_prefix(err, "%s", origin->path);
		return -1;
	}
	if (cache_dir)
		tokenizer_cache_write(cache_dir, origin->path, t->block, size);
	return 0;
}

static struct tokenizer *load(const struct origin *origin,
                              const char *cache_dir, struct error *err)
{
	struct tokenizer *t = mem_zalloc(1, sizeof(*t));

	if (cache_dir && tokenizer_cache_open(&t->image, &t->map, cache_dir,
	                                      origin->path, &origin->key)) {
		if (finish(t, NULL) == 0)
			return t;
		file_map_close(&t->map);
	}
	if (compile(t, origin, cache_dir, err) == 0)
		return t;
	tokenizer_free(t);
	return NULL;
}

struct tokenizer *tokenizer_load_json(const char *path, const char *cache_dir,
                                      struct error *err)
{
	struct file_map map;
	struct origin origin = { .path = path, .json = &map };
	struct tokenizer *t = NULL;

	if (file_map_open(&map, path, err))
		return NULL;
	if (!map.size || map.size > MAX_JSON) {
		error_set(err, "%s: %zu bytes, expected 1 to %zu", path,
		          map.size, MAX_JSON);
	} else {
		origin.key.size = map.size;
		origin.key.mtime_ns = map.mtime_ns;
		origin.key.hash = hash64(map.bytes, map.size);
		t = load(&origin, map.size < CACHE_FROM ? NULL : cache_dir,
		         err);
	}
	file_map_close(&map);
	return t;
}

static struct tokenizer *load_gguf(const struct gguf *gguf,
                                   const char *cache_dir, struct error *err)
{
	const struct file_map *map = gguf_file(gguf, 0);
	struct origin origin = { .path = map->path, .gguf = gguf };

	origin.key.size = map->size;
	origin.key.mtime_ns = map->mtime_ns;
	origin.key.hash = tokenizer_gguf_hash(gguf);
	return load(&origin, map->size < CACHE_FROM ? NULL : cache_dir, err);
}

struct tokenizer *tokenizer_load(const struct checkpoint *cp,
                                 const char *cache_dir, struct error *err)
{
	const char *path = checkpoint_tokenizer_path(cp);

	if (path)
		return tokenizer_load_json(path, cache_dir, err);
	if (checkpoint_gguf(cp))
		return load_gguf(checkpoint_gguf(cp), cache_dir, err);
	error_set(err, "%s: no tokenizer.json", checkpoint_path(cp));
	return NULL;
}

void tokenizer_free(struct tokenizer *t)
{
	if (!t)
		return;
	added_tokens_free(t->all);
	added_tokens_free(t->in_normal);
	added_tokens_free(t->in_text);
	pretokenizer_free(t->pretokenizer);
	file_map_close(&t->map);
	free(t->block);
	free(t);
}

/* One call of tokenizer_encode(). */
struct encoding {
	const struct tokenizer *t;
	enum tokenizer_mode mode;
	struct pretokenize pieces;
	struct strbuf normal; /* the normalised part in work */
	struct ids *out;
};

static void encode_pieces(struct encoding *e, const char *text, size_t len)
{
	const char *piece;
	int word;
	size_t n;

	pretokenize_start(&e->pieces, text, len);
	while (pretokenize_next(&e->pieces, &piece, &n)) {
		word = tokenizer_image_word(&e->t->image, piece, n);
		if (word >= 0)
			ids_add(e->out, word);
		else
			bpe_encode(&e->t->image.bpe, piece, n, e->out);
	}
}

/*
 * Gives each added token's id, and what is between to rest().  A special token
 * that is not to count is text, but is stepped over all the same: none is
 * looked for inside it, as in Hugging Face's encode_special_tokens.
 */
static void cut_at_added(struct encoding *e, const struct added_tokens *added,
                         const char *text, size_t len,
                         void (*rest)(struct encoding *e, const char *text,
                                      size_t len))
{
	size_t done = 0, pos = 0, begin;
	int id;

	while (e->mode != TOKENIZER_PLAIN &&
	       added_tokens_find(added, text, len, pos, &begin, &pos, &id)) {
		if (e->mode == TOKENIZER_NO_SPECIAL &&
		    tokenizer_is_special(e->t, id))
			continue;
		if (begin > done)
			rest(e, text + done, begin - done);
		ids_add(e->out, id);
		done = pos;
	}
	if (len > done)
		rest(e, text + done, len - done);
}

static void encode_normal(struct encoding *e, const char *text, size_t len)
{
	if (added_tokens_empty(e->t->in_normal))
		encode_pieces(e, text, len);
	else
		cut_at_added(e, e->t->in_normal, text, len, encode_pieces);
}

static void normalise(struct encoding *e, const char *text, size_t len)
{
	if (!e->t->image.header->nfc || nfc_quick(text, len)) {
		encode_normal(e, text, len);
		return;
	}
	strbuf_clear(&e->normal);
	nfc_append(&e->normal, text, len);
	encode_normal(e, e->normal.bytes, e->normal.len);
}

void tokenizer_encode(const struct tokenizer *t, const char *text, size_t len,
                      enum tokenizer_mode mode, struct ids *out)
{
	struct encoding e = {
		.t = t, .mode = mode, .normal = STRBUF_INIT, .out = out
	};
	struct strbuf repaired = STRBUF_INIT;

	if (!utf8_valid(text, len)) {
		utf8_repair(&repaired, text, len);
		text = repaired.bytes;
		len = repaired.len;
	}
	pretokenize_init(&e.pieces, t->pretokenizer);
	cut_at_added(&e, t->in_text, text, len, normalise);
	pretokenize_free(&e.pieces);
	strbuf_free(&e.normal);
	strbuf_free(&repaired);
}

int tokenizer_n_ids(const struct tokenizer *t)
{
	return (int)t->image.header->n_ids;
}

static bool has_flag(const struct tokenizer *t, int id,
                     enum tokenizer_image_flag flag)
{
	return id >= 0 && id < tokenizer_n_ids(t) &&
	       (t->image.flags[id] & flag);
}

const char *tokenizer_bytes(const struct tokenizer *t, int id, size_t *len)
{
	if (!has_flag(t, id, IMAGE_TOKEN))
		return NULL;
	return tokenizer_image_bytes(&t->image, id, len);
}

bool tokenizer_is_added(const struct tokenizer *t, int id)
{
	return has_flag(t, id, IMAGE_ADDED);
}

bool tokenizer_is_special(const struct tokenizer *t, int id)
{
	return has_flag(t, id, IMAGE_SPECIAL);
}

int tokenizer_added_id(const struct tokenizer *t, const char *text)
{
	size_t len = strlen(text), begin, end;
	int id;

	if (added_tokens_find(t->all, text, len, 0, &begin, &end, &id) &&
	    begin == 0 && end == len)
		return id;
	return -1;
}

size_t tokenizer_n_added(const struct tokenizer *t)
{
	return t->image.header->n_added;
}

int tokenizer_added_at(const struct tokenizer *t, size_t i)
{
	return t->image.added[i];
}

int tokenizer_find_added(const struct tokenizer *t, const char *text,
                         size_t len, size_t from, size_t *begin, size_t *end)
{
	int id;

	if (!added_tokens_find(t->all, text, len, from, begin, end, &id))
		return -1;
	return id;
}

void tokenizer_decode(const struct tokenizer *t, const int *ids, size_t n,
                      bool skip_special, struct strbuf *out)
{
	struct strbuf joined = STRBUF_INIT;
	const char *bytes;
	size_t i, len;

	for (i = 0; i < n; i++) {
		if (skip_special && tokenizer_is_special(t, ids[i]))
			continue;
		bytes = tokenizer_bytes(t, ids[i], &len);
		if (bytes)
			strbuf_add(&joined, bytes, len);
	}
	utf8_repair(out, joined.bytes, joined.len);
	strbuf_free(&joined);
}
