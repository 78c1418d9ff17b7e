#include "text/chat_parts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer.h"

void chat_parts_free(struct chat_parts *parts)
{
	strbuf_free(&parts->text);
	free(parts->parts);
	memset(parts, 0, sizeof(*parts));
}

static void add(struct chat_parts *parts, enum chat_part_kind kind,
                const char *bytes, size_t len)
{
	if (!len)
		return;
	parts->parts = mem_grow(parts->parts, parts->n, &parts->capacity,
	                        sizeof(*parts->parts));
	parts->parts[parts->n++] =
		(struct chat_part){ .kind = kind, .begin = parts->text.len };
	strbuf_add(&parts->text, bytes, len);
}

void chat_parts_code(struct chat_parts *parts, const char *literal)
{
	add(parts, CHAT_PART_CODE, literal, strlen(literal));
}

void chat_parts_text(struct chat_parts *parts, const char *bytes, size_t len)
{
	add(parts, CHAT_PART_TEXT, bytes, len);
}

static bool all_tokens(const struct tokenizer *t, const int *ids, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i++)
		if (!tokenizer_bytes(t, ids[i], &len))
			return false;
	return true;
}

/* What the part `at` and those after it say is ids[0..n). */
static void put_ids(struct chat_parts *parts, size_t at, const int *ids,
                    size_t n)
{
	parts->parts[at].kind = CHAT_PART_IDS;
	parts->parts[at].ids = ids;
	parts->parts[at].n_ids = n;
	parts->n = at + 1;
}

static bool ends_with(const struct strbuf *text, const char *end, size_t len)
{
	return text->len >= len &&
	       memcmp(text->bytes + text->len - len, end, len) == 0;
}

/* All ids are the parts from some part on. */
static bool use_all(struct chat_parts *parts, size_t first, const int *ids,
                    size_t n, const struct strbuf *reply)
{
	size_t i, begin;

	if (!ends_with(&parts->text, reply->bytes, reply->len))
		return false;
	begin = parts->text.len - reply->len;
	for (i = first; i < parts->n; i++) {
		if (parts->parts[i].begin != begin)
			continue;
		put_ids(parts, i, ids, n);
		return true;
	}
	return false;
}

/* How many of the first ids make up the first len bytes of their text, no
 * character being cut; the fewest, or n + 1 where none do. */
static size_t ids_before(const struct tokenizer *t, const int *ids, size_t n,
                         size_t len)
{
	struct tokenizer_stream stream = { .n_held = 0 };
	struct strbuf text = STRBUF_INIT;
	const char *bytes;
	size_t i, n_bytes;

	for (i = 0; i < n; i++) {
		if (text.len >= len && !stream.n_held)
			break;
		bytes = tokenizer_bytes(t, ids[i], &n_bytes);
		tokenizer_stream_add(&stream, bytes, n_bytes, &text);
	}
	if (text.len != len || stream.n_held)
		i = n + 1;
	strbuf_free(&text);
	return i;
}

/* An end of the ids is the parts from part `at` on. */
static bool use_end(struct chat_parts *parts, size_t at,
                    const struct tokenizer *t, const int *ids, size_t n,
                    const struct strbuf *reply)
{
	size_t begin = parts->parts[at].begin;
	size_t len = parts->text.len - begin, skip;

	if (!ends_with(reply, parts->text.bytes + begin, len))
		return false;
	skip = ids_before(t, ids, n, reply->len - len);
	if (skip > n)
		return false;
	put_ids(parts, at, ids + skip, n - skip);
	return true;
}

void chat_parts_use_ids(struct chat_parts *parts, size_t first,
                        const struct tokenizer *t, const int *ids, size_t n)
{
	struct strbuf reply = STRBUF_INIT;

	if (!n || first >= parts->n || !all_tokens(t, ids, n))
		return;
	tokenizer_decode(t, ids, n, false, &reply);
	if (!use_all(parts, first, ids, n, &reply) &&
	    !use_end(parts, first, t, ids, n, &reply) &&
	    parts->parts[parts->n - 1].kind == CHAT_PART_TEXT)
		use_end(parts, parts->n - 1, t, ids, n, &reply);
	strbuf_free(&reply);
}

static void flush(struct strbuf *run, const struct tokenizer *t,
                  struct ids *out)
{
	tokenizer_encode(t, run->bytes, run->len, TOKENIZER_PLAIN, out);
	strbuf_clear(run);
}

/* Code: its added tokens end the run, what is between them goes on with it. */
static void encode_code(const char *code, size_t len, struct strbuf *run,
                        const struct tokenizer *t, struct ids *out)
{
	size_t done = 0, begin, end;
	int id;

	while ((id = tokenizer_find_added(t, code, len, done, &begin, &end)) >=
	       0) {
		strbuf_add(run, code + done, begin - done);
		flush(run, t, out);
		ids_add(out, id);
		done = end;
	}
	strbuf_add(run, code + done, len - done);
}

void chat_parts_encode(const struct chat_parts *parts,
                       const struct tokenizer *t, struct ids *out)
{
	struct strbuf run = STRBUF_INIT;
	const struct chat_part *part;
	const char *text;
	size_t i, len;

	for (i = 0; i < parts->n; i++) {
		part = &parts->parts[i];
		text = parts->text.bytes + part->begin;
		len = (i + 1 < parts->n ? part[1].begin : parts->text.len) -
		      part->begin;
		if (part->kind == CHAT_PART_CODE) {
			encode_code(text, len, &run, t, out);
		} else if (part->kind == CHAT_PART_TEXT) {
			strbuf_add(&run, text, len);
		} else {
			flush(&run, t, out);
			ids_append(out, part->ids, part->n_ids);
		}
	}
	flush(&run, t, out);
	strbuf_free(&run);
}
