/*
 * markdown_table.h - a table, collected cell by cell and then laid out
 *
 * A table that fits is drawn with its columns as wide as their widest cell.  A
 * wider one has its widest columns narrowed and their text wrapped.  Where even
 * that leaves too little, every row becomes a list of "heading: cell".
 */
#ifndef CONFAB_MARKDOWN_TABLE_H
#define CONFAB_MARKDOWN_TABLE_H

#include <stddef.h>

#include "ui/cells/wrap.h"

enum table_align { TABLE_LEFT, TABLE_CENTRE, TABLE_RIGHT };

struct table_cell {
	struct glyph *glyphs; /* owned */
	size_t n;
};

struct table {
	int columns;
	struct table_cell *cells; /* row by row, the heading first */
	size_t n, capacity;
	enum table_align *align;  /* [columns] */
};

void table_start(struct table *t, int columns);
void table_free(struct table *t);

/* Takes the open source line of w as the next cell. */
void table_add_cell(struct table *t, struct wrap *w, enum table_align align);

void table_layout(const struct table *t, struct wrap *w);

#endif
