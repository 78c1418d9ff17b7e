#include "ui/cells/wrap.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "ui/cells/sanitise.h"
#include "ui/cells/width.h"

#define TAB_COLUMNS 4
#define ROOM        24 /* columns that prefixes leave, or half of the width */

void lines_free(struct lines *lines)
{
	strbuf_free(&lines->text);
	free(lines->glyphs);
	free(lines->lines);
	*lines = (struct lines)LINES_INIT;
}

int line_columns(const struct lines *lines, size_t i)
{
	int columns = 0;

	for (size_t g = lines->lines[i].begin; g < lines->lines[i].end; g++)
		columns += lines->glyphs[g].columns;
	return columns;
}

char *line_text(const struct lines *lines, size_t i)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t g = lines->lines[i].begin; g < lines->lines[i].end; g++)
		strbuf_add(&text, lines->text.bytes + lines->glyphs[g].text,
		           lines->glyphs[g].len);
	return strbuf_take(&text);
}

void wrap_start(struct wrap *w, struct lines *out, int width)
{
	*w = (struct wrap){ .out = out, .width = width < 1 ? 1 : width };
}

void wrap_finish(struct wrap *w)
{
	free(w->pending);
	free(w->first);
	free(w->rest);
	*w = (struct wrap){ 0 };
}

/* ---- text to glyphs ---- */

static bool is_space(const char *text, size_t len)
{
	return (len == 1 && *text == ' ') ||
	       (len == 3 && !memcmp(text, "\u3000", 3));
}

/* Stores a sanitised cluster and describes it. */
static struct glyph make_glyph(struct lines *out, const char *text, size_t len,
                               uint32_t source, struct style s)
{
	struct glyph glyph = {
		.text = (uint32_t)out->text.len,
		.source = source,
		.len = (uint16_t)len,
		.columns = (uint8_t)cell_width(text, len),
		.space = is_space(text, len),
		.style = s,
	};

	strbuf_add(&out->text, text, len);
	return glyph;
}

static void push(struct wrap *w, const char *text, size_t len, uint32_t source,
                 struct style s)
{
	w->pending = mem_grow(w->pending, w->n_pending, &w->pending_capacity,
	                      sizeof *w->pending);
	w->pending[w->n_pending] = make_glyph(w->out, text, len, source, s);
	w->column += w->pending[w->n_pending++].columns;
}

static void push_tab(struct wrap *w, uint32_t source, struct style s)
{
	do
		push(w, " ", 1, source, s);
	while (w->column % TAB_COLUMNS);
}

/* What one cluster of the source looks like may be several clusters. */
static void push_sanitised(struct wrap *w, const char *cluster, size_t len,
                           uint32_t source, struct style s)
{
	struct strbuf safe = STRBUF_INIT;

	sanitise_cluster(&safe, cluster, len);
	for (size_t pos = 0, n; pos < safe.len; pos += n) {
		n = cluster_length(safe.bytes + pos, safe.len - pos);
		push(w, safe.bytes + pos, n, source, s);
	}
	strbuf_free(&safe);
}

static void push_cluster(struct wrap *w, const char *cluster, size_t len,
                         uint32_t source, struct style s)
{
	if (len == 1 && *cluster > ' ' && *cluster <= '~')
		push(w, cluster, 1, source, s);
	else if (*cluster == '\t')
		push_tab(w, source, s);
	else if (*cluster == '\n' || *cluster == ' ' ||
	         (len == 2 && !memcmp(cluster, "\r\n", 2)))
		push(w, " ", 1, source, s);
	else
		push_sanitised(w, cluster, len, source, s);
}

void wrap_add(struct wrap *w, const char *text, size_t len, uint32_t source,
              struct style s)
{
	for (size_t pos = 0, n; pos < len; pos += n) {
		n = cluster_length(text + pos, len - pos);
		push_cluster(w, text + pos, n,
		             source == SOURCE_NONE ? source :
		                                     source + (uint32_t)pos,
		             s);
	}
}

/* ---- prefixes ---- */

void wrap_prefix_clear(struct wrap *w)
{
	w->n_first = w->n_rest = 0;
}

static int prefix_columns(const struct glyph *prefix, size_t n)
{
	int columns = 0;

	for (size_t i = 0; i < n; i++)
		columns += prefix[i].columns;
	return columns;
}

int wrap_prefix_columns(const struct wrap *w)
{
	int first = prefix_columns(w->first, w->n_first);
	int rest = prefix_columns(w->rest, w->n_rest);

	return first > rest ? first : rest;
}

/* Columns that are left to the text. */
static int least_room(const struct wrap *w)
{
	return w->width < 2 * ROOM ? (w->width + 1) / 2 : ROOM;
}

static void add_prefix(struct wrap *w, struct glyph **list, size_t *n,
                       size_t *capacity, const char *text, struct style s)
{
	size_t len = strlen(text);

	for (size_t pos = 0, one; pos < len; pos += one) {
		one = cluster_length(text + pos, len - pos);
		if (prefix_columns(*list, *n) + cell_width(text + pos, one) >
		    w->width - least_room(w))
			break;
		*list = mem_grow(*list, *n, capacity, sizeof **list);
		(*list)[(*n)++] = make_glyph(w->out, text + pos, one,
		                             SOURCE_NONE, s);
	}
}

void wrap_prefix_first(struct wrap *w, const char *text, struct style s)
{
	add_prefix(w, &w->first, &w->n_first, &w->first_capacity, text, s);
}

void wrap_prefix_rest(struct wrap *w, const char *text, struct style s)
{
	add_prefix(w, &w->rest, &w->n_rest, &w->rest_capacity, text, s);
}

/* ---- glyphs to lines ---- */

/* Punctuation that closes something does not begin a line (the core of JIS X
 * 4051's rule, "kinsoku"). */
static bool may_begin_line(const struct lines *out, const struct glyph *g)
{
	static const wchar_t closing[] =
		L"、。，．：；！？）」』】》〉〕］｝ー々…ゝゞ)],.!?;:"
		L"ぁぃぅぇぉっゃゅょァィゥェォッャュョ";
	uint32_t c;

	utf8_decode(out->text.bytes + g->text, g->len, &c);
	return !wcschr(closing, (wchar_t)c);
}

static bool is_hyphen(const struct lines *out, const struct glyph *g)
{
	return g->len == 1 && out->text.bytes[g->text] == '-';
}

static bool is_word(const struct lines *out, const struct glyph *g)
{
	unsigned char c = (unsigned char)out->text.bytes[g->text];

	return c >= 0x80 || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* May a line end before g[i]?  i > 0, and g[i] exists. */
static bool may_cut(const struct lines *out, const struct glyph *g, size_t i)
{
	const struct glyph *before = &g[i - 1], *after = &g[i];

	if (after->space)
		return false;
	if (before->space)
		return true;
	if (before->columns == 2 || after->columns == 2)
		return may_begin_line(out, after);
	return i >= 2 && is_hyphen(out, before) && is_word(out, after) &&
	       is_word(out, before - 1);
}

size_t wrap_cut(const struct lines *out, const struct glyph *g, size_t n,
                size_t begin, int room, bool verbatim)
{
	size_t end = begin, cut = 0;
	int columns = 0;

	while (end < n) {
		columns += g[end].columns;
		/* Spaces may hang over: they are dropped. */
		if (columns > room && (verbatim || !g[end].space))
			break;
		end++;
		if (end < n && (verbatim || may_cut(out, g, end)))
			cut = end;
	}
	if (end == n)
		return end;
	if (cut > begin)
		return cut;
	return end > begin ? end : begin + 1; /* not even one glyph fits */
}

void wrap_put(struct wrap *w, const struct glyph *glyphs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		w->pending = mem_grow(w->pending, w->n_pending,
		                      &w->pending_capacity, sizeof *w->pending);
		w->pending[w->n_pending++] = glyphs[i];
		w->column += glyphs[i].columns;
	}
}

static void emit_glyphs(struct lines *out, const struct glyph *glyphs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out->glyphs = mem_grow(out->glyphs, out->n_glyphs,
		                       &out->glyphs_capacity,
		                       sizeof *out->glyphs);
		out->glyphs[out->n_glyphs++] = glyphs[i];
	}
}

/* A glyph wider than the whole line is shown as a sign of itself. */
static void shrink_to(struct wrap *w, size_t begin, size_t end, int room)
{
	struct glyph *g = &w->pending[begin];

	if (end == begin + 1 && g->columns > room)
		*g = make_glyph(w->out, "+", 1, g->source, g->style);
}

static void begin_line(struct lines *out)
{
	out->lines = mem_grow(out->lines, out->n, &out->capacity,
	                      sizeof *out->lines);
	out->lines[out->n] = (struct line){ .begin = (uint32_t)out->n_glyphs };
}

static void close_line(struct lines *out)
{
	out->lines[out->n++].end = (uint32_t)out->n_glyphs;
}

static size_t without_spaces(const struct glyph *g, size_t begin, size_t end)
{
	while (end > begin && g[end - 1].space)
		end--;
	return end;
}

static void emit_line(struct wrap *w, size_t begin, size_t end, bool first)
{
	struct lines *out = w->out;
	size_t keep = end;

	if (!w->verbatim)
		keep = without_spaces(w->pending, begin, end);
	begin_line(out);
	if (first)
		emit_glyphs(out, w->first, w->n_first);
	else
		emit_glyphs(out, w->rest, w->n_rest);
	if (keep > begin)
		emit_glyphs(out, w->pending + begin, keep - begin);
	out->lines[out->n].fill = w->fill;
	close_line(out);
}

void wrap_blank(struct wrap *w)
{
	begin_line(w->out);
	emit_glyphs(w->out, w->first, without_spaces(w->first, 0, w->n_first));
	close_line(w->out);
}

void wrap_line(struct wrap *w)
{
	size_t begin = 0, end;
	bool first = true;

	do {
		int room = w->width -
			   (first ? prefix_columns(w->first, w->n_first) :
			            prefix_columns(w->rest, w->n_rest));

		end = begin;
		if (w->n_pending)
			end = wrap_cut(w->out, w->pending, w->n_pending, begin,
			               room, w->verbatim);
		if (end > begin)
			shrink_to(w, begin, end, room);
		emit_line(w, begin, end, first);
		begin = end;
		first = false;
	} while (begin < w->n_pending);
	w->n_pending = 0;
	w->column = 0;
}

void wrap_plain(struct wrap *w, const char *text, size_t len, uint32_t source,
                struct style s)
{
	size_t begin = 0;

	while (begin <= len) {
		const char *newline = memchr(text + begin, '\n', len - begin);
		size_t end = newline ? (size_t)(newline - text) : len;
		size_t stop = end;

		if (stop > begin && text[stop - 1] == '\r')
			stop--;
		wrap_add(w, text + begin, stop - begin,
		         source == SOURCE_NONE ? source :
		                                 source + (uint32_t)begin,
		         s);
		wrap_line(w);
		begin = end + 1;
	}
}
