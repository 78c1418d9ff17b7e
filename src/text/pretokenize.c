#include "text/pretokenize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define MAX_PATTERN 65536 /* bytes; Qwen3's has 109 */

struct pretokenizer {
	pcre2_code *code;
	pcre2_match_context *limits;
	bool jit;
};

/* Letters and numbers that Unicode 15, 15.1 and 16 brought. */
struct range {
	uint32_t first, last;
};

static const struct range new_letters[] = {
	{ 0x1c89, 0x1c8a },   { 0xa7cb, 0xa7cd },   { 0xa7da, 0xa7dc },
	{ 0x105c0, 0x105f3 }, { 0x10d4a, 0x10d65 }, { 0x10d6f, 0x10d85 },
	{ 0x10ec2, 0x10ec4 }, { 0x1123f, 0x11240 }, { 0x11380, 0x11389 },
	{ 0x1138b, 0x1138b }, { 0x1138e, 0x1138e }, { 0x11390, 0x113b5 },
	{ 0x113b7, 0x113b7 }, { 0x113d1, 0x113d1 }, { 0x113d3, 0x113d3 },
	{ 0x11bc0, 0x11be0 }, { 0x11f02, 0x11f02 }, { 0x11f04, 0x11f10 },
	{ 0x11f12, 0x11f33 }, { 0x1342f, 0x1342f }, { 0x13441, 0x13446 },
	{ 0x13460, 0x143fa }, { 0x16100, 0x1611d }, { 0x16d40, 0x16d6c },
	{ 0x18cff, 0x18cff }, { 0x1b132, 0x1b132 }, { 0x1b155, 0x1b155 },
	{ 0x1df25, 0x1df2a }, { 0x1e030, 0x1e06d }, { 0x1e4d0, 0x1e4eb },
	{ 0x1e5d0, 0x1e5ed }, { 0x1e5f0, 0x1e5f0 }, { 0x2b739, 0x2b739 },
	{ 0x2ebf0, 0x2ee5d }, { 0x31350, 0x323af },
};

static const struct range new_numbers[] = {
	{ 0x10d40, 0x10d49 }, { 0x116d0, 0x116e3 }, { 0x11bf0, 0x11bf9 },
	{ 0x11f50, 0x11f59 }, { 0x16130, 0x16139 }, { 0x16d70, 0x16d79 },
	{ 0x1ccf0, 0x1ccf9 }, { 0x1d2c0, 0x1d2d3 }, { 0x1e4f0, 0x1e4f9 },
	{ 0x1e5f1, 0x1e5fa },
};

/* What an escape of the file's dialect is in PCRE2's. */
static const struct {
	const char *escape;
	const char *becomes;
	const struct range *more; /* [n_more], in one class with it */
	size_t n_more;
} escapes[] = {
	{ "\\s", "\\p{wspace}", NULL, 0 },
	{ "\\S", "\\P{wspace}", NULL, 0 },
	{ "\\p{L}", "\\p{L}", new_letters,
	  sizeof(new_letters) / sizeof(new_letters[0]) },
	{ "\\p{N}", "\\p{N}", new_numbers,
	  sizeof(new_numbers) / sizeof(new_numbers[0]) },
};

static void add_escape(struct strbuf *out, size_t i, bool in_class)
{
	bool brackets = escapes[i].n_more && !in_class;
	size_t k;

	strbuf_add_str(out, brackets ? "[" : "");
	strbuf_add_str(out, escapes[i].becomes);
	for (k = 0; k < escapes[i].n_more; k++)
		strbuf_printf(out, "\\x{%" PRIx32 "}-\\x{%" PRIx32 "}",
		              escapes[i].more[k].first,
		              escapes[i].more[k].last);
	strbuf_add_str(out, brackets ? "]" : "");
}

/* Appends the translation of the escape at text, gives its length. */
static size_t translate_escape(struct strbuf *out, const char *text, size_t len,
                               bool in_class)
{
	size_t i, n;

	for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		n = strlen(escapes[i].escape);
		if (n > len || memcmp(text, escapes[i].escape, n) != 0)
			continue;
		add_escape(out, i, in_class);
		return n;
	}
	n = len < 2 ? len : 2;
	strbuf_add(out, text, n);
	return n;
}

static void translate(struct strbuf *out, const char *pattern, size_t len)
{
	bool in_class = false;
	size_t i = 0;

	while (i < len) {
		if (pattern[i] == '\\') {
			i += translate_escape(out, pattern + i, len - i,
			                      in_class);
			continue;
		}
		if (pattern[i] == '[')
			in_class = true;
		else if (pattern[i] == ']')
			in_class = false;
		strbuf_add_char(out, pattern[i++]);
	}
}

static pcre2_code *compile(const struct strbuf *pattern, struct error *err)
{
	const uint32_t options =
		PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
	PCRE2_UCHAR message[256];
	pcre2_code *code;
	PCRE2_SIZE offset;
	int number;

	code = pcre2_compile((PCRE2_SPTR)pattern->bytes, pattern->len, options,
	                     &number, &offset, NULL);
	if (code)
		return code;
	pcre2_get_error_message(number, message, sizeof(message));
	error_set(err, "split pattern: %s, at byte %zu of \"%.*s\"",
	          (char *)message, (size_t)offset,
	          pattern->len < 200 ? (int)pattern->len : 200, pattern->bytes);
	return NULL;
}

struct pretokenizer *pretokenizer_new(const char *pattern, size_t len,
                                      struct error *err)
{
	struct strbuf translated = STRBUF_INIT;
	struct pretokenizer *p;
	pcre2_code *code;

	if (len > MAX_PATTERN) {
		error_set(err, "split pattern of %zu bytes, at most %d", len,
		          MAX_PATTERN);
		return NULL;
	}
	translate(&translated, pattern, len);
	code = compile(&translated, err);
	strbuf_free(&translated);
	if (!code)
		return NULL;
	p = mem_zalloc(1, sizeof(*p));
	p->code = code;
	p->limits = pcre2_match_context_create(NULL);
	if (!p->limits) {
		error_set(err, "split pattern: no memory");
		pretokenizer_free(p);
		return NULL;
	}
	/* KiB, for patterns that recurse; Qwen3's needs next to nothing. */
	pcre2_set_heap_limit(p->limits, 65536);
	/* Where the system forbids it or the CPU is another, there is the
	 * interpreter. */
	p->jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
	return p;
}

void pretokenizer_free(struct pretokenizer *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_code_free(p->code);
	free(p);
}

void pretokenize_init(struct pretokenize *walk, const struct pretokenizer *p)
{
	memset(walk, 0, sizeof(*walk));
	walk->p = p;
	walk->match = pcre2_match_data_create(1, NULL);
}

void pretokenize_free(struct pretokenize *walk)
{
	pcre2_match_data_free(walk->match);
	walk->match = NULL;
}

void pretokenize_start(struct pretokenize *walk, const char *text, size_t len)
{
	walk->text = text;
	walk->len = len;
	walk->pos = 0;
	walk->search = 0;
	walk->match_end = 0;
}

/* The next match at or after walk->search.  False: none, or it gave up. */
static bool find(struct pretokenize *walk, size_t *begin, size_t *end)
{
	const struct pretokenizer *p = walk->p;
	PCRE2_SPTR text = (PCRE2_SPTR)walk->text;
	const PCRE2_SIZE *bounds;
	int rc = PCRE2_ERROR_JIT_STACKLIMIT;

	if (!walk->match || walk->search > walk->len)
		return false;
	if (p->jit)
		rc = pcre2_jit_match(p->code, text, walk->len, walk->search,
		                     PCRE2_NO_UTF_CHECK, walk->match,
		                     p->limits);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(p->code, text, walk->len, walk->search,
		                 PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, walk->match,
		                 p->limits);
	if (rc < 0)
		return false;
	bounds = pcre2_get_ovector_pointer(walk->match);
	*begin = bounds[0];
	*end = bounds[1];
	return *begin >= walk->pos && *end >= *begin; /* \K can say otherwise */
}

static size_t next_character(const struct pretokenize *walk, size_t pos)
{
	pos++;
	while (pos < walk->len && (walk->text[pos] & 0xc0) == 0x80)
		pos++;
	return pos;
}

/* Gives the bytes up to end. */
static bool give(struct pretokenize *walk, size_t end, const char **piece,
                 size_t *len)
{
	*piece = walk->text + walk->pos;
	*len = end - walk->pos;
	walk->pos = end;
	return *len > 0;
}

bool pretokenize_next(struct pretokenize *walk, const char **piece, size_t *len)
{
	size_t begin, end;

	if (walk->match_end) {
		end = walk->match_end;
		walk->match_end = 0;
		return give(walk, end, piece, len);
	}
	while (walk->pos < walk->len) {
		if (!find(walk, &begin, &end)) {
			walk->search = walk->len + 1;
			return give(walk, walk->len, piece, len);
		}
		walk->search = end;
		if (begin == end) /* nothing matched: it only cuts here */
			walk->search = next_character(walk, end);
		else if (begin > walk->pos)
			walk->match_end = end;
		else
			begin = end;
		if (begin > walk->pos)
			return give(walk, begin, piece, len);
	}
	return false;
}
