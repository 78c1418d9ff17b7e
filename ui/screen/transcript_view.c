#include "ui/screen/transcript_view.h"

#include <stdio.h>
#include <string.h>

static bool in_range(struct text_range range, uint32_t pos)
{
	return pos >= range.begin && pos < range.end;
}

static uint8_t heat_at(const struct text_marks *marks, uint32_t pos)
{
	size_t low = 0, high = marks->n_tokens;

	if (!marks->token_begin || !high || pos < marks->token_begin[0])
		return 0;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (marks->token_begin[middle] <= pos)
			low = middle;
		else
			high = middle;
	}
	return marks->token_heat[low];
}

/* The match that holds pos, or NULL. */
static const struct text_range *match_at(const struct text_marks *marks,
                                         uint32_t pos)
{
	size_t low = 0, high = marks->n_matches;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (marks->matches[middle].end <= pos)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < marks->n_matches && in_range(marks->matches[low], pos))
		return &marks->matches[low];
	return NULL;
}

/* Heat, then matches, then the mark, then the cursor: the later one wins. */
static struct style style_at(const struct text_marks *marks, uint32_t pos,
                             struct style s)
{
	const struct text_range *match = match_at(marks, pos);

	s.heat = heat_at(marks, pos);
	if (match) {
		s.role = match->begin == marks->current_match ?
		                 STYLE_MATCH_CURRENT :
		                 STYLE_MATCH;
		s.heat = 0;
	}
	if (in_range(marks->marked, pos)) {
		s.role = STYLE_MARKED;
		s.heat = 0;
	}
	return s;
}

/* A token that is part of a character, or of what Markdown hides, has no glyph
 * of its own: the one that stands for its first byte is lit. */
static bool is_selected(const struct transcript_row *row, size_t g, size_t end)
{
	const struct glyph *glyph = &row->lines->glyphs[g];
	struct text_range selected = row->marks->selected;
	uint32_t pos;

	if (glyph->source == SOURCE_NONE || selected.begin >= selected.end)
		return false;
	pos = glyph->source + row->source;
	if (in_range(selected, pos))
		return true;
	if (!row->has_cursor || pos > selected.begin)
		return false;
	for (size_t next = g + 1; next < end; next++) {
		uint32_t source = row->lines->glyphs[next].source;

		if (source != SOURCE_NONE)
			return source + row->source >= selected.end &&
			       source != glyph->source;
	}
	return true;
}

static void draw_text(const struct transcript_row *row, struct canvas *c, int y,
                      struct rect r)
{
	const struct line *line = &row->lines->lines[row->line];
	int col = r.col + TRANSCRIPT_INDENT, end = r.col + r.cols;

	if (row->has_cursor)
		canvas_str(c, y, col - 1, col, "▸", style(STYLE_PROMPT));
	for (size_t g = line->begin; g < line->end; g++) {
		const struct glyph *glyph = &row->lines->glyphs[g];
		struct style s = glyph->style;

		if (glyph->source != SOURCE_NONE)
			s = style_at(row->marks, glyph->source + row->source,
			             s);
		if (is_selected(row, g, line->end))
			s = style(STYLE_SELECTED);
		col = canvas_text(c, y, col, end,
		                  row->lines->text.bytes + glyph->text,
		                  glyph->len, s);
	}
	/* A block of code is a rectangle, however ragged its lines. */
	if (line->fill != STYLE_TEXT)
		canvas_fill(c, y, col, end - TRANSCRIPT_MARGIN, " ",
		            style((enum style_role)line->fill));
}

static void draw_label(const struct transcript_row *row, struct canvas *c, int y,
                       struct rect r)
{
	int end = r.col + r.cols - TRANSCRIPT_MARGIN, right, col;

	right = text_width(row->right, strlen(row->right));
	col = canvas_ellipsis(c, y, r.col + 1, end - (right ? right + 1 : 0),
	                      row->left, row->style);
	if (row->rule)
		canvas_fill(c, y, col + 1, end, "─", style(STYLE_RULE));
	if (right && end - right > r.col)
		canvas_str(c, y, end - right, end, row->right,
		           style(STYLE_DIM));
}

static void draw_new_lines(const struct transcript_view *v, struct canvas *c,
                           struct rect r)
{
	char text[48];
	int width;

	snprintf(text, sizeof text, " ↓ %zu%s new line%s ", v->new_lines,
	         v->new_lines >= 9999 ? "+" : "",
	         v->new_lines == 1 ? "" : "s");
	width = text_width(text, strlen(text));
	canvas_str(c, r.row + r.rows - 1, r.col + r.cols - width,
	           r.col + r.cols, text, style(STYLE_SELECTED));
}

void transcript_view_draw(const struct transcript_view *v, struct canvas *c,
                          struct rect r)
{
	for (size_t i = 0; i < v->n_rows && (int)i < r.rows; i++) {
		if (v->rows[i].lines)
			draw_text(&v->rows[i], c, r.row + (int)i, r);
		else
			draw_label(&v->rows[i], c, r.row + (int)i, r);
	}
	if (v->new_lines && r.rows > 0)
		draw_new_lines(v, c, r);
}
