/*
 * pretokenize.h - cuts text into the pieces that BPE may not merge across; the
 * one door to PCRE2
 *
 * The pattern is the checkpoint's own (tokenizer.json, pre_tokenizer, Split
 * with behaviour Isolated).  Qwen3's is
 *
 *	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|
 *	 ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *
 * Every match is a piece, and so is what lies between two matches.
 *
 * Hugging Face matches with Oniguruma 6.9.10 (Unicode 16).  Two things differ
 * in PCRE2 and are levelled out when the pattern is read: \s is \p{White_Space}
 * there (PCRE2 counts U+180E too), and Debian 12's PCRE2 knows the letters and
 * numbers of Unicode 14 only, so \p{L} and \p{N} are spelled out with those
 * that came since.
 *
 * NOTE: in patterns unlike Qwen's other differences of the two dialects (nested
 * classes, ^ and $ at line ends, \h) are PCRE2's way.
 */
#ifndef CONFAB_PRETOKENIZE_H
#define CONFAB_PRETOKENIZE_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct pretokenizer; /* immutable, for any number of threads */

/* The error says why the pattern cannot be used and where in it. */
struct pretokenizer *pretokenizer_new(const char *pattern, size_t len,
                                      struct error *err);
void pretokenizer_free(struct pretokenizer *p);

/* One thread's walk over one text after another. */
struct pretokenize {
	const struct pretokenizer *p;
	void *match;      /* owned */
	const char *text; /* [len], well-formed UTF-8, borrowed */
	size_t len;
	size_t pos;       /* where the next piece begins */
	size_t search;    /* where the next match is looked for, >= pos */
	size_t match_end; /* of a match found but not given yet, or 0 */
};

void pretokenize_init(struct pretokenize *walk, const struct pretokenizer *p);
void pretokenize_free(struct pretokenize *walk);

void pretokenize_start(struct pretokenize *walk, const char *text, size_t len);
/* The next piece: *len bytes, never 0, *piece points into the text.  False at
 * the end.  A pattern that backtracks without bound gives up: the rest of the
 * text is one piece. */
bool pretokenize_next(struct pretokenize *walk, const char **piece,
                      size_t *len);

#endif
