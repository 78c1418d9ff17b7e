/*
 * document.h - the text of one message, laid out as far as it is looked at
 *
 * The text is cut into blocks (blocks.h).  A block is laid out when its lines
 * are asked for, and again only when it grew or the width changed; so a reply
 * of a megabyte costs what is on the screen.
 */
#ifndef CONFAB_DOCUMENT_H
#define CONFAB_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/cells/blocks.h"
#include "ui/cells/style.h"
#include "ui/cells/wrap.h"

struct document_block {
	struct lines lines;
	size_t begin, end;   /* of the source, when it was laid out */
	bool laid;
};

struct document {
	struct blocks blocks;
	struct document_block *laid; /* [n_laid] */
	size_t n_laid;
	/* What all of it was laid out for. */
	bool markdown;       /* else as it stands */
	int width;           /* columns */
	int first_code;      /* number of the first code block; 0: none */
	struct style style;  /* of text that is no Markdown */
};

void document_free(struct document *d);

/* Lays out anew when one of these changed. */
void document_set(struct document *d, bool markdown, int width, int first_code,
                  struct style s);

/* text[0..len): all of it; only its end may be new (else document_clear()). */
void document_update(struct document *d, const char *text, size_t len);
void document_clear(struct document *d);

size_t document_n_blocks(const struct document *d);
int document_n_codes(const struct document *d);

/* The lines of block i.  A block that is not glued to the one before begins
 * with a blank line, the first one excepted.  text: as in the last update. */
const struct lines *document_block(struct document *d, const char *text,
                                   size_t i);

/* The block that holds a byte of the source. */
size_t document_find(const struct document *d, size_t source);

/* The contents of code block index (from 0); -1: there is none. */
int document_code(const struct document *d, const char *text, int index,
                  struct strbuf *out, struct strbuf *language);

#endif
