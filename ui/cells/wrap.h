/*
 * wrap.h - clusters into lines of at most so many columns
 *
 * Text becomes glyphs: one cluster, its columns, its style, and the byte of the
 * source that it came from (for the token cursor, search and copying).  Lines
 * are cut greedily: after spaces, after a hyphen inside a word, around wide
 * (East Asian) glyphs except where one of them may not begin a line, and inside
 * a word only when the word alone is too long.  Spaces at a cut are dropped.
 */
#ifndef CONFAB_WRAP_H
#define CONFAB_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "ui/cells/style.h"

#define SOURCE_NONE UINT32_MAX /* decoration: bullets, rules, labels */

struct glyph {
	uint32_t text;    /* offset in lines->text */
	uint32_t source;  /* byte offset in the source, or SOURCE_NONE */
	uint16_t len;     /* bytes of text */
	uint8_t columns;
	bool space;       /* may be dropped where a line is cut */
	struct style style;
};

struct line {
	uint32_t begin, end; /* glyphs [begin, end) */
	uint8_t fill;        /* enum style_role of the rest of the row */
};

struct lines {
	struct strbuf text;
	struct glyph *glyphs;
	size_t n_glyphs, glyphs_capacity;
	struct line *lines;
	size_t n, capacity;
};

#define LINES_INIT { STRBUF_INIT, NULL, 0, 0, NULL, 0, 0 }
void lines_free(struct lines *lines);
int line_columns(const struct lines *lines, size_t i);
/* The text of a line, for tests.  Yours to free. */
char *line_text(const struct lines *lines, size_t i);

struct wrap {
	struct lines *out;
	int width;               /* columns, >= 1 */
	bool verbatim;           /* code: cut anywhere, drop nothing */
	uint8_t fill;            /* of the lines to come */
	struct glyph *pending;   /* the open source line */
	size_t n_pending, pending_capacity;
	int column;              /* columns pending */
	struct glyph *first, *rest; /* what stands before the lines */
	size_t n_first, first_capacity, n_rest, rest_capacity;
};

void wrap_start(struct wrap *w, struct lines *out, int width);
void wrap_finish(struct wrap *w); /* the open line is dropped */

/* What stands before the first line of the next source line, and before those
 * that it wraps into.  Both are kept until they are cleared; together they
 * leave at least 24 columns to the text, or half of fewer than 48. */
void wrap_prefix_clear(struct wrap *w);
void wrap_prefix_first(struct wrap *w, const char *text, struct style s);
void wrap_prefix_rest(struct wrap *w, const char *text, struct style s);

/* Columns that the wider of the two takes. */
int wrap_prefix_columns(const struct wrap *w);

/* Adds untrusted text to the open source line.  source is the offset of its
 * first byte, or SOURCE_NONE.  Tabs go to the next multiple of 4 columns; a
 * newline counts as a space. */
void wrap_add(struct wrap *w, const char *text, size_t len, uint32_t source,
              struct style s);

/* Ends the source line: it becomes one line or more (an empty one: one). */
void wrap_line(struct wrap *w);

/* The end of the line that begins at g[begin] (begin < n): as many glyphs as fit
 * in room columns, at least one. */
size_t wrap_cut(const struct lines *out, const struct glyph *g, size_t n,
                size_t begin, int room, bool verbatim);

/* Adds glyphs of the same lines to the open source line. */
void wrap_put(struct wrap *w, const struct glyph *glyphs, size_t n);

/* A line of the first prefix alone, trailing spaces left out.  The open source
 * line waits for its own. */
void wrap_blank(struct wrap *w);

/* A whole text, line by line, as it was typed. */
void wrap_plain(struct wrap *w, const char *text, size_t len, uint32_t source,
                struct style s);

#endif
