/*
 * markdown.h - one block of Markdown as lines of glyphs; the one door to md4c
 *
 * CommonMark 0.30 with tables, task lists, strikethrough and bare links.  HTML
 * is shown, not obeyed; so are images.  Line breaks stay line breaks, as people
 * and models mean them in a chat.  What colour says is also said by a sign:
 * headings keep their #, quotes have a bar, code has a label.
 */
#ifndef CONFAB_MARKDOWN_H
#define CONFAB_MARKDOWN_H

#include <stddef.h>

struct block;
struct lines;
struct strbuf;

/* Appends the block, laid out in width columns, to out.  Sources of the glyphs
 * are offsets in text.  first_code: the number of its first code block; 0:
 * they are not numbered. */
void markdown_layout(struct lines *out, const char *text,
                     const struct block *block, int width, int first_code);

/* Appends the contents of code block number index (from 0) of the block;
 * language (may be NULL) gets the first word after the fence.  -1: there are
 * not so many. */
int markdown_code(struct strbuf *out, struct strbuf *language, const char *text,
                  const struct block *block, int index);

#endif
