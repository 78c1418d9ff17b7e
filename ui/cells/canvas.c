#include "ui/cells/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ui/cells/sanitise.h"
#include "ui/cells/wrap.h"

void canvas_init(struct canvas *c, int rows, int cols)
{
	c->rows = rows;
	c->cols = cols;
	c->cells = mem_zalloc((size_t)rows * (size_t)cols, sizeof *c->cells);
	canvas_clear(c);
}

void canvas_free(struct canvas *c)
{
	free(c->cells);
	*c = (struct canvas){ 0 };
}

struct cell *canvas_at(const struct canvas *c, int row, int col)
{
	if (row < 0 || row >= c->rows || col < 0 || col >= c->cols)
		return NULL;
	return &c->cells[(size_t)row * (size_t)c->cols + (size_t)col];
}

static void set_blank(struct cell *cell, struct style s)
{
	memset(cell, 0, sizeof *cell);
	cell->bytes[0] = ' ';
	cell->len = 1;
	cell->columns = 1;
	cell->style = s;
}

void canvas_clear(struct canvas *c)
{
	c->cursor_row = c->cursor_col = -1;
	canvas_blank(c, (struct rect){ 0, 0, c->rows, c->cols },
	             style(STYLE_TEXT));
}

void canvas_blank(struct canvas *c, struct rect r, struct style s)
{
	for (int row = r.row; row < r.row + r.rows; row++)
		canvas_fill(c, row, r.col, r.col + r.cols, " ", s);
}

/* A wide cell that loses one half loses the other as well. */
static void break_wide(struct canvas *c, int row, int col)
{
	struct cell *cell = canvas_at(c, row, col);
	struct cell *other;

	if (!cell || cell->columns == 1)
		return;
	other = canvas_at(c, row, cell->columns ? col + 1 : col - 1);
	if (other)
		set_blank(other, other->style);
	set_blank(cell, cell->style);
}

static void put_piece(struct canvas *c, int row, int col,
                      const struct cell_piece *piece, struct style s)
{
	struct cell *cell = canvas_at(c, row, col);

	for (int i = 0; i < piece->columns; i++)
		break_wide(c, row, col + i);
	memset(cell, 0, sizeof *cell);
	memcpy(cell->bytes, piece->bytes, piece->len);
	cell->len = piece->len;
	cell->columns = piece->columns;
	cell->style = s;
	if (piece->columns == 2) {
		memset(cell + 1, 0, sizeof *cell);
		cell[1].style = s;
	}
}

/* Draws one sanitised cluster; false when it does not fit. */
static bool put_cluster(struct canvas *c, int row, int *col, int end,
                        const char *cluster, size_t len, struct style s)
{
	struct cell_piece piece;
	size_t pos = 0;
	int width = cell_width(cluster, len);

	if (*col + width > end)
		return false;
	while (cell_piece_next(cluster, len, &pos, &piece)) {
		if (*col >= 0)
			put_piece(c, row, *col, &piece, s);
		*col += piece.columns;
	}
	return true;
}

int canvas_text(struct canvas *c, int row, int col, int end, const char *text,
                size_t len, struct style s)
{
	struct strbuf safe = STRBUF_INIT;

	if (end > c->cols)
		end = c->cols;
	if (row < 0 || row >= c->rows)
		return col;
	sanitise(&safe, text, len);
	for (size_t pos = 0, n; pos < safe.len && col < end; pos += n) {
		n = cluster_length(safe.bytes + pos, safe.len - pos);
		if (!put_cluster(c, row, &col, end, safe.bytes + pos, n, s))
			break;
	}
	strbuf_free(&safe);
	return col;
}

int canvas_str(struct canvas *c, int row, int col, int end, const char *text,
               struct style s)
{
	return canvas_text(c, row, col, end, text, strlen(text), s);
}

int canvas_printf(struct canvas *c, int row, int col, int end, struct style s,
                  const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return canvas_str(c, row, col, end, text, s);
}

int canvas_ellipsis(struct canvas *c, int row, int col, int end,
                    const char *text, struct style s)
{
	struct strbuf safe = STRBUF_INIT;

	sanitise(&safe, text, strlen(text));
	if (end - col >= text_width(safe.bytes, safe.len)) {
		col = canvas_text(c, row, col, end, safe.bytes, safe.len, s);
	} else if (end > col) {
		col = canvas_text(c, row, col, end - 1, safe.bytes, safe.len, s);
		col = canvas_str(c, row, col, end, "…", s);
	}
	strbuf_free(&safe);
	return col;
}

int canvas_line(struct canvas *c, int row, int col, int end,
                const struct lines *lines, size_t line)
{
	const struct line *l = &lines->lines[line];

	for (size_t g = l->begin; g < l->end; g++) {
		const struct glyph *glyph = &lines->glyphs[g];

		col = canvas_text(c, row, col, end,
		                  lines->text.bytes + glyph->text, glyph->len,
		                  glyph->style);
	}
	return col;
}

void canvas_fill(struct canvas *c, int row, int col, int end, const char *cluster,
                 struct style s)
{
	size_t len = strlen(cluster);
	struct cell one, *cell;

	if (col < 0)
		col = 0;
	if (end > c->cols)
		end = c->cols;
	if (col >= end || !canvas_at(c, row, col))
		return;
	set_blank(&one, s);
	if (len <= CELL_BYTES) {
		memcpy(one.bytes, cluster, len);
		one.len = (unsigned char)len;
	}
	/* Only at the ends can half of a wide cell be left over. */
	break_wide(c, row, col);
	break_wide(c, row, end - 1);
	cell = canvas_at(c, row, col);
	for (; col < end; col++)
		*cell++ = one;
}

void canvas_restyle(struct canvas *c, int row, int col, int end, struct style s)
{
	struct cell *cell;

	for (; col < end && (cell = canvas_at(c, row, col)); col++)
		cell->style = s;
}

char *canvas_row_text(const struct canvas *c, int row)
{
	struct strbuf text = STRBUF_INIT;
	const struct cell *cell;

	for (int col = 0; (cell = canvas_at(c, row, col)); col++)
		strbuf_add(&text, cell->bytes, cell->len);
	while (text.len && text.bytes[text.len - 1] == ' ')
		strbuf_remove(&text, text.len - 1, 1);
	return strbuf_take(&text);
}
