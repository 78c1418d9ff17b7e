#include "text/pretokenize.h"

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

const char pretokenizer_qwen_pattern[] =
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
	" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/* Letters and numbers of Unicode 15, 15.1 and 16, as the inside of a class. */
#define R(first, last) "\\x{" #first "}-\\x{" #last "}"

static const char letters[] =
	"\\p{L}" R(1c89, 1c8a) R(a7cb, a7cd) R(a7da, a7dc) R(105c0, 105f3)
	R(10d4a, 10d65) R(10d6f, 10d85) R(10ec2, 10ec4) R(1123f, 11240)
	R(11380, 11389) R(1138b, 1138b) R(1138e, 1138e) R(11390, 113b5)
	R(113b7, 113b7) R(113d1, 113d1) R(113d3, 113d3) R(11bc0, 11be0)
	R(11f02, 11f02) R(11f04, 11f10) R(11f12, 11f33) R(1342f, 1342f)
	R(13441, 13446) R(13460, 143fa) R(16100, 1611d) R(16d40, 16d6c)
	R(18cff, 18cff) R(1b132, 1b132) R(1b155, 1b155) R(1df25, 1df2a)
	R(1e030, 1e06d) R(1e4d0, 1e4eb) R(1e5d0, 1e5ed) R(1e5f0, 1e5f0)
	R(2b739, 2b739) R(2ebf0, 2ee5d) R(31350, 323af);

static const char numbers[] =
	"\\p{N}" R(10d40, 10d49) R(116d0, 116e3) R(11bf0, 11bf9)
	R(11f50, 11f59) R(16130, 16139) R(16d70, 16d79) R(1ccf0, 1ccf9)
	R(1d2c0, 1d2d3) R(1e4f0, 1e4f9) R(1e5f1, 1e5fa);

#undef R

/* What an escape of the file's dialect is in PCRE2's. */
static const struct {
	const char *escape;
	const char *inside;  /* of a class; NULL: as it stands */
	const char *open;    /* outside: OPEN inside CLOSE */
	const char *close;
} escapes[] = {
	{ "\\s", "\\p{wspace}", "", "" },
	{ "\\S", "\\P{wspace}", "", "" },
	{ "\\p{L}", letters, "[", "]" },
	{ "\\p{N}", numbers, "[", "]" },
};

/* Appends the translation of the escape at text, gives its length. */
static size_t translate_escape(struct strbuf *out, const char *text, size_t len,
                               bool in_class)
{
	size_t i, n;

	for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		n = strlen(escapes[i].escape);
		if (n > len || memcmp(text, escapes[i].escape, n) != 0)
			continue;
		strbuf_add_str(out, in_class ? "" : escapes[i].open);
		strbuf_add_str(out, escapes[i].inside);
		strbuf_add_str(out, in_class ? "" : escapes[i].close);
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
	          pattern->len < 200 ? (int)pattern->len : 200,
	          pattern->bytes);
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
		                     PCRE2_NO_UTF_CHECK, walk->match, p->limits);
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
